package trust

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidContentType        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"         // 1.2.840.113549.1.9.3
	oidMessageDigest      oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"         // 1.2.840.113549.1.9.4
	oidSigningTime        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"         // 1.2.840.113549.1.9.5
	oidSMIMECapabilities  oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"         // 1.2.840.113549.1.9.15
	oidSigningCertificate oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f" // 1.2.840.113549.1.9.16.2.47, v2
)

// attribute returns the single value of the attribute that is there exactly once.
func (si *signerInfo) attribute(name oid) (value cryptobyte.String, ok bool) {
	for _, a := range si.attributes {
		if a.name != name {
			continue
		}
		if ok || len(a.values) != 1 {
			return nil, false
		}
		value, ok = a.values[0], true
	}
	return value, ok
}

// CheckAttributes: content-type, message-digest, signing-time and signing-certificate-v2 are present, each exactly
// once, and true; S/MIME capabilities are ignored, any other attribute is refused [signature-invalid].
func (m *Message) CheckAttributes() error {
	si := m.signer()
	if si == nil {
		return ErrUnjudged
	}
	for _, a := range si.attributes {
		switch a.name {
		case oidContentType, oidMessageDigest, oidSigningTime, oidSigningCertificate, oidSMIMECapabilities:
		default:
			return invalid("a signed attribute that this profile does not know")
		}
	}
	if !si.contentTypeIsData() {
		return invalid("content-type is missing, doubled or wrong")
	}
	if _, err := m.SigningTime(); err != nil {
		return invalid("signing-time is missing, doubled or malformed")
	}
	if err := m.checkDigest(si); err != nil {
		return err
	}
	return si.checkCertificate(m.certificate())
}

func (si *signerInfo) contentTypeIsData() bool {
	v, _ := si.attribute(oidContentType)
	t, ok := readOID(&v)
	return ok && v.Empty() && t == oidData
}

func (m *Message) checkDigest(si *signerInfo) error {
	v, _ := si.attribute(oidMessageDigest)
	var said cryptobyte.String
	if !v.ReadASN1(&said, asn1.OCTET_STRING) || !v.Empty() {
		return invalid("message-digest is missing, doubled or malformed")
	}
	hash := si.digest.hash()
	if hash == 0 {
		return ErrUnjudged
	}
	if subtle.ConstantTimeCompare(said, m.sum(hash)) != 1 {
		return invalid("message-digest is of another content")
	}
	return nil
}

// sum is the content's digest.
func (m *Message) sum(h crypto.Hash) []byte {
	if h == crypto.SHA256 {
		d := m.digest()
		return d[:]
	}
	return sum(h, m.unverified)
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// SigningTime returns the signing-time attribute, unverified until every check has passed; ErrUnjudged when it
// is missing or malformed.
func (m *Message) SigningTime() (time.Time, error) {
	si := m.signer()
	if si == nil {
		return time.Time{}, ErrUnjudged
	}
	v, _ := si.attribute(oidSigningTime)
	var text cryptobyte.String
	var tag asn1.Tag
	if !v.ReadAnyASN1(&text, &tag) || !v.Empty() {
		return time.Time{}, ErrUnjudged
	}
	return parseTime(tag, string(text))
}

// parseTime reads the one form that RFC 5652 §11.3 allows for each instant: UTCTime with seconds and Z for the
// years 1950 to 2049, GeneralizedTime without fraction for others.
func parseTime(tag asn1.Tag, s string) (time.Time, error) {
	const form = "20060102150405Z"
	switch {
	case tag == asn1.UTCTime && s >= "5":
		s = "19" + s
	case tag == asn1.UTCTime:
		s = "20" + s
	case tag != asn1.GeneralizedTime || s >= "1950" && s < "2050":
		return time.Time{}, ErrUnjudged
	}
	t, err := time.Parse(form, s)
	if err != nil || t.Format(form) != s {
		return time.Time{}, ErrUnjudged
	}
	return t, nil
}

// essCertID is ESSCertIDv2 (RFC 5035 §4).
type essCertID struct {
	hash   crypto.Hash // 0 when not allowed
	digest []byte
	names  cryptobyte.String // IssuerSerial's content; nil when absent
}

// signingCertificate reads signing-certificate-v2 with exactly one certificate and no policies. A hash algorithm that
// spells out the default (SHA-256) is accepted: many tools do, and it has one meaning.
func (si *signerInfo) signingCertificate() (id essCertID, ok bool) {
	v, _ := si.attribute(oidSigningCertificate)
	outer, ok := sequence(v)
	var list, ess, digest cryptobyte.String
	if !ok || !outer.ReadASN1(&list, asn1.SEQUENCE) || !outer.Empty() || !list.ReadASN1(&ess, asn1.SEQUENCE) || !list.Empty() {
		return id, false
	}
	id.hash = crypto.SHA256
	if ess.PeekASN1Tag(asn1.SEQUENCE) {
		a, ok := readAlgorithm(&ess)
		if !ok {
			return id, false
		}
		id.hash = a.hash()
	}
	var there bool
	ok = ess.ReadASN1(&digest, asn1.OCTET_STRING) && ess.ReadOptionalASN1(&id.names, &there, asn1.SEQUENCE) && ess.Empty()
	id.digest = digest
	return id, ok
}

// checkCertificate demands that signing-certificate-v2 is true of c.
func (si *signerInfo) checkCertificate(c *certificate) error {
	id, ok := si.signingCertificate()
	switch {
	case !ok:
		return invalid("signing-certificate-v2 is missing, doubled or malformed")
	case c == nil || id.hash == 0:
		return ErrUnjudged
	case subtle.ConstantTimeCompare(id.digest, sum(id.hash, c.raw)) != 1, id.names != nil && !id.issuerIs(c):
		return invalid("signing-certificate-v2 names another certificate")
	}
	return nil
}

// issuerIs reads IssuerSerial: one directoryName and the serial number, those of c.
func (id essCertID) issuerIs(c *certificate) bool {
	s := id.names
	var general, name, serial cryptobyte.String
	return s.ReadASN1(&general, asn1.SEQUENCE) && s.ReadASN1Element(&serial, asn1.INTEGER) && s.Empty() &&
		general.ReadASN1(&name, asn1.Tag(4).ContextSpecific().Constructed()) && general.Empty() &&
		bytes.Equal(name, c.issuer) && bytes.Equal(serial, c.serial)
}

// CheckSignature: the signature over the signed attributes verifies with the signer certificate's key
// [signature-invalid].
func (m *Message) CheckSignature() error {
	si, c := m.signer(), m.certificate()
	if si == nil || c == nil || c.weakKey != "" {
		return ErrUnjudged
	}
	s := si.scheme()
	if s.padding == noScheme {
		return ErrUnjudged
	}
	if si.signed == nil || !s.verify(c.x509.PublicKey, si.signed, si.value) {
		return invalid("the signature does not verify")
	}
	return nil
}

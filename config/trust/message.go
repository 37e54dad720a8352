package trust

import (
	"bytes"
	"crypto/sha256"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"honnin/config/protocol"
)

const (
	oidData       oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // 1.2.840.113549.1.7.1
	oidSignedData oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" // 1.2.840.113549.1.7.2
)

// Tags of RFC 5652: [0] is content, certificates or signed attributes, [1] is CRLs or unsigned attributes.
var (
	tag0 = asn1.Tag(0).ContextSpecific().Constructed()
	tag1 = asn1.Tag(1).ContextSpecific().Constructed()
)

// Message is a package that is well-formed and nothing more: until the checks have passed, its content and all
// it says are unverified.
type Message struct {
	unverified []byte
	digest     func() protocol.Digest // of it, computed once: it may be 16 MiB
	digests    []algorithm            // digestAlgorithms
	certs      []*certificate
	certSet    []byte // all certificates as they stand in the package
	signers    []signerInfo
}

type signerInfo struct {
	issuer, serial cryptobyte.String // DER of both
	digest         algorithm
	signature      algorithm
	value          []byte
	attributes     []attribute
	signed         []byte // the attributes as they are signed: with the tag of a SET (RFC 5652 §5.4); nil when absent
	unsigned       bool   // unsigned attributes are there
}

type attribute struct {
	name   oid
	values []cryptobyte.String
}

// Parse reads the one DER form of a package: at most [MaxPackage] bytes, SignedData version 1, attached id-data
// content, no CRLs, no certificate twice, nothing after it. Errors carry package-malformed.
func Parse(der []byte) (*Message, error) {
	if len(der) > MaxPackage {
		return nil, malformed("larger than 16 MiB")
	}
	m := &Message{}
	if err := m.parse(der, m.parseContent); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Message) parse(s cryptobyte.String, content func(*cryptobyte.String) error) error {
	if !wellFormed(s, maxDepth) {
		return malformed("not DER")
	}
	info, ok := sequence(s)
	if !ok {
		return malformed("not one ContentInfo with nothing after it")
	}
	var explicit cryptobyte.String
	if t, ok := readOID(&info); !ok || t != oidSignedData || !info.ReadASN1(&explicit, tag0) || !info.Empty() {
		return malformed("not SignedData")
	}
	data, ok := sequence(explicit)
	if !ok || !versionOne(&data) {
		return malformed("SignedData is not version 1")
	}
	for _, part := range []func(*cryptobyte.String) error{m.parseDigests, content, m.parseCertificates, m.parseSigners} {
		if err := part(&data); err != nil {
			return err
		}
	}
	if !data.Empty() {
		return malformed("something follows the signers")
	}
	return nil
}

func (m *Message) parseDigests(s *cryptobyte.String) error {
	var set cryptobyte.String
	if !s.ReadASN1(&set, asn1.SET) {
		return malformed("digestAlgorithms")
	}
	list, ok := elements(set)
	for _, e := range list {
		a, fine := readAlgorithm(&e)
		ok = ok && fine
		m.digests = append(m.digests, a)
	}
	if !ok {
		return malformed("digestAlgorithms")
	}
	return nil
}

func (m *Message) parseContent(s *cryptobyte.String) error {
	var encap, explicit, content cryptobyte.String
	if !s.ReadASN1(&encap, asn1.SEQUENCE) {
		return malformed("encapContentInfo")
	}
	if t, ok := readOID(&encap); !ok || t != oidData {
		return malformed("eContentType is not id-data")
	}
	if !encap.ReadASN1(&explicit, tag0) || !encap.Empty() || !explicit.ReadASN1(&content, asn1.OCTET_STRING) || !explicit.Empty() {
		return malformed("no attached content")
	}
	m.hold(content)
	return nil
}

func (m *Message) hold(content []byte) {
	m.unverified = content
	m.digest = sync.OnceValue(func() protocol.Digest { return sha256.Sum256(content) })
}

func (m *Message) parseCertificates(s *cryptobyte.String) error {
	var set cryptobyte.String
	var there bool
	if !s.ReadOptionalASN1(&set, &there, tag0) {
		return malformed("certificates")
	}
	if s.PeekASN1Tag(tag1) {
		return malformed("CRLs inside")
	}
	list, ok := elements(set)
	if !ok {
		return malformed("certificates are out of order or too many")
	}
	m.certSet = set
	for i, raw := range list {
		if i > 0 && bytes.Equal(raw, list[i-1]) {
			return malformed("a certificate twice")
		}
		c, err := parseCertificate(raw)
		if err != nil {
			return err
		}
		m.certs = append(m.certs, c)
	}
	return nil
}

func (m *Message) parseSigners(s *cryptobyte.String) error {
	var set cryptobyte.String
	if !s.ReadASN1(&set, asn1.SET) {
		return malformed("signerInfos")
	}
	list, ok := elements(set)
	if !ok {
		return malformed("signerInfos")
	}
	for _, e := range list {
		si, err := parseSigner(e)
		if err != nil {
			return err
		}
		m.signers = append(m.signers, si)
	}
	return nil
}

func parseSigner(e cryptobyte.String) (si signerInfo, err error) {
	s, ok := sequence(e)
	if !ok || !versionOne(&s) {
		return si, malformed("SignerInfo is not version 1")
	}
	var sid cryptobyte.String
	if !s.ReadASN1(&sid, asn1.SEQUENCE) || !sid.ReadASN1Element(&si.issuer, asn1.SEQUENCE) ||
		!sid.ReadASN1Element(&si.serial, asn1.INTEGER) || !sid.Empty() {
		return si, malformed("signer is not named by issuerAndSerialNumber")
	}
	if si.digest, ok = readAlgorithm(&s); !ok {
		return si, malformed("digestAlgorithm")
	}
	if err := si.parseAttributes(&s); err != nil {
		return si, err
	}
	var value, unsigned cryptobyte.String
	if si.signature, ok = readAlgorithm(&s); !ok || !s.ReadASN1(&value, asn1.OCTET_STRING) ||
		!s.ReadOptionalASN1(&unsigned, &si.unsigned, tag1) || !s.Empty() {
		return si, malformed("SignerInfo")
	}
	si.value = value
	return si, nil
}

func (si *signerInfo) parseAttributes(s *cryptobyte.String) error {
	if !s.PeekASN1Tag(tag0) {
		return nil
	}
	var element, set cryptobyte.String
	s.ReadASN1Element(&element, tag0)
	si.signed = append([]byte{byte(asn1.SET)}, element[1:]...)
	element.ReadASN1(&set, tag0)
	list, ok := elements(set)
	for _, e := range list {
		a, fine := parseAttribute(e)
		ok = ok && fine
		si.attributes = append(si.attributes, a)
	}
	if !ok {
		return malformed("signed attributes are out of order or garbled")
	}
	return nil
}

func parseAttribute(e cryptobyte.String) (a attribute, ok bool) {
	s, ok := sequence(e)
	if !ok {
		return a, false
	}
	var set cryptobyte.String
	if a.name, ok = readOID(&s); !ok || !s.ReadASN1(&set, asn1.SET) || !s.Empty() {
		return a, false
	}
	a.values, ok = elements(set)
	return a, ok
}

// Content returns the attached bytes, unverified until every check has passed. They alias the input.
func (m *Message) Content() []byte { return m.unverified }

// Digest returns the SHA-256 of the content.
func (m *Message) Digest() protocol.Digest { return m.digest() }

// signer returns the only signer, or nil.
func (m *Message) signer() *signerInfo {
	if len(m.signers) != 1 {
		return nil
	}
	return &m.signers[0]
}

// certificate returns the only certificate that the only signer's name fits, or nil.
func (m *Message) certificate() *certificate {
	si := m.signer()
	if si == nil {
		return nil
	}
	var found *certificate
	for _, c := range m.certs {
		if !bytes.Equal(c.issuer, si.issuer) || !bytes.Equal(c.serial, si.serial) {
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

// CheckSigners: exactly one SignerInfo, its certificate in the package, no unsigned attributes [signature-invalid].
func (m *Message) CheckSigners() error {
	si := m.signer()
	switch {
	case si == nil:
		return invalid("not exactly one signer")
	case si.unsigned:
		return invalid("unsigned attributes")
	case m.certificate() == nil:
		return invalid("not exactly one certificate is the one the signer names")
	}
	return nil
}

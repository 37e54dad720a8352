package second

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"os/exec"
	"reflect"
	"regexp"
	"time"
)

type algorithm struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue
}

type signedData struct {
	Version      int
	Digests      []algorithm `asn1:"set"`
	Encapsulated struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional,tag:0"`
	}
	Certificates asn1.RawValue   `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue   `asn1:"optional,tag:1"`
	Signers      []asn1.RawValue `asn1:"set"`
}

type signerInfo struct {
	Version    int
	ID         asn1.RawValue
	Digest     algorithm
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm  algorithm
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	OID    asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// signed is a package taken apart.
type signed struct {
	data    signedData
	content []byte
	info    signerInfo
	signer  *x509.Certificate
	others  []*x509.Certificate
	values  map[string]asn1.RawValue // of the signed attributes, by OID
	time    time.Time                // signing-time
	path    []*x509.Certificate      // from the signer to an anchor; nil where there is none, or none is needed
	pin     string                   // the municipality whose pin the signer is
	home    string                   // the municipality that the signer speaks for
}

const (
	oidData        = "1.2.840.113549.1.7.1"
	oidSignedData  = "1.2.840.113549.1.7.2"
	oidContentType = "1.2.840.113549.1.9.3"
	oidDigest      = "1.2.840.113549.1.9.4"
	oidSigningTime = "1.2.840.113549.1.9.5"
	oidCapability  = "1.2.840.113549.1.9.15"
	oidSigningCert = "1.2.840.113549.1.9.16.2.47"
	oidPSS         = "1.2.840.113549.1.1.10"
	oidMGF1        = "1.2.840.113549.1.1.8"
	oidRSA         = "1.2.840.113549.1.1.1"
)

var hashes = map[string]crypto.Hash{"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512}

// withHash are the signature algorithms whose name holds a hash; the key's kind is theirs.
var withHash = map[string]struct {
	hash crypto.Hash
	rsa  bool
}{
	"1.2.840.10045.4.3.2": {crypto.SHA256, false}, "1.2.840.10045.4.3.3": {crypto.SHA384, false}, "1.2.840.10045.4.3.4": {crypto.SHA512, false},
	"1.2.840.113549.1.1.11": {crypto.SHA256, true}, "1.2.840.113549.1.1.12": {crypto.SHA384, true}, "1.2.840.113549.1.1.13": {crypto.SHA512, true},
}

// signature judges the rows about the signature, as far as there is something to judge.
func (c *check) signature() {
	c.signed = new(signed)
	s := c.signed
	if len(c.Package) > 16<<20 || !der(c.Package) || !s.parse(c.Package) {
		c.fail("package-malformed")
		return
	}
	if !s.findSigner() {
		c.fail("signature-invalid")
		return
	}
	s.readAttributes()
	c.findPath()
	strong := s.strong()
	c.need(strong, "signature-weak")
	c.need(!strong || s.attributesTrue() && verifies(c.Package), "signature-invalid") // what is weak proves nothing either way
	c.trust()
}

// der walks a whole encoding: definite lengths, DER's forms of primitives, sets in order, at most 24 deep.
func der(b []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(b, &v)
	return err == nil && len(rest) == 0 && walk(v, 1)
}

func walk(v asn1.RawValue, depth int) bool {
	if depth > 24 {
		return false
	}
	if !v.IsCompound {
		return primitive(v)
	}
	if v.Class == asn1.ClassUniversal && v.Tag != asn1.TagSequence && v.Tag != asn1.TagSet {
		return false
	}
	list, ok := elements(v.Bytes)
	for _, e := range list {
		ok = ok && walk(e, depth+1)
	}
	return ok && (v.Class != asn1.ClassUniversal || v.Tag != asn1.TagSet || sorted(list))
}

// elements are the values that stand one behind the other.
func elements(b []byte) (list []asn1.RawValue, ok bool) {
	for len(b) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return nil, false
		}
		list, b = append(list, v), rest
	}
	return list, true
}

// sorted is DER's rule for SET OF (X.690, section 11.6).
func sorted(list []asn1.RawValue) bool {
	for i := 1; i < len(list); i++ {
		if bytes.Compare(list[i-1].FullBytes, list[i].FullBytes) > 0 {
			return false
		}
	}
	return len(list) <= 64
}

// primitive lets encoding/asn1 read the kinds that have a shorter or another form in BER.
func primitive(v asn1.RawValue) bool {
	if v.Class != asn1.ClassUniversal {
		return true
	}
	var into any
	switch v.Tag {
	case asn1.TagSequence, asn1.TagSet:
		return false
	case asn1.TagBoolean:
		into = new(bool)
	case asn1.TagInteger:
		into = new(*big.Int)
	case asn1.TagBitString:
		into = new(asn1.BitString)
	case asn1.TagOID:
		into = new(asn1.ObjectIdentifier)
	case asn1.TagNull:
		return len(v.Bytes) == 0
	default:
		return true
	}
	_, err := asn1.Unmarshal(v.FullBytes, into)
	return err == nil
}

// parse takes the package apart: the rows "encoding" and "content".
func (s *signed) parse(b []byte) bool {
	var ci contentInfo
	if !exactly(b, &ci) || ci.Type.String() != oidSignedData || ci.Content.Class != 2 || ci.Content.Tag != 0 || !exactly(ci.Content.Bytes, &s.data) {
		return false
	}
	d := &s.data
	if d.Version != 1 || d.CRLs.FullBytes != nil || d.Encapsulated.Type.String() != oidData || !exactly(d.Encapsulated.Content.Bytes, &s.content) || len(d.Digests) > 64 || len(d.Signers) > 64 {
		return false
	}
	seen := map[string]bool{}
	list, ok := elements(d.Certificates.Bytes)
	for _, e := range list {
		ok = ok && e.Class == 0 && e.Tag == asn1.TagSequence && !seen[string(e.FullBytes)]
		seen[string(e.FullBytes)] = true
		cert := certificate(e.FullBytes)
		ok = ok && cert != nil
		s.others = append(s.others, cert)
	}
	return ok && sorted(list) && s.parseSigners()
}

// certificate reads one that lies in the package; nil for what is none. Where crypto/x509 does not know the kind of
// key, the names are there and the key is nil, which is weak.
func certificate(b []byte) *x509.Certificate {
	if c, err := x509.ParseCertificate(b); err == nil {
		return c
	}
	var c struct {
		TBS struct {
			Version                              int `asn1:"optional,explicit,default:0,tag:0"`
			Serial                               *big.Int
			Algorithm, Issuer, Validity, Subject asn1.RawValue
			Key                                  struct {
				Algorithm algorithm
				Bits      asn1.BitString
			}
		}
		Algorithm algorithm
		Signature asn1.BitString
	}
	if rest, err := asn1.Unmarshal(b, &c); err != nil || len(rest) > 0 {
		return nil
	}
	return &x509.Certificate{Raw: b, RawIssuer: c.TBS.Issuer.FullBytes, RawSubject: c.TBS.Subject.FullBytes, SerialNumber: c.TBS.Serial}
}

func (s *signed) parseSigners() bool {
	for _, raw := range s.data.Signers {
		var info signerInfo
		var id issuerAndSerial
		if !exactly(raw.FullBytes, &info) || info.Version != 1 || !exactly(info.ID.FullBytes, &id) {
			return false
		}
		for _, set := range []asn1.RawValue{info.Attributes, info.Unsigned} {
			if list, ok := elements(set.Bytes); !ok || !sorted(list) {
				return false
			}
		}
		s.info = info
	}
	return true
}

// exactly reads one value. encoding/asn1 overlooks what follows the last field of a SEQUENCE, so the value must also
// write itself as it was read.
func exactly(b []byte, into any) bool {
	rest, err := asn1.Unmarshal(b, into)
	if err != nil || len(rest) > 0 {
		return false
	}
	v := reflect.ValueOf(into).Elem()
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		return true
	}
	again, err := asn1.Marshal(v.Interface())
	return err == nil && bytes.Equal(again, b)
}

// findSigner is the row "signers".
func (s *signed) findSigner() bool {
	if len(s.data.Signers) != 1 || s.info.Unsigned.FullBytes != nil {
		return false
	}
	var id issuerAndSerial
	exactly(s.info.ID.FullBytes, &id)
	for _, c := range s.others {
		if bytes.Equal(c.RawIssuer, id.Issuer.FullBytes) && c.SerialNumber.Cmp(id.Serial) == 0 {
			if s.signer != nil {
				return false
			}
			s.signer = c
		}
	}
	return s.signer != nil
}

// readAttributes fills values and time; what breaks a rule leaves values nil.
func (s *signed) readAttributes() {
	values := map[string]asn1.RawValue{}
	list, _ := elements(s.info.Attributes.Bytes)
	for _, e := range list {
		var a attribute
		if !exactly(e.FullBytes, &a) {
			return
		}
		switch oid := a.OID.String(); oid {
		case oidContentType, oidDigest, oidSigningTime, oidSigningCert:
			if _, twice := values[oid]; twice || len(a.Values) != 1 {
				return
			}
			values[oid] = a.Values[0]
		case oidCapability:
		default:
			return
		}
	}
	var ok bool
	if s.time, ok = signingTime(values[oidSigningTime]); ok {
		s.values = values
	}
}

var (
	utc         = regexp.MustCompile(`^\d{12}Z$`)
	generalized = regexp.MustCompile(`^\d{14}Z$`)
)

func signingTime(v asn1.RawValue) (t time.Time, ok bool) {
	text := string(v.Bytes)
	ok = v.Class == 0 && (v.Tag == asn1.TagUTCTime && utc.MatchString(text) || v.Tag == asn1.TagGeneralizedTime && generalized.MatchString(text)) && exactly(v.FullBytes, &t)
	return t, ok && (t.Year() >= 1950 && t.Year() < 2050) == (v.Tag == asn1.TagUTCTime)
}

type essCertID struct {
	Hash         algorithm `asn1:"optional"`
	Digest       []byte
	IssuerSerial struct {
		Names  []asn1.RawValue
		Serial *big.Int
	} `asn1:"optional"`
}

type signingCertificate struct {
	Certificates []asn1.RawValue
	Policies     asn1.RawValue `asn1:"optional"`
}

// attributesTrue is the row "signed attributes".
func (s *signed) attributesTrue() bool {
	var kind asn1.ObjectIdentifier
	var digest []byte
	hash := hashes[s.info.Digest.OID.String()]
	if s.values == nil || hash == 0 || !exactly(s.values[oidContentType].FullBytes, &kind) || !exactly(s.values[oidDigest].FullBytes, &digest) {
		return false
	}
	id, idHash, ok := s.ess()
	if !ok || kind.String() != oidData || !bytes.Equal(digest, sum(hash, s.content)) || !bytes.Equal(id.Digest, sum(idHash, s.signer.Raw)) {
		return false
	}
	if id.IssuerSerial.Serial == nil {
		return true
	}
	n := id.IssuerSerial.Names
	return len(n) == 1 && n[0].Class == 2 && n[0].Tag == 4 && bytes.Equal(n[0].Bytes, s.signer.RawIssuer) && id.IssuerSerial.Serial.Cmp(s.signer.SerialNumber) == 0
}

// ess returns the one ESSCertIDv2 and its hash, zero for one that is not SHA-2.
func (s *signed) ess() (id essCertID, hash crypto.Hash, ok bool) {
	var sc signingCertificate
	if !exactly(s.values[oidSigningCert].FullBytes, &sc) || len(sc.Certificates) != 1 || sc.Policies.FullBytes != nil || !exactly(sc.Certificates[0].FullBytes, &id) {
		return id, 0, false
	}
	hash = crypto.SHA256
	if id.Hash.OID != nil {
		hash = hashes[id.Hash.OID.String()]
	}
	return id, hash, true
}

func sum(h crypto.Hash, b []byte) []byte {
	if h == 0 {
		return nil
	}
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// strong is the row "algorithms".
func (s *signed) strong() bool {
	hash := hashes[s.info.Digest.OID.String()]
	if hash == 0 || len(s.data.Digests) != 1 || s.data.Digests[0].OID.String() != s.info.Digest.OID.String() ||
		!s.info.Digest.plain() || !s.data.Digests[0].plain() || !strongKey(s.signer) || !s.strongAlgorithm(hash) {
		return false
	}
	if _, h, ok := s.ess(); ok && h != hash {
		return false
	}
	return s.strongChain() && (s.pin == "" || strongCertificate(s.signer))
}

// strongChain is the part of the row about the chain.
func (s *signed) strongChain() bool {
	for i, c := range s.path {
		if i > 0 && !strongKey(c) || i+1 < len(s.path) && !strongCertificate(c) {
			return false
		}
	}
	return true
}

func (s *signed) strongAlgorithm(hash crypto.Hash) bool {
	a := s.info.Algorithm
	switch oid := a.OID.String(); oid {
	case oidRSA:
		return a.plain()
	case oidPSS:
		return strongPSS(a.Parameters.FullBytes, hash)
	default: // whether the key is of this kind shows when the signature is verified
		w := withHash[oid]
		return w.hash == hash && (w.rsa && a.plain() || a.Parameters.FullBytes == nil)
	}
}

// plain says whether the parameters are NULL or absent.
func (a algorithm) plain() bool {
	return a.Parameters.FullBytes == nil || bytes.Equal(a.Parameters.FullBytes, asn1.NullBytes)
}

func strongPSS(b []byte, hash crypto.Hash) bool {
	var p struct {
		Hash    algorithm `asn1:"explicit,optional,tag:0"`
		Mask    algorithm `asn1:"explicit,optional,tag:1"`
		Salt    int       `asn1:"explicit,optional,tag:2,default:20"`
		Trailer int       `asn1:"explicit,optional,tag:3,default:1"`
	}
	var mask algorithm
	return exactly(b, &p) && hashes[p.Hash.OID.String()] == hash && p.Mask.OID.String() == oidMGF1 && exactly(p.Mask.Parameters.FullBytes, &mask) &&
		hashes[mask.OID.String()] == hash && p.Salt == hash.Size() && p.Trailer == 1
}

func strongKey(c *x509.Certificate) bool {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384()
	case *rsa.PublicKey:
		return k.N.BitLen() >= 2048 && k.N.BitLen() <= 8192
	}
	return false
}

// strongCertificate judges the algorithm that a certificate is signed with. (crypto/x509 names PSS only with a true salt and mask.)
func strongCertificate(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return true
	}
	return false
}

// verifies asks openssl for the signature alone.
func verifies(b []byte) bool {
	cmd := exec.Command("openssl", "cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-out", "/dev/null")
	cmd.Stdin = bytes.NewReader(b)
	return cmd.Run() == nil
}

func unhex(s string) string {
	b, err := hex.DecodeString(s)
	must(err == nil)
	return string(b)
}

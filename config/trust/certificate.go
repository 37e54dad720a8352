package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Bounds of RSA keys, in bits. The upper one keeps a hostile key from costing seconds; it is what crypto/tls allows.
const (
	minRSA = 2048
	maxRSA = 8192
)

// certificate is one certificate as a package carries it. What names it is read here, because the standard library
// refuses a key on an unknown curve as a whole, and such a certificate must be called weak, not malformed.
type certificate struct {
	raw                     []byte
	issuer, serial, subject []byte            // DER
	x509                    *x509.Certificate // nil when its key is of a kind that x509 does not read
	weakKey, weakSignature  string            // why the key, or the issuer's signature, is not allowed; "" when it is
}

const (
	oidRSA         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // 1.2.840.113549.1.1.1 rsaEncryption
	oidECPublicKey oid = "\x2a\x86\x48\xce\x3d\x02\x01"         // 1.2.840.10045.2.1
)

// Content of the curves' identifiers that x509 reads.
var knownCurves = []oid{
	"\x2b\x81\x04\x00\x21",             // 1.3.132.0.33 secp224r1
	"\x2a\x86\x48\xce\x3d\x03\x01\x07", // 1.2.840.10045.3.1.7 prime256v1
	"\x2b\x81\x04\x00\x22",             // 1.3.132.0.34 secp384r1
	"\x2b\x81\x04\x00\x23",             // 1.3.132.0.35 secp521r1
}

func parseCertificate(raw cryptobyte.String) (*certificate, error) {
	c := &certificate{raw: raw}
	key, ok := c.readNames(raw)
	if !ok {
		return nil, malformed("a certificate is garbled, or not an X.509 one")
	}
	x, err := x509.ParseCertificate(raw)
	switch {
	case err == nil:
		c.x509, c.weakKey, c.weakSignature = x, weakKey(x.PublicKey), weakSignature(x)
	case readableKey(key):
		return nil, malformed("a certificate is garbled")
	default:
		c.weakKey = notAllowed
	}
	return c, nil
}

// readNames reads TBSCertificate (RFC 5280 §4.1) as far as its key, whose AlgorithmIdentifier it returns.
func (c *certificate) readNames(raw cryptobyte.String) (key algorithm, ok bool) {
	outer, ok := sequence(raw)
	var tbs, serial, issuer, subject, spki, bits cryptobyte.String
	ok = ok && outer.ReadASN1(&tbs, asn1.SEQUENCE) && outer.SkipASN1(asn1.SEQUENCE) && outer.SkipASN1(asn1.BIT_STRING) && outer.Empty() && strict(tbs) &&
		tbs.SkipOptionalASN1(tag0) && tbs.ReadASN1Element(&serial, asn1.INTEGER) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&subject, asn1.SEQUENCE) && tbs.ReadASN1(&spki, asn1.SEQUENCE)
	if !ok {
		return key, false
	}
	c.serial, c.issuer, c.subject = serial, issuer, subject
	key, ok = readAlgorithm(&spki)
	return key, ok && spki.ReadASN1(&bits, asn1.BIT_STRING) && spki.Empty()
}

// readableKey reports whether x509 reads keys of this kind, so that its refusal has another cause.
func readableKey(key algorithm) bool {
	if key.name != oidECPublicKey {
		return key.name == oidRSA
	}
	params := cryptobyte.String(key.params)
	curve, ok := readOID(&params)
	return ok && slices.Contains(knownCurves, curve)
}

const notAllowed = "a key of a kind that is not allowed"

// weak says why the certificate's key or the signature on it are not allowed, or "".
func (c *certificate) weak() string {
	if c.weakKey != "" {
		return c.weakKey
	}
	return c.weakSignature
}

// weakSignature says why the signature on a certificate is not allowed, or "".
func weakSignature(c *x509.Certificate) string {
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return ""
	}
	return "signed with an algorithm that is not allowed"
}

// CheckKey returns an error for a public key of a kind or size that may sign nothing here: allowed are RSA of 2048 to
// 8192 bits, P-256 and P-384.
func CheckKey(key any) error {
	if why := weakKey(key); why != "" {
		return errors.New("trust: " + why)
	}
	return nil
}

// weakKey says why a key is not allowed, or "".
func weakKey(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA || n > maxRSA {
			return "an RSA key shorter than 2048 or longer than 8192 bits"
		}
		return ""
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return ""
		}
		return "an elliptic curve other than P-256 and P-384"
	}
	return notAllowed
}

package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the three hashes of the profile
	_ "crypto/sha512"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// algorithm is an AlgorithmIdentifier.
type algorithm struct {
	name   oid
	params []byte // DER of the parameters; nil when absent
}

func readAlgorithm(s *cryptobyte.String) (a algorithm, ok bool) {
	var seq, params cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return a, false
	}
	if a.name, ok = readOID(&seq); !ok {
		return a, false
	}
	if seq.Empty() {
		return a, true
	}
	var tag asn1.Tag
	ok = seq.ReadAnyASN1Element(&params, &tag) && seq.Empty()
	a.params = params
	return a, ok
}

// plain reports whether the parameters are absent or NULL; RFC 5754 §2 and RFC 4055 §5 allow both.
func (a algorithm) plain() bool { return a.params == nil || string(a.params) == "\x05\x00" }

var hashes = map[oid]crypto.Hash{
	"\x60\x86\x48\x01\x65\x03\x04\x02\x01": crypto.SHA256, // 2.16.840.1.101.3.4.2.1
	"\x60\x86\x48\x01\x65\x03\x04\x02\x02": crypto.SHA384,
	"\x60\x86\x48\x01\x65\x03\x04\x02\x03": crypto.SHA512,
}

// hash returns the allowed hash that a names, or 0.
func (a algorithm) hash() crypto.Hash {
	if !a.plain() {
		return 0
	}
	return hashes[a.name]
}

type padding int

const (
	noScheme padding = iota
	pkcs1
	pss
	ecdsaSignature
)

// scheme is how a signature is made.
type scheme struct {
	padding padding
	hash    crypto.Hash // 0: whatever the digest is
}

const (
	oidPSS  oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" // 1.2.840.113549.1.1.10
	oidMGF1 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" // 1.2.840.113549.1.1.8
)

var schemes = map[oid]scheme{
	oidRSA:                                 {pkcs1, 0},
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b": {pkcs1, crypto.SHA256}, // 1.2.840.113549.1.1.11
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c": {pkcs1, crypto.SHA384},
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d": {pkcs1, crypto.SHA512},
	"\x2a\x86\x48\xce\x3d\x04\x03\x02":     {ecdsaSignature, crypto.SHA256}, // 1.2.840.10045.4.3.2
	"\x2a\x86\x48\xce\x3d\x04\x03\x03":     {ecdsaSignature, crypto.SHA384},
	"\x2a\x86\x48\xce\x3d\x04\x03\x04":     {ecdsaSignature, crypto.SHA512},
}

// scheme returns how the signer signed when that is allowed together with its digest; else noScheme.
func (si *signerInfo) scheme() scheme {
	digest := si.digest.hash()
	s, known := schemes[si.signature.name]
	switch {
	case digest == 0:
		return scheme{}
	case si.signature.name == oidPSS && pssFits(si.signature.params, digest):
		return scheme{pss, digest}
	case !known || s.hash != 0 && s.hash != digest:
		return scheme{}
	case s.padding == pkcs1 && !si.signature.plain() || s.padding == ecdsaSignature && si.signature.params != nil:
		return scheme{}
	}
	return scheme{s.padding, digest}
}

// pssFits reads RSASSA-PSS-params (RFC 4055 §3.1): MGF1 and the same hash twice, salt as long as the hash,
// trailerField absent (in DER its only value is the default).
func pssFits(params cryptobyte.String, digest crypto.Hash) bool {
	s, ok := sequence(params)
	var h, mgf, salt cryptobyte.String
	if !ok || !s.ReadASN1(&h, tag0) || !s.ReadASN1(&mgf, tag1) || !s.ReadASN1(&salt, asn1.Tag(2).ContextSpecific().Constructed()) || !s.Empty() {
		return false
	}
	hash, ok1 := readAlgorithm(&h)
	mask, ok2 := readAlgorithm(&mgf)
	inner := cryptobyte.String(mask.params)
	maskHash, ok3 := readAlgorithm(&inner)
	var n int
	return ok1 && ok2 && ok3 && h.Empty() && mgf.Empty() && inner.Empty() &&
		hash.hash() == digest && mask.name == oidMGF1 && maskHash.hash() == digest &&
		salt.ReadASN1Integer(&n) && salt.Empty() && n == digest.Size()
}

// verify reports whether sig over message is right for key in this scheme.
func (s scheme) verify(key crypto.PublicKey, message, sig []byte) bool {
	h := s.hash.New()
	h.Write(message)
	sum := h.Sum(nil)
	switch k := key.(type) {
	case *rsa.PublicKey:
		if s.padding == pss {
			return rsa.VerifyPSS(k, s.hash, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return s.padding == pkcs1 && rsa.VerifyPKCS1v15(k, s.hash, sum, sig) == nil
	case *ecdsa.PublicKey:
		return s.padding == ecdsaSignature && ecdsa.VerifyASN1(k, sum, sig)
	}
	return false
}

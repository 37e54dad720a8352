package trust

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"honnin/config/reason"
)

// maxElements bounds every SET OF, so that a package cannot make the reader hold many times its own size. A signer and its
// CAs are rarely more than four certificates; this profile knows five attributes.
const maxElements = 64

// maxDepth bounds the nesting of a package's values. The profile with a long name in a certificate needs 13; a
// recursion without a bound can be driven to a stack overflow by "30 80 30 80 …".
const maxDepth = 24

func malformed(what string) error { return reason.Errorf(reason.PackageMalformed, "%s", what) }
func invalid(what string) error   { return reason.Errorf(reason.SignatureInvalid, "%s", what) }
func weak(what string) error      { return reason.Errorf(reason.SignatureWeak, "%s", what) }
func untrusted(what string) error { return reason.Errorf(reason.SignerUntrusted, "%s", what) }

// oid is the content of an OBJECT IDENTIFIER. Identifiers are only ever compared, so none is decoded: decoding
// fails on arcs beyond 31 bits, which an attribute to be refused by name may well have.
type oid string

// wellFormed walks every value once: definite and shortest lengths, low tag numbers, primitive forms where DER wants
// them (X.690 §10, §8.3.2, §11.1). The order of SET OF is left to [elements], which knows what is one.
func wellFormed(s cryptobyte.String, depth int) bool {
	for !s.Empty() {
		var v cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&v, &tag) {
			return false
		}
		switch constructed := tag&0x20 != 0; {
		case tag < 0x40 && constructed != (tag == asn1.SEQUENCE || tag == asn1.SET):
			return false
		case constructed && (depth == 0 || !wellFormed(v, depth-1)):
			return false
		case !constructed && !primitive(tag, v):
			return false
		}
	}
	return true
}

func primitive(tag asn1.Tag, v []byte) bool {
	switch tag {
	case asn1.BOOLEAN:
		return len(v) == 1 && (v[0] == 0 || v[0] == 0xff)
	case asn1.INTEGER:
		return len(v) == 1 || len(v) > 1 && !(v[0] == 0 && v[1] < 0x80) && !(v[0] == 0xff && v[1] >= 0x80)
	case asn1.NULL:
		return len(v) == 0
	case asn1.OBJECT_IDENTIFIER:
		return len(v) > 0 && v[len(v)-1] < 0x80
	case 0, asn1.SEQUENCE & 0x1f, asn1.SET & 0x1f:
		return false
	}
	return true
}

// elements splits the content of a SET OF of at most [maxElements] and demands DER's order (X.690 §11.6). Encodings never are prefixes of
// each other, so comparing them as bytes is comparing them padded.
func elements(set cryptobyte.String) ([]cryptobyte.String, bool) {
	var out []cryptobyte.String
	for !set.Empty() {
		var e cryptobyte.String
		var tag asn1.Tag
		if !set.ReadAnyASN1Element(&e, &tag) {
			return nil, false
		}
		if n := len(out); n == maxElements || n > 0 && bytes.Compare(out[n-1], e) > 0 {
			return nil, false
		}
		out = append(out, e)
	}
	return out, true
}

// sequence reads the one SEQUENCE that s must be.
func sequence(s cryptobyte.String) (inner cryptobyte.String, ok bool) {
	ok = s.ReadASN1(&inner, asn1.SEQUENCE) && s.Empty()
	return inner, ok
}

func readOID(s *cryptobyte.String) (oid, bool) {
	var v cryptobyte.String
	ok := s.ReadASN1(&v, asn1.OBJECT_IDENTIFIER)
	return oid(v), ok
}

// versionOne reads an INTEGER that must be 1.
func versionOne(s *cryptobyte.String) bool {
	var v int
	return s.ReadASN1Integer(&v) && v == 1
}

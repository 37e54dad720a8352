package trust

import (
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// strict reads TBSCertificate (RFC 5280 §4.1) for what the standard library lets pass: something after the last member of
// a sequence, a time in another form than the one there is for each instant, an extension that is not one DER value.
// What two readers may read in two ways is not DER of a certificate, whoever signed it.
func strict(tbs cryptobyte.String) bool {
	var there bool
	var extensions, list cryptobyte.String
	ok := tbs.SkipOptionalASN1(tag0) && tbs.SkipASN1(asn1.INTEGER) && member(&tbs, identifier) &&
		member(&tbs, name) && member(&tbs, validity) && member(&tbs, name) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) && tbs.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) &&
		tbs.ReadOptionalASN1(&extensions, &there, asn1.Tag(3).ContextSpecific().Constructed()) && tbs.Empty()
	if !ok || !there {
		return ok
	}
	return extensions.ReadASN1(&list, asn1.SEQUENCE) && extensions.Empty() && all(list, asn1.SEQUENCE, extension)
}

// member reads one SEQUENCE that must be as ok says.
func member(s *cryptobyte.String, ok func(cryptobyte.String) bool) bool {
	var inner cryptobyte.String
	return s.ReadASN1(&inner, asn1.SEQUENCE) && ok(inner)
}

// all reports whether s is nothing but values of this tag that are as ok says.
func all(s cryptobyte.String, tag asn1.Tag, ok func(cryptobyte.String) bool) bool {
	for !s.Empty() {
		var v cryptobyte.String
		if !s.ReadASN1(&v, tag) || !ok(v) {
			return false
		}
	}
	return true
}

// one reads any value that nothing follows.
func one(s cryptobyte.String) bool {
	var v cryptobyte.String
	var tag asn1.Tag
	return s.ReadAnyASN1(&v, &tag) && s.Empty()
}

// identifier is the content of an AlgorithmIdentifier.
func identifier(s cryptobyte.String) bool {
	return s.SkipASN1(asn1.OBJECT_IDENTIFIER) && (s.Empty() || one(s))
}

func name(s cryptobyte.String) bool {
	return all(s, asn1.SET, func(set cryptobyte.String) bool {
		return all(set, asn1.SEQUENCE, func(a cryptobyte.String) bool { return a.SkipASN1(asn1.OBJECT_IDENTIFIER) && one(a) })
	})
}

func validity(s cryptobyte.String) bool {
	for range 2 {
		var v cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&v, &tag) {
			return false
		}
		if _, err := parseTime(tag, string(v)); err != nil {
			return false
		}
	}
	return s.Empty()
}

// narrowing are extensions that narrow what a certificate is for to something else, critical or not, and that the
// standard library does not know.
var narrowing = map[oid]bool{
	"\x2b\x06\x01\x05\x05\x07\x01\x07":     true, // 1.3.6.1.5.5.7.1.7 IP addresses (RFC 3779)
	"\x2b\x06\x01\x05\x05\x07\x01\x08":     true, // 1.3.6.1.5.5.7.1.8 autonomous systems
	"\x2b\x06\x01\x05\x05\x07\x01\x0e":     true, // 1.3.6.1.5.5.7.1.14 proxy certificates (RFC 3820)
	"\x60\x86\x48\x01\x86\xf8\x42\x01\x01": true, // 2.16.840.1.113730.1.1 Netscape's certificate type
}

// shapes are what is inside the extensions that decide about a path, where the standard library reads what it knows and
// skips the rest.
var shapes = map[oid]func(cryptobyte.String) bool{
	"\x55\x1d\x13": inOrder(asn1.BOOLEAN, asn1.INTEGER), // 2.5.29.19 basic constraints
	"\x55\x1d\x23": inOrder(0x80, 0xa1, 0x82),           // 2.5.29.35 authority key identifier
	"\x55\x1d\x11": generalNames,                        // 2.5.29.17 subject alternative name
	"\x55\x1d\x12": generalNames,                        // 2.5.29.18 issuer alternative name
	"\x55\x1d\x1f": func(s cryptobyte.String) bool { // 2.5.29.31 CRL distribution points
		return all(s, asn1.SEQUENCE, inOrder(0xa0, 0x81, 0xa2))
	},
}

// inOrder accepts values of these tags, each at most once.
func inOrder(tags ...asn1.Tag) func(cryptobyte.String) bool {
	return func(s cryptobyte.String) bool {
		for _, t := range tags {
			if !s.SkipOptionalASN1(t) {
				return false
			}
		}
		return s.Empty()
	}
}

func generalNames(s cryptobyte.String) bool {
	for !s.Empty() {
		var v cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&v, &tag) || strings.IndexByte("\xa0\x81\x82\xa3\xa4\xa5\x86\x87\x88", byte(tag)) < 0 {
			return false
		}
	}
	return true
}

func extension(s cryptobyte.String) bool {
	var value cryptobyte.String
	id, ok := readOID(&s)
	ok = ok && !narrowing[id] && s.SkipOptionalASN1(asn1.BOOLEAN) && s.ReadASN1(&value, asn1.OCTET_STRING) && s.Empty() &&
		wellFormed(value, maxDepth) && one(value)
	if shape := shapes[id]; ok && shape != nil {
		inner, sequential := sequence(value)
		return sequential && shape(inner)
	}
	return ok
}

package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"slices"

	"honnin/config/reason"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

func cardCases() []vectorCase {
	card := func(name string) func(*draft) { return func(d *draft) { d.useCard(name) } }
	return slices.Concat(group("card", reason.CardUntrusted,
		row{"stranger", "the card's CA has the right name and another key", card("card-stranger.pem"), nil},
		row{"other-ca", "a signer's certificate, of a CA for documents, in place of a card's", card("card-signer.pem"), nil},
		row{"not-for-signing", "the card's key usage does not allow digitalSignature", card("card-agreement.pem"), nil},
		row{"expired-ca", "the card's CA ended a second ago", card("card-old-ca.pem"), nil},
		row{"under-no-ca", "the card's CA is no CA", card("card-no-ca.pem"), nil},
		row{"is-ca", "the card's certificate is a CA's", card("card-ca.pem"), nil},
		row{"critical", "the card's certificate has a critical extension that nobody knows", card("card-critical.pem"), nil},
		row{"rsa1024", "the card's key is too short", card("card-rsa1024.pem"), nil},
		row{"p521", "the card's key is on P-521", card("card-p521.pem"), nil},
	), group("card", reason.CardExpired,
		row{"expired", "the card's certificate ended a second ago", card("card-expired.pem"), nil},
		row{"not-yet-valid", "the card's certificate begins in a second", card("card-future.pem"), nil},
	))
}

// cms has the forger make the message and f spoil it.
func cms(f func(*forge.CMS, *forge.Signer)) func(*draft) {
	return func(d *draft) { d.cms = func(c *forge.CMS) { f(c, c.Signers[0]) } }
}

// der changes the encoded message.
func der(f func([]byte) []byte) func(*draft) { return func(d *draft) { d.raw = f } }

// element changes one element of the encoded message, which path leads to: the index at each level.
func element(f func(tag byte, content []byte) []byte, path ...int) func(*draft) {
	return der(func(b []byte) []byte { return rewrite(b, f, path...) })
}

func rewrite(b []byte, f func(tag byte, content []byte) []byte, path ...int) []byte {
	var v asn1.RawValue
	check(second(asn1.Unmarshal(b, &v)))
	if len(path) == 0 {
		return f(b[0], v.Bytes)
	}
	var parts [][]byte
	for rest := v.Bytes; len(rest) > 0; {
		var e asn1.RawValue
		rest = must(asn1.Unmarshal(rest, &e))
		parts = append(parts, e.FullBytes)
	}
	parts[path[0]] = rewrite(parts[path[0]], f, path[1:]...)
	return forge.TLV(b[0], parts...)
}

func second[T any](_ T, err error) error { return err }

// Where things stand in a package.
var (
	contentType = []int{0}
	signedData  = []int{1, 0}
	version     = []int{1, 0, 0}
	octets      = []int{1, 0, 2, 1, 0}
	oneSigner   = []int{1, 0, 4, 0}
	signedAttrs = []int{1, 0, 4, 0, 3}
	signature   = []int{1, 0, 4, 0, 5}
)

// packageCases are about the encoding and what a package consists of.
func packageCases() []vectorCase {
	type C = *forge.CMS
	type S = *forge.Signer
	indefinite := func(tag byte, b []byte) []byte { return slices.Concat([]byte{tag, 0x80}, b, []byte{0, 0}) }
	long := func(tag byte, b []byte) []byte { // four bytes of length, whatever it is
		n := len(b)
		return append([]byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
	}
	halves := func(b []byte) []byte {
		return slices.Concat(forge.OctetString(b[:len(b)/2]), forge.OctetString(b[len(b)/2:]))
	}
	called := func(arcs ...int) func(*draft) {
		return element(func(byte, []byte) []byte {
			return forge.OID(append(asn1.ObjectIdentifier{1, 2, 840, 113549, 1}, arcs...))
		}, contentType...)
	}
	as := func(f func([]byte) []byte) func(byte, []byte) []byte {
		return func(_ byte, b []byte) []byte { return f(b) }
	}
	deep := func(n int) []byte {
		b := forge.Null()
		for range n {
			b = forge.Sequence(b)
		}
		return b
	}
	return group("package", reason.PackageMalformed,
		row{"empty", "no byte at all", der(func([]byte) []byte { return nil }), nil},
		row{"not-cms", "the bare PDF, unsigned", der(func(b []byte) []byte { return slices.Clone(b[60:]) }), nil},
		row{"pem", "PEM in place of DER", der(func(b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: b}) }), nil},
		row{"cut-short", "the last byte is missing", der(func(b []byte) []byte { return b[:len(b)-1] }), nil},
		row{"trailing-byte", "one byte after the package", der(func(b []byte) []byte { return append(b, 0) }), nil},
		row{"trailing-package", "a second package after the package", der(func(b []byte) []byte { return append(b, b...) }), nil},
		row{"16mib-plus-1", "rightly signed, and one byte larger than 16 MiB", func(d *draft) { d.signer, d.total = d.w.rsaSignerA, 16<<20+1 }, nil},
		row{"indefinite-length", "BER: the outer length is indefinite", element(indefinite), nil},
		row{"indefinite-inside", "BER: the length of SignedData is indefinite", element(indefinite, signedData...), nil},
		row{"indefinite-content", "BER: the content has an indefinite length", element(func(_ byte, b []byte) []byte { return indefinite(0x24, halves(b)) }, octets...), nil},
		row{"indefinite-attributes", "BER: the signed attributes have an indefinite length", element(indefinite, signedAttrs...), nil},
		row{"constructed-content", "BER: the content in two pieces", element(as(func(b []byte) []byte { return forge.TLV(0x24, halves(b)) }), octets...), nil},
		row{"constructed-signature", "BER: the signature in two pieces", element(as(func(b []byte) []byte { return forge.TLV(0x24, halves(b)) }), signature...), nil},
		row{"long-length", "BER: the outer length is longer than it need be", element(long), nil},
		row{"long-length-version", "BER: a length of 1 in five bytes", element(long, version...), nil},
		row{"long-length-attributes", "BER: the signed attributes' length is longer than it need be", element(long, signedAttrs...), nil},
		row{"padded-integer", "BER: a version of two bytes", element(as(func([]byte) []byte { return []byte{2, 2, 0, 1} }), version...), nil},
		row{"boolean-one", "BER: a true that is not 0xff", der(func(b []byte) []byte { return bytes.Replace(b, []byte{1, 1, 0xff}, []byte{1, 1, 1}, 1) }), nil},
		row{"long-tag", "BER: a tag in two bytes", element(func(_ byte, b []byte) []byte { return append([]byte{0x3f, 0x10, byte(len(b))}, b...) }, oneSigner...), nil},
		row{"nested", "2,000 nested indefinite lengths", der(func([]byte) []byte { return slices.Repeat([]byte{0x30, 0x80}, 2000) }), nil},
		row{"nested-attribute", "DER, nested deeper than 24", cms(func(_ C, s S) { s.Add(forge.SMIMECapabilities, deep(24)) }), nil},
		row{"data", "called id-data", called(7, 1), nil},
		row{"enveloped", "called enveloped data", called(7, 3), nil},
		row{"digested", "called digested data", called(7, 5), nil},
		row{"encrypted", "called encrypted data", called(7, 6), nil},
		row{"compressed", "called compressed data", called(9, 16, 1, 9), nil},
		row{"detached", "no content inside", cms(func(c C, _ S) { c.Content = nil }), nil},
		row{"certs-only", "certificates and nothing else", cms(func(c C, _ S) { c.Content, c.Digests, c.Signers = nil, nil, nil }), nil},
		row{"content-type", "the content is called a time stamp", cms(func(c C, _ S) { c.ContentType = forge.TimeStampToken }), nil},
		row{"content-type-signed", "the content is called signed data", cms(func(c C, _ S) { c.ContentType = forge.SignedData }), nil},
		row{"content-string", "the content is a UTF8String", element(as(func(b []byte) []byte { return forge.TLV(12, b) }), octets...), nil},
		row{"content-twice", "two contents", element(func(tag byte, b []byte) []byte { return forge.TLV(tag, b, forge.OctetString([]byte("%PDF-1.7"))) }, octets[:4]...), nil},
		row{"content-info", "a set where the content's sequence should be", element(as(func(b []byte) []byte { return forge.TLV(0x31, b) }), 1, 0, 2), nil},
		row{"signers-sequence", "the signers are a sequence", element(as(func(b []byte) []byte { return forge.TLV(0x30, b) }), 1, 0, 4), nil},
		row{"signers-misordered", "two signers, not in DER order", cms(func(c C, s S) {
			other := *s
			other.Key = p256("thief")
			c.Signers, c.Unsorted = []S{s, &other}, true
			slices.SortFunc(c.Certificates, bytes.Compare)
			if bytes.Compare(c.Signers[0].DER(c.Content), c.Signers[1].DER(c.Content)) < 0 {
				slices.Reverse(c.Signers)
			}
		}), nil},
		row{"version", "SignedData version 3", cms(func(c C, _ S) { c.Version = 3 }), nil},
		row{"version-signer", "SignerInfo version 3", cms(func(_ C, s S) { s.Version = 3 }), nil},
		row{"key-identifier", "the signer is named by its key identifier, version 3", func(d *draft) {
			cms(func(c C, s S) {
				c.Version, s.Version, s.Name = 3, 3, forge.TLV(0x80, d.signer.Certificate.SubjectKeyId)
			})(d)
		}, nil},
		row{"key-identifier-version-1", "the same, version 1", func(d *draft) {
			cms(func(_ C, s S) { s.Name = forge.TLV(0x80, d.signer.Certificate.SubjectKeyId) })(d)
		}, nil},
		row{"crls", "an empty CRL field inside", cms(func(c C, _ S) { c.CRLs = [][]byte{} }), nil},
		row{"crls-one", "a CRL inside", func(d *draft) { cms(func(c C, _ S) { c.CRLs = [][]byte{d.w.midCRL} })(d) }, nil},
		row{"after-signers", "something after the signers", cms(func(c C, _ S) { c.After = forge.Null() }), nil},
		row{"certificate-twice", "the signer's certificate stands twice", cms(func(c C, _ S) { c.Certificates = append(c.Certificates, c.Certificates[0]) }), nil},
		row{"certificate-garbled", "a certificate without an end", cms(func(c C, _ S) { c.Certificates = append(c.Certificates, forge.Sequence(forge.Sequence())) }), nil},
		row{"certificate-attributes", "an attribute certificate among the certificates", cms(func(c C, _ S) { c.Certificates = append(c.Certificates, forge.TLV(0xa2, forge.Sequence())) }), nil},
		row{"certificates-65", "65 certificates", func(d *draft) {
			cms(func(c C, _ S) {
				for i := range 63 {
					t := template("Many", p256("many"))
					t.NotBefore = from.AddDate(0, 0, i)
					c.Certificates = append(c.Certificates, must(d.w.stranger.NewSigner(cityA, t)).Certificate.Raw)
				}
			})(d)
		}, nil},
		row{"certificates-misordered", "certificates not in DER order", cms(func(c C, _ S) {
			c.Unsorted = true
			slices.SortFunc(c.Certificates, func(a, b []byte) int { return bytes.Compare(b, a) })
		}), nil},
		row{"attributes-misordered", "signed attributes not in DER order", cms(func(_ C, s S) {
			s.Unsorted = true
			slices.Reverse(s.Attributes)
			s.Attributes[0], s.Attributes[1] = s.Attributes[1], s.Attributes[0]
		}), nil},
	)
}

// signatureCases are about the signer, what it signed, and the signature.
func signatureCases() []vectorCase {
	type C = *forge.CMS
	type S = *forge.Signer
	ess := func(ids ...[]byte) func(*draft) {
		return cms(func(_ C, s S) { s.Set(forge.SigningCertificate, forge.SigningCertificateV2(ids...)) })
	}
	named := func(issuer func(*world) *sign.Pair, serial *big.Int) func(*draft) {
		return func(d *draft) {
			c := d.signer.Certificate
			if serial == nil {
				serial = c.SerialNumber
			}
			ess(forge.ESSCertID(crypto.SHA256, c.Raw, forge.Sequence(forge.Sequence(forge.TLV(0xa4, issuer(d.w).Certificate.RawSubject)), must(asn1.Marshal(serial)))))(d)
		}
	}
	signed := func(f func(content, attributes []byte) []byte) func(*draft) {
		return cms(func(c C, s S) {
			s.Signature = must(s.Key.Sign(nil, sum(s.Hash, f(c.Content, s.SignedAttributes())), s.Hash))
		})
	}
	mid := func(w *world) *sign.Pair { return w.midA }
	return slices.Concat(group("signers", reason.SignatureInvalid,
		row{"none", "no signer", cms(func(c C, _ S) { c.Signers = nil }), nil},
		row{"two", "one signer twice, both right", cms(func(c C, s S) { c.Signers = append(c.Signers, s) }), nil},
		row{"two-municipalities", "a second signer, of another municipality", func(d *draft) {
			cms(func(c C, _ S) {
				b := forge.New(c.Content, d.w.signerB.Certificate, d.w.signerB.Key, crypto.SHA256, d.statement.IssuedAt.Time)
				c.Signers, c.Certificates = append(c.Signers, b.Signers[0]), append(c.Certificates, b.Certificates[0])
			})(d)
		}, nil},
		row{"unsigned-attribute", "an unsigned attribute", cms(func(_ C, s S) {
			s.Unsigned = []forge.Attribute{{Name: forge.TimeStampToken, Values: [][]byte{forge.Null()}}}
		}), nil},
		row{"counter-signature", "a counter-signature", cms(func(_ C, s S) {
			s.Unsigned = []forge.Attribute{{Name: forge.Countersignature, Values: [][]byte{forge.Sequence()}}}
		}), nil},
		row{"no-certificate", "no certificate is there", cms(func(c C, _ S) { c.Certificates = nil }), nil},
		row{"only-ca", "only the CA's certificate is there", cms(func(c C, _ S) { c.Certificates = c.Certificates[1:] }), nil},
		row{"names-another", "the signer is named as the CA", func(d *draft) {
			ca := d.w.midA.Certificate
			cms(func(_ C, s S) { s.Name = forge.IssuerAndSerial(ca.RawIssuer, ca.SerialNumber) })(d)
		}, also(reason.SignerUntrusted)},
		row{"ambiguous", "two certificates with the signer's issuer and serial number", func(d *draft) {
			twin := must(d.w.midA.NewSigner(cityA, adjusted("Twin", p256("twin"), func(c *x509.Certificate) { c.SerialNumber = d.signer.Certificate.SerialNumber })))
			cms(func(c C, _ S) { c.Certificates = append(c.Certificates, twin.Certificate.Raw) })(d)
		}, nil},
	), attributeCases(), group("attributes", reason.SignatureInvalid,
		row{"none", "the content is signed directly, without attributes", cms(func(_ C, s S) { s.Bare, s.Attributes = true, nil }), nil},
		row{"empty", "no attribute in the set", cms(func(_ C, s S) { s.Attributes = nil }), nil},
		row{"confusion", "the attributes of a right package are handed out as the content, under the very signature", cms(func(c C, s S) {
			c.Content = s.SignedAttributes()
			s.Bare, s.Attributes = true, nil
		}), nil},
		row{"of-another-package", "attributes and signature of another right package", cms(func(c C, _ S) { c.Content = append(slices.Clone(c.Content), '\n') }), nil},
		row{"unknown", "an attribute that the profile does not know", cms(func(_ C, s S) { s.Add(asn1.ObjectIdentifier{2, 25, 1}, forge.Null()) }), nil},
		row{"signing-certificate-v1", "signing-certificate of version 1", cms(func(_ C, s S) {
			s.Add(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}, forge.Sequence(forge.Sequence(forge.Sequence(forge.OctetString(make([]byte, 20))))))
		}), nil},
		row{"signing-certificate-none", "signing-certificate-v2 without a certificate", ess(), nil},
		row{"signing-certificate-two", "signing-certificate-v2 with two certificates", func(d *draft) {
			ess(forge.ESSCertID(crypto.SHA256, d.signer.Certificate.Raw), forge.ESSCertID(crypto.SHA256, d.w.midA.Certificate.Raw))(d)
		}, nil},
		row{"signing-certificate-policies", "signing-certificate-v2 with a policy", func(d *draft) {
			id := forge.ESSCertID(crypto.SHA256, d.signer.Certificate.Raw)
			cms(func(_ C, s S) {
				s.Set(forge.SigningCertificate, forge.Sequence(forge.Sequence(id), forge.Sequence(forge.Sequence(forge.OID(forge.Data)))))
			})(d)
		}, nil},
		row{"signing-certificate-issuer", "signing-certificate-v2 with another issuer", named(func(w *world) *sign.Pair { return w.rootB }, nil), nil},
		row{"signing-certificate-serial", "signing-certificate-v2 with another serial number", named(mid, big.NewInt(1)), nil},
		row{"signing-time-no-seconds", "a signing-time without seconds", cms(func(_ C, s S) { s.Set(forge.SigningTime, forge.TLV(0x17, []byte("2611210204Z"))) }), nil},
		row{"signing-time-offset", "a signing-time with an offset", cms(func(_ C, s S) { s.Set(forge.SigningTime, forge.TLV(0x17, []byte("261121110405+0900"))) }), nil},
		row{"signing-time-leap", "a signing-time with a leap second", cms(func(_ C, s S) { s.Set(forge.SigningTime, forge.TLV(0x17, []byte("261121020360Z"))) }), nil},
	), group("signature", reason.SignatureInvalid,
		row{"empty", "a signature of no byte", cms(func(_ C, s S) { s.Signature = []byte{} }), nil},
		row{"garbage", "the signature is no signature", cms(func(_ C, s S) { s.Signature = []byte("signature") }), nil},
		row{"zero", "an ECDSA signature of two zeros", cms(func(_ C, s S) { s.Signature = forge.Sequence(forge.Integer(0), forge.Integer(0)) }), nil},
		row{"other-key", "signed with a key that is not the certificate's", cms(func(_ C, s S) { s.Key = p256("thief") }), nil},
		row{"over-content", "attributes are there, and the content was signed", signed(func(content, _ []byte) []byte { return content }), nil},
		row{"over-implicit-tag", "the attributes were signed with the tag they stand under, not as a SET", signed(func(_, a []byte) []byte { return append([]byte{0xa0}, a[1:]...) }), nil},
		row{"algorithm-confused", "an RSA signature is called ECDSA", func(d *draft) {
			d.signer = d.w.rsaSignerA
			cms(func(_ C, s S) { s.Algorithm = forge.Algorithm(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}) })(d)
		}, nil},
		row{"padding-confused", "an RSA signature of PKCS #1 v1.5 is called PSS", func(d *draft) {
			d.signer = d.w.rsaSignerA
			cms(func(_ C, s S) { s.SetPSS(crypto.SHA256, crypto.SHA256, 32); s.PSS = nil })(d)
		}, nil},
		row{"content-changed", "one byte of the PDF was changed after signing", der(func(b []byte) []byte { b[200] ^= 1; return b }), nil},
		row{"time-changed", "the signing-time was changed after signing", der(replace("261121020405Z", "261121020406Z")), nil},
	))
}

// attributeCases spoil each of the four attributes in each way.
func attributeCases() (out []vectorCase) {
	type S = *forge.Signer
	null := forge.Null()
	for _, a := range []struct {
		name  string
		id    asn1.ObjectIdentifier
		wrong func(*draft) []byte // of the right form, and untrue
	}{
		{"content-type", forge.ContentType, func(*draft) []byte { return forge.OID(forge.SignedData) }},
		{"message-digest", forge.MessageDigest, func(*draft) []byte { return forge.OctetString(make([]byte, 32)) }},
		{"signing-time", forge.SigningTime, func(*draft) []byte { return forge.TLV(0x18, []byte("20261121020405Z")) }},
		{"signing-certificate", forge.SigningCertificate, func(d *draft) []byte {
			return forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, d.w.midA.Certificate.Raw))
		}},
	} {
		spoil := func(f func(s S, right, wrong []byte)) func(*draft) {
			return func(d *draft) {
				d.cms = func(c *forge.CMS) {
					s := c.Signers[0]
					i := slices.IndexFunc(s.Attributes, func(x forge.Attribute) bool { return x.Name.Equal(a.id) })
					f(s, s.Attributes[i].Values[0], a.wrong(d))
				}
			}
		}
		out = append(out, group("attributes-"+a.name, reason.SignatureInvalid,
			row{"missing", "no " + a.name, spoil(func(s S, _, _ []byte) { s.Drop(a.id) }), nil},
			row{"twice", "two " + a.name + " attributes, both right", spoil(func(s S, right, _ []byte) { s.Add(a.id, right) }), nil},
			row{"twice-one-wrong", "two " + a.name + " attributes, one of them right", spoil(func(s S, _, wrong []byte) { s.Add(a.id, wrong) }), nil},
			row{"two-values", "one " + a.name + " attribute with two values", spoil(func(s S, right, wrong []byte) { s.Set(a.id, right, wrong) }), nil},
			row{"wrong-type", "a " + a.name + " of another type", spoil(func(s S, _, _ []byte) { s.Set(a.id, null) }), nil},
			row{"wrong", "a " + a.name + " of the wrong value or form", spoil(func(s S, _, wrong []byte) { s.Set(a.id, wrong) }), nil},
		)...)
	}
	return out
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// weakCases are about algorithms and keys.
func weakCases() []vectorCase {
	type C = *forge.CMS
	type S = *forge.Signer
	hashed := func(h crypto.Hash, signer func(*world) *sign.Pair) func(*draft) {
		return func(d *draft) { d.signer, d.hash, d.cms = signer(d.w), h, func(*forge.CMS) {} }
	}
	ecc := func(w *world) *sign.Pair { return w.signerA }
	rsaSigner := func(w *world) *sign.Pair { return w.rsaSignerA }
	keyed := func(k func(*world) crypto.Signer) func(*draft) {
		return func(d *draft) {
			d.signer, d.cms = must(d.w.midA.NewSigner(cityA, template("Weak Signer", k(d.w)))), func(*forge.CMS) {}
		}
	}
	oid := func(arcs ...int) asn1.ObjectIdentifier { return arcs }
	// foreign is a certificate whose key is of a kind that no library here makes; nobody gets as far as its signature.
	foreign := func(spki []byte) func(*draft) {
		return func(d *draft) {
			cms(func(c C, s S) {
				tbs := must(x509.ParseCertificate(c.Certificates[0])).RawTBSCertificate
				tbs = rewrite(tbs, func(byte, []byte) []byte { return spki }, 6)
				value := must(d.w.midA.Key.Sign(nil, sum(crypto.SHA256, tbs), crypto.SHA256))
				c.Certificates[0] = forge.Sequence(tbs, forge.Algorithm(oid(1, 2, 840, 10045, 4, 3, 2)), forge.TLV(3, []byte{0}, value))
				s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, c.Certificates[0])))
			})(d)
		}
	}
	under := func(ca func(*world) *sign.Pair) func(*draft) {
		return func(d *draft) {
			d.signer, d.cms = must(ca(d.w).NewSigner(cityA, template("Issuer under a Weak CA", p256("under weak")))), func(*forge.CMS) {}
		}
	}
	weakCA := func(k func(*world) crypto.Signer) func(*draft) {
		return under(func(w *world) *sign.Pair { return must(w.rootA.NewCA(template("Weak CA", k(w)))) })
	}
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	pss := func(f func(S)) func(*draft) {
		return func(d *draft) { d.signer, d.cms = d.w.rsaSignerA, func(c *forge.CMS) { f(c.Signers[0]) } }
	}
	point := append([]byte{0, 4}, make([]byte, 64)...)
	noLink := also(reason.SignerUntrusted) // what a weak algorithm says is no link of a chain
	out := group("weak", reason.SignatureWeak,
		row{"md5", "RSA with MD5", hashed(crypto.MD5, rsaSigner), nil},
		row{"sha1", "RSA with SHA-1", hashed(crypto.SHA1, rsaSigner), nil},
		row{"sha1-ecdsa", "ECDSA with SHA-1", hashed(crypto.SHA1, ecc), nil},
		row{"sha224", "RSA with SHA-224", hashed(crypto.SHA224, rsaSigner), nil},
		row{"sha224-ecdsa", "ECDSA with SHA-224", hashed(crypto.SHA224, ecc), nil},
		row{"sha3", "SHA3-256", cms(func(c C, s S) {
			s.Digest = forge.Algorithm(oid(2, 16, 840, 1, 101, 3, 4, 2, 8))
			c.Digests = [][]byte{s.Digest}
		}), nil},
		row{"no-hash-listed", "digestAlgorithms is empty", cms(func(c C, _ S) { c.Digests = nil }), nil},
		row{"other-hash-listed", "digestAlgorithms lists another hash", cms(func(c C, _ S) { c.Digests[0] = forge.Algorithm(forge.HashOf[crypto.SHA512]) }), nil},
		row{"two-hashes", "digestAlgorithms lists a second hash", cms(func(c C, _ S) { c.Digests = append(c.Digests, forge.Algorithm(forge.HashOf[crypto.SHA512])) }), nil},
		row{"hash-parameters", "the hash has parameters", cms(func(_ C, s S) { s.Digest = forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Integer(1)) }), nil},
		row{"signing-certificate-hash", "signing-certificate-v2 uses another hash than the rest", func(d *draft) {
			cms(func(_ C, s S) {
				s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA512, d.signer.Certificate.Raw)))
			})(d)
		}, nil},
		row{"signing-certificate-sha1", "signing-certificate-v2 uses SHA-1", func(d *draft) {
			cms(func(_ C, s S) {
				s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA1, d.signer.Certificate.Raw)))
			})(d)
		}, nil},
		row{"signature-hash", "the signature's hash is not the signer's", cms(func(_ C, s S) {
			s.Algorithm, s.Hash = forge.Algorithm(oid(1, 2, 840, 10045, 4, 3, 4)), crypto.SHA512
		}), nil},
		row{"signature-sha1", "sha1WithRSAEncryption over a SHA-256 digest", pss(func(s S) {
			s.Algorithm, s.Hash = forge.Algorithm(oid(1, 2, 840, 113549, 1, 1, 5), forge.Null()), crypto.SHA1
		}), nil},
		row{"signature-parameters", "ECDSA with parameters", cms(func(_ C, s S) { s.Algorithm = forge.Algorithm(oid(1, 2, 840, 10045, 4, 3, 2), forge.Null()) }), nil},
		row{"signature-parameters-rsa", "RSA with parameters other than NULL", pss(func(s S) { s.Algorithm = forge.Algorithm(forge.RSA, forge.Integer(1)) }), nil},
		row{"signature-unknown", "a signature algorithm that nobody knows", cms(func(_ C, s S) { s.Algorithm = forge.Algorithm(oid(2, 25, 1)) }), nil},
		row{"pss-defaults", "RSASSA-PSS without parameters, which means SHA-1", pss(func(s S) { s.Algorithm = forge.Algorithm(forge.PSS) }), nil},
		row{"rsa1024", "an RSA key of 1024 bits", keyed(func(w *world) crypto.Signer { return w.rsa1024 }), nil},
		row{"rsa8200", "an RSA key of 8200 bits", func(d *draft) {
			keyed(func(*world) crypto.Signer {
				return unusable{&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8199, 1), E: 65537}}
			})(d)
			d.cms = func(c *forge.CMS) { c.Signers[0].Signature = []byte("signature") }
		}, nil},
		row{"p224", "a key on P-224", keyed(func(*world) crypto.Signer { return p224("weak") }), nil},
		row{"p521", "a key on P-521", keyed(func(*world) crypto.Signer { return p521("weak") }), nil},
		row{"ed25519", "an Ed25519 key", keyed(func(*world) crypto.Signer { return edKey("weak") }), nil},
		row{"secp256k1", "a key on secp256k1", foreign(forge.Sequence(forge.Algorithm(oid(1, 2, 840, 10045, 2, 1), forge.OID(oid(1, 3, 132, 0, 10))), forge.TLV(3, point))), nil},
		row{"dsa", "a DSA key", foreign(forge.Sequence(forge.Algorithm(oid(1, 2, 840, 10040, 4, 1), forge.Sequence(forge.Integer(23), forge.Integer(11), forge.Integer(4))), forge.TLV(3, []byte{0}, forge.Integer(8)))), nil},
		row{"pin-rsa1024", "a pinned signer with an RSA key of 1024 bits", func(d *draft) {
			d.city(cityC, d.w.weakPinC)
			d.cms = func(*forge.CMS) {}
		}, nil},
		row{"chain-sha1-signer", "the CA signed the signer's certificate with SHA-1", func(d *draft) {
			d.signer, d.cms = must(d.w.rsaRootA.NewSigner(cityA, adjusted("SHA-1 Issuer", p256("sha1 signer"), sha1))), func(*forge.CMS) {}
		}, noLink},
		row{"chain-sha1-ca", "the anchor signed the intermediate with SHA-1", under(func(w *world) *sign.Pair { return must(w.rsaRootA.NewCA(adjusted("SHA-1 CA", p256("sha1 CA"), sha1))) }), noLink},
		row{"chain-rsa1024-ca", "the intermediate has an RSA key of 1024 bits", weakCA(func(w *world) crypto.Signer { return w.rsa1024 }), noLink},
		row{"chain-p224-ca", "the intermediate has a key on P-224", weakCA(func(*world) crypto.Signer { return p224("weak") }), noLink},
		row{"chain-p521-ca", "the intermediate has a key on P-521", weakCA(func(*world) crypto.Signer { return p521("weak") }), noLink},
		row{"chain-ed25519-ca", "the intermediate has an Ed25519 key", weakCA(func(*world) crypto.Signer { return edKey("weak") }), noLink},
	)
	random := group("weak", reason.SignatureWeak,
		row{"pss-salt", "RSASSA-PSS with a salt of 20 bytes", pss(func(s S) { s.SetPSS(crypto.SHA256, crypto.SHA256, 20) }), nil},
		row{"pss-mask", "RSASSA-PSS whose mask uses another hash", pss(func(s S) { s.SetPSS(crypto.SHA256, crypto.SHA1, 32) }), nil},
		row{"pss-hash", "RSASSA-PSS with another hash than the digest", pss(func(s S) { s.SetPSS(crypto.SHA384, crypto.SHA384, 48) }), nil},
	)
	for i := range random {
		random[i].random = true
	}
	return append(out, random...)
}

// unusable is a key that only its public half is known of.
type unusable struct{ public crypto.PublicKey }

func (u unusable) Public() crypto.PublicKey { return u.public }

func (unusable) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("no private key") }

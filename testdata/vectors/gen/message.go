package main

import (
	"crypto"
	"encoding/asn1"
	"slices"

	"honnin/config/reason"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

func cardCases() []vectorCase {
	card := func(name string) func(*draft) { return func(d *draft) { d.useCard(name) } }
	return []vectorCase{
		{name: "card-stranger", about: "the card's CA has the right name and another key", change: card("card-stranger.pem"), reason: reason.CardUntrusted},
		{name: "card-not-for-signing", about: "the card's key usage does not allow digitalSignature", change: card("card-agreement.pem"), reason: reason.CardUntrusted},
		{name: "card-rsa1024", about: "the card's key is too short", change: card("card-rsa1024.pem"), reason: reason.CardUntrusted},
		{name: "card-expired", about: "the card's certificate ended a second ago", change: card("card-expired.pem"), reason: reason.CardExpired},
		{name: "card-not-yet-valid", about: "the card's certificate begins in a second", change: card("card-future.pem"), reason: reason.CardExpired},
	}
}

// messageCases are about the CMS message: rows "encoding" to "signed attributes".
func messageCases() []vectorCase {
	spoil := func(name, about string, code reason.Code, f func(*forge.CMS, *forge.Signer)) vectorCase {
		return vectorCase{name: name, about: about, reason: code, change: func(d *draft) { d.cms = func(c *forge.CMS) { f(c, c.Signers[0]) } }}
	}
	bytes := func(name, about string, f func([]byte) []byte) vectorCase {
		return vectorCase{name: name, about: about, reason: reason.PackageMalformed, change: func(d *draft) { d.raw = f }}
	}
	bad, invalid, weak := reason.PackageMalformed, reason.SignatureInvalid, reason.SignatureWeak
	return []vectorCase{
		bytes("package-empty", "no byte at all", func([]byte) []byte { return nil }),
		bytes("package-trailing-byte", "one byte after the package", func(b []byte) []byte { return append(b, 0) }),
		bytes("package-cut-short", "the last byte is missing", func(b []byte) []byte { return b[:len(b)-1] }),
		bytes("package-indefinite-length", "BER: the outer length is indefinite", forge.Indefinite),
		bytes("package-nested", "2,000 nested indefinite lengths", func([]byte) []byte { return slices.Repeat([]byte{0x30, 0x80}, 2000) }),
		bytes("package-not-cms", "the bare PDF, unsigned", func(b []byte) []byte { return slices.Clone(b[60:]) }),
		spoil("package-detached", "no content inside", bad, func(c *forge.CMS, _ *forge.Signer) { c.Content = nil }),
		spoil("package-certs-only", "certificates and nothing else", bad, func(c *forge.CMS, _ *forge.Signer) { c.Content, c.Digests, c.Signers = nil, nil, nil }),
		spoil("package-content-type", "the content is called a time stamp", bad, func(c *forge.CMS, _ *forge.Signer) { c.ContentType = forge.TimeStampToken }),
		spoil("package-version", "SignedData version 3", bad, func(c *forge.CMS, _ *forge.Signer) { c.Version = 3 }),
		spoil("package-crls", "a CRL field inside", bad, func(c *forge.CMS, _ *forge.Signer) { c.CRLs = [][]byte{} }),
		spoil("package-certificate-twice", "the signer's certificate stands twice", bad, func(c *forge.CMS, _ *forge.Signer) { c.Certificates = append(c.Certificates, c.Certificates[0]) }),
		spoil("package-attributes-misordered", "signed attributes not in DER order", bad, func(_ *forge.CMS, s *forge.Signer) {
			s.Unsorted = true
			slices.Reverse(s.Attributes)
			s.Attributes[0], s.Attributes[1] = s.Attributes[1], s.Attributes[0]
		}),
		spoil("signers-none", "no signer", invalid, func(c *forge.CMS, _ *forge.Signer) { c.Signers = nil }),
		spoil("signers-two", "two signers, both right", invalid, func(c *forge.CMS, s *forge.Signer) { c.Signers = append(c.Signers, s) }),
		spoil("signers-unsigned-attribute", "an unsigned attribute", invalid, func(_ *forge.CMS, s *forge.Signer) {
			s.Unsigned = []forge.Attribute{{Name: forge.TimeStampToken, Values: [][]byte{forge.Null()}}}
		}),
		spoil("signers-no-certificate", "the signer's certificate is not there", invalid, func(c *forge.CMS, _ *forge.Signer) { c.Certificates = nil }),
		spoil("attributes-none", "the content is signed directly, without attributes", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Bare, s.Attributes = true, nil }),
		spoil("attributes-no-signing-time", "no signing-time", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Drop(forge.SigningTime) }),
		spoil("attributes-no-signing-certificate", "no signing-certificate-v2 (openssl without -cades)", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Drop(forge.SigningCertificate) }),
		spoil("attributes-digest-twice", "two message-digests, one of them right", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Add(forge.MessageDigest, forge.OctetString(make([]byte, 32))) }),
		spoil("attributes-digest-wrong", "the message-digest is of another content", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Set(forge.MessageDigest, forge.OctetString(make([]byte, 32))) }),
		spoil("attributes-content-type", "the content-type attribute says something else", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Set(forge.ContentType, forge.OID(forge.SignedData)) }),
		spoil("attributes-other-certificate", "signing-certificate-v2 names the CA", invalid, func(c *forge.CMS, s *forge.Signer) {
			s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, c.Certificates[1])))
		}),
		spoil("attributes-unknown", "an attribute that the profile does not know", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Add(asn1.ObjectIdentifier{2, 25, 1}, forge.Null()) }),
		spoil("signature-garbage", "the signature is no signature", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Signature = []byte("signature") }),
		spoil("signature-other-key", "signed with a key that is not the certificate's", invalid, func(_ *forge.CMS, s *forge.Signer) { s.Key = p256("thief") }),
		{name: "signature-content-changed", about: "one byte of the PDF was changed after signing", reason: invalid, change: func(d *draft) {
			d.raw = func(b []byte) []byte { b[200] ^= 1; return b }
		}},
		spoil("weak-two-hashes", "digestAlgorithms lists a second hash", weak, func(c *forge.CMS, _ *forge.Signer) {
			c.Digests = append(c.Digests, forge.Algorithm(forge.HashOf[crypto.SHA512]))
		}),
		spoil("weak-signing-certificate-hash", "signing-certificate-v2 uses another hash than the rest", weak, func(c *forge.CMS, s *forge.Signer) {
			s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA512, c.Certificates[0])))
		}),
		weakHash("weak-sha1", crypto.SHA1), weakHash("weak-md5", crypto.MD5),
		weakKey("weak-rsa1024", "an RSA key of 1024 bits", func(w *world) crypto.Signer { return w.rsa1024 }),
		weakKey("weak-p224", "a key on P-224", func(*world) crypto.Signer { return p224("weak") }),
		weakKey("weak-p521", "a key on P-521", func(*world) crypto.Signer { return p521("weak") }),
		weakKey("weak-ed25519", "an Ed25519 key", func(*world) crypto.Signer { return edKey("weak") }),
		{name: "weak-pss-salt", about: "RSASSA-PSS with a salt of 20 bytes", reason: weak, random: true, change: func(d *draft) {
			d.signer, d.cms = d.w.rsaSignerA, func(c *forge.CMS) { c.Signers[0].SetPSS(crypto.SHA256, crypto.SHA256, 20) }
		}},
		{name: "weak-pss-mask", about: "RSASSA-PSS whose mask uses another hash", reason: weak, random: true, change: func(d *draft) {
			d.signer, d.cms = d.w.rsaSignerA, func(c *forge.CMS) { c.Signers[0].SetPSS(crypto.SHA256, crypto.SHA1, 32) }
		}},
	}
}

func weakHash(name string, h crypto.Hash) vectorCase {
	return vectorCase{name: name, about: "signed with " + h.String(), reason: reason.SignatureWeak, change: func(d *draft) {
		d.signer, d.hash, d.cms = d.w.rsaSignerA, h, func(*forge.CMS) {}
	}}
}

func weakKey(name, about string, k func(*world) crypto.Signer) vectorCase {
	return vectorCase{name: name, about: "the signer has " + about, reason: reason.SignatureWeak, change: func(d *draft) {
		d.signer, d.cms = must[*sign.Pair](d.w.midA.NewSigner(cityA, template("Weak Signer", k(d.w)))), func(*forge.CMS) {}
	}}
}

package main

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
	"honnin/spool/document/inspect/pdftest"
)

func acceptedCases() []vectorCase {
	hash := func(h crypto.Hash) func(*sign.Options) { return func(o *sign.Options) { o.Hash = h } }
	return slices.Concat([]vectorCase{
		{name: "accepted-p256", about: "a one-page resident record; P-256 signer under an intermediate CA"},
		{name: "accepted-two-pages", about: "a resident record of two pages, two copies", change: func(d *draft) {
			d.pages(2)
			d.statement.Copies, d.application.Copies = 2, 2
		}},
		{name: "accepted-thirty-pages", about: "as many pages as there may be", change: func(d *draft) { d.pages(30) }},
		{name: "accepted-p384-sha384", about: "P-384 signer, SHA-384 everywhere, a card of the second generation (P-384)", change: func(d *draft) {
			d.signer, d.options = d.w.p384SignerA, hash(crypto.SHA384)
			d.useCard("card-p02.pem")
		}},
		{name: "accepted-p256-sha512", about: "P-256 signer with SHA-512", change: func(d *draft) { d.options = hash(crypto.SHA512) }},
		{name: "accepted-rsa", about: "RSA-2048 signer, PKCS#1 v1.5, directly under an RSA anchor", change: func(d *draft) { d.signer = d.w.rsaSignerA }},
		{name: "accepted-rsa-sha512", about: "the same with SHA-512", change: func(d *draft) { d.signer, d.options = d.w.rsaSignerA, hash(crypto.SHA512) }},
		{name: "accepted-pss", about: "RSASSA-PSS, MGF1 with the same hash, salt as long as the hash", random: true, change: func(d *draft) {
			d.signer, d.options = d.w.rsaSignerA, func(o *sign.Options) { o.PSS = true }
		}},
		{name: "accepted-openssl", about: "signed with openssl cms -sign -binary -cades -nodetach (S/MIME capabilities are tolerated)", tool: byOpenSSL, clock: true},
		{name: "accepted-openssl-qpdf", about: "the PDF written by qpdf --object-streams=disable, signed by openssl", tool: byQPDF, clock: true, change: func(d *draft) { d.pages(2) }},
		{name: "accepted-pinned", about: "a pinned signer without chain, extended key usage and organizationIdentifier", change: func(d *draft) {
			d.city(cityC, d.w.pinC)
			d.statement.Software = protocol.Software{Name: "village-hall", Version: "0.9.1", Fixes: []string{}}
		}},
		{name: "accepted-other-municipality", about: "a family register from another municipality than the address", change: func(d *draft) {
			d.city(cityB, d.w.signerB)
			d.certificate(protocol.FamilyRegister, protocol.Options{})
			d.statement.Serial = "992020-20261121-0000007"
		}},
		{name: "accepted-seal-registration", about: "a seal registration certificate with three copies", change: func(d *draft) {
			d.certificate(protocol.SealRegistration, protocol.Options{})
			d.statement.Copies, d.application.Copies = 3, 3
		}},
		{name: "accepted-newer-software", about: "software above the floor, with a further fix", change: func(d *draft) {
			d.statement.Software.Version, d.statement.Software.Fixes = "1.12.0", []string{"another", "one-transaction-one-file"}
		}},
		{name: "accepted-no-application", about: "without an application there is nothing to compare with: unchecked", change: func(d *draft) { d.application = nil }},
		{name: "accepted-skew", about: "the issuer's clock is four minutes ahead of the terminal's, which began 90 s ago", change: func(d *draft) {
			d.began = d.at.Add(-90 * time.Second)
			d.statement.IssuedAt, d.statement.ExpiresAt = protocol.At(d.at.Add(4*time.Minute)), protocol.At(d.at.Add(9*time.Minute))
		}},
		{name: "accepted-foreign-certificates", about: "an expired, a weak and a foreign certificate lie beside the path and are ignored", change: func(d *draft) {
			d.cms = func(c *forge.CMS) {
				old := template("Expired", p256("beside"))
				old.NotAfter = at.Add(-time.Hour)
				for _, p := range []*sign.Pair{must(d.w.midA.NewSigner(cityA, old)), d.w.signer(d.w.midA, cityA, "Weak", d.w.rsa1024), d.w.stranger} {
					c.Certificates = append(c.Certificates, p.Certificate.Raw)
				}
			}
		}},
	}, acceptedAlgorithms(), acceptedForms(), acceptedCertificates())
}

// acceptedAlgorithms has every hash with every kind of key that the cases above do not have.
func acceptedAlgorithms() (out []vectorCase) {
	names := map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"}
	add := func(key string, pss bool, signer func(*world) *sign.Pair, hashes ...crypto.Hash) {
		for _, h := range hashes {
			out = append(out, vectorCase{name: "accepted-" + key + "-" + names[h], about: key + " with " + h.String(), random: pss,
				change: func(d *draft) {
					d.signer, d.options = signer(d.w), func(o *sign.Options) { o.Hash, o.PSS = h, pss }
				}})
		}
	}
	add("p256", false, func(w *world) *sign.Pair { return w.signerA }, crypto.SHA384)
	add("p384", false, func(w *world) *sign.Pair { return w.p384SignerA }, crypto.SHA256, crypto.SHA512)
	add("rsa", false, func(w *world) *sign.Pair { return w.rsaSignerA }, crypto.SHA384)
	add("pss", true, func(w *world) *sign.Pair { return w.rsaSignerA }, crypto.SHA384, crypto.SHA512)
	add("rsa4096", false, func(w *world) *sign.Pair { return w.signer(w.rsaRootA, cityA, "Issuer A, RSA-4096", w.rsa4096) }, crypto.SHA256)
	return out
}

// acceptedForms are other ways to write the same, all of them allowed.
func acceptedForms() []vectorCase {
	oid := func(arcs ...int) asn1.ObjectIdentifier { return arcs }
	rsa := func(f func(*forge.CMS, *forge.Signer)) func(*draft) {
		return func(d *draft) { d.signer = d.w.rsaSignerA; cms(f)(d) }
	}
	under := func(ca func(*world) *sign.Pair, adjust func(*x509.Certificate)) func(*draft) {
		return func(d *draft) { d.signer = must(ca(d.w).NewSigner(cityA, adjusted("Issuer A", p256("form"), adjust))) }
	}
	none := func(*x509.Certificate) {}
	sub := func(adjust func(*x509.Certificate)) func(*world) *sign.Pair {
		return func(w *world) *sign.Pair { return must(w.rootA.NewCA(adjusted("Form CA", p256("form CA"), adjust))) }
	}
	mid := func(w *world) *sign.Pair { return w.midA }
	const a4 = "[0 0 595.276 841.89]"
	return group("accepted", "",
		row{"no-issuer-serial", "signing-certificate-v2 without issuerSerial", cms(func(*forge.CMS, *forge.Signer) {}), nil},
		row{"hash-null", "hashes with NULL as parameters", cms(func(c *forge.CMS, s *forge.Signer) {
			s.Digest = forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Null())
			c.Digests = [][]byte{s.Digest}
		}), nil},
		row{"rsa-hash-in-name", "sha256WithRSAEncryption in place of rsaEncryption", rsa(func(_ *forge.CMS, s *forge.Signer) {
			s.Algorithm = forge.Algorithm(oid(1, 2, 840, 113549, 1, 1, 11), forge.Null())
		}), nil},
		row{"rsa-no-parameters", "rsaEncryption without parameters", rsa(func(_ *forge.CMS, s *forge.Signer) { s.Algorithm = forge.Algorithm(forge.RSA) }), nil},
		row{"16mib", "rightly signed, and exactly 16 MiB", func(d *draft) { d.signer, d.total = d.w.rsaSignerA, 16<<20 }, nil},
		row{"five-intermediates", "as many intermediates as there may be", func(d *draft) { d.signer = d.w.below(5) }, nil},
		row{"path-length", "a CA whose path length allows no CA below it, and there is none", under(sub(func(c *x509.Certificate) { c.MaxPathLenZero = true }), none), nil},
		row{"ca-any-usage", "a CA whose extended key usage allows anything", under(sub(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), none), nil},
		row{"content-commitment", "a signer whose key usage is contentCommitment alone", under(mid, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }), nil},
		row{"no-key-usage", "a signer without key usage", under(mid, func(c *x509.Certificate) { c.KeyUsage = 0 }), nil},
		row{"valid-this-second", "the signer's certificate ends at the very second of the check", under(mid, func(c *x509.Certificate) { c.NotAfter = at }), nil},
		row{"landscape", "a page in landscape", swap("page1", a4, "[0 0 841.89 595.276]"), nil},
		row{"rounded", "a page of 594 by 843 points", swap("page1", a4, "[0 0 594 843]"), nil},
		row{"inherited-box", "a MediaBox by inheritance", doc(func(d *pdftest.Doc) {
			d.Obj("page1").Replace("/MediaBox "+a4, "")
			d.Obj("pages").Put("/MediaBox " + a4)
		}), nil},
		row{"equal-boxes", "all boxes equal, and no turn", put("page1", "/CropBox "+a4+" /TrimBox "+a4+" /BleedBox "+a4+" /ArtBox "+a4+" /Rotate 0"), nil},
		row{"no-transition", "an empty page transition, as one library writes", put("page1", "/Trans << >>"), nil},
		row{"associated", "the statement is associated with the catalog", put("catalog", "/AF [{filespec}]"), nil},
		row{"utf16-name", "the statement's name in UTF-16", swap("filespec", "/UF (issuance.json)", "/UF <FEFF 0069 0073 0073 0075 0061 006E 0063 0065 002E 006A 0073 006F 006E>"), nil},
		row{"attributes-of-structure", "a tagged document whose elements have attributes", put("catalog", "/MarkInfo << /Marked true >> /StructTreeRoot {tree}",
			"tree", "<< /Type /StructTreeRoot /K {element} >>", "element", "<< /Type /StructElem /S /P /P {tree} /A << /O /Layout /TextAlign /Center >> >>"), nil},
	)
}

// acceptedCertificates has the kinds of certificate that the cases above do not have.
func acceptedCertificates() (out []vectorCase) {
	for _, c := range protocol.Certificates() {
		if c != protocol.ResidentRecord && c != protocol.SealRegistration {
			out = append(out, vectorCase{name: "accepted-" + string(c), about: "a certificate of the kind " + string(c),
				change: func(d *draft) { d.certificate(c, protocol.Options{"year": protocol.Text("2026")}) }})
		}
	}
	return out
}

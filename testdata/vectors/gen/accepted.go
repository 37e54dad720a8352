package main

import (
	"crypto"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

func acceptedCases() []vectorCase {
	hash := func(h crypto.Hash) func(*sign.Options) { return func(o *sign.Options) { o.Hash = h } }
	return []vectorCase{
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
		{name: "accepted-openssl", about: "signed with openssl cms -sign -binary -cades -nodetach (S/MIME capabilities are tolerated)", tool: byOpenSSL},
		{name: "accepted-openssl-qpdf", about: "the PDF written by qpdf --object-streams=disable, signed by openssl", tool: byQPDF, change: func(d *draft) { d.pages(2) }},
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
	}
}

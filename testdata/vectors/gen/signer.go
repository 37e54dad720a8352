package main

import (
	"crypto/x509"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

// signerCases are about who signed: rows "signer certificate" and "signer's municipality".
func signerCases() []vectorCase {
	by := func(name, about string, code reason.Code, f func(*world) *sign.Pair) vectorCase {
		return vectorCase{name: name, about: about, reason: code, change: func(d *draft) { d.signer = f(d.w) }}
	}
	under := func(ca func(*world) *sign.Pair, adjust func(*x509.Certificate)) func(*world) *sign.Pair {
		return func(w *world) *sign.Pair {
			return must(ca(w).NewSigner(cityA, adjusted("Strange Issuer A", p256("strange"), adjust)))
		}
	}
	mid := func(w *world) *sign.Pair { return w.midA }
	none := func(*x509.Certificate) {}
	life := func(from, to time.Time) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, to }
	}
	ca := func(name string, adjust func(*x509.Certificate)) func(*world) *sign.Pair {
		return func(w *world) *sign.Pair { return must(w.rootA.NewCA(adjusted(name, p256(name), adjust))) }
	}
	with := func(c vectorCase, codes ...reason.Code) vectorCase { c.also = codes; return c }
	untrusted, expired := reason.SignerUntrusted, reason.SignerExpired
	return []vectorCase{
		by("signer-stranger", "a CA that no policy names", untrusted, under(func(w *world) *sign.Pair { return w.stranger }, none)),
		with(by("signer-stranger-expired", "a CA that no policy names, and the signer has expired: the chain is judged first", untrusted,
			under(func(w *world) *sign.Pair { return w.stranger }, life(from, at.Add(-time.Second)))), expired),
		by("signer-same-name-ca", "a CA with the anchor's name and another key", untrusted, under(func(w *world) *sign.Pair {
			t := template("", p256("impostor"))
			t.Subject = &w.rootA.Certificate.Subject
			return must(sign.NewCA(t))
		}, none)),
		by("signer-register", "the register's key, under the register's CA", untrusted, func(w *world) *sign.Pair { return w.registrarA }),
		by("signer-no-document-signing", "the extended key usage is missing", untrusted, under(mid, func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil })),
		by("signer-server", "a TLS server's certificate", untrusted, under(mid, func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})),
		by("signer-key-usage", "the key usage allows key agreement only", untrusted, under(mid, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })),
		by("signer-is-ca", "the signer is itself a CA", untrusted, under(mid, func(c *x509.Certificate) { c.IsCA = true })),
		by("signer-under-signer", "issued by a signer, which is no CA", untrusted, under(func(w *world) *sign.Pair { return w.signerA }, none)),
		by("signer-path-length", "an intermediate too many for its CA's path length", untrusted, under(func(w *world) *sign.Pair {
			t := template("Short", p256("short"))
			t.PathLen = -1
			short := must(w.rootA.NewCA(t))
			return must(short.NewCA(template("Below Short", p256("below short"))))
		}, none)),
		by("signer-expired-ca", "the intermediate ended a second ago", untrusted, under(ca("Old CA", life(from, at.Add(-time.Second))), none)),
		by("signer-revoked-ca", "the intermediate is on the policy's list", untrusted, under(func(w *world) *sign.Pair { return w.revokedMidA }, none)),
		{name: "signer-no-intermediate", about: "the intermediate was left out", reason: untrusted, change: func(d *draft) {
			d.cms = func(c *forge.CMS) { c.Certificates = c.Certificates[:1] }
		}},
		by("signer-expired", "the signer's certificate ended a second ago", expired, under(mid, life(from, at.Add(-time.Second)))),
		by("signer-not-yet-valid", "the signer's certificate began after signing", expired, under(mid, life(at.Add(-time.Second), to))),
		by("signer-revoked", "the signer is on the policy's list", reason.SignerRevoked, func(w *world) *sign.Pair { return w.revokedA }),
		by("signer-on-crl", "the signer is on its CA's CRL", reason.SignerRevoked, func(w *world) *sign.Pair { return w.listedA }),
		by("municipality-other-ca", "another city's CA vouches for this city's signer", reason.SignerWrongMunicipality, under(func(w *world) *sign.Pair { return w.rootB }, none)),
		{name: "municipality-other-signer", about: "another city signed a statement of this city", reason: reason.SignerWrongMunicipality, change: func(d *draft) { d.signer = d.w.signerB }},
		{name: "municipality-not-applied-to", about: "applied to A, all of it from B", reason: reason.SignerWrongMunicipality, also: also(reason.OtherApplication), change: func(d *draft) {
			d.city(cityB, d.w.signerB)
			d.application.Municipality = cityA
		}},
		{name: "municipality-in-statement", about: "rightly signed by A, the statement says B", reason: reason.SignerWrongMunicipality, also: also(reason.OtherApplication), change: func(d *draft) {
			d.statement.Municipality = cityB
		}},
		by("municipality-no-organization", "the signer's subject has no organizationIdentifier", reason.SignerWrongMunicipality,
			under(mid, func(c *x509.Certificate) { c.Subject.ExtraNames = nil })),
	}
}

// timeCases are about package-stale.
func timeCases() []vectorCase {
	stale := func(name, about string, f func(*draft)) vectorCase {
		return vectorCase{name: name, about: about, reason: reason.PackageStale, change: f}
	}
	return []vectorCase{
		stale("stale-signed-before", "signed before the transaction began, by more than the skew", func(d *draft) { d.began = d.statement.IssuedAt.Add(5*time.Minute + time.Second) }),
		stale("stale-future", "signed and issued further ahead than the skew", func(d *draft) {
			d.statement.IssuedAt, d.statement.ExpiresAt = protocol.At(d.at.Add(5*time.Minute+time.Second)), protocol.At(d.at.Add(9*time.Minute))
		}),
		stale("stale-expired", "expires at the very second of the check: no skew is granted", func(d *draft) { d.statement.ExpiresAt = protocol.At(d.at) }),
		stale("stale-lives-too-long", "lives a second longer than the policy's cap", func(d *draft) {
			d.statement.ExpiresAt = protocol.At(d.statement.IssuedAt.Add(15*time.Minute + time.Second))
		}),
	}
}

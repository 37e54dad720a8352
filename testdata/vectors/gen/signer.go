package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

// by lets somebody else sign, whom f makes.
func by(f func(*world) *sign.Pair) func(*draft) { return func(d *draft) { d.signer = f(d.w) } }

// under makes a signer of A's, adjusted, under a CA.
func under(ca func(*world) *sign.Pair, adjust func(*x509.Certificate)) func(*draft) {
	return by(func(w *world) *sign.Pair {
		return must(ca(w).NewSigner(cityA, adjusted("Strange Issuer A", p256("strange"), adjust)))
	})
}

func midOf(w *world) *sign.Pair { return w.midA }

func unadjusted(*x509.Certificate) {}

// below is a signer with n intermediates above it.
func (w *world) below(n int) *sign.Pair {
	ca := w.rootA
	for i := range n {
		name := fmt.Sprintf("CA %d", i+1)
		ca = must(ca.NewCA(template(name, p256(name))))
	}
	return w.signer(ca, cityA, "Deep Issuer A", p256("deep"))
}

func life(from, to time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, to }
}

// organizations replaces the signer's organizationIdentifiers.
func organizations(values ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.ExtraNames = nil
		for _, v := range values {
			c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: v})
		}
	}
}

// signerCases are about who signed: rows "chain" to "offer".
func signerCases() []vectorCase {
	out := slices.Concat(chainCases(), authorityCases(), group("signer", reason.SignerExpired,
		row{"expired", "the signer's certificate ended a second ago", under(midOf, life(from, at.Add(-time.Second))), nil},
		row{"expired-long-ago", "the signer's certificate ended before it signed", under(midOf, life(from, from.AddDate(0, 1, 0))), nil},
		row{"not-yet-valid", "the signer's certificate began after signing", under(midOf, life(at.Add(-time.Second), to)), nil},
		row{"not-valid-now", "the signer's certificate begins in a second", under(midOf, life(at.Add(time.Second), to)), nil},
		row{"pin-expired", "a pinned signer's certificate ended a second ago", pinned(func(w *world) *sign.Pair { return w.oldPinC }), nil},
	), group("signer", reason.SignerRevoked,
		row{"revoked", "the signer is on the policy's list", by(func(w *world) *sign.Pair { return w.revokedA }), nil},
		row{"on-crl", "the signer is on its CA's CRL", by(func(w *world) *sign.Pair { return w.listedA }), nil},
		row{"pin-revoked", "a pinned signer is on the policy's list", pinned(func(w *world) *sign.Pair { return w.revokedPinC }), nil},
	), municipalityCases())
	for i := range out {
		if out[i].name == "signer-forged-crl" {
			out[i].policy = "policy-crl.toml"
		}
	}
	return out
}

// pinned has C issue, by a signer of its own.
func pinned(f func(*world) *sign.Pair) func(*draft) {
	return func(d *draft) { d.city(cityC, f(d.w)) }
}

func chainCases() []vectorCase {
	stranger := func(w *world) *sign.Pair { return w.stranger }
	return group("signer", reason.SignerUntrusted,
		row{"stranger", "a CA that no policy names", under(stranger, unadjusted), nil},
		row{"stranger-expired", "a CA that no policy names, and the signer has expired: the chain is judged first",
			under(stranger, life(from, at.Add(-time.Second))), also(reason.SignerExpired)},
		row{"same-name-ca", "a CA with the anchor's name and another key", under(func(w *world) *sign.Pair {
			t := template("", p256("impostor"))
			t.Subject = &w.rootA.Certificate.Subject
			return must(sign.NewCA(t))
		}, unadjusted), nil},
		row{"same-name-and-identifier-ca", "the same, and it claims the anchor's key identifier", under(func(w *world) *sign.Pair {
			return must(sign.NewCA(adjusted("", p256("impostor"), func(c *x509.Certificate) {
				c.Subject, c.SubjectKeyId = w.rootA.Certificate.Subject, w.rootA.Certificate.SubjectKeyId
			})))
		}, unadjusted), nil},
		row{"no-intermediate", "the intermediate was left out", cms(func(c *forge.CMS, _ *forge.Signer) { c.Certificates = c.Certificates[:1] }), nil},
		row{"six-intermediates", "an intermediate more than there may be", by(func(w *world) *sign.Pair { return w.below(6) }), nil},
		row{"loop", "two CAs that certify each other", under(func(w *world) *sign.Pair {
			a := must(w.stranger.NewCA(template("Loop A", p256("loop A"))))
			b := must(a.NewCA(template("Loop B", p256("loop B"))))
			return &sign.Pair{Certificate: b.Certificate, Key: b.Key, Chain: []*x509.Certificate{must(b.NewCA(template("Loop A", p256("loop A")))).Certificate}}
		}, unadjusted), nil},
		row{"self-signed", "a signer that certifies itself", by(func(*world) *sign.Pair {
			return must(sign.NewCA(adjusted("Myself", p256("myself"), func(c *x509.Certificate) {
				organizations("GOVJP-" + string(cityA))(c)
				c.IsCA, c.KeyUsage, c.UnknownExtKeyUsage = false, x509.KeyUsageDigitalSignature, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}}
			})))
		}), nil},
		row{"register", "the register's key, under the register's CA", by(func(w *world) *sign.Pair { return w.registrarA }), nil},
		row{"pin-twin", "a pinned signer's key, in a certificate that is not pinned", pinned(func(w *world) *sign.Pair {
			return must(w.stranger.NewSigner(cityC, template("Twin of Village Hall C", w.pinC.Key)))
		}), nil},
	)
}

// authorityCases have a chain that may not be used.
func authorityCases() []vectorCase {
	ca := func(adjust func(*x509.Certificate)) func(*draft) {
		return under(func(w *world) *sign.Pair { return must(w.rootA.NewCA(adjusted("Odd CA", p256("odd CA"), adjust))) }, unadjusted)
	}
	leaf := func(adjust func(*x509.Certificate)) func(*draft) { return under(midOf, adjust) }
	usage := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, u }
	}
	return group("signer", reason.SignerUntrusted,
		row{"is-ca", "the signer is itself a CA", leaf(func(c *x509.Certificate) { c.IsCA = true }), nil},
		row{"is-issuing-ca", "the issuing CA signs documents itself", by(midOf), nil},
		row{"is-anchor", "the anchor signs documents itself", by(func(w *world) *sign.Pair { return w.rootA }), nil},
		row{"key-usage", "the key usage allows key agreement only", leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }), nil},
		row{"no-document-signing", "the extended key usage is missing", leaf(usage()), nil},
		row{"any-usage", "an extended key usage that allows anything", leaf(usage(x509.ExtKeyUsageAny)), nil},
		row{"server", "a TLS server's certificate", leaf(usage(x509.ExtKeyUsageServerAuth)), nil},
		row{"critical", "the signer's certificate has a critical extension that nobody knows", leaf(func(c *x509.Certificate) { c.ExtraExtensions = critical }), nil},
		row{"under-signer", "issued by a signer, which is no CA", under(func(w *world) *sign.Pair { return w.signerA }, unadjusted), nil},
		row{"path-length", "an intermediate too many for its CA's path length", under(func(w *world) *sign.Pair {
			t := template("Short", p256("short"))
			t.PathLen = -1
			short := must(w.rootA.NewCA(t))
			return must(short.NewCA(template("Below Short", p256("below short"))))
		}, unadjusted), nil},
		row{"expired-ca", "the intermediate ended a second ago", ca(life(from, at.Add(-time.Second))), nil},
		row{"not-yet-valid-ca", "the intermediate begins in a second", ca(life(at.Add(time.Second), to)), nil},
		row{"expired-anchor", "the anchor ended a second ago", under(func(w *world) *sign.Pair { return w.oldRootA }, unadjusted), nil},
		row{"revoked-ca", "the intermediate is on the policy's list", under(func(w *world) *sign.Pair { return w.revokedMidA }, unadjusted), nil},
		row{"ca-on-crl", "the intermediate is on the anchor's CRL", under(func(w *world) *sign.Pair { return w.listedMidA }, unadjusted), nil},
		row{"forged-crl", "the policy's CRL bears the intermediate's name, and not its signature", by(func(w *world) *sign.Pair { return w.signerA }), nil},
		row{"ca-key-usage", "the intermediate may sign CRLs only", ca(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), nil},
		row{"ca-for-servers", "the intermediate is for TLS servers", ca(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), nil},
		row{"ca-critical", "the intermediate has a critical extension that nobody knows", ca(func(c *x509.Certificate) { c.ExtraExtensions = critical }), nil},
		row{"ca-policy", "the intermediate demands a certificate policy that the signer has not", ca(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}}}
		}), nil},
		row{"ca-names", "the intermediate may not issue for the signer's name", under(func(w *world) *sign.Pair {
			return must(w.rootA.NewCA(adjusted("Narrow CA", p256("narrow CA"), func(c *x509.Certificate) {
				c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"lg.example"}
			})))
		}, func(c *x509.Certificate) { c.DNSNames = []string{"issuer.example.org"} }), nil},
		row{"pin-is-ca", "a pinned signer is a CA", pinned(func(w *world) *sign.Pair { return w.caPinC }), nil},
		row{"pin-critical", "a pinned signer has a critical extension that nobody knows", pinned(func(w *world) *sign.Pair { return w.oddPinC }), nil},
		row{"pin-key-usage", "a pinned signer's key usage allows key agreement only", pinned(func(w *world) *sign.Pair { return w.agreementPinC }), nil},
	)
}

func municipalityCases() []vectorCase {
	leaf := func(values ...string) func(*draft) { return under(midOf, organizations(values...)) }
	other := also(reason.OtherApplication)
	return group("municipality", reason.SignerWrongMunicipality,
		row{"no-organization", "the signer's subject has no organizationIdentifier", leaf(), nil},
		row{"two-organizations", "the signer's subject has the organizationIdentifier twice", leaf("GOVJP-"+string(cityA), "GOVJP-"+string(cityA)), nil},
		row{"other-scheme", "an organizationIdentifier of another scheme", leaf("VATJP-" + string(cityA)), nil},
		row{"short-code", "an organizationIdentifier of five digits", leaf("GOVJP-99101"), nil},
		row{"unknown", "a municipality that no policy names", leaf("GOVJP-999999"), nil},
		row{"other-ca", "another city's CA vouches for this city's signer", under(func(w *world) *sign.Pair { return w.rootB }, unadjusted), nil},
		row{"own-ca-other-city", "this city's CA vouches for another city's signer, who issues for that city", func(d *draft) {
			d.city(cityB, d.w.signer(d.w.midA, cityB, "Issuer B under A", p256("B under A")))
		}, nil},
		row{"other-signer", "another city signed a statement of this city", by(func(w *world) *sign.Pair { return w.signerB }), nil},
		row{"other-pin", "another city's pinned signer signed a statement of this city", by(func(w *world) *sign.Pair { return w.pinC }), nil},
		row{"not-applied-to", "applied to A, all of it from B", func(d *draft) {
			d.city(cityB, d.w.signerB)
			d.application.Municipality = cityA
		}, other},
		row{"in-statement", "rightly signed by A, the statement says B", func(d *draft) { d.statement.Municipality = cityB }, other},
	)
}

// timeCases are about package-stale.
func timeCases() []vectorCase {
	lives := func(issued, expires time.Duration) func(*draft) {
		return func(d *draft) {
			d.statement.IssuedAt, d.statement.ExpiresAt = protocol.At(d.at.Add(issued)), protocol.At(d.at.Add(expires))
			d.statement.Record.AsOf = protocol.At(d.statement.IssuedAt.Add(-time.Second))
		}
	}
	signedAt := func(after time.Duration) func(*draft) {
		return cms(func(_ *forge.CMS, s *forge.Signer) { s.Set(forge.SigningTime, forge.UTCTime(at.Add(after))) })
	}
	const skew = 5 * time.Minute
	return group("stale", reason.PackageStale,
		row{"signed-before", "signed before the transaction began, by more than the skew", func(d *draft) { d.began = d.statement.IssuedAt.Add(skew + time.Second) }, nil},
		row{"signed-yesterday", "signed a day ago, issued now", signedAt(-24 * time.Hour), nil},
		row{"signed-future", "signed further ahead than the skew, issued now", signedAt(skew + time.Second), nil},
		row{"future", "signed and issued further ahead than the skew", lives(skew+time.Second, 9*time.Minute), nil},
		row{"issued-future", "signed now, issued further ahead than the skew", func(d *draft) {
			lives(skew+time.Second, 9*time.Minute)(d)
			d.began = at.Add(-time.Minute)
			signedAt(0)(d)
		}, nil},
		row{"expired", "expires at the very second of the check: no skew is granted", lives(-25*time.Second, 0), nil},
		row{"expired-long-ago", "a package of yesterday, whose transaction began today", func(d *draft) {
			lives(-24*time.Hour, -24*time.Hour+5*time.Minute)(d)
			d.began = at.Add(-time.Minute)
		}, nil},
		row{"lives-too-long", "lives a second longer than the policy's cap", lives(-25*time.Second, 15*time.Minute-24*time.Second), nil},
	)
}

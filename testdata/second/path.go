package second

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"regexp"
	"slices"
	"time"
)

// documentSigning is id-kp-documentSigning (RFC 9336).
var (
	documentSigning        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
	organizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}
	government             = regexp.MustCompile(`^GOVJP-(\d{6})$`)
)

// issued says whether names, key identifiers and the signature fit. A signature too weak for crypto/x509 is taken for
// one: the row "algorithms" refuses it.
func issued(ca, c *x509.Certificate) bool {
	if !bytes.Equal(ca.RawSubject, c.RawIssuer) || len(ca.SubjectKeyId) > 0 && len(c.AuthorityKeyId) > 0 && !bytes.Equal(ca.SubjectKeyId, c.AuthorityKeyId) {
		return false
	}
	err := ca.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	return err == nil || errors.As(err, new(x509.InsecureAlgorithmError)) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

func valid(c *x509.Certificate, t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// card judges row 1.
func (c *check) card() {
	ok := slices.ContainsFunc(c.Policy.Cards, func(a *x509.Certificate) bool {
		return issued(a, c.Card) && valid(a, c.Now) && a.IsCA && (a.KeyUsage == 0 || a.KeyUsage&x509.KeyUsageCertSign != 0)
	}) && strongKey(c.Card) &&
		(c.Card.KeyUsage == 0 || c.Card.KeyUsage&x509.KeyUsageDigitalSignature != 0) && !c.Card.IsCA && len(c.Card.UnhandledCriticalExtensions) == 0
	c.need(ok, "card-untrusted")
	c.need(valid(c.Card, c.Now), "card-expired")
}

// findPath fills path, or pin. Among several paths it takes one on which nothing fails, if there is one.
func (c *check) findPath() {
	s := c.signed
	for _, t := range c.Policy.Towns {
		if slices.ContainsFunc(t.pins, s.signer.Equal) {
			s.pin = t.code
			return
		}
	}
	for _, p := range c.paths([]*x509.Certificate{s.signer}) {
		old := s.path
		if s.path = p; s.strong() && c.pathGood(p) {
			return
		}
		if old != nil {
			s.path = old
		}
	}
}

// paths are all ways from the last certificate up to an anchor.
func (c *check) paths(down []*x509.Certificate) (all [][]*x509.Certificate) {
	last := down[len(down)-1]
	for _, t := range c.Policy.Towns {
		for _, a := range t.anchors {
			if issued(a, last) {
				all = append(all, append(slices.Clone(down), a))
			}
		}
	}
	if len(down) > 5 {
		return all
	}
	for _, o := range c.signed.others {
		if !slices.ContainsFunc(down, o.Equal) && issued(o, last) {
			all = append(all, c.paths(append(slices.Clone(down), o))...)
		}
	}
	return all
}

// trust judges the rows "chain", "validity", "use" and "revocation".
func (c *check) trust() {
	s := c.signed
	if s.signer.PublicKey == nil {
		return // its certificate could not be read further
	}
	c.need(s.path != nil && s.strongChain() || s.pin != "", "signer-untrusted") // a weak signature links nothing
	c.need(valid(s.signer, c.Now) && (s.time.IsZero() || valid(s.signer, s.time)), "signer-expired")
	c.need(c.pathGood(s.path) && signerUse(s.signer, s.pin != ""), "signer-untrusted")
	c.need(!c.revoked(s.path, s.signer, 1), "signer-revoked")
}

// signerUse judges the signer's own extensions.
func signerUse(c *x509.Certificate, pinned bool) bool {
	signs := c.KeyUsage == 0 || c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
	made := slices.ContainsFunc(c.UnknownExtKeyUsage, documentSigning.Equal)
	return !c.IsCA && signs && (made || pinned) && known(c)
}

// known is false for a critical extension that this check does not judge.
func known(c *x509.Certificate) bool {
	judged := []string{"2.5.29.15", "2.5.29.19", "2.5.29.37"}
	for _, e := range c.Extensions {
		if e.Critical && !slices.Contains(judged, e.Id.String()) {
			return false
		}
	}
	return true
}

// pathGood judges the CAs of a path.
func (c *check) pathGood(path []*x509.Certificate) bool {
	below := 0 // CAs below that are not self-issued
	for i, ca := range path {
		if i == 0 {
			continue
		}
		length := ca.MaxPathLen > 0 || ca.MaxPathLenZero
		eku := len(ca.ExtKeyUsage)+len(ca.UnknownExtKeyUsage) == 0 || slices.Contains(ca.ExtKeyUsage, x509.ExtKeyUsageAny) || slices.ContainsFunc(ca.UnknownExtKeyUsage, documentSigning.Equal)
		if !valid(ca, c.Now) || !ca.BasicConstraintsValid || !ca.IsCA || length && below > ca.MaxPathLen ||
			ca.KeyUsage != 0 && ca.KeyUsage&x509.KeyUsageCertSign == 0 || !eku || !known(ca) || c.revoked(path, ca, i+1) || !c.listsSigned(ca) {
			return false
		}
		if !bytes.Equal(ca.RawSubject, ca.RawIssuer) {
			below++
		}
	}
	return true
}

// covers says whether a CRL is this CA's by name and key identifier.
func covers(l *x509.RevocationList, ca *x509.Certificate) bool {
	return bytes.Equal(l.RawIssuer, ca.RawSubject) && (len(l.AuthorityKeyId) == 0 || len(ca.SubjectKeyId) == 0 || bytes.Equal(l.AuthorityKeyId, ca.SubjectKeyId))
}

// listsSigned says whether each CRL that covers a CA has its signature.
func (c *check) listsSigned(ca *x509.Certificate) bool {
	for _, t := range c.Policy.Towns {
		for _, l := range t.crls {
			if covers(l, ca) && l.CheckSignatureFrom(ca) != nil {
				return false
			}
		}
	}
	return true
}

// revoked looks a certificate up in the lists, and in the CRLs of the one above it in the path.
func (c *check) revoked(path []*x509.Certificate, cert *x509.Certificate, up int) bool {
	if c.Policy.listed(cert) {
		return true
	}
	if up >= len(path) {
		return false
	}
	for _, t := range c.Policy.Towns {
		for _, l := range t.crls {
			if covers(l, path[up]) && slices.ContainsFunc(l.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(cert.SerialNumber) == 0 }) {
				return true
			}
		}
	}
	return false
}

// municipality judges the rows "municipality" and "offer".
func (c *check) municipality() {
	s := c.signed
	if s.home = s.pin; s.home == "" {
		s.home = c.named()
	}
	c.need(s.home != "" && (c.Application == nil || c.Application.Municipality == s.home), "signer-wrong-municipality")
}

// named is the one organizationIdentifier's municipality, if the path ends in an anchor of its own.
func (c *check) named() string {
	code, n := "", 0
	for _, a := range c.signed.signer.Subject.Names {
		if a.Type.Equal(organizationIdentifier) {
			n++
			if m := government.FindStringSubmatch(a.Value.(string)); m != nil {
				code = m[1]
			}
		}
	}
	anchor := c.signed.path[len(c.signed.path)-1]
	own := slices.ContainsFunc(c.Policy.Towns, func(t town) bool { return t.code == code && slices.ContainsFunc(t.anchors, anchor.Equal) })
	if n != 1 || !own {
		return ""
	}
	return code
}

package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"sync"
	"time"
)

// Bounds of the search for paths. They keep a package full of look-alike CAs from costing seconds.
const (
	maxIntermediates = 5
	maxVerifications = 64
	maxCached        = 4096
)

// path is a certification path whose links (name, key identifier, signature) hold, whatever the time.
type path struct {
	signer        *certificate
	intermediates []*certificate // from the signer's issuer upwards
	anchor        *anchor
	badCRL        bool // a CRL of the policy covers a certificate here and is not signed by its issuer

	agree   sync.Once // x509's own opinion; see agreed
	opinion error
}

// authorities returns the CAs of the path, from the signer's issuer to the anchor.
func (p *path) authorities() []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range p.intermediates {
		out = append(out, c.x509)
	}
	return append(out, p.anchor.cert.x509)
}

// search walks from the signer upwards through the package's certificates to anchors.
type search struct {
	store  *Store
	pool   []*certificate
	budget int
	found  []*path
	weak   string // of a certificate met on the way; counts only when nothing was found
}

// paths returns the paths from c to anchors of s, through pool; when there is none, why a certificate met on the way
// is weak, if one is.
func (s *Store) paths(c *certificate, pool []*certificate) ([]*path, string) {
	x := &search{store: s, pool: pool, budget: maxVerifications}
	x.from(c, nil, c)
	if len(x.found) > 0 {
		return x.found, ""
	}
	return nil, x.weak
}

func (x *search) from(signer *certificate, below []*certificate, top *certificate) {
	for _, a := range x.store.anchors[string(top.issuer)] {
		if x.links(top, a.cert) {
			p := &path{signer: signer, intermediates: slices.Clone(below), anchor: a}
			p.badCRL = x.store.doubts(p)
			x.found = append(x.found, p)
		}
	}
	if len(below) == maxIntermediates {
		return
	}
	for _, c := range x.pool {
		if c != signer && !slices.Contains(below, c) && x.links(top, c) {
			x.from(signer, append(slices.Clone(below), c), c)
		}
	}
}

// links reports whether parent issued child. Names must match; where both carry key identifiers, so must these, so
// that generations of a CA with one name are told apart. A weak signature or CA links nothing, but is noted.
func (x *search) links(child, parent *certificate) bool {
	if !bytes.Equal(child.issuer, parent.subject) {
		return false
	}
	if child.x509 != nil && parent.x509 != nil && !identifiers(child.x509.AuthorityKeyId, parent.x509.SubjectKeyId) {
		return false
	}
	if w := child.weakSignature + parent.weak(); w != "" || child.x509 == nil {
		x.weak = w
		return false
	}
	x.budget--
	return x.budget >= 0 && signedBy(child.x509, parent.x509)
}

func signedBy(child, parent *x509.Certificate) bool {
	return parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}

// doubts reports whether a CRL covers a certificate of p without being signed by that certificate's issuer.
func (s *Store) doubts(p *path) bool {
	child := p.signer.x509
	for _, ca := range p.authorities() {
		for _, l := range s.crls[string(child.RawIssuer)] {
			if l.covers(child) && !l.verified && l.list.CheckSignatureFrom(ca) != nil {
				return true
			}
		}
		child = ca
	}
	return false
}

var (
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidDocumentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36} // RFC 9336
)

// fault says why the path may not be used at the instant now, or "". The signer's own validity is another row's.
func (p *path) fault(s *Store, now time.Time) string {
	selfIssued := 0
	for below, ca := range p.authorities() {
		if f := authorityFault(ca, below-selfIssued, now); f != "" {
			return f
		}
		if s.revokes(ca) {
			return "a CA's certificate was revoked"
		}
		if bytes.Equal(ca.RawSubject, ca.RawIssuer) {
			selfIssued++
		}
	}
	if p.badCRL {
		return "a CRL is not signed by the CA it speaks for"
	}
	if validAt(p.signer.x509, now) && p.agreed(now) != nil {
		return "the path is not valid"
	}
	return ""
}

// authorityFault judges one CA with so many intermediates below it (RFC 5280 §6.1.4).
func authorityFault(ca *x509.Certificate, below int, now time.Time) string {
	switch {
	case !validAt(ca, now):
		return "a CA's certificate is not valid now"
	case !ca.BasicConstraintsValid || !ca.IsCA:
		return "a certificate was issued by one that is not a CA"
	case ca.MaxPathLen >= 0 && below > ca.MaxPathLen:
		return "a CA's path length is exceeded"
	case restricts(ca, x509.KeyUsageCertSign):
		return "a CA's key may not sign certificates"
	case len(ca.UnhandledCriticalExtensions) > 0:
		return "a CA's certificate has a critical extension that is not known"
	case hasExtendedUsage(ca) && !allows(ca, oidDocumentSigning):
		return "a CA may not issue for document signing"
	}
	return ""
}

// agreed asks the standard library about this very path, for what the rows do not name (name and policy constraints).
// It is asked once, at an instant when all its certificates are valid: nothing else in its answer depends on time.
func (p *path) agreed(now time.Time) error {
	p.agree.Do(func() {
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(p.anchor.cert.x509)
		for _, c := range p.intermediates {
			between.AddCert(c.x509)
		}
		_, p.opinion = p.signer.x509.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	})
	return p.opinion
}

// signerFault says why c may not sign documents, or "".
func signerFault(c *x509.Certificate, pinned bool) string {
	switch {
	case c.IsCA:
		return "the signer is a CA"
	case restricts(c, x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment):
		return "the signer's key usage allows neither digitalSignature nor contentCommitment"
	case len(c.UnhandledCriticalExtensions) > 0:
		return "the signer's certificate has a critical extension that is not known"
	case !pinned && !slices.ContainsFunc(c.UnknownExtKeyUsage, oidDocumentSigning.Equal):
		return "the signer's certificate is not for document signing"
	}
	return ""
}

// restricts reports whether c has a key usage extension that allows none of usages.
func restricts(c *x509.Certificate, usages x509.KeyUsage) bool {
	there := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
	return there && c.KeyUsage&usages == 0
}

func hasExtendedUsage(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
}

// allows reports whether c's extended key usages name usage or any. Usages that x509 does not name are only in
// UnknownExtKeyUsage.
func allows(c *x509.Certificate, usage asn1.ObjectIdentifier) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) || slices.ContainsFunc(c.UnknownExtKeyUsage, usage.Equal)
}

// pathCache keeps the paths of signers until the first of their certificates expires. What is kept does not depend
// on time or on what else is in the cache: with or without it every answer is the same.
type pathCache struct {
	mu      sync.Mutex
	entries map[[32]byte]cached
}

type cached struct {
	paths []*path
	until time.Time
}

// pathsOf is [Store.paths], remembered by signer and the whole set of certificates that came with it.
func (s *Store) pathsOf(m *Message, c *certificate, now time.Time) ([]*path, string) {
	key := cacheKey(c.raw, m.certSet)
	if p := s.cache.get(key, now); p != nil {
		return p, ""
	}
	p, weak := s.paths(c, m.certs)
	if len(p) > 0 {
		s.cache.put(key, p, now)
	}
	return p, weak
}

func cacheKey(signer, set []byte) (key [32]byte) {
	one := sha256.Sum256(signer)
	h := sha256.New()
	h.Write(one[:])
	h.Write(set)
	h.Sum(key[:0])
	return key
}

func (c *pathCache) get(key [32]byte, now time.Time) []*path {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; now.Before(e.until) {
		return e.paths
	}
	return nil
}

func (c *pathCache) put(key [32]byte, paths []*path, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := paths[0].signer.x509.NotAfter
	for _, p := range paths {
		for _, ca := range p.authorities() {
			until = earlier(until, ca.NotAfter)
		}
	}
	if c.entries == nil || len(c.entries) >= maxCached {
		c.entries = map[[32]byte]cached{}
	}
	if now.Before(until) {
		c.entries[key] = cached{paths, until}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

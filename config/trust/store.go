package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"honnin/config/protocol"
)

// Authority is what one municipality trusts for one purpose.
type Authority struct {
	Municipality protocol.Municipality
	Anchors      []*x509.Certificate
	Pins         []*x509.Certificate // signers trusted without chain, extended key usage and organizationIdentifier
	Revoked      []protocol.Digest   // SHA-256 of a revoked signer's or intermediate's DER
	CRLs         []*x509.RevocationList
}

// Store holds the authorities of one purpose. It never changes, but for its cache of verified paths; it is safe for
// concurrent use.
type Store struct {
	anchors map[string][]*anchor // by subject: several generations of a CA share one
	pins    map[protocol.Digest]protocol.Municipality
	revoked map[protocol.Digest]bool
	crls    map[string][]*crl // by issuer
	cache   pathCache
}

// anchor is a trust anchor and the municipalities it may vouch for.
type anchor struct {
	cert           *certificate
	municipalities []protocol.Municipality
}

// NewStore builds a store. It refuses a pin that two municipalities claim, and CRLs with critical extensions or
// of an anchor whose signature they do not bear.
func NewStore(authorities ...Authority) (*Store, error) {
	s := &Store{
		anchors: map[string][]*anchor{}, pins: map[protocol.Digest]protocol.Municipality{},
		revoked: map[protocol.Digest]bool{}, crls: map[string][]*crl{},
	}
	for _, a := range authorities {
		if err := s.add(a); err != nil {
			return nil, fmt.Errorf("trust: municipality %s: %w", a.Municipality, err)
		}
	}
	for _, list := range s.crls {
		for _, l := range list {
			if err := l.checkAgainst(s.anchors[string(l.list.RawIssuer)]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *Store) add(a Authority) error {
	if _, err := protocol.ParseMunicipality(string(a.Municipality)); err != nil {
		return err
	}
	for _, c := range a.Anchors {
		s.addAnchor(c, a.Municipality)
	}
	for _, c := range a.Pins {
		d := protocol.Fingerprint(c.Raw)
		if other, there := s.pins[d]; there && other != a.Municipality {
			return fmt.Errorf("its pinned signer is also %s's", other)
		}
		s.pins[d] = a.Municipality
	}
	for _, d := range a.Revoked {
		s.revoked[d] = true
	}
	for _, l := range a.CRLs {
		c, err := newCRL(l)
		if err != nil {
			return err
		}
		s.crls[string(l.RawIssuer)] = append(s.crls[string(l.RawIssuer)], c)
	}
	return nil
}

func (s *Store) addAnchor(c *x509.Certificate, m protocol.Municipality) {
	name := string(c.RawSubject)
	for _, a := range s.anchors[name] {
		if a.cert.x509.Equal(c) {
			a.municipalities = append(a.municipalities, m)
			return
		}
	}
	s.anchors[name] = append(s.anchors[name], &anchor{known(c), []protocol.Municipality{m}})
}

// known wraps a certificate of the policy.
func known(c *x509.Certificate) *certificate {
	return &certificate{raw: c.Raw, issuer: c.RawIssuer, subject: c.RawSubject, x509: c,
		weakKey: weakKey(c.PublicKey), weakSignature: weakSignature(c)}
}

// revokes reports whether the policy's list or one of its CRLs names c. A CRL is believed here without regard to
// its signature: the policy names it, and a doubt must not make a revoked signer good.
func (s *Store) revokes(c *x509.Certificate) bool {
	return s.revoked[protocol.Fingerprint(c.Raw)] ||
		slices.ContainsFunc(s.crls[string(c.RawIssuer)], func(l *crl) bool { return l.names(c) })
}

// crl is a revocation list of the policy.
type crl struct {
	list     *x509.RevocationList
	serials  map[string]bool
	verified bool // by an anchor; a list by an intermediate is verified when that one turns up in a package
}

func newCRL(l *x509.RevocationList) (*crl, error) {
	c := &crl{list: l, serials: make(map[string]bool, len(l.RevokedCertificateEntries))}
	for _, e := range l.Extensions {
		if e.Critical {
			return nil, errors.New("a CRL that covers only a part (critical extension)")
		}
	}
	for _, e := range l.RevokedCertificateEntries {
		for _, x := range e.Extensions {
			if x.Critical {
				return nil, errors.New("an indirect CRL (critical entry extension)")
			}
		}
		c.serials[e.SerialNumber.String()] = true
	}
	return c, nil
}

// checkAgainst verifies the list with the anchor whose name and key identifier it bears, where there is one.
func (l *crl) checkAgainst(sameName []*anchor) error {
	claimed := false
	for _, a := range sameName {
		if !identifiers(l.list.AuthorityKeyId, a.cert.x509.SubjectKeyId) {
			continue
		}
		claimed = true
		if err := l.list.CheckSignatureFrom(a.cert.x509); err == nil {
			l.verified = true
			return nil
		}
	}
	if claimed {
		return errors.New("trust: a CRL bears an anchor's name but not its signature")
	}
	return nil
}

// covers reports whether the list speaks about certificates of c's issuer, by name and key.
func (l *crl) covers(c *x509.Certificate) bool {
	return string(l.list.RawIssuer) == string(c.RawIssuer) && identifiers(l.list.AuthorityKeyId, c.AuthorityKeyId)
}

func (l *crl) names(c *x509.Certificate) bool {
	return l.covers(c) && l.serials[c.SerialNumber.String()]
}

// identifiers reports whether two key identifiers do not speak against being one key's; an absent one says nothing.
func identifiers(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || string(a) == string(b) }

func validAt(c *x509.Certificate, t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// Candidate is a message held against a store at one instant. Its checks are the rows that need either.
type Candidate struct {
	*Message
	store *Store
	now   time.Time

	cert     *certificate // nil when the package does not say which
	pinned   bool
	path     *path  // the best there is; nil without one, or for a pin
	weakLink string // of a certificate on the way to an anchor that was not reached
}

// Against holds m against what s trusts at the instant now. A candidate is for one goroutine; the store is for any.
func (m *Message) Against(s *Store, now time.Time) *Candidate {
	c := &Candidate{Message: m, store: s, now: now, cert: m.certificate()}
	if c.cert == nil || c.cert.x509 == nil {
		return c
	}
	if _, c.pinned = s.pins[protocol.Fingerprint(c.cert.raw)]; c.pinned {
		return c
	}
	paths, weak := s.pathsOf(m, c.cert, now)
	c.path, c.weakLink = c.best(paths), weak
	return c
}

// best prefers a path without fault that ends at the signer's own municipality, then one without fault: cross
// certificates may lead to several anchors, and one good path is enough.
func (c *Candidate) best(paths []*path) *path {
	own, _ := organization(c.cert.x509)
	var best *path
	rank := -1
	for _, p := range paths {
		r := 0
		if p.fault(c.store, c.now) == "" {
			r = 1
			if slices.Contains(p.anchor.municipalities, own) {
				r = 2
			}
		}
		if r > rank {
			best, rank = p, r
		}
	}
	return best
}

// CheckAlgorithms: one allowed hash everywhere, an allowed signature algorithm with its exact parameters, an allowed
// key; the certificates of the path too, each with its own hash [signature-weak].
func (c *Candidate) CheckAlgorithms() error {
	si := c.signer()
	if si == nil {
		return ErrUnjudged
	}
	digest := si.digest.hash()
	switch id, ok := si.signingCertificate(); {
	case digest == 0:
		return weak("the signer's digest algorithm is not allowed")
	case len(c.digests) != 1 || c.digests[0].hash() != digest:
		return weak("digestAlgorithms is not the signer's one hash")
	case si.scheme().padding == noScheme:
		return weak("the signature algorithm is not allowed, or not with this hash and these parameters")
	case ok && id.hash != digest:
		return weak("signing-certificate-v2 uses another hash")
	case c.cert == nil:
		return ErrUnjudged
	case c.cert.weak() != "":
		return weak("the signer's certificate: " + c.cert.weak())
	case c.weakLink != "":
		return weak("a CA's certificate: " + c.weakLink)
	}
	return nil
}

// CheckChain: the signer is pinned, or chains by key identifiers, names and signatures to an anchor of some
// municipality, whatever the time [signer-untrusted].
func (c *Candidate) CheckChain() error {
	switch {
	case c.cert == nil || c.cert.x509 == nil:
		return ErrUnjudged
	case !c.pinned && c.path == nil:
		return untrusted("the signer does not chain to an anchor of any municipality")
	}
	return nil
}

// CheckValidity: the signer's certificate is valid at signing time and now, to the second [signer-expired].
func (c *Candidate) CheckValidity() error {
	if c.cert == nil || c.cert.x509 == nil {
		return ErrUnjudged
	}
	if !validAt(c.cert.x509, c.now) {
		return reason.Errorf(reason.SignerExpired, "the signer's certificate is not valid now")
	}
	signed, err := c.SigningTime()
	if err != nil {
		return err
	}
	if !validAt(c.cert.x509, signed) {
		return reason.Errorf(reason.SignerExpired, "the signer's certificate was not valid at signing time")
	}
	return nil
}

// CheckUse: every CA of the path is valid now, not revoked, a CA, within its path length; the signer is not a CA and
// may sign documents [signer-untrusted].
func (c *Candidate) CheckUse() error {
	if c.cert == nil || c.cert.x509 == nil {
		return ErrUnjudged
	}
	if c.path != nil {
		if f := c.path.fault(c.store, c.now); f != "" {
			return untrusted(f)
		}
	}
	if f := signerFault(c.cert.x509, c.pinned); f != "" {
		return untrusted(f)
	}
	if c.path == nil && !c.pinned {
		return ErrUnjudged
	}
	return nil
}

// CheckRevocation: neither the policy's list nor its CRLs name the signer's certificate [signer-revoked].
func (c *Candidate) CheckRevocation() error {
	if c.cert == nil || c.cert.x509 == nil {
		return ErrUnjudged
	}
	if c.store.revokes(c.cert.x509) {
		return reason.Errorf(reason.SignerRevoked, "the signer's certificate was revoked")
	}
	return nil
}

// CheckMunicipality: the signer speaks for a municipality that its own anchor vouches for (or is its pinned signer)
// [signer-wrong-municipality]. Whether that is the statement's and the offer's is the caller's to compare with
// [Candidate.Signer].
func (c *Candidate) CheckMunicipality() error {
	if c.cert == nil || c.cert.x509 == nil {
		return ErrUnjudged
	}
	own, ok := c.municipality()
	switch {
	case c.pinned:
		return nil
	case !ok:
		return reason.Errorf(reason.SignerWrongMunicipality, "the signer's organizationIdentifier is not one GOVJP code")
	case c.path == nil:
		return ErrUnjudged
	case !slices.Contains(c.path.anchor.municipalities, own):
		return reason.Errorf(reason.SignerWrongMunicipality, "the signer speaks for %s, its anchor does not", own)
	}
	return nil
}

func (c *Candidate) municipality() (protocol.Municipality, bool) {
	if c.pinned {
		return c.store.pins[protocol.Fingerprint(c.cert.raw)], true
	}
	return organization(c.cert.x509)
}

var oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// organization reads the municipality from the subject's only organizationIdentifier.
func organization(c *x509.Certificate) (m protocol.Municipality, ok bool) {
	for _, n := range c.Subject.Names {
		if !n.Type.Equal(oidOrganizationIdentifier) {
			continue
		}
		text, _ := n.Value.(string)
		code, govjp := strings.CutPrefix(text, "GOVJP-")
		got, err := protocol.ParseMunicipality(code)
		if ok || !govjp || err != nil {
			return "", false
		}
		m, ok = got, true
	}
	return m, ok
}

// CheckSigningTime: signed not earlier than began less skew and not later than now plus skew [package-stale].
func (c *Candidate) CheckSigningTime(began time.Time, skew time.Duration) error {
	signed, err := c.SigningTime()
	switch {
	case err != nil:
		return err
	case signed.After(c.now.Add(skew)):
		return reason.Errorf(reason.PackageStale, "signed in the future")
	case signed.Before(began.Add(-skew)):
		return reason.Errorf(reason.PackageStale, "signed before the transaction began")
	}
	return nil
}

// Signer returns what the package says of its signer; zero where it says nothing readable. True only when every
// check has passed.
func (c *Candidate) Signer() Signer {
	if c.cert == nil || c.cert.x509 == nil {
		return Signer{}
	}
	m, _ := c.municipality()
	at, _ := c.SigningTime()
	return Signer{m, c.cert.x509, at, c.pinned}
}

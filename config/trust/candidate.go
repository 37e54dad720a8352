package trust

import (
	"time"
)

// Candidate is a message held against a store at one instant. Its checks are the rows that need either.
type Candidate struct {
	*Message
	store *Store
	now   time.Time
}

// Against holds m against what s trusts at the instant now. A candidate is for one goroutine; the store is for any.
func (m *Message) Against(s *Store, now time.Time) *Candidate { return &Candidate{m, s, now} }

// CheckAlgorithms: one allowed hash everywhere, an allowed signature algorithm with its exact parameters, an allowed
// key; the certificates of the path too, each with its own hash [signature-weak].
func (c *Candidate) CheckAlgorithms() error { return ErrUnjudged }

// CheckChain: the signer is pinned, or chains by key identifiers, names and signatures to an anchor of some
// municipality, whatever the time [signer-untrusted].
func (c *Candidate) CheckChain() error { return ErrUnjudged }

// CheckValidity: the signer's certificate is valid at signing time and now, to the second [signer-expired].
func (c *Candidate) CheckValidity() error { return ErrUnjudged }

// CheckUse: every CA of the path is valid now, not revoked, a CA, within its path length; the signer is not a CA and
// may sign documents [signer-untrusted].
func (c *Candidate) CheckUse() error { return ErrUnjudged }

// CheckRevocation: neither the policy's list nor its CRLs name the signer's certificate [signer-revoked].
func (c *Candidate) CheckRevocation() error { return ErrUnjudged }

// CheckMunicipality: the signer speaks for a municipality that its own anchor vouches for (or is its pinned signer)
// [signer-wrong-municipality]. Whether that is the statement's and the offer's is the caller's to compare with
// [Candidate.Signer].
func (c *Candidate) CheckMunicipality() error { return ErrUnjudged }

// CheckSigningTime: signed not earlier than began less skew and not later than now plus skew [package-stale].
func (c *Candidate) CheckSigningTime(began time.Time, skew time.Duration) error { return ErrUnjudged }

// Signer returns what the package says of its signer; zero where it says nothing readable. True only when every
// check has passed.
func (c *Candidate) Signer() Signer { return Signer{} }

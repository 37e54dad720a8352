// Package policy is what the operator of all terminals has decided: whom to trust for which municipality, how far
// clocks may differ, how old things may be, and from when on a municipality's service stops by itself.
//
// It is strict TOML (see [Parse]) read once into an immutable [Policy]: an unknown key, a missing one, a file that
// does not hold what it should are errors, because a terminal that has half a configuration prints wrong things. The
// same text is read by a terminal and by "honnind verify". Every default is the one written beside its key:
//
//	version = 1                  # 1 to 2⁵³−1, rising
//	not_before = "2026-12-01T00:00:00+09:00" # a policy that is to be signed has these six, any other only version
//	expires = "2027-03-31T23:59:59+09:00"
//	terminals = ["*"]            # names, or their beginnings with a star: "YOKOHAMA-*"
//	previous = "…"               # SHA-256 of the policy before, in hex; not for version 1
//	clock_skew = "5m"            # up to 1h
//	package_lifetime = "15m"     # cap on expires_at − issued_at, up to 24h
//	crl_max_age = "168h"         # optional; older CRLs put their municipality out of service
//	propagation_limit = "24h"    # optional; a record superseded so long before issued_at is an incident
//	heartbeat = "5m"             # optional; how often the centre hears how a terminal is
//	[policy_keys]
//	threshold = 2                # so many distinct ones sign the next policy; from 2 to all
//	[[policy_keys.key]]
//	name = "office-a"
//	pem = "office-a.pem"         # a certificate or a public key
//	[latch]                      # optional
//	defective = 3                # so many defective refusals …
//	within = "1h"                # … within this time stop a municipality's service
//	all = 3                      # so many stopped ones stop the terminal
//	[card]
//	anchors = ["card-ca.pem"]    # a file beside the policy, or PEM inline; so everywhere below
//	[[municipality]]
//	code = "141003"
//	name = "Practice City"
//	issuing_anchors = []         # or pinned_signers, or both
//	register_anchors = []        # without any no in-force answer is believed
//	pinned_signers = []          # optional
//	revoked = []                 # optional: SHA-256 of signers or intermediates
//	crls = []                    # optional
//	incident_key = "key.pem"     # optional: refused packages are sealed to it; without it they are destroyed
//	[[municipality.software]]    # optional; without any entry every software is accepted
//	name = "practice-issuer"
//	floor = "1.4.0"
//	fixes = []                   # optional
//	[devices]                    # optional, and each of its keys: without it all may be used
//	readers = ["usb"]            # kinds: "pcsc", "usb"
//	printers = ["ipps", "usb"]   # kinds: "ipp", "ipps", "usb"
//	usb = ["054c:0dc9"]          # vendor and product of readers and printers driven over USB
//	printers_without_ipp = false # true: a counter may have one on USB that cannot say what became of a document
//	pin_pad = "use"              # or "require", "ignore": a reader with keys of its own takes the PIN there
//	[[staff]]                    # those who confirm names at a counter; a counter without any does not open
//	id = "1207"                  # 1 to 8 digits, never a name
//	roles = ["confirm"]
//	code = "pbkdf2-sha256:…"     # from "honnind policy staff-code"
//	expires = "2027-03-31"       # the last day, in Japan
//	municipality = "141003"      # optional: only certificates of this one
//	terminals = []               # optional: only at these
//
// POLICY.md beside this file lists every key: services, hours, fees, limits, people and contacts too. Errors name file, line and
// key, and what is allowed there.
//
// A personal code of six digits is found by whoever has its verifier and some hours: the file is for the daemon's user
// alone, and longer codes are better.
package policy

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
)

// Policy is a parsed policy. It never changes and is safe for concurrent use.
type Policy struct {
	version                                        uint64
	head                                           *Head
	skew, lifetime, crlAge, propagation, heartbeat time.Duration
	latch                                          Latch
	cards, testCards                               []*x509.Certificate
	municipalities                                 map[protocol.Municipality]*municipality
	issuing                                        *trust.Store
	practice                                       bool
	staff                                          []staff
	persons                                        []person
	contacts                                       []contact
	deadlines                                      Deadlines
	collectors                                     []Collector
	devices                                        Devices
	limits                                         Limits
	languages, centres                             []string
	centreSigners, terminalAnchors                 []*x509.Certificate
	terminalWarning                                time.Duration
	side                                           keys.Side // as it was written, for Diff
}

// Latch says when defective packages of one municipality stop its service, so many within so long; and how many stopped ones stop
// the terminal.
type Latch struct {
	Defective int
	Within    time.Duration
	All       int // 1 and more
}

type municipality struct {
	name        string
	register    *trust.Store
	crls        []*x509.RevocationList
	incidentKey *ecdh.PublicKey // nil: refused packages are destroyed
	software    []software
	schedule    schedule // where it has no services
	services    map[protocol.Certificate]service
}

type software struct {
	name, floor string
	fixes       []string
}

// ClockSkew is how far any two clocks may differ.
func (p *Policy) ClockSkew() time.Duration { return p.skew }

// PackageLifetime caps a statement's expires_at − issued_at.
func (p *Policy) PackageLifetime() time.Duration { return p.lifetime }

// PropagationLimit is how long before issued_at a record may have been superseded without that being an incident.
func (p *Policy) PropagationLimit() time.Duration { return p.propagation }

// Heartbeat is how often a terminal tells the centre how it is.
func (p *Policy) Heartbeat() time.Duration { return p.heartbeat }

// Latch says what stops a municipality's service, and the terminal.
func (p *Policy) Latch() Latch { return p.latch }

// CardAnchors are the CAs of cards, for [trust.CheckCard].
func (p *Policy) CardAnchors() []*x509.Certificate { return slices.Clone(p.cards) }

// TestAnchors are the CAs of test cards. None has a key of the card anchors.
func (p *Policy) TestAnchors() []*x509.Certificate { return slices.Clone(p.testCards) }

// issuesCards reports whether a CA has the key of a card anchor.
func (p *Policy) issuesCards(ca *x509.Certificate) bool {
	return slices.ContainsFunc(p.cards, func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubjectPublicKeyInfo, ca.RawSubjectPublicKeyInfo)
	})
}

// Municipality returns the name of a municipality of this policy.
func (p *Policy) Municipality(code protocol.Municipality) (name string, ok bool) {
	m, ok := p.municipalities[code]
	if !ok {
		return "", false
	}
	return m.name, true
}

// Municipalities lists the policy's municipalities by code.
func (p *Policy) Municipalities() []protocol.Municipality {
	return slices.Sorted(maps.Keys(p.municipalities))
}

// IssuingStore trusts the issuing anchors and pinned signers of all municipalities, for packages.
func (p *Policy) IssuingStore() *trust.Store { return p.issuing }

// RegisterStore trusts the register anchors of one municipality, for its in-force answers. For a municipality
// that the policy does not know it trusts nothing.
func (p *Policy) RegisterStore(code protocol.Municipality) *trust.Store {
	if m, ok := p.municipalities[code]; ok {
		return m.register
	}
	return &trust.Store{}
}

// CheckSoftware judges an issuer's software: a municipality without entries accepts any; otherwise an entry must
// bear its name, and it must reach that entry's floor and list all its fixes [issuer-unpatched].
func (p *Policy) CheckSoftware(code protocol.Municipality, s protocol.Software) error {
	m, ok := p.municipalities[code]
	if !ok {
		return reason.Errorf(reason.IssuerUnpatched, "the policy does not know municipality %s", code)
	}
	if len(m.software) == 0 {
		return nil
	}
	i := slices.IndexFunc(m.software, func(e software) bool { return e.name == s.Name })
	if i < 0 {
		return reason.Errorf(reason.IssuerUnpatched, "the policy does not name this software for %s", code)
	}
	e := m.software[i]
	if !protocol.ValidVersion(s.Version) || protocol.CompareVersions(s.Version, e.floor) < 0 {
		return reason.Errorf(reason.IssuerUnpatched, "%s is below its floor %s", e.name, e.floor)
	}
	for _, f := range e.fixes {
		if !slices.Contains(s.Fixes, f) {
			return reason.Errorf(reason.IssuerUnpatched, "%s lacks fix %s", e.name, f)
		}
	}
	return nil
}

// CheckFresh returns an error when a CRL of the municipality is older than crl_max_age at the instant now, or
// from the future: its service is then out of order. It carries no reason code, since it refuses no package.
func (p *Policy) CheckFresh(code protocol.Municipality, now time.Time) error {
	m, ok := p.municipalities[code]
	if !ok {
		return fmt.Errorf("policy: municipality %s is not known", code)
	}
	for _, l := range m.crls {
		if age := now.Sub(l.ThisUpdate); age > p.crlAge || age < -p.skew {
			return fmt.Errorf("policy: municipality %s: a CRL is %s old, at most %s is allowed", code, age.Round(time.Minute), p.crlAge)
		}
	}
	return nil
}

// Practice reports whether any anchor or pinned signer is of a practice world ([trust.IsPractice]). A production terminal
// refuses such a policy.
func (p *Policy) Practice() bool { return p.practice }

// Languages are those of the screen; it begins with the first.
func (p *Policy) Languages() []string {
	if len(p.languages) == 0 {
		return []string{"ja", "en"}
	}
	return slices.Clone(p.languages)
}

// Diff says in words what is otherwise in the new policy: "seal-registration in 141003: 250 → 200 yen".
func Diff(old, new *Policy) []keys.Change { return Table().Diff(old.side, new.side) }

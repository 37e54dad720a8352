package policy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"honnin/config/keys"
	"honnin/config/protocol"
)

// Contact is an office that is told of incidents.
type Contact struct {
	ID    string
	Reach string // "tel:…", "mailto:…" or "https://…"
}

// Deadlines are how long an incident may go unacknowledged: until the next contact is told, and until the service stops.
type Deadlines struct{ Acknowledge, Stop time.Duration }

type contact struct {
	Contact
	municipality protocol.Municipality
}

type wireContact struct {
	ID           string `toml:"id"`
	Reach        string `toml:"reach"`
	Municipality code   `toml:"municipality"`
}

type wireDeadlines struct {
	Acknowledge *duration `toml:"acknowledge"`
	Stop        *duration `toml:"stop"`
}

// Contacts returns whom to tell, in this order, of what concerns a municipality; "" is what concerns none.
func (p *Policy) Contacts(of protocol.Municipality) (out []Contact) {
	for _, c := range p.contacts {
		if c.municipality == "" || c.municipality == of {
			out = append(out, c.Contact)
		}
	}
	return out
}

// Deadlines are how long an incident may go unacknowledged.
func (p *Policy) Deadlines() Deadlines { return p.deadlines }

func (p *Policy) whomToTell(w wire, root *keys.Node, d defaults) error {
	for i, c := range w.Contact {
		if err := p.known(c.Municipality.Municipality, root.Get("contact").Items()[i]); err != nil {
			return err
		}
		p.contacts = append(p.contacts, contact{Contact{c.ID, c.Reach}, c.Municipality.Municipality})
	}
	p.deadlines = Deadlines{d.duration(w.Deadlines.Acknowledge, "deadlines.acknowledge"), d.duration(w.Deadlines.Stop, "deadlines.stop")}
	if p.deadlines.Stop <= p.deadlines.Acknowledge {
		return root.Get("deadlines").Wrong("stop", "must be longer than acknowledge, %s", p.deadlines.Acknowledge)
	}
	return nil
}

// known: whoever is for one municipality is for one of this policy.
func (p *Policy) known(m protocol.Municipality, in *keys.Node) error {
	if m != "" && p.municipalities[m] == nil {
		return in.Wrong("municipality", "is not one of this policy")
	}
	return nil
}

type wireCentre struct {
	URLs    []string `toml:"urls"`
	Signers []string `toml:"signers"`
}

// CheckCentre judges the address of the centre that a site names.
func (p *Policy) CheckCentre(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the centre's address is none")
	}
	if len(p.centres) > 0 && !slices.Contains(p.centres, u.Scheme+"://"+u.Host) {
		return fmt.Errorf("the policy names %d centres, and the site's is none of them", len(p.centres))
	}
	return nil
}

// CentreSigners are the certificates that sign the centre's receipts.
func (p *Policy) CentreSigners() []*x509.Certificate { return slices.Clone(p.centreSigners) }

// TerminalAnchors are the CAs that issue terminals' certificates. Without any nothing is said of who does.
func (p *Policy) TerminalAnchors() []*x509.Certificate { return slices.Clone(p.terminalAnchors) }

// TerminalWarning is how long before its certificates end a terminal warns.
func (p *Policy) TerminalWarning() time.Duration { return p.terminalWarning }

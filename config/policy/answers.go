package policy

import (
	"slices"
	"time"

	"honnin/config/protocol"
)

// Unanswered says, municipality by municipality and last for what concerns none, where nobody would answer for an incident: such a policy is valid, and what stops under it
// stays stopped. Of persons who are for some terminals alone only those of at count; where it is "", all.
func (p *Policy) Unanswered(at protocol.Terminal, now time.Time) (lacks []string) {
	for _, m := range append(p.Municipalities(), "") {
		of := string(m)
		if m == "" {
			of = "the terminal itself"
		}
		if !p.closes(m, at, now) {
			lacks = append(lacks, of+": nobody may close an incident: what one stops stays stopped ([[person]])")
		}
		if len(p.Contacts(m)) == 0 {
			lacks = append(lacks, of+": no contact: nobody is told of an incident ([[contact]])")
		}
	}
	if len(p.centreSigners) == 0 {
		lacks = append(lacks, "no signer of the centre: its receipts are not verified, and what it suspends is not asked for (centre.signers)")
	}
	return lacks
}

func (p *Policy) closes(of protocol.Municipality, at protocol.Terminal, now time.Time) bool {
	return slices.ContainsFunc(p.persons, func(q person) bool {
		return q.may(Close, of, now) && (at == "" || q.at(at))
	})
}

func (q person) may(r Role, of protocol.Municipality, now time.Time) bool {
	return slices.Contains(q.roles, r) && now.Before(q.until) && (q.municipality == "" || q.municipality == of)
}

func (q person) at(t protocol.Terminal) bool {
	return len(q.terminals) == 0 || slices.ContainsFunc(q.terminals, func(e Target) bool { return e.Matches(t) })
}

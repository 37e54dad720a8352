package server

import (
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
)

// Listed is an incident as the centre knows it, for those who act on it.
type Listed struct {
	Terminal protocol.Terminal
	Event    protocol.Event
	Text     []byte // the event as it came
	Received time.Time
	State    string
	Steps    []Step                // what persons signed, in the order in which it came
	Told     []protocol.Escalation // to whom it was to be told since nobody acknowledged it
}

// Step is one signed state of an incident that the centre took.
type Step struct {
	State  string
	Signer protocol.Digest // SHA-256 of the certificate
	At     protocol.Time   // by the person's clock
	Cause  string
	Proof  protocol.Digest // SHA-256 of the signed state
}

// Incidents lists all incidents of all terminals: what came last first, and by name what came at once.
func (s *Server) Incidents() []Listed {
	s.mu.Lock()
	out := make([]Listed, 0, len(s.incidents))
	for k, i := range s.incidents {
		l := i.listed(k)
		for _, e := range s.escalations[k] {
			l.Told = append(l.Told, e.told)
		}
		out = append(out, l)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Listed) int {
		if c := b.Received.Compare(a.Received); c != 0 {
			return c
		}
		return strings.Compare(string(b.Event.ID), string(a.Event.ID))
	})
	return out
}

func (i *incident) listed(k incidentKey) Listed {
	return Listed{Terminal: k.terminal(), Event: i.told, Text: i.text, Received: i.received, State: i.state,
		Steps: slices.Clone(i.steps)}
}

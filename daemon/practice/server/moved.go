package server

import (
	"slices"
	"strings"

	"honnin/config/protocol"
)

// moved are the incidents of each terminal that somebody moved on and that it has not asked about since, in that order. The
// server's lock is held.
type moved map[protocol.Terminal][]protocol.IncidentID

func (m moved) note(k incidentKey) {
	if t := k.terminal(); !slices.Contains(m[t], k.id) {
		m[t] = append(m[t], k.id)
	}
}

func (m moved) heard(k incidentKey) {
	m[k.terminal()] = slices.DeleteFunc(m[k.terminal()], func(i protocol.IncidentID) bool { return i == k.id })
}

func (k incidentKey) terminal() protocol.Terminal {
	return protocol.Terminal(strings.TrimPrefix(k.source, protocol.SourcePrefix))
}

// fetch is an incident about which its terminal asks, or nil. That it has the closing is kept: it may not ask again, and then this
// centre may forget it. The lock is held.
func (s *Server) fetch(k incidentKey) *incident {
	s.moved.heard(k)
	i := s.incidents[k]
	if i != nil && i.state == protocol.IncidentClosed && i.fetched < len(i.steps) && s.wrote(Line{Source: k.source, Fetched: k.id}) == nil {
		i.fetched = len(i.steps)
	}
	return i
}

// hints are what a heartbeat's answer names.
func (s *Server) hints(t protocol.Terminal) []protocol.IncidentID {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.moved[t]
	return slices.Clone(all[:min(len(all), protocol.MaxHints)])
}

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
	t := protocol.Terminal(strings.TrimPrefix(k.source, protocol.SourcePrefix))
	if !slices.Contains(m[t], k.id) {
		m[t] = append(m[t], k.id)
	}
}

func (m moved) heard(t protocol.Terminal, id protocol.IncidentID) {
	m[t] = slices.DeleteFunc(m[t], func(i protocol.IncidentID) bool { return i == id })
}

// hints are what a heartbeat's answer names.
func (s *Server) hints(t protocol.Terminal) []protocol.IncidentID {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.moved[t]
	return slices.Clone(all[:min(len(all), protocol.MaxHints)])
}

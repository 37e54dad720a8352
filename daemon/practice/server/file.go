package server

import (
	"maps"
	"slices"

	"honnin/config/protocol"
)

// Incident returns the state of an incident, or false where it is not known.
func (s *Server) Incident(terminal protocol.Terminal, id protocol.IncidentID) (state string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incidents[incidentKey{protocol.SourcePrefix + string(terminal), id}]
	if i == nil {
		return "", false
	}
	return i.state, true
}

// File puts the incidents of now away with their escalations, and the transactions that have their outcome, as an office files papers that it has
// gone through: the centre no longer answers about them, and has room for others. No state changes by it.
func (s *Server) File() {
	s.mu.Lock()
	clear(s.incidents)
	clear(s.escalations)
	clear(s.moved)
	all := slices.Collect(maps.Keys(s.transactions))
	s.mu.Unlock()
	for _, id := range all {
		if _, over := s.Outcome(id); over {
			s.mu.Lock()
			delete(s.transactions, id)
			s.mu.Unlock()
		}
	}
}

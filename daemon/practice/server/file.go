package server

import "honnin/config/protocol"

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

// File puts the incidents of now away, as an office files papers that it has gone through: the centre no longer answers
// about them, and has room for others. No state changes by it.
func (s *Server) File() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.incidents)
}

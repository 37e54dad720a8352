package server

import "honnin/config/protocol"

// Outcome returns the outcome that was recorded for a transaction, or false.
func (s *Server) Outcome(id protocol.Transaction) (o protocol.Outcome, ok bool) {
	s.mu.Lock()
	t := s.transactions[id]
	s.mu.Unlock()
	if t == nil {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.report == nil {
		return "", false
	}
	return t.report.Outcome, true
}

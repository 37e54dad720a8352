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

// Forget drops a transaction that has its outcome, once it was looked up. It reports whether there was one.
func (s *Server) Forget(id protocol.Transaction) bool {
	if _, ok := s.Outcome(id); !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.transactions, id)
	return true
}

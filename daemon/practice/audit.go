package practice

import "honnin/config/protocol"

// Outcome returns what the centre recorded as a transaction's outcome, or false.
func (w *World) Outcome(t protocol.Transaction) (protocol.Outcome, bool) { return w.centre.Outcome(t) }

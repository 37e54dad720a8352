package practice

import "honnin/config/protocol"

// Outcome returns what the centre recorded as a transaction's outcome, or false.
func (w *World) Outcome(t protocol.Transaction) (protocol.Outcome, bool) { return w.centre.Outcome(t) }

// Heads returns the journal heads that came with a terminal's outcomes, oldest first.
func (w *World) Heads(t protocol.Terminal) []protocol.JournalHead { return w.centre.Heads(t) }

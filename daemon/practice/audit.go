package practice

import "honnin/config/protocol"

// Outcome returns what the centre recorded as a transaction's outcome, or false.
func (w *World) Outcome(t protocol.Transaction) (protocol.Outcome, bool) { return w.centre.Outcome(t) }

// Incident returns the state of a terminal's incident at the centre, or false where it has none of that name.
func (w *World) Incident(t protocol.Terminal, id protocol.IncidentID) (state string, ok bool) {
	return w.centre.Incident(t, id)
}

// File has the centre put away what was reconciled: transactions that have their outcome, of which it keeps 16,384, and
// incidents, of which it keeps 4,096. The books keep their last 65,536 documents: a faulty program may hand out an old one.
func (w *World) File() { w.centre.File() }

// Heads returns the journal heads that came with a terminal's outcomes, oldest first.
func (w *World) Heads(t protocol.Terminal) []protocol.JournalHead { return w.centre.Heads(t) }

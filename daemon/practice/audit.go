package practice

import "honnin/config/protocol"

// Outcome returns what the centre recorded as a transaction's outcome, or false.
func (w *World) Outcome(t protocol.Transaction) (protocol.Outcome, bool) { return w.centre.Outcome(t) }

// Incident returns the state of a terminal's incident at the centre, or false where it has none of that name.
func (w *World) Incident(t protocol.Terminal, id protocol.IncidentID) (state string, ok bool) {
	return w.centre.Incident(t, id)
}

// File has the centre put the incidents of now away: the room it has for them is for some thousands.
func (w *World) File() { w.centre.File() }

// Heads returns the journal heads that came with a terminal's outcomes, oldest first.
func (w *World) Heads(t protocol.Terminal) []protocol.JournalHead { return w.centre.Heads(t) }

// Forget drops what was reconciled: a transaction that has its outcome, and its document. Over a long run nothing is then pushed out
// unseen: the centre keeps 16,384 transactions, the books 65,536 documents.
func (w *World) Forget(t protocol.Transaction, d protocol.Digest) bool {
	w.books.forget(d)
	return w.centre.Forget(t)
}

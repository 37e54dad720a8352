// Package presence turns what a reader says of its slot into events, card here and card gone, of which none is lost and
// no two in a row are equal.
//
// A reader is asked what is, not what was: a card exchanged between two looks is present both times. Readers therefore
// count insertions and removals, and a count that moved under a card that is still there means that it was another
// card, or the same one again: gone, then here.
package presence

// Tracker follows one slot. It is not safe for concurrent use.
type Tracker struct {
	Notify func(present bool)

	known   bool
	present bool
	serial  uint64
}

// Set tells what the slot looks like now; serial moves with every insertion and removal.
func (t *Tracker) Set(present bool, serial uint64) {
	exchanged := t.known && t.present && present && t.serial != serial
	if exchanged {
		t.Notify(false)
	}
	if !t.known || t.present != present || exchanged {
		t.Notify(present)
	}
	t.known, t.present, t.serial = true, present, serial
}

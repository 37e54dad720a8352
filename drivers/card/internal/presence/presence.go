// Package presence turns what a reader says of its slot into events, card here and card gone, of which none is lost.
//
// A reader that goes has no card, and one that comes may have none either: "gone" is said again then, so that whoever hears it
// can ask why. Nothing else is said twice.
//
// A reader is asked what is, not what was: a card exchanged between two looks is present both times. Readers therefore
// count insertions and removals, and a count that moved under a card that is still there means that it was another
// card, or the same one again: gone, then here.
package presence

// Tracker follows one slot. It is not safe for concurrent use.
type Tracker struct {
	Notify func(present bool)

	known   bool
	reader  bool
	present bool
	serial  uint64
}

// Set tells what there is now; serial moves with every insertion and removal.
func (t *Tracker) Set(reader, present bool, serial uint64) {
	exchanged := t.known && t.present && present && t.serial != serial
	if exchanged {
		t.Notify(false)
	}
	if !t.known || t.present != present || t.reader != reader && !present || exchanged {
		t.Notify(present)
	}
	t.known, t.reader, t.present, t.serial = true, reader, present, serial
}

package usb_test

import (
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/spool/journal"
	"honnin/testdata/usb/redir"
)

// TestVisitAtTheReadersKeys: the red key; the card pulled while the reader waits; then a wrong PIN, nobody who types, and the
// right one, to paper. The screen never shows a keypad.
func TestVisitAtTheReadersKeys(t *testing.T) {
	d := ccidtest.New(ccidtest.Model{Level: ccidtest.TPDU, Pad: true, Display: true})
	lend(t, "xhci.0", "reader", redir.Reader(d))
	k := open(t, "dir:/tmp/keys")
	insert := func() {
		k.wait("welcome")
		d.Insert(0, &ccidtest.Contact{Card: world.people[0], T: 1, Chip: ccidtest.Chip{IFSC: 254}})
	}
	fingers := func(do func() bool) {
		k.wait("pin-at-reader")
		must(t, d.AwaitPad(limit(t)))
		if !do() {
			t.Error("the reader takes no keys")
		}
	}
	leave := func() {
		k.until("the last word, with the card out", func(p picture) bool { return p.name == "ended" && strings.Contains(p.html, `value="done"`) })
		k.press("ended", "done")
	}
	insert()
	fingers(d.Cancel)
	k.wait("ended")
	d.Remove(0)
	leave()
	insert()
	fingers(func() bool { d.Remove(0); return true })
	leave()
	insert()
	fingers(func() bool { return d.Type("0000") })
	k.until("a wrong PIN", func(p picture) bool { return p.name == "pin-at-reader" && strings.Contains(p.html, "notice wrong") })
	fingers(d.TimeOut)
	k.press("more-time", "more")
	fingers(func() bool { return d.Type(cardtest.PIN) })
	k.choose()
	k.press("confirm", "yes")
	k.wait("take-card")
	d.Remove(0)
	k.press("take-paper", "done")
	k.press("done", "done")
	k.wait("welcome")
	var ends []protocol.Outcome
	for _, e := range k.entries() {
		if e.Kind == journal.Ended {
			ends = append(ends, e.Outcome)
		}
	}
	if want := []protocol.Outcome{protocol.Abandoned, protocol.Abandoned, protocol.Abandoned, protocol.Printed}; !slices.Equal(ends, want) {
		t.Errorf("the transactions ended %v", ends)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.seen {
		if name, _, _ := strings.Cut(s, "@"); name == "pin" {
			t.Errorf("the screen's keypad was shown: %v", k.seen)
		}
	}
	if wrongs := d.Wrongs(); len(wrongs) > 0 {
		t.Errorf("against the standard: %q", wrongs)
	}
}

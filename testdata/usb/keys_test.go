package usb_test

import (
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/spool/journal"
)

// atTheKeys: the red key; the card pulled while the reader waits; then a wrong PIN, nobody who types, and the right one, to
// paper. The screen never shows a keypad.
func (s *stand) atTheKeys(t *testing.T) {
	d := sit(t, "xhci.0", "reader", ccidtest.Model{Level: ccidtest.TPDU, Pad: true, Display: true})
	shown, ended := len(s.names()), len(s.endings())
	insert := func() {
		s.wait("welcome")
		d.put(person(t, 0))
	}
	fingers := func(do func() bool) {
		s.wait("pin-at-reader")
		must(t, d.device.AwaitPad(limit(t)))
		if !do() {
			t.Error("the reader takes no keys")
		}
	}
	leave := func() {
		s.until("the last word, with the card out", func(p picture) bool { return p.name == "ended" && strings.Contains(p.html, `value="done"`) })
		s.press("ended", "done")
	}
	insert()
	fingers(d.device.Cancel)
	s.wait("ended")
	d.pull()
	leave()
	insert()
	fingers(func() bool { d.pull(); return true })
	leave()
	insert()
	fingers(func() bool { return d.device.Type("0000") })
	s.until("a wrong PIN", func(p picture) bool { return p.name == "pin-at-reader" && strings.Contains(p.html, "notice wrong") })
	fingers(d.device.TimeOut)
	s.press("more-time", "more")
	fingers(func() bool { return d.device.Type(cardtest.PIN) })
	s.order()
	d.pull()
	s.collect()
	if ends, want := s.endings()[ended:], []protocol.Outcome{protocol.Abandoned, protocol.Abandoned, protocol.Abandoned, protocol.Printed}; !slices.Equal(ends, want) {
		t.Errorf("the transactions ended %v", ends)
	}
	if names := s.names()[shown:]; len(names) == 0 || slices.Contains(names, "pin") {
		t.Errorf("the screens were %v", names)
	}
}

// endings are those of all transactions, in the journal's order.
func (k *kiosk) endings() (ends []protocol.Outcome) {
	k.t.Helper()
	for _, e := range k.entries() {
		if e.Kind == journal.Ended {
			ends = append(ends, e.Outcome)
		}
	}
	return ends
}

// names are those of all screens so far.
func (k *kiosk) names() (all []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.seen {
		name, _, _ := strings.Cut(s, "@")
		all = append(all, name)
	}
	return all
}

// Package usb_test is the proof of the USB drivers on a real kernel: honnind as it is shipped in a machine of its own (package
// qemu), with QEMU's own reader and with the software devices of the drivers' tests (package redir) on its bus, and whole visits
// through its touch screen. "make test-usb" runs it.
package usb_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/virtual"
	"honnin/spool/journal"
	"honnin/testdata/usb/qemu"
)

// stranger is a card that QEMU's reader can speak with: it is T=0 only, so its answer to reset offers nothing else.
type stranger struct {
	*virtual.Card
	ccidtest.Chip
}

func speaksT0(c *virtual.Card) *stranger {
	return &stranger{Card: c, Chip: ccidtest.Chip{App: c.Process}}
}

func (*stranger) ATR() []byte { return []byte{0x3B, 0x02, 0x36, 0x02} }
func (s *stranger) Reset()    { s.Card.Reset(); s.Chip.Reset() }

// ownReader plugs QEMU's reader into a controller.
func ownReader(t *testing.T, bus string) *qemu.CardSlot {
	t.Helper()
	m := machine(t)
	path := filepath.Join(world.dir, "card")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	slot := new(qemu.CardSlot)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- slot.Listen(ctx, l) }()
	must(t, m.Socket(limit(t), "card", path))
	must(t, m.Plug(limit(t), map[string]any{"driver": "usb-ccid", "id": "ccid", "bus": bus}))
	must(t, m.Plug(limit(t), map[string]any{"driver": "ccid-card-passthru", "id": "slot", "chardev": "card", "bus": "ccid.0"}))
	t.Cleanup(func() {
		if err := m.Unplug(limit(t), "ccid"); err != nil {
			t.Error(err)
		}
		if err := m.RemoveSocket(limit(t), "card"); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return slot
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestVisitOnTheReaderOfOthers: QEMU's own reader, which nobody here wrote.
func TestVisitOnTheReaderOfOthers(t *testing.T) {
	slot := ownReader(t, "xhci.0")
	k := open(t, "dir:/tmp/sheets")
	k.wait("welcome")
	must(t, slot.Insert(speaksT0(world.people[0])))
	k.typePIN(cardtest.PIN)
	k.choose()
	k.press("confirm", "yes")
	k.wait("take-card")
	must(t, slot.Pull())
	k.press("take-paper", "done")
	k.press("done", "done")
	k.wait("welcome")
	sheet := sheets(t, "/tmp/sheets")
	if len(sheet) != 1 {
		t.Fatalf("%d sheets", len(sheet))
	}
	k.printed(sheet...)
}

// sheets are the digests of what the directory printer has.
func sheets(t *testing.T, dir string) (all []string) {
	t.Helper()
	names, err := machine(t).Names(limit(t), dir+"/*.pdf")
	must(t, err)
	for _, n := range names {
		b, err := machine(t).Read(limit(t), n)
		must(t, err)
		all = append(all, digest(b))
	}
	return all
}

// printed holds the journal against what came to the printer: each document that was sent, in order, and printed.
func (k *kiosk) printed(documents ...string) {
	k.t.Helper()
	var sent []string
	for _, e := range k.entries() {
		switch {
		case e.Kind == journal.Sending:
			sent = append(sent, e.Document.String())
		case e.Kind == journal.Ended && e.Outcome != protocol.Printed:
			k.t.Errorf("a document ended %s (%s)", e.Outcome, e.Reason)
		}
	}
	if got, want := strings.Join(documents, " "), strings.Join(sent, " "); got != want || want == "" {
		k.t.Errorf("the printer has %s, the journal %s", got, want)
	}
}

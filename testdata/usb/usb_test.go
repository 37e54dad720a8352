// Package usb_test is the proof of the USB drivers on a real kernel: honnind as it is shipped in two machines (package qemu), with
// QEMU's own reader and with the software devices of the drivers' tests (package redir) on their buses, and whole visits through
// the touch screen; and the USB sticks that policies come on, with the file systems that this kernel has. A third one has the
// technician's lines: a UART (16550) and a serial adapter (FTDI) of QEMU's. They have no modem lines that change, no rate at which
// bytes go, and a break that gets through at the UART only. "make test-usb" runs it.
// What a visit and a wait cost, beside pcscd, is printed by
//
//	go test -v -run 'TestFirstMachine/(readers|idle)' ./testdata/usb
package usb_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/virtual"
	"honnin/testdata/usb/qemu"
)

// TestFirstMachine: the devices themselves, with the drivers of others too, and terminals with printers of which nobody knows what
// became of a document.
func TestFirstMachine(t *testing.T) {
	t.Parallel()
	t.Run("devices", devices)
	t.Run("readers beside pcscd", readersBesidePCSCD)
	t.Run("idle", idle)
	t.Run("usblp", kernelsPrinterDriver)
	t.Run("ipp-usb", ippUSB)
	t.Run("seam", seamTests)
	t.Run("counter", atACounter)
}

// TestSecondMachine: whole visits, and trouble in them, while another terminal waits for a printer that never finishes. Then the sticks of field staff.
func TestSecondMachine(t *testing.T) {
	t.Parallel()
	endless := neverFinishes(t)
	f := newFieldwork(t)
	slow := f.nearlyDead()
	t.Run("store", inAStore)
	slow()
	t.Run("sticks", f.sticks)
	endless()
}

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
func ownReader(t *testing.T, bus string) *desk {
	t.Helper()
	m := machine(t)
	_, dir := here(t)
	path := filepath.Join(dir, "card")
	l, err := net.Listen("unix", path)
	must(t, err)
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
	return &desk{put: func(c *virtual.Card) { must(t, slot.Insert(speaksT0(c))) }, pull: func() { must(t, slot.Pull()) }}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

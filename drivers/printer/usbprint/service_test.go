package usbprint

import (
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/spool/spooltest"
)

// service prints a service sheet, and says whether staff were called for it.
func service(t testing.TB, p spool.Printer, s sheet.Service) (got spool.Result, err error, staff string) {
	t.Helper()
	j := &spooltest.Memory{}
	got, err = spool.PrintService(t.Context(), j, p, s, "tech-7")
	for _, e := range j.Entries() {
		if e.Kind == journal.StaffNeeded {
			staff = e.Reason
		}
	}
	return got, err, staff
}

// TestServiceSheetOverIPP: a service sheet comes out over IPP on USB, byte for byte and under its own name; a jam, and a printer that is pulled while it
// prints, leave it to staff.
func TestServiceSheetOverIPP(t *testing.T) {
	t.Parallel()
	b := newBench(t, printertest.Model{Direct: 2, Over: 2}, Options{})
	b.wantReady(t, "")
	s := spooltest.Sheet(t, "usb")
	got, err, staff := service(t, b, s)
	wantResult(t, got, err, protocol.Printed, 1, "")
	if tray := b.behind.Tray(); len(tray) != 1 || tray[0].SHA256 != s.Digest() || tray[0].Name != "service-sheet-"+s.Digest().String()[:32] || staff != spool.OnSheet {
		t.Errorf("%+v, staff %q", tray, staff)
	}
	b.becomesReady(t, "")
	b.device.Strike(printertest.Fault{After: 12 << 10, Do: printertest.Unplug})
	if got, err, staff := service(t, b, spooltest.Sheet(t, "usb")); err != nil || got.Outcome != protocol.Unsure || staff != got.Reason || !b.device.Gone() {
		t.Errorf("%+v %v, staff %q", got, err, staff)
	}
	b.wantReady(t, printer.Unreachable)
	if _, err, staff := service(t, b, spooltest.Sheet(t, "usb")); err == nil || staff != "" {
		t.Errorf("%v, staff %q", err, staff)
	}
}

// TestServiceSheetDirect: a printer without IPP takes every byte, and what became of them nobody claims; before the next document staff's word
// empties its buffers.
func TestServiceSheetDirect(t *testing.T) {
	for _, kind := range []byte{1, 2} {
		inBubble(t, printertest.Model{Direct: kind}, Options{Direct: true}, func(t *testing.T, b *bench) {
			s := spooltest.Sheet(t, "usb")
			got, err, staff := service(t, b, s)
			wantResult(t, got, err, protocol.Unsure, 0, noCounters)
			if sum, n := b.device.Taken(); sum != s.Digest() || n == 0 || staff != noCounters {
				t.Errorf("%d bytes, staff %q", n, staff)
			}
			b.wantReady(t, printer.JobsWaiting)
			if err := b.Clear(t.Context()); err != nil || b.device.Resets() != 1 {
				t.Error(err, b.device.Resets())
			}
			b.wantReady(t, "")
		})
	}
	inBubble(t, printertest.Model{Direct: 2}, Options{}, func(t *testing.T, b *bench) { // the policy allows none
		if _, err, staff := service(t, b, spooltest.Sheet(t, "usb")); err == nil || staff != "" {
			t.Errorf("%v, staff %q", err, staff)
		}
	})
}

// TestServiceSheetOfAFormerRun: one that was in a printer without IPP when the run ended may still be in its buffers.
func TestServiceSheetOfAFormerRun(t *testing.T) {
	inBubble(t, printertest.Model{Direct: 2}, Options{Direct: true}, func(t *testing.T, b *bench) {
		b.wantReady(t, "")
		if got := b.Settle(t.Context(), spool.Past{Service: protocol.Digest{1}, Impressions: 1}); got.Outcome != protocol.Unsure {
			t.Errorf("%+v", got)
		}
		b.wantReady(t, printer.JobsWaiting)
	})
}

package usbprint

import (
	"context"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool"
)

// These tests run package ipp through our pipes to ippeveprinter, which nobody here wrote.

func TestOverIPP(t *testing.T) {
	for name, m := range map[string]printertest.Model{
		"two interfaces and an alternate": {Direct: 2, Over: 2},
		"one interface, small packets":    {Over: 1, Packet: 64, Lone: true},
		"three interfaces":                {Over: 3, Packet: 1024},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, m, Options{})
			b.wantReady(t, "")
			doc := release(t, 2, 2, 300<<10)
			var told []int
			got, err := b.Print(t.Context(), doc.Released, func(n int) { told = append(told, n) })
			wantResult(t, got, err, protocol.Printed, 4, "")
			tray := b.behind.Tray()
			if len(tray) != 1 || tray[0].SHA256 != doc.sum || tray[0].Name != doc.Job().Transaction.String() {
				t.Errorf("tray %v; want %s once", tray, doc.Job().Transaction)
			}
			if got.Evidence != spool.JobCounters || len(told) == 0 || told[len(told)-1] != 4 {
				t.Errorf("evidence %q, told %v", got.Evidence, told)
			}
			b.becomesReady(t, "")
			if err := b.Clear(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnpluggedAndBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, printertest.Model{Direct: 2, Over: 2}, Options{})
	b.wantReady(t, "")
	b.device.Unplug()
	b.wantReady(t, printer.Unreachable)
	b.device.Plug()
	b.bus.Plug(b.plug)
	b.wantReady(t, "")
	doc := release(t, 1, 1, 1000)
	got, err := b.Print(t.Context(), doc.Released, nil)
	wantResult(t, got, err, protocol.Printed, 1, "")
}

// TestUnpluggedAnywhere pulls the printer after so many bytes out, from the first on.
func TestUnpluggedAnywhere(t *testing.T) {
	const size = 100 << 10
	for name, after := range map[string]int{"ready": 100, "created": 2500, "first bytes": 6 << 10, "middle": size / 2, "last bytes": size} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, printertest.Model{Over: 2}, Options{})
			b.wantReady(t, "")
			b.device.Strike(printertest.Fault{After: after, Do: printertest.Unplug})
			doc := release(t, 2, 1, size)
			got, err := b.Print(t.Context(), doc.Released, nil)
			if !b.device.Gone() {
				t.Fatal("it was not pulled")
			}
			switch opened := after > 6000; {
			case !opened && (err == nil || printer.ReasonOf(err) == ""):
				t.Errorf("%+v, %v", got, err)
			case opened && (err != nil || got.Outcome != protocol.Unsure):
				t.Errorf("%+v, %v", got, err)
			}
			b.wantReady(t, printer.Unreachable)
			b.device.Plug()
			b.bus.Plug(b.plug)
			b.becomesReady(t, "") // what was left there was cancelled
			if n := len(b.behind.Jobs()); n > 0 && len(b.behind.Tray()) > 1 {
				t.Errorf("%d jobs", n)
			}
		})
	}
}

// TestStalledAndSilent: whatever its pipes do, what came of the document is not claimed, and the next one is printed.
func TestStalledAndSilent(t *testing.T) {
	const size = 100 << 10
	for name, c := range map[string]struct {
		fault printertest.Fault
	}{
		"stall in the document":  {printertest.Fault{After: size / 2, Do: printertest.Stall}},
		"refuses in the middle":  {printertest.Fault{After: size / 2, Do: printertest.Refuse}},
		"mute after the middle":  {printertest.Fault{After: size / 2, Do: printertest.Mute}},
		"noise after the middle": {printertest.Fault{After: size / 2, Do: printertest.Babble}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			short := quick
			short.Call, short.Upload = time.Second, time.Second
			b := newBench(t, printertest.Model{Over: 2}, Options{Timing: short})
			b.wantReady(t, "")
			b.device.Strike(c.fault)
			doc := release(t, 2, 1, size)
			got, err := b.Print(t.Context(), doc.Released, nil)
			if err != nil || got.Outcome == protocol.Printed {
				t.Errorf("%+v, %v", got, err)
			}
			b.device.Strike(printertest.Fault{})
			b.prints(t)
		})
	}
}

// TestNeverFinishes: a printer that takes the document and does nothing more.
func TestNeverFinishes(t *testing.T) {
	t.Parallel()
	short := quick
	short.Print = time.Second
	b := newBench(t, printertest.Model{Over: 2}, Options{Timing: short})
	b.wantReady(t, "")
	b.behind.Behave(ippevetest.Behaviour{Mode: "slow"})
	doc := release(t, 1, 1, 1000)
	got, err := b.Print(t.Context(), doc.Released, nil)
	wantResult(t, got, err, protocol.Unsure, 0, "deadline")
	b.wantReady(t, printer.JobsWaiting)
	if err := b.Clear(t.Context()); printer.ReasonOf(err) != printer.JobsWaiting {
		t.Error(err)
	}
	b.behind.Go()
}

// TestCutForGood: an interface that cannot be selected anew is not used after a cut request; the printer would take the next
// one for the rest of the document.
func TestCutForGood(t *testing.T) {
	t.Parallel()
	short := quick
	short.Cancel = time.Second
	b := newBench(t, printertest.Model{Over: 1, Lone: true}, Options{Timing: short})
	b.wantReady(t, "")
	b.device.Strike(printertest.Fault{After: 50 << 10, Do: printertest.Stall})
	doc := release(t, 2, 1, 100<<10)
	got, err := b.Print(t.Context(), doc.Released, nil)
	wantResult(t, got, err, protocol.Unsure, 0, "upload-cut")
	if err := b.wantReady(t, printer.Unreachable); !strings.Contains(err.Error(), "off and on") {
		t.Error(err)
	}
	if err := b.Clear(t.Context()); err == nil {
		t.Error("cleared")
	}
	b.device.Unplug()
	b.device.Plug()
	b.bus.Plug(b.plug)
	b.prints(t)
}

// TestAbandoned leaves questions unanswered until their callers have gone. The answers do not go to others.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	b := newBench(t, printertest.Model{Over: 1}, Options{})
	b.wantReady(t, "")
	for range 3 {
		b.device.Strike(printertest.Fault{Do: printertest.Late})
		ctx, leave := context.WithCancel(t.Context())
		go func() { defer leave(); _ = b.device.AwaitLate(ctx) }()
		if got, err := b.Ready(ctx); got.Ready || err == nil {
			t.Errorf("%+v, %v", got, err)
		}
		leave()
		b.device.Go()
		b.wantReady(t, "")
	}
}

func TestSettleOverUSB(t *testing.T) {
	t.Parallel()
	b := newBench(t, printertest.Model{Over: 2}, Options{})
	b.wantReady(t, "")
	b.behind.AwaitClock()
	doc := release(t, 2, 1, 1000)
	got, err := b.Print(t.Context(), doc.Released, nil)
	wantResult(t, got, err, protocol.Printed, 2, "")
	_ = b.Close()
	next := open(t, b.bus, "", Options{})
	past := spool.Past{Transaction: doc.Job().Transaction, Impressions: 2, JobID: got.JobID}
	wantResult(t, next.Settle(t.Context(), past), nil, protocol.Printed, 2, "")
}

// TestSettleLater: a job of a former run is ended when its printer comes back.
func TestSettleLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, printertest.Model{Over: 2}, Options{})
	b.wantReady(t, "")
	b.behind.Behave(ippevetest.Behaviour{Mode: "stop", Reason: "media-empty"})
	doc := release(t, 2, 1, 1000)
	go func() { _, _ = b.Print(context.WithoutCancel(t.Context()), doc.Released, nil) }()
	b.behind.AwaitEngine()
	b.device.Unplug()
	past := spool.Past{Transaction: doc.Job().Transaction, Impressions: 2}
	next := open(t, b.bus, "", Options{})
	wantUnsure := next.Settle(t.Context(), past)
	if wantUnsure.Outcome != protocol.Unsure || wantUnsure.Reason != printer.Unreachable {
		t.Errorf("%+v", wantUnsure)
	}
	if err := next.Clear(t.Context()); err == nil {
		t.Error("cleared without the printer")
	}
	_ = b.Close()
	b.behind.Say("-media-empty")
	b.device.Plug()
	b.bus.Plug(b.plug)
	b.Printer = next
	for end := time.Now().Add(30 * time.Second); next.Clear(t.Context()) != nil; {
		if time.Now().After(end) {
			t.Fatal("never cleared")
		}
	}
	b.becomesReady(t, "")
	if n := len(b.behind.Tray()); n != 0 {
		t.Errorf("%d documents in the tray", n)
	}
}

package usbprint

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/spooltest"
)

// inBubble runs f on a printer without IPP, at a bus that is looked over at the end.
func inBubble(t *testing.T, m printertest.Model, o Options, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{bus: usbtest.New(t), device: printertest.New(m, nil)}
		b.plug = plug(t, b.bus, b.device)
		b.Printer = open(t, b.bus, "", o)
		f(t, b)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		b.bus.Check()
	})
}

// TestDirectThroughTheQueue: every byte arrives, and nobody claims that a sheet did.
func TestDirectThroughTheQueue(t *testing.T) {
	for _, kind := range []byte{1, 2} {
		for _, size := range []int{100, 64 << 10, 300_001} {
			w := spooltest.New(t)
			content := pdf(2, size)
			d := w.Verified(t, content, 2, 1)
			inForce, signature := w.InForce(t, d), w.Signature(t, d)
			inBubble(t, printertest.Model{Direct: kind}, Options{Direct: true}, func(t *testing.T, b *bench) {
				j := &spooltest.Memory{}
				q, _, err := spool.NewQueue(t.Context(), j, b, w.Now)
				if err != nil {
					t.Fatal(err)
				}
				if r, err := q.Ready(t.Context()); !r.Ready || err != nil {
					t.Fatal(r, err)
				}
				if err := q.Accept(t.Context(), 1, d); err != nil {
					t.Fatal(err)
				}
				doc, err := q.Release(t.Context(), 1, d, inForce, signature)
				if err != nil {
					t.Fatal(err)
				}
				got, err := q.Print(t.Context(), doc, nil)
				wantResult(t, got, err, protocol.Unsure, 0, noCounters)
				if sum, n := b.device.Taken(); sum != sha256.Sum256(content) || n != len(content) {
					t.Errorf("%d bytes at the printer, of %d", n, len(content))
				}
				var kinds []journal.Kind
				for _, e := range j.Entries() {
					kinds = append(kinds, e.Kind)
				}
				if want := []journal.Kind{journal.Accepted, journal.Sending, journal.StaffNeeded, journal.Ended}; !equal(kinds, want) {
					t.Errorf("journal %v", kinds)
				}
				b.wantReady(t, printer.JobsWaiting)
				if err := q.Clear(t.Context()); err != nil || b.device.Resets() != 1 {
					t.Error(err, b.device.Resets())
				}
				b.wantReady(t, "")
			})
		}
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestDirectIsNotReady(t *testing.T) {
	direct := Options{Direct: true}
	for name, c := range map[string]struct {
		m      printertest.Model
		o      Options
		do     func(b *bench)
		reason string
		says   string
	}{
		"not allowed":       {m: printertest.Model{Direct: 2}, reason: "no-ipp"},
		"no PDF":            {m: printertest.Model{Direct: 2, DeviceID: "MFG:X;CMD:PCL,XYZ-SECRET,PJL;"}, o: direct, reason: "pdf-unsupported", says: "it speaks PCL, another, PJL"},
		"no command set":    {m: printertest.Model{Direct: 2, DeviceID: "MFG:X;MDL:PDF;"}, o: direct, reason: "pdf-unsupported", says: "nothing"},
		"a bad id":          {m: printertest.Model{Direct: 2, DeviceID: "PDF"}, o: direct, reason: "pdf-unsupported", says: "device id"},
		"no paper":          {m: printertest.Model{Direct: 2}, o: direct, do: status(0x38), reason: "media-needed"},
		"an error":          {m: printertest.Model{Direct: 1}, o: direct, do: status(0x10), reason: "printer-error"},
		"offline":           {m: printertest.Model{Direct: 2}, o: direct, do: status(0x08), reason: "offline"},
		"gone":              {m: printertest.Model{Direct: 2}, o: direct, do: func(b *bench) { b.device.Unplug() }, reason: "unreachable", says: "no such printer"},
		"in use":            {m: printertest.Model{Direct: 2}, o: direct, do: refuse(usb.ErrBusy), reason: "device-in-use", says: "in use"},
		"no permission":     {m: printertest.Model{Direct: 2}, o: direct, do: refuse(usb.ErrPermission), reason: "no-permission", says: "no permission"},
		"broken":            {m: printertest.Model{Direct: 2}, o: direct, do: breaks, reason: "bad-descriptors"},
		"IPP does not work": {m: printertest.Model{Direct: 2, Over: 2, Manufacturer: "HP Inc.", Product: "HP Laser MFP 135a"}, reason: "no-ipp"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := release(t, 1, 1, 100)
			inBubble(t, c.m, c.o, func(t *testing.T, b *bench) {
				if c.do != nil {
					c.do(b)
				}
				err := b.wantReady(t, c.reason)
				if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
					t.Errorf("%v; want %q", err, c.says)
				}
				if got, err := b.Print(t.Context(), doc.Released, nil); printer.ReasonOf(err) != c.reason || got.Outcome != "" {
					t.Errorf("%+v, %v", got, err)
				}
				if _, n := b.device.Taken(); n != 0 {
					t.Errorf("%d bytes sent", n)
				}
			})
		})
	}
}

func breaks(b *bench) {
	b.bus.Unplug(b.plug)
	b.plug.Info.Settings, b.plug.Info.Broken = nil, usb.ErrDescriptor
	b.bus.Plug(b.plug)
}

func status(s byte) func(b *bench) { return func(b *bench) { b.device.Status(s) } }

func refuse(err error) func(b *bench) {
	return func(b *bench) { b.plug.Claim = func(int, int) error { return err } }
}

// TestDirectGoesWrong: nothing that goes wrong once a byte was sent is anything but unsure, and the buffers are emptied.
func TestDirectGoesWrong(t *testing.T) {
	const size = 300_000
	for name, c := range map[string]struct {
		do     func(t *testing.T, b *bench, cancel func())
		reason string
		resets int
	}{
		"unplugged at once":    {strike(1, printertest.Unplug), "unplugged", 0},
		"unplugged in between": {strike(size/2, printertest.Unplug), "unplugged", 0},
		"unplugged at the end": {strike(size, printertest.Unplug), "unplugged", 0},
		"stalled":              {strike(size/2, printertest.Stall), "stalled", 1},
		"takes no more":        {strike(size/2, printertest.Refuse), "deadline", 1},
		"stalled at once":      {strike(0, printertest.Stall), "stalled", 1},
		"no paper in between": {func(t *testing.T, b *bench, _ func()) {
			strike(size/2, printertest.Refuse)(t, b, nil)
			time.AfterFunc(time.Second, func() { b.device.Status(0x38) })
		}, "media-needed", 1},
		"no paper afterwards": {func(_ *testing.T, b *bench, _ func()) {
			time.AfterFunc(60*time.Millisecond, func() { b.device.Status(0x38) })
		}, "media-needed", 1},
		"unplugged afterwards": {func(_ *testing.T, b *bench, _ func()) { time.AfterFunc(60*time.Millisecond, b.device.Unplug) }, "unplugged", 0},
		"given up": {func(t *testing.T, b *bench, cancel func()) {
			strike(size/2, printertest.Refuse)(t, b, nil)
			time.AfterFunc(time.Second, cancel)
		}, "canceled", 1},
		"given up afterwards": {func(_ *testing.T, _ *bench, cancel func()) { time.AfterFunc(60*time.Millisecond, cancel) }, "canceled", 1},
	} {
		t.Run(name, func(t *testing.T) {
			doc := release(t, 2, 1, size)
			inBubble(t, printertest.Model{Direct: 2}, Options{Direct: true}, func(t *testing.T, b *bench) {
				b.wantReady(t, "")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				c.do(t, b, cancel)
				got, err := b.Print(ctx, doc.Released, nil)
				wantResult(t, got, err, protocol.Unsure, 0, c.reason)
				if n := b.device.Resets(); n != c.resets {
					t.Errorf("%d resets, want %d", n, c.resets)
				}
				if b.device.Gone() {
					if err := b.Clear(t.Context()); err == nil {
						t.Error("cleared without the printer")
					}
					b.device.Plug()
					b.bus.Plug(b.plug)
				}
				b.device.Status(0x18)
				b.device.Strike(printertest.Fault{})
				if err := b.Clear(t.Context()); err != nil {
					t.Error(err)
				}
				b.wantReady(t, "")
			})
		})
	}
}

func strike(after int, do printertest.Action) func(*testing.T, *bench, func()) {
	return func(_ *testing.T, b *bench, _ func()) { b.device.Strike(printertest.Fault{After: after, Do: do}) }
}

// TestChatty: what a printer says is taken off its hands, or it takes no more; but not from one that must not be read.
func TestChatty(t *testing.T) {
	for name, c := range map[string]struct {
		vendor, product uint16
		reason          string
	}{"read": {0x1209, 3, noCounters}, "deaf": {0x0519, 1, "deadline"}} {
		t.Run(name, func(t *testing.T) {
			doc := release(t, 1, 1, 200_000)
			inBubble(t, printertest.Model{Direct: 2, Vendor: c.vendor, ID: c.product}, Options{Direct: true}, func(t *testing.T, b *bench) {
				b.device.Chatty = 700
				got, err := b.Print(t.Context(), doc.Released, nil)
				wantResult(t, got, err, protocol.Unsure, 0, c.reason)
			})
		})
	}
}

func TestDirectRefusesCopies(t *testing.T) {
	doc := release(t, 1, 2, 100)
	inBubble(t, printertest.Model{Direct: 2}, Options{Direct: true}, func(t *testing.T, b *bench) {
		if got, err := b.Print(t.Context(), doc.Released, nil); printer.ReasonOf(err) != "copies-unsupported" || got.Outcome != "" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := b.Print(t.Context(), spool.Released{}, nil); !errors.Is(err, spool.ErrUnreleased) || got.Outcome != "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestDirectSettles: it knows nothing of a former run's document, and empties its buffers before staff's word counts; when it
// was not there then, as soon as it is.
func TestDirectSettles(t *testing.T) {
	for _, away := range []bool{false, true} {
		inBubble(t, printertest.Model{Direct: 1}, Options{Direct: true}, func(t *testing.T, b *bench) {
			want := noCounters
			if away {
				b.device.Unplug()
				want = printer.Unreachable
			}
			got := b.Settle(t.Context(), spool.Past{Transaction: protocol.NewTransaction(), Impressions: 1})
			if got.Outcome != protocol.Unsure || got.Reason != want || got.Evidence != spool.NoEvidence {
				t.Errorf("%+v", got)
			}
			if away {
				if err := b.Clear(t.Context()); err == nil {
					t.Error("cleared without the printer")
				}
				b.device.Plug()
				b.bus.Plug(b.plug)
			}
			b.wantReady(t, printer.JobsWaiting)
			if err := b.Clear(t.Context()); err != nil || b.device.Resets() != 1 {
				t.Error(err, b.device.Resets())
			}
			b.wantReady(t, "")
		})
	}
}

// TestManyAsk while the printer comes and goes. What is claimed is given back; usbtest sees if not.
func TestManyAsk(t *testing.T) {
	inBubble(t, printertest.Model{Direct: 2}, Options{Direct: true}, func(t *testing.T, b *bench) {
		var all sync.WaitGroup
		var ready, not atomic.Int32
		for n := range 4 {
			all.Go(func() {
				for range 50 {
					time.Sleep(time.Duration(1+n) * time.Millisecond)
					switch r, _ := b.Ready(t.Context()); {
					case r.Ready:
						ready.Add(1)
					case r.Reason == printer.Unreachable:
						not.Add(1)
					default:
						t.Errorf("%+v", r)
					}
				}
			})
		}
		for range 10 {
			time.Sleep(7 * time.Millisecond)
			b.device.Unplug()
			time.Sleep(5 * time.Millisecond)
			b.device.Plug()
			b.bus.Plug(b.plug)
		}
		all.Wait()
		if ready.Load() == 0 || not.Load() == 0 {
			t.Errorf("%d ready, %d not", ready.Load(), not.Load())
		}
	})
}

// TestHeld: an interface is claimed once, and not again for each question.
func TestHeld(t *testing.T) {
	inBubble(t, printertest.Model{Direct: 2}, Options{Direct: true}, func(t *testing.T, b *bench) {
		claims := 0
		b.plug.Claim = func(int, int) error { claims++; return nil }
		for range 5 {
			b.wantReady(t, "")
			left, leave := context.WithCancel(t.Context()) // who has left says nothing about the printer
			leave()
			if r, err := b.Ready(left); r.Ready || !errors.Is(err, context.Canceled) || r.Reason != printer.Busy {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if claims != 1 {
			t.Errorf("%d claims", claims)
		}
		_ = b.Close()
		b.wantReady(t, printer.Unreachable)
	})
}

package ccid_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

// watching collects what Watch says, from its beginning to the end of the test.
type watching struct {
	events chan bool
	stop   context.CancelFunc
	done   chan struct{}
}

func watch(t *testing.T, r *ccid.Reader) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{events: make(chan bool, 100), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		r.Watch(ctx, func(p bool) { w.events <- p })
	}()
	return w
}

// expect waits as long as it is told and then holds all that was said in between against want.
func (w *watching) expect(t *testing.T, what string, within time.Duration, want ...bool) {
	t.Helper()
	time.Sleep(within)
	synctest.Wait()
	var got []bool
	for len(w.events) > 0 {
		got = append(got, <-w.events)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (w *watching) end() {
	w.stop()
	<-w.done
}

func contactWith(t testing.TB) *ccidtest.Contact {
	t.Helper()
	return &ccidtest.Contact{Card: newCounted(t), T: 1}
}

// TestWatch follows cards and readers as they come and go, with and without an interrupt pipe.
func TestWatch(t *testing.T) {
	for _, packet := range []int{0, 2, 8, 64} {
		quiet := packet == 0
		name, within := fmt.Sprintf("interrupts of %d bytes", packet), 50*time.Millisecond
		if quiet {
			name, within = "polling", 1100*time.Millisecond
		}
		bubble(t, name, func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU, NoInterrupt: quiet, Notice: packet})
			b.plug.NoEmpty = true
			w := watch(t, b.reader)
			w.expect(t, "an empty reader", time.Second, false)
			b.device.Insert(0, contactWith(t))
			w.expect(t, "a card", within, true)
			if err := b.visit(t.Context(), t); err != nil {
				t.Error(err)
			}
			w.expect(t, "a visit", time.Minute)
			b.device.Remove(0)
			w.expect(t, "pulled", within, false)
			b.device.Insert(0, contactWith(t))
			w.expect(t, "a card again", within, true)
			if !quiet {
				b.device.Remove(0)
				b.device.Insert(0, contactWith(t))
				w.expect(t, "exchanged between two looks", within, false, true)
				b.device.Notify(0x50, 0x03)
				w.expect(t, "exchanged, told in one notice", within, false, true)
				if packet > 2 {
					b.device.Notify(0x51, 0, 0, 1)
					w.expect(t, "a hardware error", within, false, true)
				}
				b.device.Notify(0x77)
				w.expect(t, "a notice of no meaning", time.Minute)
			}
			b.bus.Unplug(b.plug)
			w.expect(t, "the reader unplugged", within, false)
			b.replug(t)
			w.expect(t, "and plugged", within, true)
			b.device.Unplug()
			w.expect(t, "dead, but listed", 20*time.Second, false)
			b.device.Plug()
			w.expect(t, "and alive", 20*time.Second, true)
			b.device.Remove(0)
			w.expect(t, "pulled again", within, false)
			b.bus.Unplug(b.plug)
			w.expect(t, "the empty reader unplugged", within, false)
			w.expect(t, "and away", time.Hour)
			b.replug(t)
			w.expect(t, "and plugged, empty", within, false)
			b.device.Unplug()
			w.expect(t, "dead and empty, but listed", 20*time.Second, false)
			b.device.Plug()
			w.expect(t, "and alive, empty", 20*time.Second, false)
			w.end()
			b.check(t)
		})
	}
}

// TestConnectionIsToOneCard: what was connected to is gone when the reader told of a removal, though a card lies there.
func TestConnectionIsToOneCard(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, b *bench){
		"exchanged":      func(t *testing.T, b *bench) { b.device.Remove(0); b.device.Insert(0, contactWith(t)) },
		"unplugged":      func(t *testing.T, b *bench) { b.bus.Unplug(b.plug); b.replug(t) },
		"hardware error": func(_ *testing.T, b *bench) { b.device.Notify(0x51, 0, 0, 1) },
	} {
		bubble(t, name, func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: ccidtest.AutoVoltage | ccidtest.AutoActivation})
			b.device.Insert(0, contactWith(t))
			w := watch(t, b.reader)
			time.Sleep(time.Second)
			conn, err := b.reader.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.reader.Connect(t.Context()); !errors.Is(err, card.ErrBusy) {
				t.Errorf("a second connection: %v", err)
			}
			exchange(t, b)
			time.Sleep(time.Second)
			synctest.Wait()
			sent := len(b.device.Messages())
			if _, err := conn.Transmit(t.Context(), []byte{0, 0xB0, 0x8A, 0, 0}); !errors.Is(err, card.ErrGone) || len(b.device.Messages()) != sent {
				t.Errorf("%v, %d messages", err, len(b.device.Messages())-sent)
			}
			for range 2 {
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := b.visit(t.Context(), t); err != nil {
				t.Errorf("the next one: %v", err)
			}
			w.end()
			b.check(t)
		})
	}
}

// TestInTheWay: whoever holds the reader is named, and the reader is taken when it is free.
func TestInTheWay(t *testing.T) {
	for _, obstacle := range []error{
		errors.Join(usb.ErrBusy, errors.New("pcscd")), usb.ErrPermission, usb.ErrDescriptor,
	} {
		bubble(t, "", func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU, Features: ccidtest.AutoVoltage})
			b.device.Insert(0, contactWith(t))
			var tries atomic.Int32
			var free atomic.Bool
			b.plug.Claim = func(int, int) error {
				if tries.Add(1); free.Load() {
					return nil
				}
				return obstacle
			}
			for what, ask := range map[string]func() error{
				"Present": func() error { _, err := b.reader.Present(t.Context()); return err },
				"Connect": func() error { _, err := b.reader.Connect(t.Context()); return err },
			} {
				if err := ask(); !errors.Is(err, card.ErrNoReader) || !errors.Is(err, obstacle) || !strings.Contains(err.Error(), "1209:0002") {
					t.Errorf("%s: %v", what, err)
				}
			}
			w := watch(t, b.reader)
			w.expect(t, "in the way", time.Hour, false)
			if n := tries.Load(); n < 100 || n > 500 {
				t.Errorf("tried %d times in an hour", n)
			}
			free.Store(true)
			w.expect(t, "free", 11*time.Second, true)
			w.end()
			b.check(t)
		})
	}
}

func TestNoReader(t *testing.T) {
	r := ccid.New(usbtest.New(t), "")
	if p, err := r.Present(t.Context()); p || !errors.Is(err, card.ErrNoReader) {
		t.Error(p, err)
	}
	if _, err := r.Connect(t.Context()); !errors.Is(err, card.ErrNoReader) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Connect(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
	if _, err := b.reader.Connect(t.Context()); !errors.Is(err, card.ErrNoCard) {
		t.Error(err)
	}
	for name, m := range map[string]ccidtest.Model{
		"characters only": {Level: ccidtest.Character}, "descriptor cut": {Level: ccidtest.TPDU, Short: true},
	} {
		b := newBench(t, m)
		if _, err := b.reader.Present(t.Context()); !errors.Is(err, card.ErrNoReader) || !errors.Is(err, ccid.ErrDescriptor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newBench(t, ccidtest.Model{Level: ccidtest.TPDU, Class: 0xFF})
	if _, err := other.reader.Present(t.Context()); !errors.Is(err, card.ErrNoReader) || len(other.device.Messages()) > 0 {
		t.Errorf("a device of another class: %v", err)
	}
}

// TestTwoReaders: one card among them, or the reader that was named, or its second slot. A card that is laid on another reader beside
// one that lies here is as good as an exchange, since nobody could say whose visit it is: gone is told, which ends a visit, and then
// that a card is there.
func TestTwoReaders(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		bus := usbtest.New(t)
		var devices []*ccidtest.Device
		for _, m := range []ccidtest.Model{
			{Manufacturer: "Practice", Product: "Left", Vendor: 0x1209, ID: 1, Level: ccidtest.ShortAPDU},
			{Manufacturer: "Practice", Product: "Right", Vendor: 0x1209, ID: 2, Level: ccidtest.ShortAPDU, Slots: 2},
		} {
			d := ccidtest.New(m)
			devices = append(devices, d)
			bus.Plug(pluggable(t, d))
		}
		devices[1].Insert(1, contactWith(t))
		for name, want := range map[string]bool{
			"": true, "Right": true, "Left": false, "Practice": true, "1-2": true, "slot 1": true,
			"Practice Right (1209:0002) 1-2 slot 1": true, "Practice Right (1209:0002) 1-2": true, "Practice Left (1209:0001) 1-1": false,
		} {
			r := ccid.New(bus, name)
			present, err := r.Present(t.Context())
			if present != want || err != nil {
				t.Errorf("%q: %v, %v", name, present, err)
			}
			conn, err := r.Connect(t.Context())
			if (err == nil) != want || err != nil && !errors.Is(err, card.ErrNoCard) {
				t.Errorf("%q: %v", name, err)
				continue
			}
			if err == nil {
				if !strings.HasPrefix(conn.Make(), "Practice Right (1209:0002) 1-2 slot 1\x00") {
					t.Errorf("%q: %q", name, conn.Make())
				}
				if err := errors.Join(visitOver(t.Context(), t, conn), conn.Close()); err != nil {
					t.Errorf("%q: %v", name, err)
				}
			}
		}
		if _, err := ccid.New(bus, "Middle").Present(t.Context()); !errors.Is(err, card.ErrNoReader) {
			t.Errorf("a reader that is not there: %v", err)
		}
		w := watch(t, ccid.New(bus, ""))
		w.expect(t, "one card", time.Second, true)
		devices[0].Insert(0, contactWith(t))
		w.expect(t, "another one beside it is as good as an exchange", 50*time.Millisecond, false, true)
		devices[1].Remove(1)
		w.expect(t, "one of them", 50*time.Millisecond, false, true)
		devices[0].Remove(0)
		w.expect(t, "none", time.Second, false)
		w.end()
		bus.Check()
	})
}

// TestIdle: a reader that nothing happens at is left in peace.
func TestIdle(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		bubble(t, "", func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU, NoInterrupt: quiet})
			w := watch(t, b.reader)
			time.Sleep(time.Hour)
			n, most := len(b.device.Messages()), 370
			if quiet {
				most = 3610
			}
			if n > most || n < most*9/10 {
				t.Errorf("no interrupts %v: %d messages in an hour", quiet, n)
			}
			w.end()
			b.check(t)
		})
	}
}

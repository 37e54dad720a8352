package ccid_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/internal/usb/usbtest"
)

// padBench is a reader with keys, a card on it, and a conversation that has read the certificate.
func padBench(t *testing.T, level ccidtest.Level, atr []byte, protocol byte) (*bench, *counted, card.Connection, *card.Card) {
	t.Helper()
	b := newBench(t, ccidtest.Model{Level: level, Pad: true, Display: true, Features: ccidtest.AutoParameters | ccidtest.AutoVoltage})
	c := newCounted(t, atr...)
	b.device.Insert(0, &ccidtest.Contact{Card: c, T: protocol})
	conn, err := b.reader.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spoken := card.New(&card.Counting{Transport: conn})
	if _, err := spoken.Certificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := spoken.PINTries(t.Context()); err != nil || left != 3 || !spoken.HasPad() {
		t.Fatal(left, err, spoken.HasPad())
	}
	return b, c, conn, spoken
}

// typed runs VERIFY while somebody does something at the keys.
func typed(ctx context.Context, t *testing.T, b *bench, c *card.Card, do func() bool) error {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if b.device.AwaitPad(ctx) == nil && !do() {
			t.Error("the keys were not expected")
		}
	}()
	err := c.VerifyPINOnPad(ctx)
	<-done
	return err
}

// TestPad verifies the PIN on the reader's keys at each level: right, wrong, cancelled, left alone.
func TestPad(t *testing.T) {
	for _, m := range []struct {
		name  string
		level ccidtest.Level
		atr   []byte
		t     byte
	}{
		{"TPDU T=1", ccidtest.TPDU, nil, 1}, {"TPDU T=0", ccidtest.TPDU, t0ATR, 0},
		{"short APDU", ccidtest.ShortAPDU, nil, 1}, {"extended APDU", ccidtest.ExtendedAPDU, nil, 1},
	} {
		bubble(t, m.name, func(t *testing.T) {
			b, chip, conn, c := padBench(t, m.level, m.atr, m.t)
			var wrong *card.WrongPIN
			for _, s := range []struct {
				what string
				do   func() bool
				ok   func(error) bool
				pins int
			}{
				{"cancelled", b.device.Cancel, func(err error) bool { return errors.Is(err, card.ErrPadCancelled) }, 0},
				{"left alone", b.device.TimeOut, func(err error) bool { return errors.Is(err, card.ErrPadTimeout) }, 0},
				{"wrong", func() bool { return b.device.Type("9999") }, func(err error) bool { return errors.As(err, &wrong) && wrong.Left == 2 }, 1},
				{"right, after a while", func() bool {
					time.Sleep(25 * time.Second)
					return b.device.Type(cardtest.PIN)
				}, func(err error) bool { return err == nil }, 2},
			} {
				if err := typed(t.Context(), t, b, c, s.do); !s.ok(err) || chip.PINs() != s.pins {
					t.Errorf("%s: %v, %d PINs at the card", s.what, err, chip.PINs())
				}
			}
			if err := signs(t.Context(), t, c, holder().AuthCert); err != nil {
				t.Error(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			b.check(t)
		})
	}
}

// TestPadFaults: the reader's own words, a card pulled while somebody types, and a caller who leaves. The next visit finds
// the reader as if nothing had been.
func TestPadFaults(t *testing.T) {
	says := func(sw ...byte) func(*bench) {
		return func(b *bench) {
			b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
				if m[0] != 0x69 {
					return nil
				}
				head := []byte{0x80, 2, 0, 0, 0, m[5], m[6], 0, 0, 0}
				return &ccidtest.Fault{First: append(head, sw...)}
			})
		}
	}
	for _, f := range []struct {
		name  string
		begin func(*bench)
		keys  func(*bench) bool
		want  error
	}{
		{"6400", says(0x64, 0x00), nil, card.ErrPadTimeout},
		{"6401", says(0x64, 0x01), nil, card.ErrPadCancelled},
		{"6403", says(0x64, 0x03), nil, card.ErrPINForm},
		{"9000 without a block", says(0x90, 0x00), nil, card.ErrGone},
		{"pulled", nil, func(b *bench) bool { b.device.Remove(0); return true }, card.ErrGone},
		{"unplugged", nil, func(b *bench) bool { b.bus.Unplug(b.plug); return true }, card.ErrGone},
		{"nobody answers", func(b *bench) {
			b.device.Break(func(_ int, m []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: m[0] == 0x69} })
		}, nil, card.ErrGone},
		{"the caller leaves", nil, nil, card.ErrGone},
	} {
		bubble(t, f.name, func(t *testing.T) {
			b, chip, conn, c := padBench(t, ccidtest.TPDU, nil, 1)
			if f.begin != nil {
				f.begin(b)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			if f.name == "the caller leaves" {
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			}
			defer cancel()
			if f.keys != nil {
				go func() {
					if b.device.AwaitPad(ctx) == nil {
						f.keys(b)
					}
				}()
			}
			if err := c.VerifyPINOnPad(ctx); !errors.Is(err, f.want) || chip.PINs() != 0 {
				t.Errorf("%v, %d PINs", err, chip.PINs())
			}
			b.device.Break(nil)
			_ = conn.Close()
			if f.name == "unplugged" {
				b.replug(t)
			}
			b.device.Insert(0, contactWith(t))
			if err := b.visit(t.Context(), t); err != nil {
				t.Errorf("the next visit: %v", err)
			}
			b.bus.Check()
		})
	}
}

// vague is a card that answers VERIFY with words that readers use too.
type vague struct {
	*counted
	last byte
}

func (v vague) Process(command []byte) []byte {
	if answer := v.counted.Process(command); command[1] != 0x20 || len(command) < 6 {
		return answer
	}
	return []byte{0x64, v.last}
}

// TestPadStatus: where no block is due, a status is the card's, which has had the PIN.
func TestPadStatus(t *testing.T) {
	for _, level := range []ccidtest.Level{ccidtest.ShortAPDU, ccidtest.ExtendedAPDU, ccidtest.TPDU} {
		for _, last := range []byte{0x00, 0x01, 0x03} {
			bubble(t, "", func(t *testing.T) {
				b := newBench(t, ccidtest.Model{Level: level, Pad: true, Features: ccidtest.AutoParameters | ccidtest.AutoVoltage})
				chip := newCounted(t, t0ATR...)
				b.device.Insert(0, &ccidtest.Contact{Card: vague{chip, last}})
				conn, err := b.reader.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c := card.New(&card.Counting{Transport: conn})
				var status *card.StatusError
				err = typed(t.Context(), t, b, c, func() bool { return b.device.Type(cardtest.PIN) })
				if !errors.As(err, &status) || status.SW != 0x6400|uint16(last) || chip.PINs() != 1 {
					t.Errorf("level %X, 64%02X: %v, %d PINs", level, last, err, chip.PINs())
				}
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				b.check(t)
			})
		}
	}
}

func TestNoPad(t *testing.T) {
	b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
	b.device.Insert(0, contactWith(t))
	conn, err := b.reader.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := card.New(&card.Counting{Transport: conn})
	if err := c.VerifyPINOnPad(t.Context()); c.HasPad() || !errors.Is(err, card.ErrNoPad) {
		t.Errorf("keys where there are none: %v", err)
	}
	if b.reader.HasKeys() {
		t.Error("the reader has keys")
	}
}

// TestHasKeys: of all that a card may be laid on, while somebody watches.
func TestHasKeys(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		bus := usbtest.New(t)
		keyed := pluggable(t, ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU, Pad: true, Vendor: 0x1209, ID: 1}))
		bare := pluggable(t, ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU, Vendor: 0x1209, ID: 2}))
		r := ccid.New(bus, "")
		w := watch(t, r)
		for _, c := range []struct {
			what string
			does func()
			want bool
		}{
			{"none", func() {}, false}, {"a keyless one", func() { bus.Plug(bare) }, false}, {"two", func() { bus.Plug(keyed) }, false},
			{"the one with keys", func() { bus.Unplug(bare) }, true}, {"none again", func() { bus.Unplug(keyed) }, false},
		} {
			c.does()
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if got := r.HasKeys(); got != c.want {
				t.Errorf("%s: %v", c.what, got)
			}
		}
		w.end()
		bus.Check()
	})
}

// TestClaimsAPad: a reader that says it has keys, and knows no such command. The screen's are used from then on.
func TestClaimsAPad(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b, chip, conn, c := padBench(t, ccidtest.TPDU, t0ATR, 0)
		b.device.Pad = false // after it has said otherwise
		if err := c.VerifyPINOnPad(t.Context()); !errors.Is(err, card.ErrNoPad) || c.HasPad() || chip.PINs() != 0 {
			t.Errorf("%v, keys: %v, %d PINs", err, c.HasPad(), chip.PINs())
		}
		if _, err := c.PINTries(t.Context()); err != nil {
			t.Errorf("the card is lost: %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		for _, replugged := range []bool{false, true} {
			if replugged {
				b.device.Pad = true
				b.bus.Unplug(b.plug)
				b.replug(t)
			}
			w := watch(t, b.reader) // a claim of its own
			time.Sleep(time.Second)
			synctest.Wait()
			if b.reader.HasKeys() != replugged {
				t.Errorf("replugged %v: keys %v", replugged, b.reader.HasKeys())
			}
			w.end()
		}
	})
}

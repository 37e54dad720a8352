package ccid_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

func silent(int, []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: true} }

// beside plugs a reader that says nothing in before the bench's own.
func beside(t *testing.T, m ccidtest.Model) (b *bench, claims *atomic.Int32) {
	t.Helper()
	b, claims = &bench{bus: usbtest.New(t), device: ccidtest.New(m)}, new(atomic.Int32)
	mute := ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU})
	mute.Break(silent)
	first := pluggable(t, mute)
	first.Claim = func(int, int) error { claims.Add(1); return nil }
	b.plug = pluggable(t, b.device)
	b.bus.Plug(first)
	b.bus.Plug(b.plug)
	b.reader = ccid.New(b.bus, "")
	return b, claims
}

// TestSilentNeighbour: a reader that says nothing costs the one beside it no time, at no visit.
func TestSilentNeighbour(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b, claims := beside(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		w := watch(t, b.reader)
		w.expect(t, "a card beside a silent reader", 1100*time.Millisecond, true)
		visits := 0
		for begun := time.Now(); time.Since(begun) < 10*time.Minute; visits++ {
			before := time.Now()
			if err := b.visit(t.Context(), t); err != nil {
				t.Error(err)
			}
			if took := time.Since(before); took > 0 {
				t.Errorf("visit %d: %v", visits, took)
			}
			time.Sleep(2900 * time.Millisecond)
		}
		if n := claims.Load(); n < 30 || n > 50 || visits < 200 {
			t.Errorf("%d visits; the silent one was tried %d times in ten minutes", visits, n)
		}
		b.device.Remove(0)
		w.expect(t, "pulled", 50*time.Millisecond, false)
		w.end()
		b.check(t)
	})
}

// TestConnectBesideSilence: also where nobody watches, the first answer counts.
func TestConnectBesideSilence(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b, _ := beside(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		begun := time.Now()
		conn, err := b.reader.Connect(t.Context())
		if took := time.Since(begun); err != nil || took > 1100*time.Millisecond {
			t.Fatalf("%v after %v", err, took)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		b.check(t)
	})
}

// TestGoneSilent: a reader that stopped answering while nobody asked it anything does not keep a card waiting on another one.
func TestGoneSilent(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		other := ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.bus.Plug(pluggable(t, other))
		other.Insert(0, contactWith(t))
		w := watch(t, b.reader)
		w.expect(t, "a card on the second reader", time.Second, true)
		b.device.Break(silent)
		begun := time.Now()
		if err := b.visit(t.Context(), t); err != nil || time.Since(begun) > 0 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		w.end()
		b.check(t)
	})
}

// TestNewcomer: who comes while the last one gives a reader back that takes its time gets it as soon as that is done.
func TestNewcomer(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		b.device.Break(silent)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := make(chan time.Time)
		go func() {
			_, err := b.reader.Present(ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			left <- time.Now()
		}()
		time.Sleep(1500 * time.Millisecond) // the question is being aborted
		b.device.Break(nil)
		if present, err := b.reader.Present(t.Context()); !present || err != nil {
			t.Errorf("%v, %v", present, err)
		}
		if came := time.Now(); !came.Equal(<-left) {
			t.Error("not as soon as the other one left")
		}
		b.check(t)
	})
}

// TestCloseIsSoon: whatever a reader says to the end of power, or does not, Close has an end.
func TestCloseIsSoon(t *testing.T) {
	for _, from := range []byte{0x63, 0x72, 0x65, 0x6F} {
		for _, watched := range []bool{true, false} {
			bubble(t, "", func(t *testing.T) {
				b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
				b.device.Insert(0, contactWith(t))
				var w *watching
				if watched {
					w = watch(t, b.reader)
					time.Sleep(time.Second)
				}
				conn, err := b.reader.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				mute := false
				b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
					mute = mute || m[0] == from
					return &ccidtest.Fault{Silent: mute || m[0] == 0x6F}
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := conn.Transmit(ctx, readCommand); !errors.Is(err, card.ErrGone) {
					t.Error(err)
				}
				begun := time.Now()
				_ = conn.Close() // it may say that the reader did not listen
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("silent from %02X on, watched %v: %v", from, watched, took)
				}
				if watched {
					w.end()
				}
				b.check(t)
			})
		}
	}
}

// TestAnswerBeforeTheAbort: an answer that was on its way when its command was aborted is not the abort's, and the reader is none
// that has to be claimed anew.
func TestAnswerBeforeTheAbort(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		var claims atomic.Int32
		b.plug.Claim = func(int, int) error { claims.Add(1); return nil }
		w := watch(t, b.reader)
		w.expect(t, "a card", time.Second, true)
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.device.Break(func(_ int, m []byte) *ccidtest.Fault { return &ccidtest.Fault{Held: m[0] == 0x6F} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := conn.Transmit(ctx, readCommand); !errors.Is(err, card.ErrGone) {
			t.Error(err)
		}
		b.device.Break(nil)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		w.expect(t, "after an abort", 20*time.Second)
		if err := b.visit(t.Context(), t); err != nil || claims.Load() != 1 {
			t.Errorf("%v, claimed %d times", err, claims.Load())
		}
		w.end()
		b.check(t)
	})
}

// TestNumbersGoOn: a claim that failed leaves no question open, and the next one's questions have other numbers.
func TestNumbersGoOn(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		var kinds, numbers []byte
		b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
			kinds, numbers = append(kinds, m[0]), append(numbers, m[6])
			return &ccidtest.Fault{Silent: len(kinds) < 6 && m[0] != 0x72}
		})
		w := watch(t, b.reader)
		w.expect(t, "silent thrice, then there", 20*time.Second, false, false)
		if want := []byte{0x65, 0x72, 0x65, 0x72, 0x65, 0x72, 0x65}; len(kinds) < 7 || !slices.Equal(kinds[:7], want) {
			t.Errorf("% X, want % X", kinds, want)
		}
		slices.Sort(numbers)
		if n := len(numbers); len(slices.Compact(numbers)) != n {
			t.Errorf("numbers come twice: % X", numbers)
		}
		w.end()
		b.check(t)
	})
}

// chatty is a reader whose interrupt pipe has something to say each time it is asked.
type chatty struct {
	inside
	says  []byte
	asked atomic.Int32
}

func (m *chatty) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	if endpoint == ccidtest.Interrupt && m.asked.Add(1) < 100_000 { // a test that fails should end
		return m.says, nil
	}
	return m.inside.In(ctx, endpoint)
}

// TestChatter: a pipe that never rests is given up for questions, and cards are seen all the same.
func TestChatter(t *testing.T) {
	for _, says := range [][]byte{{0x50, 0x02}, {0x50, 0x03}, {0x77}, {}, {0x51, 0, 0, 1}} {
		bubble(t, "", func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
			m := &chatty{inside: inside{b.device}, says: says}
			b.plug.Model = m
			w := watch(t, b.reader)
			for range 100 { // it tells of cards that are not there
				time.Sleep(100 * time.Millisecond)
				for len(w.events) > 0 {
					<-w.events
				}
			}
			b.device.Insert(0, contactWith(t))
			w.expect(t, "a card", 1100*time.Millisecond, true)
			if err := b.visit(t.Context(), t); err != nil {
				t.Error(err)
			}
			b.device.Remove(0)
			w.expect(t, "pulled", 1100*time.Millisecond, false)
			time.Sleep(time.Hour)
			if n := m.asked.Load(); n < 100 || n > 150 {
				t.Errorf("% X was heard %d times", says, n)
			}
			if n := len(b.device.Messages()); n > 3700 {
				t.Errorf("%d messages in an hour", n)
			}
			w.end()
			b.bus.Check()
		})
	}
}

// TestComesBack: a reader that worked and then failed once is claimed at once; that it was away is said, for the card may
// have been another one.
func TestComesBack(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		w := watch(t, b.reader)
		w.expect(t, "a card", time.Minute, true)
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.device.Break(silent)
		b.plug.Claim = func(int, int) error { b.device.Break(nil); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := conn.Transmit(ctx, readCommand); !errors.Is(err, card.ErrGone) {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if present, err := b.reader.Present(t.Context()); !present || err != nil {
			t.Errorf("%v, %v", present, err)
		}
		w.expect(t, "it comes back", time.Second, false, true)
		b.bus.Unplug(b.plug)
		b.replug(t)
		w.expect(t, "another plug between two looks", time.Second, false, true)
		w.end()
		b.check(t)
	})
}

// TestNoWordsOfTheDevice: what is wrong with a reader is said without what it calls itself.
func TestNoWordsOfTheDevice(t *testing.T) {
	model := ccidtest.Model{Manufacturer: "SN4711", Product: "SN4711", Vendor: 0x1209, ID: 2, Level: ccidtest.ShortAPDU}
	broken := model
	broken.Short = true
	for _, c := range []struct {
		name  string
		model ccidtest.Model
		claim error
		fault func(int, []byte) *ccidtest.Fault
	}{
		{"in the way", model, usb.ErrBusy, nil}, {"a bad descriptor", broken, nil, nil}, {"silent", model, nil, silent},
		{"stalls", model, nil, func(int, []byte) *ccidtest.Fault { return &ccidtest.Fault{StallIn: true} }},
		{"nonsense", model, nil, func(int, []byte) *ccidtest.Fault {
			return &ccidtest.Fault{Rewrite: func(a []byte) []byte { return append(a[:0:0], []byte("SN4711 SN4711")...) }}
		}},
		{"another one's answers", model, nil, func(int, []byte) *ccidtest.Fault {
			return &ccidtest.Fault{Rewrite: func(a []byte) []byte { a[0] = 0x83; return a }}
		}},
	} {
		bubble(t, c.name, func(t *testing.T) {
			b := newBench(t, c.model)
			b.plug.Claim = func(int, int) error { return c.claim }
			b.device.Break(c.fault)
			_, err := b.reader.Present(t.Context())
			if !errors.Is(err, card.ErrNoReader) || strings.Contains(err.Error(), "SN4711") || !strings.Contains(err.Error(), "1209:0002 at 1-1: ") {
				t.Error(err)
			}
			t.Log(err)
			b.bus.Check()
		})
	}
}

// TestEmptyNeighbour: a reader without a card that comes, is used and goes is no matter of a card on another one.
func TestEmptyNeighbour(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU})
		b.device.Insert(0, contactWith(t))
		w := watch(t, b.reader)
		w.expect(t, "a card", time.Second, true)
		other := ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU})
		plug := pluggable(t, other)
		b.bus.Plug(plug)
		w.expect(t, "a neighbour comes", 2*time.Second)
		other.Notify(0x50, 0x02)
		w.expect(t, "a card that did not stay there", 2*time.Second)
		b.bus.Unplug(plug)
		w.expect(t, "the neighbour goes", 2*time.Second)
		b.device.Remove(0)
		w.expect(t, "pulled", 50*time.Millisecond, false)
		w.end()
		b.check(t)
	})
}

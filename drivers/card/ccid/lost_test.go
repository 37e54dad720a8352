package ccid_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/internal/usb"
)

var readCommand = []byte{0x00, 0xB0, 0x8A, 0x00, 0x00}

// TestAnswerOfAnother: an answer does not count when the card was exchanged, or lost its power, while it came.
func TestAnswerOfAnother(t *testing.T) {
	for name, meanwhile := range map[string]func(b *bench, m []byte){
		"exchanged": func(b *bench, m []byte) {
			b.device.Remove(0)
			b.device.Insert(0, contactWith(t))
			time.Sleep(100 * time.Millisecond)
			b.device.Say(0x80, 2, 0, 0, 0, 0, m[6], 0, 0, 0, 0x90, 0x00)
		},
		"without power": func(b *bench, m []byte) { b.device.Say(0x80, 2, 0, 0, 0, 0, m[6], 1, 0, 0, 0x90, 0x00) },
	} {
		bubble(t, name, func(t *testing.T) {
			b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU, Features: ccidtest.AutoVoltage | ccidtest.AutoActivation})
			b.device.Insert(0, contactWith(t))
			w := watch(t, b.reader)
			time.Sleep(time.Second)
			conn, err := b.reader.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
				if m[0] != 0x6F {
					return nil
				}
				go func() {
					time.Sleep(100 * time.Millisecond)
					meanwhile(b, m)
				}()
				return &ccidtest.Fault{Silent: true}
			})
			if answer, err := conn.Transmit(t.Context(), readCommand); !errors.Is(err, card.ErrGone) || len(answer) > 0 {
				t.Errorf("% X, %v", answer, err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			w.end()
			b.check(t)
		})
	}
}

// shortLived is a reader that can be claimed and asked, and is gone at once.
type shortLived struct{ inside }

func (m shortLived) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	if endpoint == ccidtest.Interrupt {
		return nil, usb.ErrGone
	}
	return m.inside.In(ctx, endpoint)
}

// TestClaimedAtLeisure: a reader that fails as soon as it is claimed is left alone for ten seconds in the end.
func TestClaimedAtLeisure(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.plug.Model = shortLived{inside{b.device}}
		var tries atomic.Int32
		b.plug.Claim = func(int, int) error {
			if tries.Add(1) > 2000 {
				return usb.ErrPermission // a test that fails should end
			}
			return nil
		}
		w := watch(t, b.reader)
		time.Sleep(10 * time.Minute)
		if n := tries.Load(); n < 60 || n > 70 {
			t.Errorf("claimed %d times in ten minutes", n)
		}
		w.end()
		b.check(t)
	})
}

// TestNothingLeftBehind: who leaves in the middle of a question leaves no command in the reader.
func TestNothingLeftBehind(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Break(func(n int, m []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: n == 1} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.reader.Present(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		sent := b.device.Messages()
		if sent[len(sent)-1] != 0x72 {
			t.Errorf("% X", sent)
		}
		b.check(t)
	})
}

// TestSilentReader: one that says nothing at all is no reader, and says so within seconds.
func TestSilentReader(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Break(func(int, []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: true} })
		begun := time.Now()
		if _, err := b.reader.Present(t.Context()); !errors.Is(err, card.ErrNoReader) || !errors.Is(err, ccid.ErrSilent) {
			t.Error(err)
		}
		if d := time.Since(begun); d > 10*time.Second {
			t.Errorf("after %v", d)
		}
		b.bus.Check()
	})
}

// TestAbortOfAnother: an abort that a program before us began on the control pipe, and did not end.
func TestAbortOfAnother(t *testing.T) {
	b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
	b.device.Insert(0, contactWith(t))
	if _, err := b.device.Control(0x21, 0x01, 0x7700, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.visit(t.Context(), t); err != nil {
		t.Error(err)
	}
	b.check(t)
}

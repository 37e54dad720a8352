package ccid_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/internal/usb/usbtest"
)

// crowd is two readers, and whoever uses them at once.
type crowd struct {
	t       *testing.T
	bus     *usbtest.Bus
	benches [2]*bench
	plugged [2]bool
	reader  *ccid.Reader
	watch   context.CancelFunc
	all     sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	bus := usbtest.New(t)
	c := &crowd{t: t, bus: bus, reader: ccid.New(bus, ""), watch: func() {}}
	for i, m := range []ccidtest.Model{{Level: ccidtest.ShortAPDU}, {Level: ccidtest.TPDU, NoInterrupt: true}} {
		c.benches[i] = &bench{bus: bus, device: ccidtest.New(m), reader: c.reader}
		c.plug(i)
	}
	return c
}

func (c *crowd) plug(i int) {
	if b := c.benches[i]; !c.plugged[i] {
		b.device.Plug()
		b.plug = pluggable(c.t, b.device)
		c.bus.Plug(b.plug)
		c.plugged[i] = true
	}
}

func (c *crowd) unplug(i int) {
	if c.plugged[i] {
		c.bus.Unplug(c.benches[i].plug)
		c.plugged[i] = false
	}
}

func (c *crowd) visit(patience time.Duration) {
	c.all.Go(func() {
		ctx, cancel := context.WithTimeout(c.t.Context(), patience)
		defer cancel()
		err := c.benches[0].visit(ctx, c.t)
		known := outcome(err) != "?" || errors.Is(err, card.ErrBusy) || errors.Is(err, context.DeadlineExceeded)
		if !known {
			c.t.Errorf("a visit: %v", err)
		}
	})
}

// look begins to watch, or ends it.
func (c *crowd) look(begin bool) {
	c.watch()
	if begin {
		ctx, cancel := context.WithCancel(c.t.Context())
		c.watch = cancel
		c.all.Go(func() { c.reader.Watch(ctx, func(bool) {}) })
	}
}

// step is one thing that happens, and how long nothing does then.
type step struct {
	reader, what int
	watches      bool
	patience     time.Duration
	pause        time.Duration
}

func drawStep(r *rapid.T) step {
	return step{
		rapid.IntRange(0, 1).Draw(r, "reader"), rapid.IntRange(0, 9).Draw(r, "what"), rapid.Bool().Draw(r, "watches"),
		time.Duration(rapid.IntRange(1, 20_000).Draw(r, "patience, ms")) * time.Millisecond,
		time.Duration(rapid.SampledFrom([]int{0, 0, 1, 30, 400, 3000, 15_000}).Draw(r, "pause, ms")) * time.Millisecond,
	}
}

func (c *crowd) do(s step) {
	d := c.benches[s.reader].device
	switch s.what {
	case 0:
		c.plug(s.reader)
	case 1:
		c.unplug(s.reader)
	case 2:
		d.Insert(0, contactWith(c.t))
	case 3:
		d.Remove(0)
	case 4:
		d.Break(silent)
	case 5:
		d.Break(func(n int, _ []byte) *ccidtest.Fault { return &ccidtest.Fault{StallIn: n%3 == 0, Held: n%5 == 0} })
	case 6:
		d.Break(nil)
	case 7:
		c.look(s.watches)
	default:
		c.visit(s.patience)
	}
	time.Sleep(s.pause)
}

// end puts everything in order again, and expects a visit to be as if nothing had been.
func (c *crowd) end(watched bool) {
	for i, b := range c.benches {
		b.device.Break(nil)
		c.plug(i)
		b.device.Insert(0, contactWith(c.t))
	}
	c.look(watched)
	time.Sleep(time.Minute)
	begun := time.Now()
	if err := c.benches[0].visit(c.t.Context(), c.t); err != nil || time.Since(begun) > 0 {
		c.t.Errorf("in the end: %v after %v", err, time.Since(begun))
	}
	c.watch()
	c.all.Wait()
	c.bus.Check()
}

// TestComings has readers, cards, faults, watchers and visits come and go in any order: nothing hangs, nothing stays claimed,
// and in the end all is well.
func TestComings(t *testing.T) {
	holder()
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 40).Draw(r, "steps")
		watched := rapid.Bool().Draw(r, "watched at the end")
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t)
			for _, s := range steps {
				c.do(s)
			}
			c.end(watched)
		})
		if t.Failed() {
			r.Fatal("as above")
		}
	})
}

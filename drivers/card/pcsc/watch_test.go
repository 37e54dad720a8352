package pcsc

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatch(t *testing.T) {
	const other = "Other 00 00"
	steps := []struct {
		name string
		do   func(*fake)
		want []bool // what Watch says next
	}{
		{"at first", func(*fake) {}, []bool{false}},
		{"a card", func(f *fake) { f.card(name, true) }, []bool{true}},
		{"used by somebody", func(f *fake) { f.change(func() { f.slots[name] |= 0x100 }) }, nil},
		{"released", func(f *fake) { f.change(func() { f.slots[name] &^= 0x100 }) }, nil},
		{"exchanged between two looks", func(f *fake) {
			f.change(func() { f.slots[name] = event(event(f.slots[name], false), true) })
		}, []bool{false, true}},
		{"taken", func(f *fake) { f.card(name, false) }, []bool{false}},
		{"came and went", func(f *fake) {
			f.change(func() { f.slots[name] = event(event(f.slots[name], true), false) })
		}, nil},
		{"another reader", func(f *fake) { f.plug(other) }, nil},
		{"a card there", func(f *fake) { f.card(other, true) }, []bool{true}},
		{"that reader gone", func(f *fake) { f.unplug(other) }, []bool{false}},
		{"no reader at all", func(f *fake) { f.unplug(name) }, []bool{false}},
		{"back", func(f *fake) { f.plug(name) }, []bool{false}},
		{"no reader again", func(f *fake) { f.unplug(name) }, []bool{false}},
		{"nor an hour later", func(*fake) { time.Sleep(time.Hour) }, nil},
		{"back, with a card", func(f *fake) {
			f.change(func() { f.slots[name], f.order = event(0, true), append(f.order, name) })
		}, []bool{true}},
		{"pcscd dies", func(f *fake) { f.change(func() { f.down = true }) }, []bool{false}},
		{"and is back", func(f *fake) { f.change(func() { f.down = false }) }, []bool{true}},
		{"taken again", func(f *fake) { f.card(name, false) }, []bool{false}},
		{"it dies beside an empty reader", func(f *fake) { f.change(func() { f.down = true }) }, []bool{false}},
		{"and stays away", func(*fake) { time.Sleep(time.Hour) }, nil},
		{"and is back once more", func(f *fake) { f.change(func() { f.down = false }) }, []bool{false}},
	}
	for _, counting := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(name)
			f.counting = counting
			var mu sync.Mutex
			var said []bool
			ctx, cancel := context.WithCancel(t.Context())
			go newReader("", f).Watch(ctx, func(p bool) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, p)
			})
			for _, s := range steps {
				s.do(f)
				time.Sleep(serviceEvery + time.Millisecond) // of the bubble's clock
				synctest.Wait()
				mu.Lock()
				if !slices.Equal(said, s.want) {
					t.Errorf("%s: said %v, want %v", s.name, said, s.want)
				}
				said = nil
				mu.Unlock()
			}
			cancel()
			synctest.Wait()
			f.idle(t)
			if len(said) > 0 {
				t.Errorf("said %v after the end", said)
			}
		})
	}
}

// Watching a reader for an hour in which nothing happens, with a card on it or without, is one PC/SC context and a wait
// that blocks for ten seconds at a time, between them a look at the list and the states; the card hears nothing.
func TestWatchIsNotBusy(t *testing.T) {
	const looks = int(time.Hour / lookAgain)
	for _, c := range []struct{ counting, in bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(name, "Other 00 00")
			f.counting = c.counting
			f.card(name, c.in)
			ctx, cancel := context.WithCancel(t.Context())
			go newReader(name, f).Watch(ctx, func(bool) {})
			synctest.Wait()
			f.count()
			time.Sleep(time.Hour + time.Second)
			synctest.Wait()
			got := f.count()
			cancel()
			f.idle(t)
			if want := map[string]int{"readers": looks, "wait": 2 * looks}; !maps.Equal(got, want) {
				t.Errorf("%+v: an idle hour is %v, want %v", c, got, want)
			}
		})
	}
}

// A pcscd that stands still cannot keep Watch from ending.
func TestWatchEndsThoughACallHangs(t *testing.T) {
	for _, call := range []string{"establish", "readers", "wait"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(name)
			release := f.block(call)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); newReader(name, f).Watch(ctx, func(bool) {}) }()
			synctest.Wait()
			cancel()
			<-ended
			release()
			f.idle(t)
		})
	}
}

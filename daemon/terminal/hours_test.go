package terminal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/tokyo"
	"honnin/daemon/session"
)

// office0900 is closed before nine, after five and on holidays; the bubble's clock begins at nine in Tokyo, on 1 January 2000.
func office0900(t *testing.T) hours {
	return hours{Parts{Policy: ruled(t, "hours = \"09:00-17:00\"\nclosed = [\"01-02/01-03\"]\n", ""), Now: time.Now}}
}

type asked struct {
	session.Centre
	n int
}

func (a *asked) Ready(context.Context) error { a.n++; return nil }

// TestNoVisitBeginsWhenClosed: neither the gate nor the centre is asked then.
func TestNoVisitBeginsWhenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, c := office0900(t), new(asked)
		g := newGate(Parts{Policy: h.parts.Policy, Now: time.Now, SelfTest: new(told)}, nil)
		g.day = g.openingDay(time.Now())
		in := gated{c, g, h}
		for _, want := range []struct {
			after time.Duration
			err   error
			asked int
		}{{0, nil, 1}, {8*time.Hour - time.Second, nil, 2}, {time.Second, session.ErrClosed, 2}} {
			time.Sleep(want.after)
			if err := in.Ready(t.Context()); !errors.Is(err, want.err) || c.n != want.asked {
				t.Errorf("at %s: %v, the centre was asked %d times", time.Now().In(tokyo.Zone()), err, c.n)
			}
		}
	})
}

// TestClosingTime: a terminal that welcomes people looks again when the hours are over, and lets a visit end first.
func TestClosingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, begin := office0900(t), time.Now()
		var busy, shut atomic.Bool
		busy.Store(true)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.shut(t.Context(), busy.Load, func() { shut.Store(true) })
		}()
		time.Sleep(8*time.Hour + 10*time.Minute)
		synctest.Wait()
		if shut.Load() {
			t.Error("closed in the middle of a visit")
		}
		busy.Store(false)
		<-ended
		if took := time.Since(begin); !shut.Load() || took > 8*time.Hour+11*time.Minute {
			t.Errorf("closed: %t, after %s", shut.Load(), took)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { time.Sleep(63 * time.Hour); stop() }() // the fourth at 8:10
		h.shut(ctx, busy.Load, func() { t.Error("what never welcomed anybody was closed") })
	})
}

type drawn struct{ views []session.View }

func (d *drawn) Show(v session.View) { d.views = append(d.views, v) }

// TestClosedScreenSaysUntil: over the closed days, to the minute.
func TestClosedScreenSaysUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9 * time.Hour)
		to := new(drawn)
		u := until{to, office0900(t)}
		u.Show(session.View{State: session.Unready, Word: "closed"})
		u.Show(session.View{State: session.Unready, Word: "centre"})
		want := time.Date(2000, 1, 4, 9, 0, 0, 0, tokyo.Zone())
		if got := Picture(to.views[0]).Until; !got.Equal(want) {
			t.Errorf("until %s, not %s", got, want)
		}
		if got := to.views[1].Until; !got.IsZero() {
			t.Errorf("a centre that is away is closed until %s", got)
		}
	})
}

// watching is a reader that is there.
type watching struct{ Reader }

func (watching) Watch(ctx context.Context, _ func(bool)) { <-ctx.Done() }

// TestWhoEndedTheWatch: the hours and a stop end it, and that is told once; whoever asked for it may end it, too, and then it is not.
func TestWhoEndedTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := office0900(t)
		g := newGate(Parts{Policy: h.parts.Policy, Now: time.Now, SelfTest: new(told)}, nil)
		s := shutter{watching{}, g, h}
		ends := func(what string, ours bool, end func(stop func())) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go func() { synctest.Wait(); end(stop) }()
			s.Watch(ctx, nil)
			if first, again := g.didShut(), g.didShut(); first != ours || again {
				t.Errorf("%s: %t, then %t", what, first, again)
			}
		}
		ends("who asked for it", false, func(stop func()) { stop() })
		g.stopped = func() error { return session.ErrStopped }
		ends("a stop", true, func(func()) { g.recall() })
		ends("the hours", true, func(func()) {})
		g.mark(true)
		ends("who asked for it, after a stop that nobody heard of", false, func(stop func()) { stop() })
	})
}

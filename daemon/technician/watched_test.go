package technician

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/daemon/terminal"
)

// changing is a terminal whose state changes.
type changing struct {
	daemon
	now atomic.Pointer[terminal.Status]
}

func (c *changing) Status() terminal.Status { return *c.now.Load() }

// TestSince: since when a terminal is as it is, though nobody asked meanwhile; a visit, or that a device came back, changes nothing of it.
func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &changing{}
		begun := time.Now()
		s := &server{Daemon: Daemon{Terminal: c, Now: time.Now}, watched: watched{since: begun}}
		c.now.Store(&terminal.Status{})
		go s.watch(t.Context())
		time.Sleep(time.Hour)
		if l := s.live(); !l.Since.Equal(begun) {
			t.Error("from the start:", l.Since.Sub(begun))
		}
		for _, step := range []struct {
			is    terminal.Status
			fresh bool
		}{
			{terminal.Status{InService: true}, true}, {terminal.Status{InService: true, Visit: true, Policy: 3}, false}, {terminal.Status{InService: true}, false},
			{terminal.Status{Why: "printer"}, true}, {terminal.Status{Why: "printer", Ready: map[string]bool{"reader": true}}, false}, {terminal.Status{Why: "policy"}, true},
			{terminal.Status{InService: true}, true},
		} {
			before, at := s.live().Since, time.Now()
			c.now.Store(&step.is)
			time.Sleep(time.Hour)
			got := s.live()
			if step.fresh && (got.Since.Before(at) || got.Since.After(at.Add(watchTime))) || !step.fresh && !got.Since.Equal(before) || got.Visit != step.is.Visit {
				t.Errorf("%+v: since %s, want %s", step.is, got.Since, at)
			}
		}
	})
}

// TestLiveTravels: what the daemon says of itself comes to the console whole.
func TestLiveTravels(t *testing.T) {
	d := &daemon{is: &terminal.Status{InService: true, Visit: true}}
	state, _ := listening(t, d)
	a, err := question{Ask: askStatus}.ask(t.Context(), state)
	if l := a.Status; err != nil || !l.Visit || l.Leaving || l.Since.Before(l.Started) || l.Since.After(time.Now()) {
		t.Errorf("%+v %v", l, err)
	}
	d.Leave()
	if a, err = (question{Ask: askStatus}).ask(t.Context(), filepath.Clean(state)); err != nil || !a.Status.Leaving {
		t.Errorf("%+v %v", a, err)
	}
}

// TestWhy: the words of a terminal's state; one that waits for staff says so.
func TestWhy(t *testing.T) {
	for _, c := range []struct {
		is         live
		state, why string
	}{
		{live{InService: true}, "in-service", ""}, {live{Why: "printer"}, "out-of-service", "printer"},
		{live{Why: "out-of-service"}, "out-of-service", "staff"}, {live{Leaving: true}, "leaving", "reboot"},
	} {
		if state, why := c.is.state(); state != c.state || why != c.why {
			t.Errorf("%+v: %s, %s", c.is, state, why)
		}
	}
}

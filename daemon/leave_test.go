package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"honnin/daemon/session"
	"honnin/spool/journal"
)

// TestLeave: a terminal that is to leave in the middle of a visit prints that person's document, takes no other person, and ends.
func TestLeave(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	s.await("welcome", func(v session.View) bool { return v.State == session.Idle })
	if s.Status().Visit {
		t.Error("a visit, and nobody is there")
	}
	s.hand.instead[session.PressChoose] = func() bool {
		delete(s.hand.instead, session.PressChoose)
		if !s.Status().Visit || s.Leaving() {
			t.Error("no visit in hand")
		}
		s.Leave()
		s.Leave()
		return false
	}
	s.prints("p05")
	late := time.After(patience)
	for !errors.Is(s.StaffReady(context.Background(), "s-1"), session.ErrEnded) {
		select {
		case <-late:
			t.Fatal("it goes on")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if !s.Leaving() {
		t.Error("it does not know")
	}
	if all := of(s.quitAndBalance(), journal.VisitBegun); len(all) != 1 {
		t.Errorf("%d visits", len(all))
	}
}

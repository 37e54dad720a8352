package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"honnin/daemon/session"
	"honnin/daemon/terminal"
)

// TestLentWhileAPolicyChanges: who asks for the devices while a new policy is being put in force gets them before the next visit, and
// meanwhile staff's word, another policy and the end of the terminal wait for nobody.
func TestLentWhileAPolicyChanges(t *testing.T) {
	var s *stand
	lent, first := make(chan struct{}), true
	use := func(ctx context.Context, _ terminal.Parts, _ func(*terminal.Terminal)) terminal.Lent {
		defer close(lent)
		word, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := s.StaffReady(word, "s-1"); word.Err() != nil {
			t.Errorf("staff's word is not heard: %v", err)
		}
		return terminal.Lent{Outcome: "printed"}
	}
	s = newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Equip = func(p terminal.Parts) (terminal.Parts, error) {
			if !first {
				return p, nil
			}
			first = false
			asked := make(chan error, 2)
			for range cap(asked) { // the one that is told that somebody else waits already
				go func() { asked <- s.Lend(context.Background(), "tech-7", use) }()
			}
			if err := <-asked; !errors.Is(err, terminal.ErrLent) {
				t.Error(err)
			}
			return p, nil
		}
	})
	s.awaitState(session.Idle)
	version := s.revise(200)
	select {
	case <-lent:
	case <-time.After(patience):
		t.Fatal("it waits for the devices of an idle terminal")
	}
	s.goesBy(version)
	s.prints("p01")
	s.quit()
}

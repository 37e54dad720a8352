package technician

import (
	"context"
	"errors"
	"time"

	"honnin/daemon/selftest"
	"honnin/ui/console"
)

// retestTime is how long a daemon may take for its test, which takes less than a second, and testLook how often it is asked.
const (
	retestTime = 25 * time.Second
	testLook   = 100 * time.Millisecond
)

// staffNeeded is why a daemon does not test itself whose last test failed: the word of staff has it tested.
const staffNeeded = "staff-needed"

// selftest gives this machine's check packages of which the answer is known, with the policy in force; and has the daemon do the same, in
// whose answer it counts: one that fails there closes the terminal.
func (m *Machine) selftest(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, err := m.policy()
	if err != nil {
		return refused(err)
	}
	all, err := m.o.SelfTest(ctx, p.Policy)
	if ctx.Err() != nil || err != nil {
		return errors.Join(ctx.Err(), err)
	}
	for _, l := range all {
		if err := a.Row("selftest.part", word(l.ID), console.Yes(l.Right()), console.Number(1), console.Span(l.Took)); err != nil {
			return err
		}
	}
	right, why := m.retested(ctx)
	if failed := selftest.Failed(all); failed != "" {
		right, why = false, failed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.Row("selftest.verdict", console.Yes(right), word(why))
}

// retested has the daemon test itself, and waits for that. Where it cannot, this console's test is all there is: it is right, and why
// says so.
func (m *Machine) retested(ctx context.Context) (right bool, why string) {
	ctx, stop := context.WithTimeout(ctx, retestTime)
	defer stop()
	a, err := m.ask(ctx, question{Ask: askRetest})
	if err != nil || a.Why != "" {
		return a.Why != staffNeeded, wordOf(err) + a.Why
	}
	for {
		switch l, err := m.live(ctx); {
		case err != nil && ctx.Err() == nil:
			return false, wordOf(err)
		case l.Failed:
			return false, "selftest-failed"
		case l.SelfTest != "":
			return true, ""
		}
		select {
		case <-ctx.Done():
			return false, "too-slow"
		case <-time.After(testLook):
		}
	}
}

// retest is the daemon's part of it.
func (s *server) retest() string {
	if s.Terminal.Status().Visit {
		return "visit"
	}
	if state := s.Terminal.Sheet().State; state == "waiting" || state == "printing" {
		return "busy"
	}
	if !s.Terminal.Retest() {
		return staffNeeded
	}
	return ""
}

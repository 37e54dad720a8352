package main

import (
	"context"
	"sync/atomic"
	"testing"

	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// failsFirst is a self-test that fails, and passes ever after.
type failsFirst struct{ ran atomic.Int64 }

func (f *failsFirst) Run(context.Context, terminal.Parts) string {
	if f.ran.Add(1) == 1 {
		return "swapped"
	}
	return ""
}

// TestTechnicianOpensNoFailedTerminal: what the self-test found wrong waits for the word of staff, whatever a technician has tested or
// does with the devices.
func TestTechnicianOpensNoFailedTerminal(t *testing.T) {
	t.Parallel()
	test := new(failsFirst)
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.SelfTest = test })
	s.await("the failure", func(v session.View) bool { return v.State == session.Unready && v.Word == "selftest-failed" }) // a test that a loan meets is made again
	s.must(s.Lend(t.Context(), "tech-7", func(context.Context, terminal.Parts, func(*terminal.Terminal)) terminal.Lent {
		return terminal.Lent{Outcome: "printed"}
	}))
	(&tested{stand: s}).soon("the terminal to come back", func() bool { return s.Status().Why == "selftest-failed" })
	if s.Retest() || !s.Failed() || test.ran.Load() != 1 {
		t.Errorf("failed: %t, after %d tests", s.Failed(), test.ran.Load())
	}
	s.must(s.StaffReady(t.Context(), "s1"))
	(&tested{stand: s}).opens(2)
	if !s.Retest() {
		t.Error("one that passed is not tested again")
	}
	(&tested{stand: s}).soon("another test", func() bool { return len(of(entries(t, s.place.journal), journal.SelfTest)) == 3 })
}

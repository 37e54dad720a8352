package technician

import (
	"context"
	"testing"
	"time"

	"honnin/config/site"
	"honnin/daemon/terminal"
)

// TestRetested: the daemon's own test counts where there is one; a visit is not disturbed, and where none runs the console's is all.
func TestRetested(t *testing.T) {
	passed, failed, visit := terminal.Status{SelfTest: "2026-11-22"}, terminal.Status{Why: "selftest-failed"}, terminal.Status{InService: true, Visit: true, SelfTest: "2026-11-22"}
	d := &daemon{is: &passed, tests: []terminal.Status{passed, failed, {}}}
	state, _ := listening(t, d)
	m := New(Options{Site: site.Site{State: state}, Now: time.Now})
	expect := func(ctx context.Context, right bool, why string, left int) {
		t.Helper()
		if got, word := m.retested(ctx); got != right || word != why || len(d.tests) != left {
			t.Errorf("%t %q, %d tests left; want %t %q, %d", got, word, len(d.tests), right, why, left)
		}
	}
	expect(t.Context(), true, "", 2)
	expect(t.Context(), false, "selftest-failed", 1)
	expect(t.Context(), false, "staff-needed", 1)
	d.is = &visit
	expect(t.Context(), true, "visit", 1)
	d.is, d.sheet = &passed, "printing"
	expect(t.Context(), true, "busy", 1)
	d.sheet = "done"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	d.untested = stop
	expect(ctx, false, "too-slow", 0) // one that never ends
	m.o.Site.State = t.TempDir()
	expect(t.Context(), true, "daemon-down", 0)
}

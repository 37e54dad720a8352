package session

import (
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
)

// TestYieldsBetweenVisitsOnly asks a runner to give way at each step of a visit, and of one that goes wrong: it does at the first
// moment at which no visit is in hand, and the visit is like any other.
func TestYieldsBetweenVisitsOnly(t *testing.T) {
	for name, whole := range map[string]struct {
		prepare func(*world)
		least   int // steps
	}{
		"printed": {nil, 15}, "counter": {atCounter, 15}, "at the pad": {atPad, 12},
		"refused":   {func(w *world) { w.offers = nil }, 5},
		"not ready": {func(w *world) { w.ready.Ready = false }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			at := 0
			for ; yieldsAt(t, whole.prepare, at); at++ {
			}
			if at < whole.least {
				t.Errorf("%d steps", at)
			}
		})
	}
}

// yieldsAt makes a visit, and has the runner asked at its n-th step. It reports whether there was one.
func yieldsAt(t *testing.T, prepare func(*world), n int) (there bool) {
	inBubble(t, prepare, func(w *world) {
		w.card(false)
		var state State
		asked := w.runner
		w.runner.parts.Observe = func(s Step) {
			w.observe(s)
			if n--; n == -1 {
				there, state, asked.yields = true, s.To, true // Observe is called by the goroutine that yields belongs to
			}
		}
		w.card(true)
		for range 60 { // one visit, to its end
			if w.state() != Idle {
				w.act()
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if there && w.renewed != 1 {
			t.Fatalf("asked in %v: gave way %d times", state, w.renewed)
		}
		w.with(func() {
			for _, a := range w.deals {
				if want := w.offers != nil; want != (len(a.journal) == 1 && a.journal[0] == protocol.Printed) {
					t.Errorf("asked in %v: %v", state, a.journal)
				}
			}
		})
	})
	return there
}

// TestYieldWaitsForTheWordOfStaff: a word that opens the terminal is heard by whoever it was said to, or not at all.
func TestYieldWaitsForTheWordOfStaff(t *testing.T) {
	inBubble(t, func(w *world) { w.latched = true }, func(w *world) {
		w.want(OutOfService)
		release := w.blocks("staff-ready")
		said := make(chan error, 1)
		go func() { said <- w.runner.StaffReady(w.t.Context(), "s07") }()
		synctest.Wait()
		w.runner.Yield()
		synctest.Wait()
		if w.renewed != 0 {
			t.Error("it gave way under the word of staff")
		}
		release()
		if err := <-said; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if w.renewed != 1 {
			t.Error("it did not give way")
		}
		w.want(Idle)
	})
}

package session

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// act is one thing that may happen in a random story.
type happening struct {
	kind string
	n    int
}

// TestRandomStories lets anything happen to a running terminal: people, cards, time, parts that fail, panic, are slow
// or do not come back. Whatever it was, the accounts balance, and afterwards the terminal works again.
func TestRandomStories(t *testing.T) {
	calls := append(everyCall(t, atCounter), "pad")
	calls = slices.DeleteFunc(calls, func(c string) bool { return c == "show" || c == "watch" })
	printed, renewed := 0, map[State]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		story := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) happening {
			kind := rapid.SampledFrom([]string{"act", "act", "act", "act", "act", "act", "act", "act", "card", "key", "pin", "sleep", "nap",
				"fails", "panics", "slow", "deaf", "lose", "staff", "old", "yield", "code", "differs", "types"}).Draw(t, "kind")
			return happening{kind, rapid.IntRange(0, 1000).Draw(t, "n")}
		}), 1, 50).Draw(rt, "story")
		at := channels[rapid.SampledFrom([]string{"store", "counter", "pad"}).Draw(rt, "channel")]
		inBubble(t, at, func(w *world) {
			w.broken = map[string]bool{}
			for _, h := range story {
				w.live(h, calls)
			}
			printed += w.recovers()
			maps.Copy(renewed, w.yieldedIn)
		})
		if t.Failed() {
			rt.Fatalf("story: %v", story)
		}
	})
	if printed == 0 || !renewed[Idle] {
		t.Fatalf("no story came to paper, or no runner gave way: %v", renewed)
	}
	t.Logf("%d sheets", printed)
}

func (w *world) live(h happening, calls []string) {
	call := calls[h.n%len(calls)]
	switch h.kind {
	case "act":
		w.act()
	case "card":
		w.card(h.n%2 == 0)
	case "key":
		w.key(InputKind(h.n % 10))
	case "pin":
		w.enter([]string{"1234", "9999", "12"}[h.n%3])
	case "types":
		w.types([]string{"1234", "9999", redKey}[h.n%3])
	case "sleep":
		time.Sleep(time.Duration(h.n) * time.Second)
	case "nap":
		time.Sleep(time.Duration(h.n) * time.Millisecond)
	case "lose":
		select {
		case w.lose <- errBroken:
		default:
		}
	case "staff":
		_ = w.runner.StaffReady(w.t.Context(), "s07")
	case "code":
		w.vouch([]string{staffID, "999", "x"}[h.n%3], []string{rightCode, "000000", "12"}[h.n/3%3], h.n%2 == 0)
	case "differs":
		w.differs = h.n%2 == 0
	case "yield":
		w.runner.Yield()
	case "old":
		w.runner.Press(uint64(h.n), Input{Kind: PressCancel})
	default:
		w.sabotage(h, call)
	}
	synctest.Wait()
}

// sabotage makes the next call of one part go wrong.
func (w *world) sabotage(h happening, call string) {
	if slices.Contains([]string{"ended", "refused", "void", "outcome", "confirm"}, call) {
		w.broken["journal"] = true
	}
	if call == "keep" || call == "return" {
		w.broken["money"] = true
	}
	gate := make(chan struct{})
	if h.kind == "deaf" {
		w.gates = append(w.gates, gate)
	}
	w.hook(call, func(ctx context.Context) error {
		w.hook(call, nil)
		switch h.kind {
		case "fails":
			return errBroken
		case "panics":
			panic("sabotage")
		case "slow":
			time.Sleep(time.Duration(h.n) * 10 * time.Millisecond)
		case "deaf":
			<-gate
		}
		return ctx.Err()
	})
}

// recovers ends the sabotage and lets one whole visit work. It returns how many visits came to paper.
func (w *world) recovers() (printed int) {
	w.t.Helper()
	for _, g := range w.gates {
		close(g)
	}
	w.with(func() { clear(w.hooks); clear(w.closed); w.tries, w.differs = 3, false })
	time.Sleep(20 * time.Minute)
	synctest.Wait()
	for range 3 {
		if w.state() == OutOfService {
			if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
				w.t.Error(err)
			}
		}
		w.card(false)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
	}
	w.to(TakePaper)
	w.to(Idle)
	w.with(func() {
		for _, a := range w.deals {
			printed += a.prints
		}
	})
	return printed
}

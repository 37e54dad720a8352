package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// told is what one story did to the world: every move of the machine, and every call of a part but the screen's.
type told struct {
	moves, calls []string
	thrown       uint64
	counts       Counts
}

// TestOldVisitsMoveNothing: several goroutines throw at a living terminal whatever could come from visits that are over
// (fingers, answers of every part, progress of paper, cards that the reader repeats), at any moment, also inside its
// work. The story is, move by move and call by call, the one without them, and all of it is counted.
func TestOldVisitsMoveNothing(t *testing.T) {
	thrown, ends := uint64(0), []State{TakePaper, Choosing, TakeCard, Printing}
	for seed := range uint64(8) {
		dice := rand.New(rand.NewPCG(seed, 0))
		var script []State
		for range 3 {
			script = append(script, ends[dice.IntN(len(ends))])
		}
		quiet, noisy := story(t, script, 0, seed), story(t, script, 4, seed)
		if !slices.Equal(quiet.moves, noisy.moves) || !slices.Equal(quiet.calls, noisy.calls) {
			t.Fatalf("%v: %s; %s", script, differ(quiet.moves, noisy.moves), differ(quiet.calls, noisy.calls))
		}
		if quiet.counts.OtherVisit != 0 || noisy.counts.OtherVisit != noisy.thrown || noisy.counts.Impossible != 0 {
			t.Fatalf("%d thrown, counted %+v, without them %+v", noisy.thrown, noisy.counts, quiet.counts)
		}
		thrown += noisy.thrown
	}
	if thrown < 500 {
		t.Fatalf("only %d old fingers", thrown)
	}
	t.Logf("%d old fingers", thrown)
}

// differ says where two stories part.
func differ(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("at %d %q, %q", i, a[i:min(len(a), i+4)], b[i:min(len(b), i+4)])
		}
	}
	return fmt.Sprintf("%d and %d steps", len(a), len(b))
}

// story lives one visit after the other, each up to a state in which it is left in its own way.
func story(t *testing.T, script []State, throwers int, seed uint64) (got told) {
	inBubble(t, func(w *world) {
		for _, call := range []string{"certificate", "pin", "applicant", "package", "verify", "hold", "signature", "suspended", "in-force", "print", "outcome"} {
			w.hook(call, func(ctx context.Context) error { return pause(ctx, 7*time.Millisecond) })
		}
	}, func(w *world) {
		end := make(chan struct{})
		var throwing sync.WaitGroup
		var mu sync.Mutex
		for i := range throwers {
			throwing.Go(func() {
				n := w.throw(end, rand.New(rand.NewPCG(seed, uint64(i))))
				mu.Lock()
				defer mu.Unlock()
				got.thrown += n
			})
		}
		for _, last := range script {
			w.visitTo(last)
		}
		close(end)
		throwing.Wait()
		synctest.Wait()
		w.with(func() {
			for _, s := range w.steps {
				got.moves = append(got.moves, fmt.Sprintf("%d %v %v %v %v", s.Visit, s.From, s.Event, s.To, s.End != nil))
			}
			got.calls = slices.DeleteFunc(slices.Clone(w.calls), func(c string) bool { return c == "show" })
		})
		// The reader and the first look start side by side: what happens before the first visit has no order.
		got.moves = got.moves[slices.IndexFunc(got.moves, func(m string) bool { return strings.HasPrefix(m, "1 ") }):]
		got.calls = got.calls[slices.Index(got.calls, "begin-visit"):]
		got.counts = w.runner.Counts()
	})
	return got
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// visitTo begins a visit, brings it to a state, and leaves it there: cancelled, or the paper taken.
func (w *world) visitTo(last State) {
	w.t.Helper()
	for range 4000 {
		switch s := w.state(); {
		case s == last && (s == Choosing || s == TakeCard):
			w.key(PressCancel)
			last = Idle
		case s == last && s == Printing:
			w.key(PressCancel) // nobody cancels here
			last = TakePaper
		case s == last && s == TakePaper:
			w.key(PressFinish)
			last = Idle
		case s == last && s == Idle:
			return
		case s == Done && last == Idle:
			w.key(PressFinish)
		default:
			w.act()
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("never came to %v", last)
}

// throw throws old things until end, every millisecond or two. It returns how many fingers were among them.
func (w *world) throw(end <-chan struct{}, dice *rand.Rand) (fingers uint64) {
	r := w.runner
	for {
		select {
		case <-end:
			return fingers
		case <-time.After(time.Duration(500+dice.IntN(2000)) * time.Microsecond):
		}
		switch old := w.settled(); {
		case old == 0:
		case dice.IntN(2) == 0:
			r.Press(1+dice.Uint64N(old), Input{Kind: InputKind(1 + dice.IntN(8)), PIN: []byte("9999"), Offer: "o1", Copies: 2, Of: old})
			fingers++
		default:
			w.throwAnswer(dice)
		}
	}
}

// settled is the number of the last visit that is over.
func (w *world) settled() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == 0 {
		return w.visits
	}
	return w.visits - 1
}

// throwAnswer posts the answer of a piece of work that a visit before waited for, with something to learn, and the
// progress of its paper, and the reader's word on what it has said already.
func (w *world) throwAnswer(dice *rand.Rand) {
	r := w.runner
	answers := Look + Effect(dice.IntN(int(lastWork)))
	if dice.IntN(8) == 0 {
		answers = End
	}
	event := Event(dice.IntN(int(Fault)))
	old := &work{answers: answers, cancel: func() {}, done: make(chan struct{})}
	r.post(func() {
		r.answered(old, answer{event: event, learn: func(v *visit) { w.t.Error("learned of an old visit"); v.number = 99 }})
		r.progress(new(custody), 1)
		if r.presence != unknown {
			r.seen(r.presence == present)
		}
	})
}

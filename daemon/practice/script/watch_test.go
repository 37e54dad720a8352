package script

import (
	"testing"
	"time"

	"honnin/daemon/session"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func after(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// walked is a visit: yes at 100, "take your card" at 140, the card taken at 9 s, the printer at 9.025 s.
func walked() (w stopwatch) {
	w.sees(session.Confirming, after(0))
	w.does(session.Confirming, after(100))
	w.sees(session.TakeCard, after(140))
	w.does(session.TakeCard, after(9000))
	w.sees(session.Printing, after(9025))
	return w
}

func TestWaitsForPeopleAreNotInToPaper(t *testing.T) {
	w := walked()
	if got := w.paper(); got.Machine != 65*time.Millisecond || !got.Handed.Equal(after(9025)) {
		t.Errorf("%+v", got)
	}
}

// A state is shown again at every page that comes out, and an impatient applicant acts twice.
func TestTheFirstTimeCounts(t *testing.T) {
	w := walked()
	w.sees(session.Printing, after(12000))
	w.sees(session.TakeCard, after(12000))
	w.does(session.TakeCard, after(12000))
	w.does(session.CardForgotten, after(12000)) // a state that no watch is kept of
	if got := w.paper(); got.Machine != 65*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

func TestNoPaperNoTime(t *testing.T) {
	for name, spoil := range map[string]func(*stopwatch){
		"never printed":    func(w *stopwatch) { w.shown[session.Printing] = time.Time{} },
		"card not taken":   func(w *stopwatch) { w.done[session.TakeCard] = time.Time{} },
		"nothing pressed":  func(w *stopwatch) { w.done[session.Confirming] = time.Time{} },
		"nothing happened": func(w *stopwatch) { *w = stopwatch{} },
	} {
		w := walked()
		spoil(&w)
		if got := w.paper(); got != (ToPaper{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestToPaperIsInTheLine(t *testing.T) {
	v := Visit{Spent: session.Spent{Verify: 2500 * time.Microsecond}, Paper: ToPaper{Machine: 65 * time.Millisecond}}
	if got := milliseconds(v); got != (Ms{Verify: 2.5, ToPaper: 65}) {
		t.Errorf("%+v", got)
	}
}

// TestApplicantKeepsTheWatch: what Show and act note is what the watch reads.
func TestApplicantKeepsTheWatch(t *testing.T) {
	at := noon
	a := NewApplicant(func() time.Time { return at })
	a.At(deaf{})
	for _, s := range []struct {
		state session.State
		shown int // ms
		acted int
	}{{session.Confirming, 0, 10}, {session.TakeCard, 30, 5000}, {session.Printing, 5007, 5008}} {
		at = after(s.shown)
		a.Show(session.View{State: s.state})
		at = after(s.acted)
		if err := a.act(t.Context(), session.View{State: s.state}, Wish{Hands: still{}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.watch.paper(); got.Machine != 27*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

// deaf is a terminal that nothing comes of.
type deaf struct{ Terminal }

func (deaf) Press(uint64, session.Input) {}

type still struct{ Hands }

func (still) Pull() error { return nil }

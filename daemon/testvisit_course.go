package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/technician"
)

// Times of a test visit.
const (
	cardWithin  = 3 * time.Minute  // from the welcome to the card
	visitWithin = 10 * time.Minute // from the welcome to its end; then it is cancelled
	endWithin   = 3 * time.Minute  // from its cancelling to its end; longer than any state lasts in which nobody can cancel
)

// noCard is why a test visit ended to which nobody came.
const noCard = "no-card"

// maxSteps bounds what is kept of a test visit. No person makes so many in ten minutes.
const maxSteps = 1000

// testVisit is what happens in one test visit, for the technician who follows it, and whether it is to go on.
type testVisit struct {
	now       func() time.Time
	cancelled chan struct{} // closed
	over      chan struct{} // closed when the visit is
	shown     chan struct{} // holds a token when another picture was shown
	heard     chan struct{} // holds a token when somebody asked

	mu       sync.Mutex
	why      string // it was cancelled, or failed
	steps    []technician.VisitStep
	since    time.Time // the state began
	begun    bool      // a card came
	done     bool      // all of it
	lent     bool
	view     session.View
	last     session.View // the last word
	word     string       // why the terminal was not ready
	ending   *session.Ending
	closing  sync.Once
	finished technician.Course
}

func newTestVisit(now func() time.Time) *testVisit {
	return &testVisit{now: now, cancelled: make(chan struct{}), over: make(chan struct{}), shown: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

func (t *testVisit) with(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

func (t *testVisit) step(step, state string, took time.Duration) {
	t.with(func() { t.add(step, state, took) })
}

// add is step with the lock held.
func (t *testVisit) add(step, state string, took time.Duration) {
	if len(t.steps) < maxSteps {
		t.steps = append(t.steps, technician.VisitStep{Step: step, State: state, Took: took.Milliseconds()})
	}
}

// cancel cancels it for a reason, once.
func (t *testVisit) cancel(why string) {
	t.with(func() {
		if t.why == "" && !t.done {
			t.why = why
			close(t.cancelled)
		}
	})
}

// fails notes why it was not made.
func (t *testVisit) fails(why string) {
	t.with(func() { t.why = cmp.Or(t.why, why) })
}

// end is that nothing more happens.
func (t *testVisit) end() {
	t.with(func() {
		if t.finished.Outcome == "" {
			t.finished = technician.Course{Outcome: "not-made", Why: t.why}
		}
		t.done, t.view, t.last, t.ending = true, session.View{}, session.View{}, nil
	})
}

func (t *testVisit) course(from int) technician.Course {
	t.mu.Lock()
	defer t.mu.Unlock()
	from = min(max(from, 0), len(t.steps))
	c := technician.Course{Steps: slices.Clone(t.steps[from:min(len(t.steps), from+technician.MaxSteps)])}
	if t.done {
		c.Over, c.Outcome, c.Why = true, t.finished.Outcome, t.finished.Why
	}
	return c
}

// asked notes that somebody follows it.
func (t *testVisit) asked() { token(t.heard) }

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// abandon cancels it when nobody has asked for it for so long.
func (t *testVisit) abandon(ctx context.Context, patience time.Duration) {
	alone := time.NewTimer(patience)
	defer alone.Stop()
	for {
		select {
		case <-t.heard:
			alone.Reset(patience)
		case <-alone.C:
			t.cancel("hang-up")
			return
		case <-ctx.Done():
			return
		}
	}
}

// has notes that the devices are there, after so long.
func (t *testVisit) has(took time.Duration) {
	t.with(func() {
		t.lent, t.since = true, t.now()
		t.add("terminal", "ok", took)
	})
}

// beforeLent calls stop where nothing is lent yet; later the visit ends by itself.
func (t *testVisit) beforeLent(stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.lent {
		stop()
	}
}

// hands are the states in which a person has to do something, and stages those in which the machine works.
var (
	hands = map[session.State]string{session.Idle: "card", session.EnterPIN: "pin", session.LastTry: "pin", session.LastTryAtPad: "pin", session.AtPad: "pin",
		session.Choosing: "application", session.Confirming: "application", session.TakeCard: "card-out", session.ConfirmName: "name", session.TakePaper: "paper",
		session.MoreTime: "person", session.CardForgotten: "card-out"}
	stages = map[session.State]string{session.Reading: "card", session.VerifyingPIN: "pin", session.AtPad: "pin", session.Authenticating: "offers",
		session.Applying: "package", session.Checking: "check", session.Paying: "money", session.Signing: "signature", session.Committing: "commit",
		session.Sending: "journal", session.Printing: "printing", session.Vouching: "name", session.TakePaper: "paper"}
	well = []session.Event{session.CardRead, session.PadCard, session.PINRight, session.Offered, session.Fetched, session.Accepted, session.Held, session.Signed,
		session.Committed, session.Released, session.Printed, session.Out, session.Vouched, session.Finish, session.PaperTaken}
)

// observe notes each move of the second terminal's session.
func (t *testVisit) observe(s session.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := t.now().Sub(t.since)
	if word := stages[s.From]; word != "" && s.To != s.From {
		state := s.Event.String()
		if slices.Contains(well, s.Event) {
			state = "ok"
		}
		t.add(word, state, took)
	}
	if s.To != s.From {
		t.since = t.now()
	}
	if s.End != nil {
		t.ending = s.End
	}
	t.begun = t.begun || s.To == session.Reading
	switch word := hands[s.To]; {
	case s.To == session.OutOfService, t.begun && (s.To == session.Idle || s.To == session.Unready):
		t.closing.Do(func() { close(t.over) })
	case word != "" && s.To != s.From:
		t.add(word, "waiting", 0)
	}
}

// show notes what the screen shows.
func (t *testVisit) show(v session.View) {
	defer token(t.shown)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.view = v
	if v.Notice != session.NoNotice {
		t.last = v
	}
	if v.State == session.Unready && v.Word != "" && v.Word != t.word {
		t.word = v.Word
		t.add("ready", v.Word, 0)
	}
}

// followed is a screen that a testVisit looks at, too.
type followed struct {
	session.Screen
	test *testVisit
}

// Show shows v.
func (f followed) Show(v session.View) {
	f.test.show(v)
	f.Screen.Show(v)
}

// bound calls stop when the visit is over or its time is, or at once where it is cancelled and no card has come. One that has begun is
// cancelled by its cancel button, as soon as that does something: a card is given back, and what is on its way to paper comes out.
func (t *testVisit) bound(ctx context.Context, press func(visit uint64, in session.Input), stop func()) {
	defer stop()
	card, most := time.NewTimer(cardWithin), time.NewTimer(visitWithin)
	defer card.Stop()
	defer most.Stop()
	for {
		select {
		case <-t.over:
			return
		case <-ctx.Done():
			return
		case <-card.C:
			if !t.came() {
				t.cancel(noCard)
			}
			continue
		case <-most.C:
			t.cancel("timeout")
			continue
		case <-t.cancelled:
		}
		if t.came() {
			t.press(ctx, press)
		}
		return
	}
}

func (t *testVisit) came() (is bool) {
	t.with(func() { is = t.begun })
	return is
}

// press presses cancel on every picture until the visit is over.
func (t *testVisit) press(ctx context.Context, press func(visit uint64, in session.Input)) {
	late := time.NewTimer(endWithin)
	defer late.Stop()
	for {
		var v session.View
		t.with(func() { v = t.view })
		press(v.Visit, session.Input{Kind: session.PressCancel})
		select {
		case <-t.shown:
		case <-t.over:
			return
		case <-ctx.Done():
			return
		case <-late.C:
			return
		}
	}
}

// settled says how the visit ended, in a word. staff is why they have to look.
func (t *testVisit) settled(staff string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := technician.Course{Outcome: "not-begun", Why: t.why}
	if t.view.State == session.Unready && (t.why == noCard || t.why == "") {
		c.Why = t.word
	}
	if t.begun {
		c.Outcome, c.Why = string(protocol.Abandoned), cmp.Or(string(t.last.Code), t.why, string(t.last.Notice))
	}
	if e := t.ending; e != nil {
		c.Outcome, c.Why = string(e.Outcome), cmp.Or(string(e.Code), t.why, e.Reason)
	}
	if c.Outcome == string(protocol.Printed) {
		c.Why = ""
	}
	c.Why = cmp.Or(staff, c.Why)
	t.finished = c
	return c.Outcome
}

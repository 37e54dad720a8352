// Package script makes visits without a screen: a scripted applicant who places a card, types a PIN, chooses a
// document, takes the card back and takes the paper, at a terminal whose session, check, spool and journal are
// the real ones. The applicant sees what a screen would show ([session.View]) and does what a finger and a hand
// can do, and nothing else.
//
// Each visit is one [Line]; a [Tally] adds them up and holds four books against each other, as often as it is told to: the
// terminal's journal, the centre's outcomes and incidents, what lies in the printer's tray, and whose paper it was in truth. People appear by ids only.
package script

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/session"
	"honnin/spool"
)

// Staff is the id under which scripted staff look into the tray.
const Staff = "practice-staff"

// Hands is what an applicant's hands do at a terminal.
type Hands interface {
	Place() error                               // the card onto the reader
	Pull() error                                // and off it
	Type(ctx context.Context, pin string) error // at the reader, which asks for it
	TakePaper()
}

// Terminal is the terminal as an applicant and the staff reach it.
type Terminal interface {
	Press(visit uint64, in session.Input)
	StaffReady(ctx context.Context, staff string) error
}

// Wish is what one applicant comes for.
type Wish struct {
	Applicant    string // id
	PIN          string
	Certificate  protocol.Certificate
	Municipality protocol.Municipality // "": any
	Again        bool                  // refused just before
	Differs      bool                  // at a counter: staff find another's name on the sheets
	Hands        Hands
}

// ErrStuck is returned when a visit does not come to an end.
var ErrStuck = errors.New("script: the visit does not come to an end")

// ErrShut is returned when the terminal opens for nobody: it failed its self-test.
var ErrShut = errors.New("script: the terminal does not open, its self-test failed")

// patience is how long a scripted applicant waits for the terminal to move at all.
const patience = 2 * time.Minute

// slowReader is how long a reader may take to ask for a PIN, once the screen says that it does.
const slowReader = 10 * time.Second

// Applicant is the scripted applicant of one terminal. It is the terminal's screen and its observer.
type Applicant struct {
	terminal Terminal
	now      func() time.Time

	mu    sync.Mutex
	view  session.View
	shown uint64        // pictures
	fresh chan struct{} // closed, and replaced, at every change
	done  Visit
	last  protocol.Transaction // that was begun in this visit
	gone  uint64               // the number of the visit before: what is still heard of it is not this one's
	watch stopwatch
	began bool // since then a visit was seen
	over  bool // and then that the visit is over; the next picture may already be another
}

// Visit is what was observed of one visit.
type Visit struct {
	Number uint64
	Ending *session.Ending
	Spent  session.Spent
	Word   string // why it ended without an outcome
	Paper  ToPaper
}

// NewApplicant returns an applicant with a watch and without a terminal; [Applicant.At] gives it one.
func NewApplicant(now func() time.Time) *Applicant {
	return &Applicant{now: now, fresh: make(chan struct{})}
}

// At tells the applicant which terminal this is.
func (a *Applicant) At(t Terminal) { a.terminal = t }

// Show is what the screen shows now.
func (a *Applicant) Show(v session.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watch.sees(v.State, a.now())
	a.view = v
	a.shown++
	a.began = a.began || v.State != session.Idle && v.State != session.Unready
	a.over = a.over || a.began && (v.State == session.Idle || v.State == session.OutOfService)
	close(a.fresh)
	a.fresh = make(chan struct{})
}

// Observe takes down what happened.
func (a *Applicant) Observe(s session.Step) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.Visit != 0 && s.Visit == a.gone {
		return
	}
	if s.Visit != 0 {
		a.done.Number = s.Visit
	}
	if s.Spent != (session.Spent{}) {
		a.done.Spent = s.Spent
	}
	if s.Transaction != (protocol.Transaction{}) {
		a.last = s.Transaction
	}
	if s.End != nil {
		a.done.Ending = s.End
	}
	close(a.fresh)
	a.fresh = make(chan struct{})
}

// settled reports whether the visit's transaction, if there was one, has its outcome: the screen says that the
// terminal is out of service before everything that follows from it is done.
func (a *Applicant) settled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last == protocol.Transaction{} || a.done.Ending != nil && a.done.Ending.Transaction == a.last
}

// left reports whether the screen has said that the visit is over.
func (a *Applicant) left() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over
}

func (a *Applicant) look() (v session.View, shown uint64, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.view, a.shown, a.fresh
}

// Visit makes one visit and returns what was observed of it.
func (a *Applicant) Visit(ctx context.Context, w Wish) (Visit, error) {
	idle := func(v session.View) bool { return v.State == session.Idle }
	if err := a.until(ctx, idle, func(v session.View) error { return a.staff(ctx, v) }); err != nil {
		return Visit{}, err
	}
	a.mu.Lock()
	a.gone = max(a.gone, a.done.Number)
	a.done, a.last, a.watch, a.began, a.over = Visit{}, protocol.Transaction{}, stopwatch{}, false, false
	a.mu.Unlock()
	if err := w.Hands.Place(); err != nil {
		return Visit{}, err
	}
	over := func(session.View) bool { return a.left() && a.settled() }
	err := a.until(ctx, over, func(v session.View) error {
		switch {
		case a.left():
			return nil
		case shut(v):
			return ErrShut
		}
		return a.act(ctx, v, w)
	})
	w.Hands.TakePaper()
	_ = w.Hands.Pull() // out of service, the card may still lie there
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done.Paper = a.watch.paper()
	return a.done, err
}

// moves notes that the applicant is about to do what the picture of a state asks for.
func (a *Applicant) moves(s session.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watch.does(s, a.now())
}

// until does what each picture asks for, once, until it is over: what is observed is no new picture, and who pressed a key or typed a
// PIN because of it once more would do so on the next.
func (a *Applicant) until(ctx context.Context, over func(session.View) bool, does func(session.View) error) error {
	for done := uint64(0); ; {
		v, shown, changed := a.look()
		if over(v) {
			return nil
		}
		if shown != done {
			done = shown
			if err := does(v); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(patience):
			return fmt.Errorf("%w: %v", ErrStuck, v.State)
		}
	}
}

func shut(v session.View) bool { return v.State == session.Unready && v.Word == "selftest-failed" }

// staff do what staff must before a visit can begin.
func (a *Applicant) staff(ctx context.Context, v session.View) error {
	if shut(v) {
		return ErrShut
	}
	if v.State != session.OutOfService {
		return nil
	}
	err := a.terminal.StaffReady(ctx, Staff)
	for errors.Is(err, spool.ErrJobLeft) && ctx.Err() == nil { // they wait at the printer until it lets go of the document
		select {
		case <-ctx.Done():
		case <-time.After(patience / 1000):
			err = a.terminal.StaffReady(ctx, Staff)
		}
	}
	if errors.Is(err, session.ErrNotStopped) || errors.Is(err, session.ErrClosedAgain) {
		return nil // the next picture says what there is to do
	}
	return err
}

// act is what the applicant does on seeing a picture.
func (a *Applicant) act(ctx context.Context, v session.View, w Wish) error {
	a.moves(v.State)
	press := func(in session.Input) error {
		a.terminal.Press(v.Visit, in)
		return nil
	}
	switch v.State {
	case session.LastTry, session.LastTryAtPad, session.Confirming, session.MoreTime:
		return press(session.Input{Kind: session.PressYes})
	case session.EnterPIN:
		if v.WrongPIN {
			return press(session.Input{Kind: session.PressCancel})
		}
		return press(session.Input{Kind: session.PressPIN, PIN: []byte(w.PIN)})
	case session.AtPad:
		if v.WrongPIN {
			return press(session.Input{Kind: session.PressCancel})
		}
		ctx, cancel := context.WithTimeout(ctx, slowReader)
		defer cancel()
		return w.Hands.Type(ctx, w.PIN)
	case session.Choosing:
		return press(choose(v.Offers, w))
	case session.TakeCard, session.Ended, session.CardForgotten:
		return w.Hands.Pull()
	case session.ConfirmName:
		return press(session.Input{Kind: session.PressCode, Staff: practice.StaffID, PIN: []byte(practice.StaffCode), Same: !w.Differs})
	case session.TakePaper:
		w.Hands.TakePaper()
		return press(session.Input{Kind: session.PressFinish})
	case session.Done:
		return press(session.Input{Kind: session.PressFinish})
	}
	return nil
}

// choose takes the first offer that can be had of the wished kind, with its default options; cancels if there is none.
func choose(offers []protocol.Offer, w Wish) session.Input {
	for _, o := range offers {
		if o.Available && o.Certificate == w.Certificate && (w.Municipality == "" || o.Municipality == w.Municipality) {
			return session.Input{Kind: session.PressChoose, Offer: o.ID, Options: defaults(o), Copies: 1}
		}
	}
	return session.Input{Kind: session.PressCancel}
}

func defaults(o protocol.Offer) protocol.Options {
	out := protocol.Options{}
	for name, values := range o.Options {
		if len(values) > 0 {
			out[name] = values[0]
		}
	}
	return out
}

package session

import (
	"slices"
	"time"

	"honnin/config/reason"
)

// cause is why a move was made, for whoever writes it down.
type cause struct {
	from   State
	event  Event
	never  bool
	detail string
}

func (c cause) String() string { return c.from.String() + "/" + c.event.String() }

// happen is the only way to another state.
func (r *Runner) happen(e Event) {
	c := cause{from: r.state, event: e}
	switch lookUp(r.state, e).verdict {
	case stay:
		return
	case never, unwritten:
		c.never = true
		r.tally.impossible()
	}
	if e == Fault {
		c.detail, r.fault = r.fault, ""
	}
	to, effects := Next(r.state, e)
	r.move(c, to, effects)
}

// move leaves the old state for good before it enters the new one.
func (r *Runner) move(c cause, to State, effects []Effect) {
	if r.visit.notice == NoNotice && (to == Clearing || to == Done) {
		r.visit.notice = noticeFor(c.from, c.event)
		if readerFailed(c) {
			r.visit.word = "reader"
		}
	}
	old, left := r.visit, r.letGo(to, effects)
	if slices.Contains(effects, End) && old.hand != nil {
		old.hand.die()
	}
	if slices.ContainsFunc(effects, func(e Effect) bool { return e == Latch || e == Disown || e == Print }) {
		r.alarms++
	}
	over := r.turnOver(c, to)
	r.state = to
	r.arm()
	r.finish(slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool { return !e.finishes() }), c, old, left, over)
	for _, e := range effects {
		r.start(e)
	}
	r.visit.pin = nil // the piece of work that needs it has it
	r.show()
	r.observe(Step{Visit: old.number, Transaction: old.transaction(), From: c.from, Event: c.event, To: to, Spent: old.times()})
}

func (d dealing) times() Spent {
	if d.hand == nil {
		return Spent{}
	}
	return d.hand.times()
}

// letGo ends the wait for work that the next state does not await. It returns the work that may still be running.
func (r *Runner) letGo(to State, effects []Effect) *work {
	w := r.work
	if w == nil {
		return nil
	}
	if awaits[to] == w.answers && !slices.ContainsFunc(effects, Effect.works) {
		return w
	}
	w.cancel()
	r.work = nil
	return w
}

// turnOver throws away what does not belong to the next state. It reports whether a visit ended.
func (r *Runner) turnOver(c cause, to State) (over bool) {
	old := r.visit
	switch to {
	case Idle:
		r.visit = visit{}
	case Unready:
		if r.visit = (visit{word: old.word}); readerFailed(c) {
			r.visit.word = "reader"
		}
	case OutOfService:
		if c.from == Stranded && c.event == Printed {
			r.remember()
		}
		r.visit = visit{reference: old.reference, notice: stopped(c), word: string(kindOf(c))}
	case Opening:
		r.visit = visit{stay: r.stay, dealing: newDealing()}
	case AskedAtTray, AskedAtEnd:
		r.visit.printed = r.recall.look()
		return false
	case AskedLater:
		p := r.recall.look()
		r.visit = visit{number: p.visit, reference: p.reference, printed: p}
	case PlaceAgain:
		if c.from == AskedLater {
			r.visit.until = time.Now().Add(r.limit.PlaceAgain)
		}
		return false
	case Settling:
		r.remember()
		return false
	case TakePaper, Done:
		r.visit.printed = printed{}
		return false
	case Reading:
		r.recall.Forget()
		r.visit.dealing = newDealing()
		r.visit.code, r.visit.word, r.visit.notice = "", "", NoNotice
		return false
	default:
		return false
	}
	return old.hand != nil
}

func (r *Runner) start(e Effect) {
	switch {
	case e.works():
		r.launch(e)
	case e == AwaitCard && r.presence == unknown, e == AwaitCardOut && r.presence == unknown:
		r.soon = append(r.soon, ReaderLost)
	case e == AwaitCard && r.presence == present:
		r.soon = append(r.soon, CardIn)
	case e == AwaitCardOut && (r.presence == absent || r.visit.stay != r.stay):
		r.soon = append(r.soon, CardOut)
	}
}

// arm sets the state's clock.
func (r *Runner) arm() {
	r.timer.Stop()
	if d := r.limit.of(r.state, r.visit.code); d > 0 {
		r.timer.Reset(r.left(d))
	}
}

// left is what is left of d, where that began before this state.
func (r *Runner) left(d time.Duration) time.Duration {
	if d == 0 || r.visit.until.IsZero() {
		return d
	}
	return max(time.Until(r.visit.until), 1)
}

// of is how long s may last in a visit with this refusal, if any; 0: as long as it takes. Work in the other states has
// deadlines of its own.
func (l Limits) of(s State, refused reason.Code) time.Duration {
	switch s {
	case Opening:
		return l.Ready
	case Reading, Authenticating:
		return l.Card + l.Call
	case VerifyingPIN, Signing:
		return l.Card
	case LastTry, LastTryAtPad, EnterPIN, Choosing, Confirming, AskedAtTray, AskedAtEnd, AskedLater:
		return l.Idle
	case Applying:
		return l.Package
	case Checking:
		return l.Check
	case Paying:
		return l.Pay
	case Recognising:
		return l.PlaceAgain
	}
	return l.ofPeople(s, refused)
}

func (l Limits) ofPeople(s State, refused reason.Code) time.Duration {
	switch s {
	case MoreTime:
		return l.MoreTime
	case TakeCard:
		return l.TakeCard
	case TakePaper:
		return l.TakePaper
	case PlaceAgain:
		return l.PlaceAgain
	case ConfirmName:
		return l.Confirm
	case Done:
		if refused != "" {
			return l.Refused
		}
		return l.Message
	case Ended:
		return l.CardLeft
	}
	return 0
}

// show draws the picture of this moment. A screen that panics is a fault.
func (r *Runner) show() {
	v := r.visit
	r.guard(func() {
		r.parts.Screen.Show(View{Visit: v.number, State: r.state, Notice: v.notice, TriesLeft: v.triesLeft(r.state),
			WrongPIN: v.applicant.wrong, Misfit: v.applicant.misfits > 0, WrongCode: v.codes > 0, IdlePad: v.applicant.pad == UnusedPad, Offers: slices.Clone(v.applicant.offers), Chosen: v.chosen, Fee: v.fee(), Held: v.held,
			CardIn: r.presence == present, Code: v.code, Word: v.word, Reference: v.reference, Disowns: r.disowns(), Done: v.paper.done, Of: v.paper.of,
			Remaining: r.left(r.limit.ofPeople(r.state, v.code))})
	})
}

func (r *Runner) observe(s Step) { r.guard(func() { r.parts.Observe(s) }) }

package session

import (
	"context"
	"errors"
	"time"

	"honnin/config/reason"
	"honnin/spool/document"
)

// errPanic stands for a panic in a part. What it panicked with is not kept: it could hold anything.
var errPanic = errors.New("session: a part panicked")

// errHang is returned for a part that did not come back in time after its context had ended.
var errHang = errors.New("session: a part hangs")

// work is one piece of work on its way.
type work struct {
	answers Effect // see awaits
	cancel  context.CancelFunc
	done    chan struct{} // closed when it has let go of everything
}

// answer is what a piece of work reports: an event, and what was learned (run by Run's goroutine, and only if the
// state still waits for it).
type answer struct {
	event  Event
	learn  func(*visit)
	detail string  // of a Fault
	ended  *Ending // of End
}

func say(e Event) answer { return answer{event: e} }

func faulty(detail string) answer { return answer{event: Fault, detail: detail} }

// step is what a working effect does. It gets a copy of the visit.
type step func(r *Runner, ctx context.Context, v visit) answer

// steps returns the working effect's code.
func steps(e Effect) step {
	return map[Effect]step{
		Look: (*Runner).look, LookLater: (*Runner).lookLater, Open: (*Runner).open, Read: (*Runner).read,
		VerifyPIN: (*Runner).verifyPIN, VerifyAtPad: (*Runner).verifyAtPad, Authenticate: (*Runner).authenticate, Fetch: (*Runner).fetch, Check: (*Runner).check,
		Hold: (*Runner).hold, Sign: (*Runner).releaseSignature, Commit: (*Runner).commit, Release: (*Runner).release, Print: (*Runner).print,
		AwaitPaper: (*Runner).awaitPaper, Vouch: (*Runner).vouch, Recognise: (*Runner).recognise,
	}[e]
}

// deadline is how long work may take in a state that has no clock of its own; 0: the state's clock counts.
func (r *Runner) deadline(e Effect, v visit) time.Duration {
	switch e {
	case Look:
		return r.limit.Ready
	case LookLater:
		return r.limit.LookAgain + r.limit.Ready
	case Commit:
		return r.limit.Commit
	case Release:
		return r.limit.End
	case VerifyAtPad:
		return r.limit.Pad
	case Vouch:
		return r.limit.Code
	case Recognise:
		return r.limit.Card
	case Print:
		return r.limit.Print + time.Duration(v.paper.of)*r.limit.Sheet
	}
	return 0
}

// hands do what runs beside Run's goroutine. The usual ones do it at once, each errand in a goroutine of its own; the
// explorer in the tests has others, and tries every order.
type hands interface {
	work(job)
	finish(ending)
	destroy(before *work, l holdings) // when before is done
}

// goroutines are the usual hands.
type goroutines struct{ *Runner }

// job is one piece of work, and all that it may know.
type job struct {
	effect Effect
	work   *work
	ctx    context.Context
	limit  time.Duration   // of ctx; 0: none
	after  <-chan struct{} // not before this is closed; nil: at once
	visit  visit
}

// launch starts a working effect for the visit as it is now, and makes it the one that the state awaits.
func (r *Runner) launch(e Effect) {
	limit := r.deadline(e, r.visit)
	ctx, cancel := context.WithCancel(r.base)
	if limit > 0 {
		ctx, cancel = context.WithTimeout(r.base, limit)
	}
	j := job{effect: e, work: &work{answers: e, cancel: cancel, done: make(chan struct{})}, ctx: ctx, limit: limit, visit: r.visit}
	if e == LookLater {
		j.work.answers = Look
	}
	if e == Open || e == Look { // nothing begins before the last transaction has ended
		j.after = r.tail
	}
	r.work = j.work
	r.hands.work(j)
}

func (r goroutines) work(j job) {
	ready := make(chan answer, 1)
	go func() {
		defer close(j.work.done)
		if j.after != nil {
			wait(j.ctx, j.after, 0)
		}
		ready <- r.protect(j.effect, func() answer { return steps(j.effect)(r.Runner, j.ctx, j.visit) })
	}()
	go r.deliver(j.work, j.effect, ready, j.limit)
}

// deliver passes the answer on, or says that there will be none.
func (r *Runner) deliver(w *work, e Effect, ready <-chan answer, limit time.Duration) {
	defer w.cancel()
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit + r.limit.Grace)
		defer t.Stop()
		late = t.C
	}
	select {
	case a := <-ready:
		r.post(func() { r.answered(w, a) })
	case <-late:
		r.post(func() { r.answered(w, broken(e, "hang")) })
	}
}

// protect makes an answer of a panic.
func (r *Runner) protect(e Effect, f func() answer) (a answer) {
	defer func() {
		if recover() != nil {
			r.tally.panicked()
			a = broken(e, "panic")
		}
	}()
	return f()
}

// broken is the answer of a part that broke its word. Where paper may have moved, that is unsure.
func broken(e Effect, detail string) answer {
	if e == Print {
		return answer{event: PrintUnsure, detail: detail}
	}
	return faulty(detail)
}

// answered takes an answer if the state waits for that very piece of work. A fault is taken always.
func (r *Runner) answered(w *work, a answer) {
	awaited := r.work == w && awaits[r.state] == w.answers
	if a.ended != nil {
		defer func() {
			r.observe(Step{Visit: a.ended.Visit, Transaction: a.ended.Transaction, From: r.state, Event: Settled, To: r.state, End: a.ended})
		}()
	}
	switch {
	case a.event == Fault:
		r.fault = a.detail
		r.happen(Fault)
	case awaited:
		if a.event == Ready && r.state == Unready && r.presence == unknown {
			a = without("reader") // the last that may be missing, and only this goroutine knows
		}
		if a.learn != nil {
			a.learn(&r.visit)
		}
		r.happen(a.event)
	}
}

// wait returns when done is closed, ctx has ended, or limit (if any) has passed. It reports whether done was closed.
func wait(ctx context.Context, done <-chan struct{}, limit time.Duration) bool {
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-done:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// within runs f and waits for it, but not longer than limit.
func within(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return wait(context.Background(), done, limit)
}

// safely turns a panic into errPanic.
func (r *Runner) safely(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			r.tally.panicked()
			err = errPanic
		}
	}()
	return f()
}

// call asks one part for one thing that must be done whatever happens. A part that hangs is left behind.
func (r *Runner) call(limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(r.base, limit)
	defer cancel()
	err := errHang
	got := make(chan error, 1)
	go func() { got <- r.safely(func() error { return f(ctx) }) }()
	t := time.NewTimer(limit + r.limit.Grace)
	defer t.Stop()
	select {
	case err = <-got:
	case <-t.C:
	}
	return err
}

// no makes the answer to an error before the commit: whose part said it, and what it said.
func no(err error, part string) answer {
	declined := (*Declined)(nil)
	code := reason.Of(err)
	switch {
	case errors.Is(err, ErrCardGone):
		return say(CardOut)
	case errors.As(err, &declined):
		return denied(NotOffered, "", declined.Word)
	case errors.Is(err, ErrUnknownCard):
		return denied(CardRefused, "", "card-unknown")
	case code == "":
		return trouble(part)
	case code.Class() == reason.Card:
		return denied(CardRefused, code, "")
	}
	return answer{event: Refused, learn: func(v *visit) { v.code = code }}
}

func trouble(part string) answer {
	return answer{event: Trouble, learn: func(v *visit) { v.word = part }}
}

func denied(n Notice, c reason.Code, word string) answer {
	return answer{event: Denied, learn: func(v *visit) { v.notice, v.code, v.word = n, c, word }}
}

// refusal makes a whole refusal of an error that carries a code.
func refusal(err error) *document.Refusal {
	var r *document.Refusal
	if errors.As(err, &r) {
		return r
	}
	return &document.Refusal{Code: reason.Of(err)}
}

package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// ErrRunning is returned by a second [Runner.Run].
var ErrRunning = errors.New("session: a runner runs once")

// ErrIncomplete is returned by [New] when a part is missing.
var ErrIncomplete = errors.New("session: a part is missing")

// ErrNotStopped is returned by [Runner.StaffReady] while the terminal is in service.
var ErrNotStopped = errors.New("session: the terminal is not out of service")

// ErrClosedAgain is returned by [Runner.StaffReady] when something closed the terminal while the word was on its way.
// Staff have to look and say it again.
var ErrClosedAgain = errors.New("session: closed again meanwhile; look, and say it again")

// ErrEnded is returned by [Runner.StaffReady] after the runner's end.
var ErrEnded = errors.New("session: ended")

// Runner lives one visit after the other. All its fields belong to the goroutine of Run, except where noted.
type Runner struct {
	parts Parts
	limit Limits
	hands hands
	mail  chan func()   // what other goroutines ask Run's to do
	gone  chan struct{} // closed when Run no longer reads mail
	again chan struct{} // holds one when a part that is missing is to be looked at sooner
	once  sync.Once     // guards Run
	tally tally         // safe for all

	base     context.Context // of all work: it outlives Run's, so that paper in motion is not abandoned
	timer    *time.Timer     // of the state
	fading   *time.Timer     // of recall
	recall   *Recall
	state    State
	visit    visit
	work     *work           // what the state awaits; nil: nothing
	tail     <-chan struct{} // closed when the last finisher is done
	endings  int             // that have not reported yet
	soon     []Event         // what follows at once from what is known
	presence presence
	stay     uint64 // counts stays of cards on the reader
	alarms   uint64 // counts what staff must have seen before their word may open: latches, and paper that moves
	fault    string // one word for the incident of a Fault
	words    int    // of staff, on their way
	yields   bool   // Run is to return when no visit is in hand
}

// presence is what the reader last said.
type presence uint8

const (
	unknown presence = iota // the reader is lost, or has not said anything yet
	absent
	present
)

// New returns a runner. Everything but Tray and Observe must be there, and Staff at a counter.
func New(p Parts) (*Runner, error) {
	if p.Terminal == "" || p.Channel == "" || slices.Contains([]any{p.Reader, p.Centre, p.Verifier, p.Queue, p.Payment, p.Ledger, p.Latches, p.Screen}, nil) {
		return nil, ErrIncomplete
	}
	if p.Channel == protocol.Counter && p.Staff == nil {
		return nil, ErrIncomplete
	}
	if p.Observe == nil {
		p.Observe = func(Step) {}
	}
	tail := make(chan struct{})
	close(tail)
	r := &Runner{parts: p, limit: p.Limits.withDefaults(), mail: make(chan func()), gone: make(chan struct{}), again: make(chan struct{}, 1), tail: tail}
	if r.recall = p.Recall; r.recall == nil {
		r.recall = new(Recall)
	}
	r.hands = goroutines{r}
	return r, nil
}

// Counts returns what was dropped so far.
func (r *Runner) Counts() Counts { return r.tally.counts() }

// Run lives until ctx ends and the visit in hand has come to an end that loses nothing: before the commit the
// transaction is ended as a whole, after it the printer's outcome is waited for.
func (r *Runner) Run(ctx context.Context) error {
	err := ErrRunning
	r.once.Do(func() { err = nil; r.run(ctx) })
	return err
}

// Yield has [Runner.Run] return as soon as no visit is in hand, and never before the last one is settled: a terminal is plugged
// together anew then. It does not wait for that.
func (r *Runner) Yield() { r.post(func() { r.yields = true }) }

// between reports whether no visit is in hand: the only moment at which anything that a visit goes by may change. A card that
// comes next is seen by whoever runs next.
func (r *Runner) between() bool {
	return r.endings == 0 && r.words == 0 && slices.Contains([]State{Idle, Unready, OutOfService}, r.state)
}

// quiet is a clock that does not run.
func quiet() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (r *Runner) run(ctx context.Context) {
	watch, stop := context.WithCancel(ctx)
	r.base = context.WithoutCancel(ctx)
	if r.timer, r.fading = quiet(), quiet(); r.recall.lasts() > 0 {
		r.fading.Reset(r.recall.lasts())
	}
	r.do(r.begin)
	var watcher sync.WaitGroup
	watcher.Go(func() { r.watch(watch) })
	r.loop(ctx.Done())
	stop()
	close(r.gone)
	r.timer.Stop()
	r.fading.Stop()
	if ctx.Err() != nil { // it did not give way to another
		r.recall.Forget()
	}
	within(r.limit.Grace, watcher.Wait)
	r.leave()
}

// begin starts out of service where staff are needed, or where nobody can say whether they are.
func (r *Runner) begin() {
	latched := true
	err := r.call(r.limit.End, func(ctx context.Context) (err error) {
		latched, err = r.parts.Ledger.Latched(ctx)
		return err
	})
	if err != nil || latched {
		r.state = OutOfService
		r.visit.notice = StaffAreCalled
		r.show()
		return
	}
	r.state = Unready
	r.launch(Look)
	r.show()
}

func (r *Runner) loop(stop <-chan struct{}) {
	stopping := false
	for !(stopping && r.resting() || r.yields && r.between()) {
		if stopping && r.state == ConfirmName { // nobody is asked for a code any more
			r.do(func() { r.happen(Stop) })
			continue
		}
		select {
		case f := <-r.mail:
			r.do(f)
		case <-r.timer.C:
			r.do(func() { r.happen(Timeout) })
		case <-r.fading.C:
			r.do(r.fade)
		case <-stop:
			stop, stopping = nil, true
			r.do(func() { r.happen(Stop) })
		}
	}
}

// resting reports whether nothing is lost if the runner ends here.
func (r *Runner) resting() bool {
	return r.endings == 0 && slices.Contains([]State{Idle, Unready, OutOfService, Ended, Done, CardForgotten}, r.state)
}

// leave ends the visit, and waits for what must run to its end.
func (r *Runner) leave() {
	r.finish(nil, cause{from: r.state, event: Stop}, r.visit, r.work, true)
	if r.work != nil {
		r.work.cancel()
	}
	wait(r.base, r.tail, 6*r.limit.End)
}

// post asks Run's goroutine to do f. It returns when that was taken, or will never be.
func (r *Runner) post(f func()) bool {
	select {
	case r.mail <- f:
		return true
	case <-r.gone:
		return false
	}
}

// do runs f and everything that follows from it at once. Whatever panics in here closes the terminal.
func (r *Runner) do(f func()) {
	r.guard(f)
	for len(r.soon) > 0 {
		e := r.soon[0]
		r.soon = r.soon[1:]
		r.guard(func() { r.happen(e) })
	}
}

func (r *Runner) guard(f func()) {
	defer func() {
		if recover() != nil {
			r.tally.panicked()
			r.fault = "panic"
			r.soon = append(r.soon, Fault)
		}
	}()
	f()
}

// Press passes on what a finger did on a picture of this visit. Input on another visit's picture is dropped and
// counted. The runner owns in.PIN from here on and overwrites it.
func (r *Runner) Press(visit uint64, in Input) {
	if !r.post(func() { r.press(visit, in) }) {
		clear(in.PIN)
	}
}

func (r *Runner) press(visit uint64, in Input) {
	if visit != r.visit.number {
		clear(in.PIN)
		r.tally.otherVisit()
		return
	}
	switch in.Kind {
	case PressPIN:
		r.keypad(in.PIN)
	case PressCode:
		r.code(in)
	case PressChoose:
		r.choose(in)
	case PressNotMine:
		r.notMine(in.Of)
	case PressYes, PressBack, PressCancel, PressFinish, PressTouched:
		r.happen(map[InputKind]Event{PressYes: Yes, PressBack: Back, PressCancel: Cancel, PressFinish: Finish, PressTouched: Touched}[in.Kind])
	default:
		r.tally.invalid()
	}
}

// keypad lets a PIN through only where one is asked for.
func (r *Runner) keypad(pin []byte) {
	if r.state != EnterPIN || !pinForm(pin) {
		clear(pin)
		r.tally.invalid()
		return
	}
	r.visit.pin = pin // the work that this starts overwrites it
	r.happen(PINGiven)
}

// code lets the word of a member of staff through only where one is asked for.
func (r *Runner) code(in Input) {
	if r.state != ConfirmName || !policy.ValidStaffID(in.Staff) || !policy.ValidStaffCode(in.PIN) {
		clear(in.PIN)
		r.tally.invalid()
		return
	}
	r.visit.pin, r.visit.said = in.PIN, said{in.Staff, in.Same}
	r.happen(CodeGiven)
}

func (r *Runner) choose(in Input) {
	c, offered := choose(r.visit.applicant.offers, in)
	if r.state != Choosing || !offered || r.parts.Latches.Closed(c.Offer.Municipality) {
		r.tally.invalid()
		return
	}
	r.visit.chosen = c
	r.happen(Chosen)
}

// LookAgain has a terminal that waits for a part look at its parts at once. It changes nothing otherwise, and waits for nothing.
func (r *Runner) LookAgain() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// StaffReady is called when signed-in staff (an id, never a name) say that tray and path are empty and all is well.
// It is journalled first. It reopens a terminal that is out of service, and makes an unready one look again. Where ctx ends before the
// answer is known, a word that is not on its way to the journal yet does not count; nobody knows of any other.
func (r *Runner) StaffReady(ctx context.Context, staff string) error {
	answer := make(chan error, 1)
	ask := func() {
		if r.state != OutOfService && r.state != Unready {
			answer <- ErrNotStopped
			return
		}
		tail, seen := r.tail, r.alarms
		r.words++
		go func() {
			wait(r.base, tail, 0) // what closed the terminal is journalled before the word that opens it
			answer <- r.staffReady(ctx, staff, seen)
			r.post(func() { r.words-- })
		}()
	}
	select {
	case r.mail <- ask:
	case <-r.gone:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// staffReady journals the word, then lets it be heard.
func (r *Runner) staffReady(ctx context.Context, staff string, seen uint64) error {
	if ctx.Err() != nil { // who said it was told that it does not count
		return ctx.Err()
	}
	err := r.call(r.limit.End, func(context.Context) error { return r.parts.Ledger.StaffReady(ctx, staff) })
	if err != nil {
		return err
	}
	stale := make(chan bool, 1)
	switch heard := r.post(func() { stale <- !r.heard(seen) }); {
	case !heard:
		return ErrEnded
	case <-stale:
		return ErrClosedAgain
	}
	return nil
}

// heard lets the word of staff open the terminal. Where something closed it anew, or paper moved, while the word was on
// its way, staff have not seen that: the word opens nothing, and the latch that it may have lifted is set again.
func (r *Runner) heard(seen uint64) bool {
	if r.alarms == seen {
		r.happen(StaffReady)
		return true
	}
	r.finish([]Effect{Latch}, cause{from: r.state, event: StaffReady}, r.visit, nil, false)
	return false
}

// watch keeps an eye on the reader, and comes back to one that was lost.
func (r *Runner) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.safely(func() error { return r.parts.Reader.Watch(ctx, r.notify) })
		if ctx.Err() != nil {
			return
		}
		r.post(func() { r.readerLost(errors.Is(err, errPanic)) })
		wait(ctx, nil, r.limit.LookAgain)
	}
}

func (r *Runner) notify(here bool) { r.post(func() { r.seen(here) }) }

// seen takes what the reader says as a fact, and makes an event of a change. A card that goes ends only the visit
// that began with its stay on the reader; a forgotten card is gone whenever the reader is empty, also where the reader
// was lost and found in between.
func (r *Runner) seen(here bool) {
	was := r.presence
	switch {
	case here && was != present:
		r.presence = present
		r.stay++
		r.happen(CardIn)
	case !here && was != absent && (r.visit.stay == 0 || r.visit.stay == r.stay || r.state == CardForgotten):
		r.presence = absent
		r.happen(CardOut)
	case !here && was != absent:
		r.presence = absent
		r.tally.otherVisit()
	}
	r.show() // where nothing else changed, a card has come or gone
}

func (r *Runner) readerLost(panicked bool) {
	r.presence = unknown
	if panicked {
		r.fault = "panic"
		r.happen(Fault)
		return
	}
	r.happen(ReaderLost)
}

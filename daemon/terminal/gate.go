package terminal

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/tokyo"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// SelfTest puts a terminal's parts to the test: poisoned packages have to be refused, and a good one has to come as far as
// the printer's door; see daemon/selftest.
type SelfTest interface {
	// Run returns the id of the first case whose answer was wrong, or had not come when ctx ended; "" when all were right.
	Run(ctx context.Context, p Parts) (failed string)
}

// Times of the gate.
const (
	testLimit = 20 * time.Second // of a whole self-test, which takes less than one; a machine that is thirty times slower is not well
	testGrace = time.Second      // how long after that it may take to say so
	lookEvery = time.Minute      // whether another day has begun
)

// What failed where no case can say so itself.
const (
	caseHang    = "hang"    // the self-test did not come back
	casePanic   = "panic"   // it broke down
	caseJournal = "journal" // its result could not be journalled
)

// gate lets no visit begin unless the self-test has passed in this process and on this opening day. It tests at the
// start, under a new policy, after every test visit and service sheet, when a new day begins, when a technician wants it after one that
// passed, and after a failure when staff have said their word; never while a visit is in hand. Nothing else opens it: not a technician's use of the devices, not a restart
// of the day, not a clock put back.
type gate struct {
	try    func(context.Context) (failed string)
	begins time.Duration // when a day does, after midnight in Tokyo: half an hour before the service opens
	law    func() error  // whether a visit may begin under the policy at all
	// stopped is whether open incidents stop every service.
	stopped func() error
	ledger  *ledger
	now     func() time.Time
	log     logrus.FieldLogger

	mu      sync.Mutex
	day     string        // of the last test; "": another one is due in any case
	failed  string        // what it found
	asked   uint64        // how often another one was made due: one under way does not answer what was asked meanwhile
	busy    bool          // a visit is in hand
	changed chan struct{} // closed when any of the above changes
	slammed chan struct{} // closed when a test fails
	shut    bool          // the welcome was ended here, and nobody was told yet
}

func newGate(p Parts, l *ledger) *gate {
	return &gate{try: func(ctx context.Context) string { return p.SelfTest.Run(ctx, p) }, begins: p.Policy.DayBegins(), law: func() error { return nil }, stopped: func() error { return nil }, ledger: l, now: p.Now, log: p.Log,
		changed: make(chan struct{}), slammed: make(chan struct{})}
}

// openingDay names the day that t belongs to.
func (g *gate) openingDay(t time.Time) string {
	return t.In(tokyo.Zone()).Add(-g.begins).Format(time.DateOnly)
}

// change changes the gate, and wakes whoever waits for that.
func (g *gate) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// look says whether a test is due, what the last one of this day found, and what to wait for.
func (g *gate) look() (due bool, failed string, busy bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.day != g.openingDay(g.now()), g.failed, g.busy, g.changed
}

// run tests whenever that is due, until ctx ends.
func (g *gate) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		due, _, busy, changed := g.look()
		if due && !busy {
			g.test(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-tick.C:
		}
	}
}

// test makes one test and journals what it found, before anything can follow from it.
func (g *gate) test(ctx context.Context) {
	day := g.openingDay(g.now())
	asked := g.wanted()
	failed := g.attempt(ctx)
	if ctx.Err() != nil {
		return
	}
	if err := g.record(failed); err != nil && failed == "" {
		failed = caseJournal
	}
	g.say(failed)
	g.change(func() {
		g.failed = failed
		if g.asked == asked {
			g.day = day
		}
		if failed != "" {
			close(g.slammed)
			g.slammed = make(chan struct{})
		}
	})
}

// say tells the log which case it was: the screen says only that the terminal is closed.
func (g *gate) say(failed string) {
	if failed == "" {
		g.log.Info("the self-test passed")
		return
	}
	g.log.WithField("case", failed).Error("the self-test failed: the terminal does not open")
}

// attempt leaves a test behind that does not come back.
func (g *gate) attempt(ctx context.Context) string {
	ctx, stop := context.WithTimeout(ctx, testLimit)
	defer stop()
	got := make(chan string, 1)
	go func() {
		defer func() {
			if recover() != nil {
				got <- casePanic // what it panicked with is not kept: it could hold anything
			}
		}()
		got <- g.try(ctx)
	}()
	late := time.NewTimer(testLimit + testGrace)
	defer late.Stop()
	select {
	case failed := <-got:
		if failed == "" && ctx.Err() != nil { // right, and too late
			return caseHang
		}
		return failed
	case <-late.C:
		return caseHang
	}
}

func (g *gate) record(failed string) error {
	if failed == "" {
		return g.ledger.record(journal.Entry{Kind: journal.SelfTest, Reason: "passed"})
	}
	return g.ledger.record(journal.Entry{Kind: journal.SelfTest, Reason: "failed", Where: failed},
		journal.Entry{Kind: journal.Incident, Reason: protocol.IncidentSelfTest, Where: "selftest/" + failed,
			Also: []reason.Code{reason.Code(failed)}})
}

// wait returns nil when a visit may begin, [session.ErrPolicy], [session.ErrStopped], [session.ErrSelfTestFailed], or [session.ErrSelfTest]
// when ctx ended before a test that is due.
func (g *gate) wait(ctx context.Context) error {
	for {
		due, failed, _, changed := g.look()
		if err := cmp.Or(g.law(), g.stopped()); err != nil {
			return err
		}
		switch {
		case !due && failed != "":
			return session.ErrSelfTestFailed
		case !due:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return session.ErrSelfTest
		}
	}
}

// heard makes another test due where the last one failed.
func (g *gate) heard() {
	g.change(func() {
		if g.failed != "" {
			g.want()
		}
	})
}

// want makes another test due; g.mu is held.
func (g *gate) want() { g.day, g.asked = "", g.asked+1 }

func (g *gate) wanted() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// again makes another test due where the last one passed: nothing begins before it has passed once more. It reports whether one is due:
// after a failure only the word of staff has it tested.
func (g *gate) again() (due bool) {
	g.change(func() {
		if due = g.failed == ""; due {
			g.want()
		}
	})
	return due
}

// follow takes over what the gate before this one found wrong, before this one runs.
func (g *gate) follow(before *gate) {
	before.mu.Lock()
	defer before.mu.Unlock()
	if before.failed != "" {
		g.day, g.failed = before.day, before.failed
	}
}

// between are the states in which no transaction is under way.
var between = []session.State{session.Unready, session.OutOfService, session.Idle, session.Opening, session.Done, session.Ended, session.CardForgotten}

// observe notes whether a visit is in hand, and passes every step on. A terminal that would welcome people while every service is
// stopped looks again.
func (g *gate) observe(next func(session.Step)) func(session.Step) {
	return func(s session.Step) {
		g.change(func() { g.busy = !slices.Contains(between, s.To) })
		if s.To == session.Idle && s.From != session.Idle {
			g.recall()
		}
		if next != nil {
			next(s)
		}
	}
}

// recall ends the welcome of a terminal that has every service stopped. No visit is in hand.
func (g *gate) recall() {
	if g.stopped() == nil {
		return
	}
	g.change(func() {
		if !g.busy {
			close(g.slammed)
			g.slammed = make(chan struct{})
		}
	})
}

// passed is the day of the last test, if that passed.
func (g *gate) passed() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != "" {
		return ""
	}
	return g.day
}

// visited reports whether a visit is in hand.
func (g *gate) visited() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busy
}

func (g *gate) slam() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.slammed
}

func (g *gate) mark(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

// didShut reports, once, that the welcome was ended here: nothing is wrong with the reader whose watch ended.
func (g *gate) didShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.shut
	g.shut = false
	return was
}

// gated is the centre of a terminal that asks the gate first, and waits for a test under way: a card that comes
// meanwhile is not sent away.
type gated struct {
	session.Centre
	gate  *gate
	hours hours
}

// Ready is asked before a visit begins, and only then.
func (c gated) Ready(ctx context.Context) error {
	if err := c.hours.check(); err != nil {
		return err
	}
	if err := c.gate.wait(ctx); err != nil {
		return err
	}
	return c.Centre.Ready(ctx)
}

// shutter is a reader that is lost when a test fails or the hours are over: a terminal that welcomes people
// looks again at whether it may.
type shutter struct {
	Reader
	gate  *gate
	hours hours
}

// Watch follows the reader until ctx ends, the reader is lost, a test fails, or the hours are over.
func (s shutter) Watch(ctx context.Context, notify func(present bool)) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	slam := s.gate.slam()
	shut := func() {
		s.gate.mark(true)
		stop()
	}
	s.gate.mark(false)
	go s.hours.shut(ctx, s.gate.visited, shut)
	go func() {
		select {
		case <-slam:
			shut()
		case <-ctx.Done():
		}
	}()
	s.Reader.Watch(ctx, notify)
}

// Rehearsal is a terminal that is plugged together for the self-test: it belongs to no centre and has no gate.
type Rehearsal struct{ *plugged }

// Rehearse plugs parts together as [New] does, around another centre. Whoever asks for it gives a journal, a printer, a
// reader and a policy that are no terminal's.
func Rehearse(ctx context.Context, p Parts, c session.Centre) (*Rehearsal, error) {
	shut := newLatches(&ledger{journal: p.Journal, wake: func() {}}, p.Policy.Latch(), p.Now, p.Log)
	t, err := plug(ctx, p, shut, c, nobody{}, func(protocol.Transaction, []byte) {})
	if err != nil {
		return nil, err
	}
	return &Rehearsal{t}, nil
}

type nobody struct{}

func (nobody) heard() {}

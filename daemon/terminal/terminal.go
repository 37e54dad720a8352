// Package terminal plugs one terminal together: the session and the parts it needs, each made from a driver, the
// centre's client, the check, the queue and the journal. It adapts and remembers; it decides nothing.
//
// What has to survive the process is in the journal, and only there: outcomes and incidents on their way to the
// centre (the outbox), money that was held (the till), open incidents and the services that they stop (the latches), and
// whether staff are needed. What the journal would not take waits beside it ([Owing]). [New] settles what a restart left open before
// anything can begin.
//
// A new policy comes into force between visits: the session gives way ([session.Runner.Yield]), the policy is applied, and
// everything that a visit goes by is made anew from it, exactly as at a start; there is nothing that could still hold the old one.
// Then comes the self-test. Where any of that fails, and where the policy expires or is below what the centre wants, the terminal
// is out of service until a higher one is in force. What has come into its time by this machine's clock waits, and nobody is served,
// while the centre's clock contradicts; at a start, and where no centre is heard, this machine's alone counts, so that one far
// ahead puts a policy in force before its time, for good (and out of service until that time, once the clock is right).
//
// Between visits a technician's test visit can have its devices ([Terminal.Lend]); that is journalled before and after.
package terminal

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/config/trace"
	"honnin/daemon/centre"
	"honnin/daemon/session"
	"honnin/drivers/card"
	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// Parts is what one terminal is made of.
type Parts struct {
	Terminal  protocol.Terminal
	Channel   protocol.Channel
	Reader    Reader
	Printer   spool.Printer
	Tray      session.Tray // nil: no sensor
	Policy    *policy.Policy
	Inspector document.Inspector
	Centre    *centre.Client
	Payment   session.Payment
	Journal   Journal
	Screen    session.Screen
	Limits    session.Limits
	Now       func() time.Time
	Log       logrus.FieldLogger
	Observe   func(session.Step) // may be nil
	Trace     trace.Trace        // of the card's commands
	Traffic   func(card.Traffic) // told of every card connection's commands and bytes; may be nil
	SelfTest  SelfTest           // what has to pass before a visit begins; nil is refused

	Signed     *signed.Policy             // Policy as it was signed; nil is refused, but in [Rehearse]
	Policies   Policies                   // those that are kept here; likewise
	Equip      func(Parts) (Parts, error) // fits devices to another Policy; nil: they fit any
	Unfit      error                      // why the devices do not suit Policy: nothing begins before another is in force; nil: they do
	KeysExpire func() time.Time           // the first of the terminal's certificates, or zero; may be nil
	Software   string                     // the version of this program, for the centre
	Beat       time.Duration              // between heartbeats; 0: the policy's
	Owing      Owing                      // for what the journal would not take
	Sealed     Sealed                     // keeps refused packages for their municipalities; nil: they are destroyed

	recall *session.Recall // nil: none outlives a policy
	seen   *readerSeen     // the same
	shut   func() bool     // whether the reader's end was the gate's doing, once; may be nil
}

// Journal is what a terminal needs of its memory; [*journal.Journal] is it. Every method that writes returns when all of it is
// on the disk.
type Journal interface {
	spool.Journal
	BeginVisit() (visit uint64, err error)
	Oldest(after uint64) (e journal.Entry, head protocol.JournalHead, ok bool, err error)
	Unsettled() ([]journal.Entry, error)
	Latches() ([]journal.Latch, error)
	StaffNeeded() (why string, err error)
	ServiceOff() (journal.Entry, error)
	Since(at protocol.Time, f func(journal.Entry) error) error
	Outcome(t protocol.Transaction) (protocol.Outcome, error)
	Holds(protocol.JournalHead) (bool, error)
	Head() (protocol.JournalHead, error)
	Policy() (highest protocol.PolicyRef, least uint64, err error)
	At(position uint64) (journal.Entry, error)
	After(position uint64, f func(journal.Entry) (more bool, err error)) error
	Incidents(after uint64, n int) ([]journal.Standing, error)
	Gather(position uint64, event journal.Event) (e journal.Entry, gathered bool, err error)
}

// Terminal is one terminal, ready to run.
type Terminal struct {
	client  *centre.Client
	journal Journal
	deliver *centre.Deliverer
	ledger  *ledger
	law     *law
	now     func() time.Time
	log     logrus.FieldLogger
	fresh   chan struct{}                                       // the centre is to be asked at once
	hurry   chan struct{}                                       // incidents are to be looked at at once
	clock   func(ctx context.Context, most time.Duration) error // centre.ErrClock where the centre's is further off

	printed session.Recall // outlives what is plugged together for one policy
	reader  readerSeen     // the same

	mu   sync.Mutex
	open *opened // replaced between visits

	keeping  sync.Mutex // of what follows
	policies Policies
	failed   *failure // nil: what was due is in force

	saying sync.Mutex
	said   map[string]string

	unheard *escalation // of the goroutine that watches

	// Of the goroutine that keeps up.
	refused refusal
	notices *follower
	warned  time.Time
	swept   time.Time // sealed packages were

	wanted, lent atomic.Pointer[loan] // the devices: by whom, and to whom
	sheets       sheets

	left  chan struct{} // closed when Run is to return after the visit in hand
	leave sync.Once
}

// judge believes whom the policy names that visits go by, while the law lets visits begin under it.
func (t *Terminal) judge() (incident.Judge, error) {
	p := t.plugged().parts
	return incident.Judge{Policy: p.Policy, Terminal: p.Terminal, Now: p.Now()}, t.law.judge()
}

// opened is a terminal that is plugged together for one policy.
type opened struct {
	*plugged
	gate  *gate
	parts Parts
}

// Delays of delivery to the centre after a failure: the first, and the longest.
const (
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
)

// ErrUntested is returned by [New] for parts without a [SelfTest].
var ErrUntested = errors.New("terminal: nothing would test this terminal before it opens")

// ErrUnsigned is returned by [New] for parts without a signed policy and those that are kept: it would be open for ever.
var ErrUnsigned = errors.New("terminal: nobody signed its policy")

// New settles what the last run left open, and plugs the terminal together. Nothing is printed by it, and nothing begins
// before its [SelfTest] has passed.
func New(ctx context.Context, p Parts) (*Terminal, error) {
	switch {
	case p.SelfTest == nil:
		return nil, ErrUntested
	case p.Signed == nil || p.Policies == nil:
		return nil, ErrUnsigned
	}
	p.Software = cmp.Or(p.Software, "honnind")
	p.Journal = witnessed{p.Journal, protocol.ProgramOf(p.Software)}
	notices := &follower{journal: p.Journal, terminal: p.Terminal, log: p.Log}
	deliver := centre.NewDeliverer(outbox{p.Journal, p.Terminal, notices.receipt, notices.heard}, p.Centre, firstDelay, longestDelay)
	l := &ledger{journal: p.Journal, wake: deliver.Wake}
	if err := l.debts.begin(p.Owing); err != nil {
		return nil, err
	}
	law, err := newLaw(p, l)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.Unfit, staffed(p)); err != nil {
		law.breaks(err)
	}
	t := &Terminal{client: p.Centre, journal: p.Journal, deliver: deliver, ledger: l, law: law, now: p.Now, log: p.Log, fresh: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		policies: p.Policies, said: map[string]string{}, notices: notices, left: make(chan struct{})}
	notices.ledger, notices.judge, t.reader.now = l, t.judge, p.Now
	if t.unheard, err = newEscalation(t, p); err != nil {
		return nil, err
	}
	t.clock = func(ctx context.Context, most time.Duration) error { return p.Centre.Agreeing(most, p.Now).Ready(ctx) }
	t.open, err = t.plug(ctx, p)
	return t, err
}

// plug makes everything that a visit goes by from one policy.
func (t *Terminal) plug(ctx context.Context, p Parts) (*opened, error) {
	g := newGate(p, t.ledger)
	g.law = t.law.judge
	in := p
	in.Reader, in.Observe, in.recall, in.seen, in.shut = shutter{p.Reader, g, hours{p}}, g.observe(p.Observe), &t.printed, &t.reader, g.didShut
	client := p.Centre.Agreeing(p.Policy.ClockSkew(), p.Now)
	o := office{client, t.deliver, t.ledger,
		&offers{policy: p.Policy, channel: p.Channel, now: p.Now, ledger: t.ledger, told: map[string]bool{}}, newSuspensions(p, t.ledger, client.Suspensions)}
	shut := newLatches(t.ledger, p.Policy.Latch(), p.Now, p.Log)
	g.stopped = func() error { return cmp.Or(offByHand(p.Journal), shut.stopped()) }
	made, err := plug(ctx, in, shut, gated{marked{o, shut}, g, hours{p}}, g, t.deliver.Attach)
	if err != nil {
		return nil, err
	}
	return &opened{made, g, p}, nil
}

func (t *Terminal) plugged() *opened {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// plugged is the part of a terminal that paper goes through: session, check, queue, till and latches.
type plugged struct {
	*session.Runner
	latches *latches
	noticed *noticed
	kept    *keeper
}

// plug is the one way in which they are plugged together, for visits and for the self-test ([Rehearse]).
func plug(ctx context.Context, p Parts, shut *latches, c session.Centre, word staffWord, attach attach) (*plugged, error) {
	l := shut.ledger
	queue, found, err := spool.NewQueue(ctx, p.Journal, p.Printer, p.Now)
	if err != nil {
		return nil, err
	}
	if p.Channel == protocol.Counter {
		queue.AtCounter()
	}
	if n := found.Number(); n > 0 {
		p.Log.WithFields(logrus.Fields{"void": len(found.Void), "unsure": len(found.Unsure), "printed": len(found.Printed),
			"failed": len(found.Failed)}).Warn("settled what the last run left open")
	}
	if err := l.unsaid(); err != nil {
		return nil, err
	}
	till := newTill(p.Payment, l)
	if err := till.recover(ctx); err != nil {
		return nil, err
	}
	if err := l.record(journal.Entry{Kind: journal.Started}); err != nil {
		return nil, err
	}
	screen, kept := &noticed{Screen: until{p.Screen, hours{p}}, log: p.Log, shut: p.shut}, newKeeper(p)
	runner, err := session.New(session.Parts{
		Terminal: p.Terminal, Channel: p.Channel,
		Reader: &cards{reader: p.Reader, pad: p.Policy.Devices().PINPad, count: p.Traffic, trace: p.Trace, trouble: trouble{log: p.Log, seen: p.seen}}, Centre: c,
		Verifier: checker{document.NewVerifier(p.Policy, p.Inspector, p.Now), attach},
		Queue:    queue, Payment: till, Ledger: attended{l, queue, word}, Latches: refusals{fresh{shut, p}, kept},
		Screen: screen, Tray: p.Tray, Observe: p.Observe, Limits: limits(p), Recall: p.recall,
		Staff: confirmers{p.Policy, p.Terminal, p.Now},
	})
	if err != nil {
		return nil, err
	}
	return &plugged{runner, shut, screen, kept}, nil
}

// Run lives until ctx ends and the visit in hand has come to its end; delivery to the centre goes on until then.
func (t *Terminal) Run(ctx context.Context) error {
	posting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var post sync.WaitGroup
	post.Go(func() { _ = t.deliver.Run(posting) }) // returns only why its context ended
	ctx, end := context.WithCancel(ctx)
	t.keeps(ctx, &post)
	post.Go(func() { t.hasten(ctx, end) })
	err := t.serve(ctx)
	t.printed.Forget()
	end()
	stop()
	post.Wait()
	t.say("the journal", t.ledger.settle()) // for the last time
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// keeps does what goes on beside visits until ctx ends. What waits for a centre, and what must not, are apart.
func (t *Terminal) keeps(ctx context.Context, all *sync.WaitGroup) {
	all.Go(func() { t.converge(ctx) })
	all.Go(func() { t.watch(ctx) })
}

// serve runs one policy after the other.
func (t *Terminal) serve(ctx context.Context) error {
	for !t.Leaving() {
		if t.wanted.Load() != nil { // who came while it was plugged together had the session before give way
			go t.plugged().Yield()
		}
		if err := t.plugged().run(ctx); err != nil || ctx.Err() != nil || t.Leaving() {
			return err
		}
		if t.lend(ctx); ctx.Err() != nil || t.Leaving() {
			return nil
		}
		told := t.printSheet(ctx)
		if err := t.renew(ctx); err != nil {
			return err
		}
		told()
		t.lent.Store(nil)
	}
	return nil
}

func (o *opened) run(ctx context.Context) error {
	testing, stop := context.WithCancel(ctx)
	var tests sync.WaitGroup
	tests.Go(func() { o.gate.run(testing) })
	err := o.Runner.Run(ctx)
	stop()
	tests.Wait()
	o.kept.wait()
	return err
}

// Press passes on what a finger did.
func (t *Terminal) Press(visit uint64, in session.Input) {
	if l := t.lent.Load(); l != nil {
		l.press(visit, in)
		return
	}
	t.plugged().Press(visit, in)
}

// StaffReady passes on the word of staff.
func (t *Terminal) StaffReady(ctx context.Context, staff string) error {
	return t.plugged().StaffReady(ctx, staff)
}

// Name is the terminal's.
func (t *Terminal) Name() protocol.Terminal { return t.plugged().parts.Terminal }

// Open lists the incidents that nobody has closed, for all that this terminal knows, oldest first.
func (t *Terminal) Open() (ids []protocol.IncidentID, err error) {
	all, err := t.journal.Incidents(0, 0)
	for _, s := range all {
		ids = append(ids, protocol.NameIncident(t.Name(), s.JournalHead))
	}
	return ids, err
}

// Ask has the terminal look at its incidents, and ask the centre where they stand, at once. It waits for neither.
func (t *Terminal) Ask() {
	for _, c := range []chan struct{}{t.fresh, t.hurry} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Counts returns what was dropped since the policy came into force.
func (t *Terminal) Counts() session.Counts { return t.plugged().Counts() }

// StaffNeeded returns why no visit may begin until staff have looked, or "".
func (t *Terminal) StaffNeeded() (string, error) { return t.journal.StaffNeeded() }

// Delivered reports whether the centre has everything.
func (t *Terminal) Delivered() (bool, error) {
	_, _, waiting, err := t.journal.Oldest(0)
	return !waiting, err
}

// Stopped reports whether open incidents stop a service on this terminal, or every one: a person has to close them.
func (t *plugged) Stopped() bool { return t.latches.any() }

// Stopped reports whether open incidents stop a service on this terminal, or every one: a person has to close them.
func (t *Terminal) Stopped() bool { return t.plugged().Stopped() }

// Retest has the terminal put its check to the test once more, as soon as no visit is in hand. It does not wait for that: until it has
// passed no visit begins, and neither [Status] has a SelfTest nor Failed is true. After a test that failed it does nothing, and
// returns false.
func (t *Terminal) Retest() bool { return t.plugged().gate.again() }

// Failed reports whether the self-test failed, which waits for a word of staff.
func (t *Terminal) Failed() bool {
	_, failed, _, _ := t.plugged().gate.look()
	return failed != ""
}

// fresh closes, beside those that refusals closed, a municipality whose revocation lists are too old to go by, and at a
// counter one whose certificates nobody may hand over now.
type fresh struct {
	*latches
	parts Parts
}

func (f fresh) Closed(m protocol.Municipality) bool {
	p := f.parts
	return f.latches.Closed(m) || p.Policy.CheckFresh(m, p.Now()) != nil ||
		p.Channel == protocol.Counter && !p.Policy.StaffedFor(m, p.Terminal, p.Now())
}

// Package terminal plugs one terminal together: the session and the parts it needs, each made from a driver, the
// centre's client, the check, the queue and the journal. It adapts and remembers; it decides nothing.
//
// What has to survive the process is in the journal, and only there: outcomes and incidents on their way to the
// centre (the outbox), money that was held (the till), municipalities whose service stopped (the latches), and
// whether staff are needed. [New] settles what a restart left open before anything can begin.
package terminal

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/session"
	"honnin/drivers/card"
	"honnin/spool"
	"honnin/spool/document"
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
	Traffic   func(card.Traffic) // told of every card connection's commands and bytes; may be nil
	SelfTest  SelfTest           // what has to pass before a visit begins; nil is refused
}

// Journal is what a terminal needs of its memory; [*journal.Journal] is it. Every method that writes returns when all of it is
// on the disk.
type Journal interface {
	spool.Journal
	BeginVisit() (visit uint64, err error)
	Oldest() (e journal.Entry, head protocol.JournalHead, ok bool, err error)
	Unsettled() ([]journal.Entry, error)
	Latches() ([]journal.Entry, error)
	StaffNeeded() (why string, err error)
	Since(at protocol.Time, f func(journal.Entry) error) error
	Outcome(t protocol.Transaction) (protocol.Outcome, error)
	Holds(protocol.JournalHead) (bool, error)
}

// Terminal is one terminal, ready to run.
type Terminal struct {
	*plugged
	journal Journal
	deliver *centre.Deliverer
	gate    *gate
}

// Delays of delivery to the centre after a failure: the first, and the longest.
const (
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
)

// ErrUntested is returned by [New] for parts without a [SelfTest].
var ErrUntested = errors.New("terminal: nothing would test this terminal before it opens")

// New settles what the last run left open, and plugs the terminal together. Nothing is printed by it, and nothing begins
// before its [SelfTest] has passed.
func New(ctx context.Context, p Parts) (*Terminal, error) {
	if p.SelfTest == nil {
		return nil, ErrUntested
	}
	if err := staffed(p); err != nil {
		return nil, err
	}
	deliver := centre.NewDeliverer(outbox{p.Journal, p.Terminal}, p.Centre, firstDelay, longestDelay)
	l := &ledger{p.Journal, deliver.Wake}
	g := newGate(p, l)
	in := p
	in.Reader, in.Observe = shutter{p.Reader, g, hours{p}}, g.observe(p.Observe)
	o := office{p.Centre.Agreeing(p.Policy.ClockSkew(), p.Now), deliver, l, &offers{policy: p.Policy, channel: p.Channel, now: p.Now, ledger: l, told: map[string]bool{}}}
	t, err := plug(ctx, in, l, gated{o, g, hours{p}}, g, deliver.Attach)
	if err != nil {
		return nil, err
	}
	return &Terminal{t, p.Journal, deliver, g}, nil
}

// plugged is the part of a terminal that paper goes through: session, check, queue, till and latches.
type plugged struct {
	*session.Runner
	latches *latches
}

// plug is the one way in which they are plugged together, for visits and for the self-test ([Rehearse]).
func plug(ctx context.Context, p Parts, l *ledger, c session.Centre, word staffWord, attach attach) (*plugged, error) {
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
	till := newTill(p.Payment, l)
	if err := till.recover(ctx); err != nil {
		return nil, err
	}
	limit := p.Policy.Latch()
	shut, err := newLatches(l, limit.Defective, limit.Within, p.Now)
	if err != nil {
		return nil, err
	}
	if err := l.record(journal.Entry{Kind: journal.Started}); err != nil {
		return nil, err
	}
	runner, err := session.New(session.Parts{
		Terminal: p.Terminal, Channel: p.Channel,
		Reader: &cards{reader: p.Reader, pad: p.Policy.Devices().PINPad, count: p.Traffic, trouble: trouble{log: p.Log}}, Centre: c,
		Verifier: checker{document.NewVerifier(p.Policy, p.Inspector, p.Now), attach},
		Queue:    queue, Payment: till, Ledger: attended{l, queue, word}, Latches: fresh{shut, p},
		Screen: &noticed{Screen: until{p.Screen, hours{p}}, log: p.Log}, Tray: p.Tray, Observe: p.Observe, Limits: limits(p),
		Staff: confirmers{p.Policy, p.Terminal, p.Now},
	})
	if err != nil {
		return nil, err
	}
	return &plugged{runner, shut}, nil
}

// Run lives until ctx ends and the visit in hand has come to its end; delivery to the centre goes on until then.
func (t *Terminal) Run(ctx context.Context) error {
	posting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var post sync.WaitGroup
	post.Go(func() { _ = t.deliver.Run(posting) }) // returns only why its context ended
	post.Go(func() { t.gate.run(ctx) })
	err := t.Runner.Run(ctx)
	stop()
	post.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// StaffNeeded returns why no visit may begin until staff have looked, or "".
func (t *Terminal) StaffNeeded() (string, error) { return t.journal.StaffNeeded() }

// Delivered reports whether the centre has everything.
func (t *Terminal) Delivered() (bool, error) {
	_, _, waiting, err := t.journal.Oldest()
	return !waiting, err
}

// Stopped reports whether refusals closed a municipality's service on this terminal.
func (t *plugged) Stopped() bool { return t.latches.any() }

// Stopped reports whether refusals closed a municipality's service on this terminal, or its self-test failed: either waits for
// a word of staff.
func (t *Terminal) Stopped() bool {
	_, failed, _, _ := t.gate.look()
	return failed != "" || t.plugged.Stopped()
}

// Reopen opens the municipalities' services that refusals had closed, in the name of a member of staff (an id).
func (t *plugged) Reopen(staff string) error { return t.latches.reopen(staff) }

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

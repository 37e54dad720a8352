package terminal

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// Errors of [Terminal.Lend], besides what wraps [session.ErrPolicy].
var (
	ErrLent  = errors.New("terminal: its devices are lent already")
	ErrStaff = errors.New("terminal: staff have to look at tray and path first")
)

// TestVisit is the word for why a terminal is out of service whose devices are lent, and for which staff are needed where a
// process ended meanwhile.
const TestVisit = "test-visit"

// Lent is what came of lending.
type Lent struct {
	Outcome string               // a word: how the test visit ended
	Staff   string               // why staff have to look before anybody is served; "": they need not
	Sent    protocol.Transaction // whose document the printer may still hold; zero: none went there, or nobody knows which
}

// Entries are what the journal has of it. The call for staff names the transaction, so that after a restart the printer is asked about
// its job, and no visit: the terminal itself had none.
func (l Lent) Entries() (journal.Entry, []journal.Entry) {
	done := journal.Entry{Kind: journal.TestVisitDone, Reason: l.Outcome}
	if l.Staff == "" {
		return done, nil
	}
	return done, []journal.Entry{{Kind: journal.StaffNeeded, Transaction: l.Sent, Reason: l.Staff}}
}

// Use is somebody's use of a terminal's devices until ctx ends or the use is over. p has the devices, the check's child, the
// self-test, and nothing else of the terminal: no journal, no policy, no centre, no money. Fingers go to whom fingers was called
// with.
type Use func(ctx context.Context, p Parts, fingers func(*Terminal)) Lent

// loan is one lending.
type loan struct {
	ctx        context.Context // of who asked
	technician string
	use        Use
	done       chan error // takes one

	mu    sync.Mutex
	guest *Terminal // nil: nobody takes fingers yet
}

// guestVisits is added to the numbers of a guest's visits on its pictures: a finger that was meant for the one terminal is none for
// the other. No terminal makes so many visits.
const guestVisits = 1 << 48

// Lend has the terminal finish the visit in hand, take itself out of service, and lend its devices, in a technician's name; then
// it comes back into service as after a change of its policy, if nothing else stops it. It is journalled before use begins, so that
// staff are needed where no end of it follows. Lend returns when use has. Errors mean that it was never called, or are the
// journal's, and then nobody is served.
func (t *Terminal) Lend(ctx context.Context, technician string, use Use) error {
	if err := cmp.Or(ctx.Err(), t.Lendable()); err != nil {
		return err
	}
	l := &loan{ctx: ctx, technician: technician, use: use, done: make(chan error, 1)}
	if !t.wanted.CompareAndSwap(nil, l) {
		return ErrLent
	}
	go t.plugged().Yield() // it waits for one that does not run yet
	select {
	case err := <-l.done:
		return err
	case <-ctx.Done():
	}
	if t.wanted.CompareAndSwap(l, nil) {
		return ctx.Err()
	}
	return <-l.done
}

// Lendable returns why the devices cannot be lent now. A visit in hand is no reason.
func (t *Terminal) Lendable() error {
	if err := cmp.Or(t.law.judge(), t.ledger.settle()); err != nil { // what is owed may call staff
		return err
	}
	why, err := t.journal.StaffNeeded()
	switch {
	case t.lent.Load() != nil:
		return ErrLent
	case err != nil:
		return err
	case why != "":
		return ErrStaff
	}
	return nil
}

// lend lends to who waits for it, if anybody does. No visit is in hand. The terminal counts as lent until it is plugged together anew.
func (t *Terminal) lend(ctx context.Context) {
	l := t.wanted.Load()
	if l == nil || !t.wanted.CompareAndSwap(l, nil) {
		return
	}
	err := t.Lendable()
	if err == nil {
		err = t.ledger.record(journal.Entry{Kind: journal.TestVisitBegun, Staff: l.technician})
	}
	if err != nil {
		l.done <- err
		return
	}
	t.lent.Store(l)
	done, with := l.carry(ctx, t.plugged().parts).Entries()
	l.done <- t.ledger.record(done, with...)
}

// carry has the devices used. Of who breaks down nobody knows what lies in the printer.
func (l *loan) carry(ctx context.Context, p Parts) (got Lent) {
	defer func() {
		if recover() != nil {
			got = Lent{Outcome: "panic", Staff: TestVisit}
		}
	}()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(l.ctx, stop)()
	return l.use(ctx, Parts{Terminal: p.Terminal, Channel: p.Channel, Reader: p.Reader, Printer: p.Printer, Tray: p.Tray, Inspector: p.Inspector,
		Screen: samples{p.Screen}, Limits: p.Limits, Now: p.Now, Log: p.Log, SelfTest: p.SelfTest, Software: p.Software}, l.fingers)
}

func (l *loan) fingers(guest *Terminal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guest = guest
}

// press passes on what a finger did on a picture of the guest's; what was meant for another is of no visit that the guest has.
func (l *loan) press(visit uint64, in session.Input) {
	l.mu.Lock()
	guest := l.guest
	l.mu.Unlock()
	if guest == nil {
		clear(in.PIN)
		return
	}
	if visit != 0 {
		visit -= guestVisits
	}
	if in.Of != 0 {
		in.Of -= guestVisits
	}
	guest.Press(visit, in)
}

// samples is a screen on which all that is shown is said to be a test.
type samples struct{ session.Screen }

// Show shows v.
func (s samples) Show(v session.View) {
	v.Sample = true
	if v.Visit != 0 {
		v.Visit += guestVisits
	}
	if v.Disowns != 0 {
		v.Disowns += guestVisits
	}
	s.Screen.Show(v)
}

package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/session"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/spool"
	"honnin/spool/journal"
)

// testVisits makes a technician's test visits: one visit with a test card on the terminal's own reader, screen and printer, of a
// second terminal as whole as the first. All else of that one is made for it and thrown away: a practice world in this process
// whose keys are never written, its policy, a journal in a directory of its own, practice money. So nothing of it can be in the
// terminal's own accounts, at its centre or with collectors; and nothing but what that world made and marked as a sample passes its
// check. Its only card anchors are those of the policy's test cards: a citizen's card is refused before anybody is told of it.
type testVisits struct {
	ctx      context.Context // of the terminal
	dir      string
	terminal lender
	log      logrus.FieldLogger
	now      func() time.Time
	world    func(testCards []*x509.Certificate) (*practice.World, error)
	alone    time.Duration // without a question: it is cancelled

	mu   sync.Mutex
	last *testVisit
}

// lender is the terminal whose devices are lent; *terminal.Terminal is it.
type lender interface {
	Lendable() error
	Lend(ctx context.Context, technician string, use terminal.Use) error
	Policy() *policy.Policy
}

var _ technician.Visits = (*testVisits)(nil)

// testVisitDir is a directory of the state directory that is there during a test visit.
const testVisitDir = "test-visit"

// throwaway is a practice world that leaves nothing behind. Whoever has a test card lives in it.
func throwaway(testCards []*x509.Certificate) (*practice.World, error) {
	return practice.Start(practice.Options{CardAnchors: testCards, StrangeOnly: true, Enrol: true})
}

// Begin is technician.Visits'.
func (v *testVisits) Begin(who string) (why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	anchors := v.terminal.Policy().TestAnchors()
	switch err := v.terminal.Lendable(); {
	case v.last != nil && !v.last.course(0).Over:
		return "busy"
	case len(anchors) == 0:
		return "no-test-cards"
	case err != nil:
		return whyNotLent(err)
	}
	t := newTestVisit(v.now)
	v.last = t
	go func() {
		err := v.make(t, anchors, who)
		if err != nil {
			v.log.WithField("why", whyNotLent(err)).Warn("the test visit was not made")
			t.fails(whyNotLent(err))
		}
		t.end()
	}()
	return ""
}

// Course is technician.Visits'.
func (v *testVisits) Course(from int) technician.Course {
	v.mu.Lock()
	t := v.last
	v.mu.Unlock()
	if t == nil {
		return technician.Course{Over: true, Outcome: "none"}
	}
	t.asked()
	return t.course(from)
}

// Cancel is technician.Visits'.
func (v *testVisits) Cancel() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != nil {
		v.last.cancel("cancelled")
	}
}

// whyNotLent is an error in a word.
func whyNotLent(err error) string {
	switch {
	case errors.Is(err, terminal.ErrLent):
		return "busy"
	case errors.Is(err, terminal.ErrStaff):
		return "staff-needed"
	case errors.Is(err, session.ErrPolicy):
		return "policy"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "not-now"
}

// make makes the world, waits for the devices, and has the visit made. The terminal goes on serving until then.
func (v *testVisits) make(t *testVisit, anchors []*x509.Certificate, who string) (err error) {
	ctx, stop := context.WithCancel(v.ctx)
	defer stop()
	go t.abandon(ctx, v.alone)
	t.step("world", "waiting", 0)
	begun := v.now()
	world, err := v.world(anchors)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	t.step("world", "ok", v.now().Sub(begun))
	select {
	case <-t.cancelled:
		return context.Canceled
	default:
	}
	go func() {
		select {
		case <-t.cancelled:
			t.beforeLent(stop)
		case <-ctx.Done():
		}
	}()
	begun = v.now()
	t.step("terminal", "waiting", 0)
	defer func() { err = errors.Join(err, os.RemoveAll(v.dir)) }()
	return v.terminal.Lend(ctx, who, func(ctx context.Context, p terminal.Parts, fingers func(*terminal.Terminal)) terminal.Lent {
		t.has(v.now().Sub(begun))
		text := world.Policy() + fmt.Sprintf("\n[devices]\npin_pad = %q\n", v.terminal.Policy().Devices().PINPad)
		g, err := newGuest(ctx, v.dir, world, text, t, p)
		if err != nil {
			v.log.WithError(err).Error("the test visit was not made")
			t.fails("failed")
			return terminal.Lent{Outcome: "failed"}
		}
		fingers(g.Terminal)
		return g.visit(ctx)
	})
}

// guest is the second terminal.
type guest struct {
	*terminal.Terminal
	test    *testVisit
	journal *journal.Journal
	close   func() error
	log     logrus.FieldLogger
}

// newGuest puts a second terminal up on the devices of p, in dir, under a policy of this text.
func newGuest(ctx context.Context, dir string, world *practice.World, text string, t *testVisit, p terminal.Parts) (g *guest, err error) {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	p.Log = p.Log.WithField("visit", terminal.TestVisit)
	office, err := newPracticeOffice(text, p.Now())
	if err != nil {
		return nil, err
	}
	access, err := world.Access(p.Terminal)
	if err != nil {
		return nil, err
	}
	if p.Centre, err = centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate}); err != nil {
		return nil, err
	}
	store, err := office.provide(dir, p.Terminal)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(filepath.Join(dir, journalFile), p.Now)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	g = &guest{test: t, journal: j, log: p.Log, close: func() error { return errors.Join(j.Close(), store.Close()) }}
	p.Policy, p.Signed, p.Policies, p.Journal, p.Payment = office.last.Policy, office.last, store, j, practice.NewPayment()
	p.Screen, p.Observe = followed{p.Screen, t}, t.observe
	if g.Terminal, err = terminal.New(ctx, p); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// visit makes the one visit, and says what lies in the printer after it.
func (g *guest) visit(ctx context.Context) terminal.Lent {
	ctx, stop := context.WithCancel(ctx)
	var bound sync.WaitGroup
	bound.Go(func() { g.test.bound(ctx, g.Press, stop) })
	err := g.Run(ctx)
	stop()
	bound.Wait()
	left, err2 := paperOf(g.journal)
	if err := errors.Join(err, err2, g.close()); err != nil {
		g.log.WithError(err).Error("the test visit ended badly")
		left.Staff = cmp.Or(left.Staff, terminal.TestVisit)
	}
	left.Outcome = g.test.settled(left.Staff)
	return left
}

// paperOf says why staff have to look after the visits of a journal, and for what: because it says so, or because something was on its
// way to paper in a visit that has no end.
func paperOf(j *journal.Journal) (left terminal.Lent, err error) {
	open := map[uint64]bool{}
	left.Staff, err = j.StaffNeeded()
	err2 := j.Each(func(e journal.Entry) error {
		switch e.Kind {
		case journal.Sending:
			open[e.Visit], left.Sent = true, e.Transaction
		case journal.VisitEnded:
			delete(open, e.Visit)
		}
		return nil
	})
	if err = errors.Join(err, err2); len(open) > 0 || err != nil {
		left.Staff = cmp.Or(left.Staff, terminal.TestVisit)
	}
	return left, err
}

// settleTestVisit ends a test visit in which the last run ended, before a terminal begins on these devices.
func settleTestVisit(ctx context.Context, state string, j *journal.Journal, p spool.Printer, now func() time.Time) error {
	dir := filepath.Join(state, testVisitDir)
	call, err := j.StaffCall()
	if err == nil && call.Kind == journal.TestVisitBegun {
		left := leftOnPaper(ctx, dir, p, now)
		left.Outcome = "restart"
		done, with := left.Entries()
		_, err = j.Record(done, with...)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// leftOnPaper has the printer asked about what that test visit sent, as after any restart, and says why staff have to look. Where
// nobody can say, they have to.
func leftOnPaper(ctx context.Context, dir string, p spool.Printer, now func() time.Time) terminal.Lent {
	unknown := terminal.Lent{Staff: terminal.TestVisit}
	path := filepath.Join(dir, journalFile)
	if _, err := os.Lstat(path); err != nil {
		return unknown
	}
	j, err := journal.Open(path, now)
	if err != nil {
		return unknown
	}
	defer j.Close()
	if _, _, err := spool.NewQueue(ctx, j, p, now); err != nil {
		return unknown
	}
	left, _ := paperOf(j) // where it does not know, staff have to look
	return left
}

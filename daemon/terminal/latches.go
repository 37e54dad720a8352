package terminal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// latches says which municipalities' services are stopped on this terminal: those that open incidents hold, whoever had them
// hold it, and every one when so many are stopped as the policy says. What holds is in the journal and asked of it, so that a
// person's closing opens at once what nothing else holds, and a restart changes nothing. In memory is only what the journal would
// not take, which stops all the same.
//
// A visit keeps the judgement that its offers were shown with, where that was a no: what is opened meanwhile is for the next. What
// is stopped meanwhile counts at once, until the package is asked for; a document that passed the check then has its own.
type latches struct {
	ledger *ledger
	limit  policy.Latch
	now    func() time.Time
	log    logrus.FieldLogger

	mu      sync.Mutex
	unsaved map[protocol.Municipality]bool // stopped, and the journal could not be written
	at      uint64                         // how long the journal was when it said what follows; 0: not yet
	held    map[protocol.Municipality]bool // "": every service
}

func newLatches(l *ledger, limit policy.Latch, now func() time.Time, log logrus.FieldLogger) *latches {
	return &latches{ledger: l, limit: limit, now: now, log: log, unsaved: map[protocol.Municipality]bool{}}
}

// Closed reports whether a municipality's service is stopped here, and where nobody can say.
func (ls *latches) Closed(m protocol.Municipality) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	err := ls.look()
	return err != nil || ls.held[m] || ls.unsaved[m] || ls.all() != nil
}

// stopped returns an error under [session.ErrStopped] where no visit may begin at all.
func (ls *latches) stopped() error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if err := ls.look(); err != nil {
		return fmt.Errorf("%w: %w", session.ErrStopped, err)
	}
	return ls.all()
}

// any reports whether a service is stopped, and where nobody can say.
func (ls *latches) any() bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	err := ls.look()
	return err != nil || len(ls.held)+len(ls.unsaved) > 0
}

// all judges what is known. The lock is held, here and below.
func (ls *latches) all() error {
	n := len(ls.held)
	for m := range ls.unsaved {
		if !ls.held[m] {
			n++
		}
	}
	if ls.held[""] || n >= ls.limit.All {
		return fmt.Errorf("%w: open incidents stop %d services, or every one", session.ErrStopped, n)
	}
	return nil
}

// look reads the journal where it has become longer.
func (ls *latches) look() error {
	head, err := ls.ledger.journal.Head()
	if err != nil || head.Position == ls.at && ls.held != nil {
		return err
	}
	standing, err := ls.ledger.journal.Latches()
	if err != nil {
		return err
	}
	now := map[protocol.Municipality]bool{}
	for _, l := range standing {
		if now[l.Municipality] = true; !ls.held[l.Municipality] {
			ls.log.WithFields(logrus.Fields{"municipality": l.Municipality, "why": l.Reason, "entry": l.Of}).Warn("a service is stopped until a person has closed the incident")
		}
	}
	for m := range ls.held {
		if !now[m] {
			ls.log.WithField("municipality", m).Info("a stopped service is open again: its incidents are closed")
		}
	}
	ls.at, ls.held = head.Position, now
	return nil
}

// refused writes the incident, what it latches and the outcome at once; it returns the incident's entry, where there is one. Each
// mixed-up and forged one holds for itself, also where the service is stopped already.
func (ls *latches) refused(r session.Refusal) (first journal.Entry, err error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var what []journal.Entry
	i := r.Incident
	m := i.Municipality
	holds := m != "" && (ls.unsaved[m] || ls.follows(m, i.Code))
	if r.Raise || holds {
		what = append(what, incidentOf(i))
	}
	if holds {
		what = append(what, journal.Entry{Kind: journal.Latched, Municipality: m, Transaction: i.Transaction, Reason: string(i.Code)})
	}
	if r.Ending != nil {
		what = append(what, endedOf(*r.Ending))
	}
	if len(what) == 0 {
		return first, nil
	}
	return ls.write(what)
}

// stop writes entries at once, and stops what they latch. Where they contradict the journal, an incident was closed or gathered
// meanwhile: nothing is stopped by it, and the next look says what is.
func (ls *latches) stop(what ...journal.Entry) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	before := maps.Clone(ls.unsaved)
	_, err := ls.write(what)
	if errors.Is(err, journal.ErrState) {
		ls.unsaved = before
	}
	return err
}

// write stops what is latched in memory first: a journal that cannot be written must not leave the service open.
func (ls *latches) write(what []journal.Entry) (journal.Entry, error) {
	saved := maps.Clone(ls.unsaved)
	for _, e := range what {
		if e.Kind == journal.Latched {
			ls.unsaved[e.Municipality] = true
			delete(saved, e.Municipality)
		}
	}
	first, err := ls.ledger.write(what[0], what[1:]...)
	if err == nil {
		ls.unsaved = saved
	}
	return first, err
}

// follows reports whether one more refusal stops the service.
func (ls *latches) follows(m protocol.Municipality, c reason.Code) bool {
	switch c.Class() {
	case reason.MixedUp, reason.Forged:
		return true
	case reason.Defective:
		n, err := ls.defects(m)
		return err != nil || n+1 >= ls.limit.Defective
	}
	return false
}

// defects counts a municipality's defective packages of late whose incidents are open: what a person has closed counts no more. One
// that another speaks for is open as long as that is; nothing is lost for being alike.
func (ls *latches) defects(m protocol.Municipality) (n int, err error) {
	var of []uint64
	var storms []journal.Entry
	err = ls.ledger.journal.Since(protocol.At(ls.now().Add(-ls.limit.Within)), func(e journal.Entry) error {
		switch {
		case e.Kind == journal.Gathered:
			storms = append(storms, e)
		case e.Kind == journal.Incident && e.Municipality == m && reason.Code(e.Reason).Class() == reason.Defective:
			of = append(of, e.Seq)
		}
		return nil
	})
	for _, position := range of {
		speaks := []uint64{position}
		for _, s := range storms {
			if uint64(s.Of) < position && position <= s.Storm.Through {
				speaks = append(speaks, uint64(s.Of))
			}
		}
		if open, failed := ls.open(speaks); open {
			n++
		} else if failed != nil {
			return 0, failed
		}
	}
	return n, err
}

// open reports whether nobody has closed one of these.
func (ls *latches) open(positions []uint64) (bool, error) {
	for _, position := range positions {
		open, err := ls.ledger.journal.Incidents(position-1, 1)
		if err != nil || len(open) == 1 && open[0].Position == position {
			return err == nil, err
		}
	}
	return false, nil
}

// marked are a centre's offers, with those not available whose municipality's service open incidents stop here: people are told so.
type marked struct {
	session.Centre
	latches *latches
}

// faulty is the word for it on an offer.
const faulty = "fault"

// Applicant returns the offers.
func (m marked) Applicant(ctx context.Context, t protocol.Transaction, a protocol.Applicant) (protocol.Offers, error) {
	got, err := m.Centre.Applicant(ctx, t, a)
	got.Offers = slices.Clone(got.Offers)
	for i, o := range got.Offers {
		if o.Available && m.latches.Closed(o.Municipality) {
			got.Offers[i].Available, got.Offers[i].Why = false, faulty
		}
	}
	return got, err
}

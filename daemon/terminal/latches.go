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
// not take, which stops all the same ([debts]); and no visit begins while that has an incident to tell.
//
// A visit keeps the judgement that its offers were shown with, where that was a no: what is opened meanwhile is for the next. What
// is stopped meanwhile counts at once, until the package is asked for; a document that passed the check then has its own.
type latches struct {
	ledger *ledger
	limit  policy.Latch
	now    func() time.Time
	log    logrus.FieldLogger

	facts map[uint64]fact // of open incidents, by position; of whoever writes

	mu   sync.Mutex
	at   uint64                         // how long the journal was when it said what follows; 0: not yet
	held map[protocol.Municipality]bool // "": every service
}

func newLatches(l *ledger, limit policy.Latch, now func() time.Time, log logrus.FieldLogger) *latches {
	return &latches{ledger: l, limit: limit, now: now, log: log}
}

// Closed reports whether a municipality's service is stopped here, and where nobody can say.
func (ls *latches) Closed(m protocol.Municipality) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	err := ls.look()
	stops, _ := ls.stops()
	return err != nil || stops[m] || ls.all() != nil
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
	stops, owed := ls.stops()
	return err != nil || len(stops)+owed > 0
}

// stops returns what the journal and the memory stop, and how much the journal has still to take. The lock is held, here and below.
func (ls *latches) stops() (stops map[protocol.Municipality]bool, owed int) {
	stops, owed = ls.ledger.debts.look()
	maps.Copy(stops, ls.held)
	return stops, owed
}

// all judges what is known.
func (ls *latches) all() error {
	stops, owed := ls.stops()
	switch {
	case owed > 0:
		return fmt.Errorf("%w: %d incidents could not be written", session.ErrStopped, owed)
	case stops[""] || len(stops) >= ls.limit.All:
		return fmt.Errorf("%w: open incidents stop %d services, or every one", session.ErrStopped, len(stops))
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
		if !now[l.Municipality] && !ls.held[l.Municipality] {
			ls.log.WithFields(logrus.Fields{"municipality": l.Municipality, "why": l.Reason, "entry": l.Of}).Warn("a service is stopped until a person has closed the incident")
		}
		now[l.Municipality] = true
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
	debts := &ls.ledger.debts
	debts.writing.Lock()
	defer debts.writing.Unlock()
	var what []journal.Entry
	i := r.Incident
	m := i.Municipality
	unsaved, _ := debts.look()
	holds := m != "" && (unsaved[m] || ls.follows(m, i.Code))
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
	return ls.ledger.must(what)
}

// stop writes steps of escalation at once, and stops what they latch, before that, and also where the journal cannot be written.
// Where they contradict it, an incident was closed or gathered meanwhile: nothing is stopped by it, and the next look says what is.
func (ls *latches) stop(what ...journal.Entry) error {
	debts := &ls.ledger.debts
	debts.writing.Lock()
	defer debts.writing.Unlock()
	back := debts.stop(what)
	err := ls.ledger.record(what[0], what[1:]...)
	if err == nil || errors.Is(err, journal.ErrState) {
		back()
	}
	return err
}

// written forgets what escalation stopped and the journal would not take: it has all of it by now.
func (ls *latches) written() {
	debts := &ls.ledger.debts
	debts.writing.Lock()
	defer debts.writing.Unlock()
	debts.set(nil)
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

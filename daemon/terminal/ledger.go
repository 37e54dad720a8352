package terminal

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// ledger is the session's memory, kept in the journal.
type ledger struct {
	journal Journal
	wake    func() // something may have come into the outbox
}

var _ session.Ledger = (*ledger)(nil)

// record writes entries at once, or none of them.
func (l *ledger) record(e journal.Entry, with ...journal.Entry) error {
	_, err := l.write(e, with...)
	return err
}

// write is record, and returns the first entry as the journal has it.
func (l *ledger) write(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	e, err := l.journal.Record(e, with...)
	l.wake()
	return e, err
}

func (l *ledger) BeginVisit(context.Context) (uint64, error) { return l.journal.BeginVisit() }

func (l *ledger) EndVisit(_ context.Context, visit uint64) error {
	return l.record(journal.Entry{Kind: journal.VisitEnded, Visit: visit})
}

func (l *ledger) Ended(_ context.Context, e session.Ending) error { return l.record(endedOf(e)) }

func endedOf(e session.Ending) journal.Entry {
	why := e.Reason
	if e.Code != "" {
		why = string(e.Code)
	}
	return journal.Entry{Kind: journal.Ended, Visit: e.Visit, Transaction: e.Transaction, Municipality: e.Municipality,
		Certificate: e.Certificate, Outcome: e.Outcome, Reason: why, Also: e.Also, Document: e.Document, Impressions: e.Impressions}
}

func (l *ledger) Incident(_ context.Context, i session.Incident) error {
	return l.record(incidentOf(i))
}

func incidentOf(i session.Incident) journal.Entry {
	word := string(i.Code)
	if word == "" {
		word = string(i.Kind)
	}
	where := strings.TrimSuffix(i.State.String()+"/"+i.Event.String()+"/"+i.Detail, "/")
	return journal.Entry{Kind: journal.Incident, Where: where, Visit: i.Visit, Transaction: i.Transaction,
		Municipality: i.Municipality, Document: i.Document, Reason: word, Also: i.Also}
}

func (l *ledger) Latched(context.Context) (bool, error) {
	why, err := l.journal.StaffNeeded()
	return why != "", err
}

func (l *ledger) Latch(_ context.Context, visit uint64, t protocol.Transaction, why string) error {
	return l.record(journal.Entry{Kind: journal.StaffNeeded, Visit: visit, Transaction: t, Reason: why})
}

func (l *ledger) Shut(_ context.Context, i session.Incident, why string) error {
	return l.record(incidentOf(i), journal.Entry{Kind: journal.StaffNeeded, Visit: i.Visit, Transaction: i.Transaction, Reason: why})
}

// unsaid raises the incident of a document that was on its way to paper when the power went: staff are called for it, and the
// session that would have said so is gone. It comes after the queue has given every transaction its outcome. Only an incident since
// the document went to paper says anything of it, and not one about money.
func (l *ledger) unsaid() error {
	call, err := l.journal.StaffCall()
	if err != nil || call.Transaction.IsZero() {
		return err
	}
	said, ended := false, journal.Entry{}
	err = l.journal.Since(protocol.Time{}, func(e journal.Entry) error { // newest first
		switch {
		case e.Kind == journal.VisitBegun && e.Visit == call.Visit:
			return errEnough
		case e.Transaction != call.Transaction:
		case e.Kind == journal.Sending:
			return errEnough
		case e.Kind == journal.Incident && e.Reason != protocol.IncidentFee && e.Reason != string(session.IncidentMoney):
			said = true
			return errEnough
		case e.Kind == journal.Ended:
			ended = e
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if said || err != nil {
		return err
	}
	word := string(left(ended))
	return l.record(journal.Entry{Kind: journal.Incident, Where: "restart", Visit: call.Visit, Transaction: call.Transaction,
		Municipality: ended.Municipality, Document: ended.Document, Reason: word})
}

// left is what lies about of a document with this outcome, for all that anybody knows.
func left(e journal.Entry) session.IncidentKind {
	switch {
	case e.Reason == string(session.IncidentUnconfirmed):
		return session.IncidentUnconfirmed
	case e.Outcome == protocol.Printed:
		return session.IncidentPaperLeft
	case e.Outcome == protocol.Failed:
		return session.IncidentSpoiled
	}
	return session.IncidentUnsure
}

// rewound closes the terminal, and has the incident on its way to the centre.
func (l *ledger) rewound() error {
	return l.record(journal.Entry{Kind: journal.Incident, Reason: protocol.IncidentJournalRewound},
		journal.Entry{Kind: journal.StaffNeeded, Reason: protocol.IncidentJournalRewound})
}

func (l *ledger) StaffReady(_ context.Context, staff string) error {
	return l.record(journal.Entry{Kind: journal.StaffReady, Staff: staff})
}

func (l *ledger) WrongCode(_ context.Context, visit uint64, t protocol.Transaction, staff string) error {
	return l.record(journal.Entry{Kind: journal.WrongCode, Visit: visit, Transaction: t, Staff: staff})
}

func (l *ledger) Late(_ context.Context, visit uint64, t protocol.Transaction, what string) error {
	return l.record(journal.Entry{Kind: journal.Late, Visit: visit, Transaction: t, Reason: what})
}

// latches closes municipalities' services on this terminal and remembers it over restarts.
type latches struct {
	ledger *ledger
	limit  int           // this many defective packages …
	within time.Duration // … in this time close a service
	now    func() time.Time

	mu      sync.Mutex
	closed  map[protocol.Municipality]bool
	written map[protocol.Municipality]bool // closed, and the journal has it
	defects map[protocol.Municipality][]time.Time
}

func newLatches(l *ledger, limit int, within time.Duration, now func() time.Time) (*latches, error) {
	ls := &latches{ledger: l, limit: limit, within: within, now: now,
		closed: map[protocol.Municipality]bool{}, written: map[protocol.Municipality]bool{}, defects: map[protocol.Municipality][]time.Time{}}
	standing, err := l.journal.Latches()
	if err != nil {
		return nil, err
	}
	for _, e := range standing {
		ls.closed[e.Municipality], ls.written[e.Municipality] = true, true
	}
	return ls, l.journal.Since(protocol.At(now().Add(-within)), func(e journal.Entry) error {
		if e.Kind == journal.Incident && e.Municipality != "" && reason.Code(e.Reason).Class() == reason.Defective {
			ls.defects[e.Municipality] = append(ls.defects[e.Municipality], e.At.Time)
		}
		return nil
	})
}

func (ls *latches) Closed(m protocol.Municipality) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.closed[m]
}

// refused writes the incident, what it latches and the outcome at once; it returns the incident's entry, where there is one.
func (ls *latches) refused(r session.Refusal) (first journal.Entry, err error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var what []journal.Entry
	i := r.Incident
	if r.Raise {
		e := incidentOf(i)
		e.Facts = r.Evidence
		what = append(what, e)
	}
	m := i.Municipality
	if m != "" && !ls.written[m] && (ls.closed[m] || ls.follows(m, i.Code)) {
		ls.closed[m] = true // in memory first: a journal that cannot be written must not leave the service open
		what = append(what, journal.Entry{Kind: journal.Latched, Municipality: m, Transaction: i.Transaction, Reason: string(i.Code)})
	}
	if r.Ending != nil {
		what = append(what, endedOf(*r.Ending))
	}
	if len(what) == 0 {
		return first, nil
	}
	if first, err = ls.ledger.write(what[0], what[1:]...); err == nil {
		ls.written[m] = ls.closed[m]
	}
	return first, err
}

func (ls *latches) follows(m protocol.Municipality, c reason.Code) bool {
	if c.Class().StopsService() {
		return true
	}
	if c.Class() != reason.Defective {
		return false
	}
	since := ls.now().Add(-ls.within)
	recent := []time.Time{ls.now()}
	for _, at := range ls.defects[m] {
		if at.After(since) {
			recent = append(recent, at)
		}
	}
	ls.defects[m] = recent
	return len(recent) >= ls.limit
}

// any reports whether a service is closed.
func (ls *latches) any() bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.closed) > 0
}

// reopen opens every closed service again, in the name of a member of staff.
func (ls *latches) reopen(staff string) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for m := range ls.closed {
		delete(ls.closed, m)
		delete(ls.written, m)
		delete(ls.defects, m)
	}
	return nil
}

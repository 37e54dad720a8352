package terminal

import (
	"context"
	"errors"
	"strings"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// ledger is the session's memory, kept in the journal.
type ledger struct {
	journal Journal
	wake    func() // something may have come into the outbox
	debts   debts
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

// BeginVisit begins none while an incident is not written.
func (l *ledger) BeginVisit(context.Context) (uint64, error) {
	if err := l.settle(); err != nil {
		return 0, err
	}
	return l.journal.BeginVisit()
}

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
		Municipality: i.Municipality, Document: i.Document, Reason: word, Also: i.Also, Facts: i.Evidence}
}

func (l *ledger) Latched(context.Context) (bool, error) {
	why, err := l.journal.StaffNeeded()
	return why != "", err
}

func (l *ledger) Latch(_ context.Context, visit uint64, t protocol.Transaction, why string) error {
	return l.record(journal.Entry{Kind: journal.StaffNeeded, Visit: visit, Transaction: t, Reason: why})
}

// Shut writes an incident that is owed with what it stops.
func (l *ledger) Shut(_ context.Context, i session.Incident, why string) error {
	e := incidentOf(i)
	if l.debts.owes(e) {
		return l.settle()
	}
	return l.record(e, journal.Entry{Kind: journal.StaffNeeded, Visit: i.Visit, Transaction: i.Transaction, Reason: why})
}

// unsaid raises the incident of a document that was on its way to paper when the power went: staff are called for it, and the
// session that would have said so is gone. It comes after the queue has given every transaction its outcome. Only an incident since
// the document went to paper says anything of it, and not one about money. A test visit's document is nobody's: its call names no visit.
func (l *ledger) unsaid() error {
	call, err := l.journal.StaffCall()
	if err != nil || call.Transaction.IsZero() || call.Visit == 0 {
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

package spool

import (
	"context"
	"errors"
	"time"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// ErrJobLeft is returned by [Queue.Clear]: what staff say of the path does not count while something may still come
// out into it.
var ErrJobLeft = errors.New("spool: the printer may still hold a document, or cannot be asked")

// restarted is why staff are called, and the reason of an outcome that nothing could be found out about.
const restarted = "restart-while-printing"

// unconfirmed is the reason of a document that came out at a counter, and whose name nobody confirmed.
const unconfirmed = "unconfirmed"

// Recovered says what a restart found: transactions that were accepted and never begun (void), and transactions
// that were begun and had no outcome: unsure, unless the printer's own counters for that very job know better. Staff
// are needed after every one that was begun.
type Recovered struct{ Void, Unsure, Printed, Failed []protocol.Transaction }

// Number is how many transactions were left open.
func (r Recovered) Number() int { return len(r.Void) + len(r.Unsure) + len(r.Printed) + len(r.Failed) }

// Past is a document that was on its way to paper when the last run ended.
type Past struct {
	Transaction protocol.Transaction
	Service     protocol.Digest // of a service sheet, which has no transaction
	Impressions int             // that were asked for
	JobID       string          // as the driver told [Released.Handed]; "": the printer never acknowledged the document
	Age         time.Duration   // since that, or else since the intent, was journalled
}

// Keeper is a [Printer] whose device keeps jobs, so that it can be asked about one that a former run sent.
type Keeper interface {
	// Settle ends what is left of the job at the printer, so that nothing of it comes out later, and says what is
	// known of its paper by the device's own word on that very job. It sends no document.
	Settle(ctx context.Context, past Past) Result
	// Clear returns an error while a job of ours that should have ended may still be at the printer.
	Clear(ctx context.Context) error
}

func (q *Queue) recover(ctx context.Context) (r Recovered, err error) {
	open, err := q.journal.Unfinished()
	if err != nil {
		return r, err
	}
	call, err := q.journal.StaffCall()
	if err == nil && len(open) == 0 && (!call.Transaction.IsZero() || call.Document != protocol.Digest{}) {
		q.endAtPrinter(ctx, call) // it has its outcome; but a job of it may still be at the printer
	}
	if err == nil {
		err = q.recoverService(ctx)
	}
	for _, e := range open {
		if err == nil {
			err = q.settle(ctx, e, &r)
		}
	}
	return r, err
}

func (q *Queue) settle(ctx context.Context, e journal.Entry, r *Recovered) error {
	if e.Kind == journal.Accepted {
		r.Void = append(r.Void, e.Transaction)
		return q.end(e, protocol.Void, Result{Reason: "restart-before-printing"})
	}
	if err := q.staff(e, restarted); err != nil { // before the printer is asked: it may take a while, and end here again
		return err
	}
	got := q.ask(ctx, e)
	switch got.Outcome {
	case protocol.Printed:
		r.Printed = append(r.Printed, e.Transaction)
	case protocol.Failed:
		r.Failed = append(r.Failed, e.Transaction)
	default:
		r.Unsure = append(r.Unsure, e.Transaction)
	}
	return q.end(e, got.Outcome, got)
}

// ask holds what the printer says against what the journal knows: printed needs an acknowledged document and every
// impression, and either verdict needs evidence.
func (q *Queue) ask(ctx context.Context, e journal.Entry) (got Result) {
	if e.Kind == journal.Out { // a restart is not a confirmation
		return Result{Outcome: protocol.Unsure, Reason: unconfirmed, Impressions: e.Impressions, JobID: e.Job, Evidence: NoEvidence}
	}
	unknown := Result{Outcome: protocol.Unsure, Reason: restarted, JobID: e.Job, Evidence: NoEvidence}
	k, ok := q.printer.(Keeper)
	if !ok {
		return unknown
	}
	defer func() {
		if recover() != nil {
			got = unknown
		}
	}()
	got = k.Settle(ctx, q.past(e))
	proved := got.Evidence != "" && got.Evidence != NoEvidence
	switch {
	case got.Outcome == protocol.Printed && e.Channel == protocol.Counter:
		got.Outcome, got.Evidence, got.Reason = protocol.Unsure, NoEvidence, unconfirmed
	case got.Outcome == protocol.Printed && proved && e.Kind == journal.Handed && got.Impressions == e.Of:
	case got.Outcome == protocol.Failed && proved && got.Impressions == 0:
	default:
		got.Outcome, got.Evidence = protocol.Unsure, NoEvidence
	}
	if got.Outcome != protocol.Printed && got.Reason == "" {
		got.Reason = restarted
	}
	return got
}

func (q *Queue) past(e journal.Entry) Past {
	p := Past{Transaction: e.Transaction, Impressions: e.Of, JobID: e.Job, Age: q.now().Sub(e.At.Time)}
	if p.Transaction.IsZero() {
		p.Service = e.Document
	}
	return p
}

// Clear returns [ErrJobLeft] while the printer may still hold a document that should have come to its end: staff's word
// that tray and path are empty would be about another moment.
func (q *Queue) Clear(ctx context.Context) error {
	k, ok := q.printer.(Keeper)
	if !ok {
		return nil
	}
	if err := k.Clear(ctx); err != nil {
		return errors.Join(ErrJobLeft, err)
	}
	return nil
}

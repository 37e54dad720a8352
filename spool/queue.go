package spool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/spool/document"
	"honnin/spool/journal"
)

// ErrNotEmpty is returned when a document is to be released while another one is on its way.
var ErrNotEmpty = errors.New("spool: another document is on its way to paper")

// ErrNotOut is returned by [Queue.Confirm] for a document that is not out, or that has its outcome.
var ErrNotOut = errors.New("spool: no such document waits to be confirmed")

// Journal is what the queue needs of the journal: every entry is on the disk when Record returns.
type Journal interface {
	Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error)
	Unfinished() ([]journal.Entry, error)
	StaffCall() (journal.Entry, error)
	Sheet() (journal.Entry, error)
}

// Queue brings one document at a time from the check to paper. Its methods are called by one visit at a time.
type Queue struct {
	journal Journal
	printer Printer
	now     func() time.Time
	busy    chan struct{} // holds a token while a document is released and not ended
	channel protocol.Channel
	out     atomic.Pointer[journal.Entry] // at a counter: what is out, and not confirmed
}

// NewQueue returns a queue and settles what the journal had left open ([Recovered]). It never prints anything.
func NewQueue(ctx context.Context, j Journal, p Printer, now func() time.Time) (*Queue, Recovered, error) {
	q := &Queue{journal: j, printer: p, now: now, busy: make(chan struct{}, 1)}
	r, err := q.recover(ctx)
	return q, r, err
}

// AtCounter makes it the queue of a counter: a document that came out whole has no outcome before a member of staff has
// read it ([Queue.Confirm]). It is to be called before the first release.
func (q *Queue) AtCounter() { q.channel = protocol.Counter }

// Ready asks the printer whether a visit may begin, or a document be sent, now.
func (q *Queue) Ready(ctx context.Context) (Readiness, error) { return q.printer.Ready(ctx) }

// Accept journals that a document passed the check and may be released later in this visit.
func (q *Queue) Accept(_ context.Context, visit uint64, d document.Verified) error {
	if d.Transaction().IsZero() {
		return document.ErrUnverified
	}
	_, err := q.journal.Record(journal.Entry{Kind: journal.Accepted, Visit: visit, Transaction: d.Transaction(),
		Municipality: d.Municipality(), Document: d.Document(), Of: d.Pages() * d.Copies()})
	return err
}

// Void ends an accepted document that never got as far as sending.
func (q *Queue) Void(_ context.Context, visit uint64, d document.Verified, why string) error {
	if d.Transaction().IsZero() {
		return document.ErrUnverified
	}
	defer d.Destroy()
	return q.end(journal.Entry{Visit: visit, Transaction: d.Transaction(), Municipality: d.Municipality(), Document: d.Document(), Of: d.Pages() * d.Copies()},
		protocol.Void, Result{Reason: why})
}

// Release turns a verified document into one that the printer can open, once: all three values must be of the
// same check, and the intent "sending" is on the disk before Release returns. A document that was released and
// could not be journalled is destroyed.
func (q *Queue) Release(ctx context.Context, visit uint64, d document.Verified, f document.InForce, s document.ReleaseSignature) (Released, error) {
	select {
	case q.busy <- struct{}{}:
	default:
		return Released{}, ErrNotEmpty
	}
	r, err := q.release(ctx, visit, d, f, s)
	if err != nil {
		<-q.busy
		return Released{}, err
	}
	return r, nil
}

func (q *Queue) release(ctx context.Context, visit uint64, d document.Verified, f document.InForce, s document.ReleaseSignature) (Released, error) {
	if e := q.out.Load(); e != nil { // a word that could not be journalled; nobody's by now
		if err := q.Confirm(ctx, e.Transaction, protocol.Unsure, unconfirmed, ""); err != nil {
			return Released{}, errors.Join(ErrNotEmpty, err)
		}
	}
	now := q.now()
	paper, err := d.Spend(f, s, now)
	if err != nil {
		return Released{}, err
	}
	entry := journal.Entry{Kind: journal.Sending, Visit: visit, Transaction: d.Transaction(), Municipality: d.Municipality(),
		Document: d.Document(), Signature: s.Digest(), Of: d.Pages() * d.Copies(), Channel: q.channel}
	if _, err := q.journal.Record(entry); err != nil {
		d.Destroy()
		return Released{}, err
	}
	job := Job{Transaction: d.Transaction(), Document: d.Document(), Pages: d.Pages(), Copies: d.Copies()}
	return Released{&released{paper: paper, job: job, entry: entry, destroy: d.Destroy, before: now.Add(MaxCommitToFirstByte), now: q.now,
		handed: func(job string) { q.handed(entry, job) }}}, nil
}

// Print sends a released document to the printer and journals what is known of the paper. Whatever the driver
// says, a document that was opened cannot end as anything safer than its evidence allows: an error or a panic
// after the first byte is unsure, and fewer impressions than were asked for are never printed.
//
// The returned error is the journal's: then the outcome is unsure and the terminal must stop.
func (q *Queue) Print(ctx context.Context, r Released, p Progress) (Result, error) {
	if r.r == nil {
		return Result{}, ErrUnreleased
	}
	if !r.r.printed.CompareAndSwap(false, true) {
		return Result{}, document.ErrSpent
	}
	defer func() { <-q.busy }()
	defer r.r.destroy()
	result := q.judge(r, q.attempt(ctx, r, p))
	if result.Outcome == protocol.Unsure || result.Outcome == protocol.Failed && r.r.opened.Load() {
		if err := q.staff(r.r.entry, result.Reason); err != nil {
			return result, err
		}
	}
	end := q.end
	if result.Outcome == protocol.Printed && q.channel == protocol.Counter {
		end = q.lay
	}
	if err := end(r.r.entry, result.Outcome, result); err != nil {
		result.Outcome = protocol.Unsure
		return result, err
	}
	return result, nil
}

// lay journals that every sheet is out, and waits for a member of staff.
func (q *Queue) lay(e journal.Entry, _ protocol.Outcome, r Result) error {
	e.Kind, e.Reason, e.Impressions, e.Job, e.Evidence = journal.Out, r.Reason, r.Impressions, r.JobID, r.Evidence
	if _, err := q.journal.Record(e); err != nil {
		return fmt.Errorf("spool: every sheet is out: %w", err)
	}
	q.out.Store(&e)
	return nil
}

// Confirm ends a document that came out whole at a counter, by the word of a member of staff (an id): [protocol.Printed]
// where the name on every page is the applicant's, [protocol.Refused] where it is not. Without a word it is
// [protocol.Unsure], whatever else was asked for, and staff are needed.
func (q *Queue) Confirm(_ context.Context, t protocol.Transaction, o protocol.Outcome, why, staff string) error {
	e := q.out.Load()
	if e == nil || e.Transaction != t {
		return ErrNotOut
	}
	end := *e
	end.Staff = staff
	if staff == "" || o != protocol.Printed && o != protocol.Refused {
		o, end.Staff, end.Evidence = protocol.Unsure, "", NoEvidence
		if err := q.staff(end, why); err != nil {
			return err
		}
	}
	err := q.end(end, o, Result{Impressions: end.Impressions, Reason: why, JobID: end.Job, Evidence: end.Evidence})
	if err == nil {
		q.out.Store(nil)
	}
	return err
}

func (q *Queue) attempt(ctx context.Context, r Released, p Progress) (result Result) {
	defer func() {
		if recover() != nil {
			result = Result{Outcome: protocol.Unsure, Reason: "driver-fault"}
		}
	}()
	result, err := q.printer.Print(ctx, r, p)
	switch {
	case err == nil:
		return result
	case r.r.opened.Load():
		return Result{Outcome: protocol.Unsure, Reason: "error-after-first-byte", JobID: result.JobID}
	}
	return Result{Outcome: protocol.Failed, Reason: "not-begun", JobID: result.JobID, Evidence: NotSent}
}

func (q *Queue) judge(r Released, got Result) Result {
	return judged(got, r.r.opened.Load(), r.r.job.Impressions())
}

// judged holds what a driver says against what is known.
func judged(got Result, opened bool, impressions int) Result {
	switch got.Outcome {
	case protocol.Printed:
		if !opened {
			got.Outcome, got.Reason, got.Impressions = protocol.Unsure, "printed-unopened", 0
			break
		}
		if got.Impressions < impressions {
			got.Outcome, got.Reason = protocol.Unsure, "impressions-short"
		}
	case protocol.Failed, protocol.Unsure:
	default:
		got.Outcome, got.Reason = protocol.Unsure, "driver-fault"
	}
	if got.Outcome == protocol.Unsure || got.Evidence == "" {
		got.Evidence = NoEvidence
	}
	return got
}

// handed journals what a restart may have to know; see [Released.Handed].
func (q *Queue) handed(e journal.Entry, job string) {
	e.Kind, e.Job = journal.Handed, job
	_, _ = q.journal.Record(e)
}

func (q *Queue) staff(e journal.Entry, why string) error {
	_, err := q.journal.Record(journal.Entry{Kind: journal.StaffNeeded, Visit: e.Visit, Transaction: e.Transaction, Reason: why})
	return err
}

func (q *Queue) end(e journal.Entry, o protocol.Outcome, r Result) error {
	e.Kind, e.Outcome, e.Reason, e.Impressions, e.Job, e.Evidence = journal.Ended, o, r.Reason, r.Impressions, r.JobID, r.Evidence
	if _, err := q.journal.Record(e); err != nil {
		return fmt.Errorf("spool: outcome %s: %w", o, err)
	}
	return nil
}

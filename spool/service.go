package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/spool/journal"
	"honnin/spool/sheet"
)

// ErrStaff is returned by [PrintService] where staff have to look at tray and path first.
var ErrStaff = errors.New("spool: staff have to look at tray and path first")

// ErrNoSheets is returned by [PrintService] for a printer that prints no service sheets.
var ErrNoSheets = errors.New("spool: this printer prints no service sheet")

// ErrNotReady is wrapped by what [PrintService] returns for a printer that is not ready: see [NotReady].
var ErrNotReady = errors.New("spool: the printer is not ready")

// NotReady is a printer that is not ready, and its word for why.
type NotReady struct{ Reason string }

func (n *NotReady) Error() string { return ErrNotReady.Error() + ": " + n.Reason }

// Unwrap returns [ErrNotReady].
func (n *NotReady) Unwrap() error { return ErrNotReady }

// OnSheet is why staff are needed after a service sheet that came out, as after every paper of which nobody said that it was taken.
const OnSheet = "service-sheet"

// ServiceSheet is a service sheet on its way to paper. Only [PrintService] makes one, and it opens once. It is no [Released]:
// a printer has another method for it, and no bytes but those of a [sheet.Service] come by it.
type ServiceSheet struct{ s *serviceSheet }

type serviceSheet struct {
	sheet  sheet.Service
	opened atomic.Bool
}

// Job returns what the printer may know; the zero Job for a zero sheet.
func (s ServiceSheet) Job() Job {
	if s.s == nil {
		return Job{}
	}
	return Job{Service: true, Document: s.s.sheet.Digest(), Pages: sheet.Pages, Copies: 1}
}

// Open returns the sheet's bytes, once.
func (s ServiceSheet) Open() (io.ReadSeeker, error) {
	if s.s == nil {
		return nil, ErrUnreleased
	}
	b, err := s.s.sheet.Spend()
	if err != nil {
		return nil, err
	}
	s.s.opened.Store(true)
	return bytes.NewReader(b), nil
}

// Handed is [Released.Handed]'s. After a restart a service sheet is unsure, whoever had it.
func (ServiceSheet) Handed(string) {}

// ServicePrinter is a [Printer] that prints service sheets, too, and answers as Print does.
type ServicePrinter interface {
	Printer
	PrintService(ctx context.Context, s ServiceSheet) (Result, error)
}

// ServiceJournal is what [PrintService] needs of the journal.
type ServiceJournal interface {
	Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error)
	Unfinished() ([]journal.Entry, error)
	StaffCall() (journal.Entry, error)
	Sheet() (journal.Entry, error)
}

// Times of a service sheet.
const (
	serviceLook  = 10 * time.Second // at the printer, before it
	serviceLimit = 3 * time.Minute  // of printing it
	serviceGrace = 40 * time.Second // how long after that a driver may take to end the job
)

// PrintService prints a service sheet for a technician (an id), where no certificate is on its way, no member of staff has to look
// for paper, and the printer is ready and empty. The intent is on the disk before the first byte; so is the end, when it
// returns, and that staff are needed where anything may have come out: somebody has to say that tray and path are empty, as
// after every paper, before a visit begins.
//
// An error means that no byte left and nothing was journalled ([ErrNotEmpty], [ErrStaff], [ErrNoSheets], [ErrNotReady],
// [ErrUnreleased], [journal.ErrState]), or that the end could not be journalled: then the Result is unsure, and so says a restart.
// Nobody else may use the printer and its queue meanwhile.
func PrintService(ctx context.Context, j ServiceJournal, p Printer, s sheet.Service, technician string) (Result, error) {
	sp, ok := p.(ServicePrinter)
	switch {
	case !ok:
		return Result{}, ErrNoSheets
	case s.Digest() == protocol.Digest{}:
		return Result{}, ErrUnreleased
	}
	if err := serviceable(ctx, j, p); err != nil {
		return Result{}, err
	}
	begun := journal.Entry{Kind: journal.SheetBegun, Document: s.Digest(), Of: sheet.Pages, Staff: technician}
	if _, err := j.Record(begun); err != nil {
		return Result{}, fmt.Errorf("spool: service sheet: %w", err)
	}
	out := ServiceSheet{&serviceSheet{sheet: s}}
	got := attemptService(ctx, sp, out)
	_, _ = s.Spend() // a driver that comes back late gets no byte
	if err := endService(j, begun, got, out.s.opened.Load()); err != nil {
		return Result{Outcome: protocol.Unsure, Reason: got.Reason, Evidence: NoEvidence}, err
	}
	return got, nil
}

// serviceable says why no service sheet may be printed now.
func serviceable(ctx context.Context, j ServiceJournal, p Printer) error {
	open, err := j.Unfinished()
	call, err2 := j.StaffCall()
	sent, err3 := j.Sheet()
	switch err := errors.Join(err, err2, err3); {
	case err != nil:
		return err
	case len(open) > 0 || sent.Kind != "":
		return ErrNotEmpty
	case call.Kind != "":
		return ErrStaff
	}
	type answer struct {
		is  Readiness
		err error
	}
	got := bounded(ctx, serviceLook, func(ctx context.Context) (a answer) { a.is, a.err = p.Ready(ctx); return a },
		func(why string) answer { return answer{is: Readiness{Reason: why}} })
	if !got.is.Ready || got.err != nil {
		return errors.Join(&NotReady{got.is.Reason}, got.err)
	}
	return nil
}

const hang = "hang" // why a driver's answer is unsure that did not come

// attemptService has the driver print it. What it says is held against what is known, as a certificate's outcome is; a driver that panics
// or hangs leaves it unsure.
func attemptService(ctx context.Context, p ServicePrinter, s ServiceSheet) Result {
	return bounded(ctx, serviceLimit, func(ctx context.Context) Result {
		got, err := p.PrintService(ctx, s)
		return judgeService(s, got, err)
	}, func(why string) Result { return Result{Outcome: protocol.Unsure, Reason: why, Evidence: NoEvidence} })
}

// bounded has f done within a limit and a grace for what it has to end; broken answers for one that panics, or that does not come back.
func bounded[T any](ctx context.Context, limit time.Duration, f func(context.Context) T, broken func(why string) T) T {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	answer := make(chan T, 1)
	go func() {
		defer func() {
			if recover() != nil {
				answer <- broken("driver-fault")
			}
		}()
		answer <- f(ctx)
	}()
	late := time.NewTimer(limit + serviceGrace)
	defer late.Stop()
	select {
	case got := <-answer:
		return got
	case <-late.C:
		return broken(hang)
	}
}

func judgeService(s ServiceSheet, got Result, err error) Result {
	opened := s.s.opened.Load()
	switch {
	case err != nil && !opened:
		return Result{Outcome: protocol.Failed, Reason: "not-begun", JobID: got.JobID, Evidence: NotSent}
	case err != nil:
		return Result{Outcome: protocol.Unsure, Reason: "error-after-first-byte", JobID: got.JobID, Evidence: NoEvidence}
	}
	return judged(got, opened, sheet.Pages)
}

// endService journals the end, and that staff are needed unless the sheet was never opened, and its driver came back.
func endService(j ServiceJournal, begun journal.Entry, got Result, opened bool) error {
	done := begun
	done.Kind, done.Outcome, done.Reason, done.Impressions, done.Job, done.Evidence = journal.SheetDone, got.Outcome, got.Reason, got.Impressions, got.JobID, got.Evidence
	var with []journal.Entry
	if opened || got.Reason == hang {
		why := got.Reason
		if got.Outcome == protocol.Printed {
			why = OnSheet
		}
		with = append(with, journal.Entry{Kind: journal.StaffNeeded, Document: begun.Document, Reason: why})
	}
	if _, err := j.Record(done, with...); err != nil {
		return fmt.Errorf("spool: service sheet %s: %w", got.Outcome, err)
	}
	return nil
}

// recoverService settles a service sheet that was on its way when the last run ended: it is unsure, whatever the printer says, staff are
// needed, and what is left of it at the printer is ended.
func (q *Queue) recoverService(ctx context.Context) error {
	begun, err := q.journal.Sheet()
	if err != nil || begun.Kind == "" {
		return err
	}
	if err := endService(q.journal, begun, Result{Outcome: protocol.Unsure, Reason: restarted, Evidence: NoEvidence}, true); err != nil {
		return err
	}
	q.endAtPrinter(ctx, begun)
	return nil
}

// endAtPrinter has the printer end what is left of a document that has its outcome.
func (q *Queue) endAtPrinter(ctx context.Context, e journal.Entry) {
	if k, ok := q.printer.(Keeper); ok {
		defer func() { _ = recover() }() // what it would have said does not count
		k.Settle(ctx, q.past(e))
	}
}

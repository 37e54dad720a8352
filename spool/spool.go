// Package spool is the queue between the check and the printer, and the only maker of a [Released].
//
// A document enters with [Queue.Accept] (journalled: verified, not begun), leaves for paper with
// [Queue.Release] (the intent "sending" is journalled and synced before it returns) and ends with
// [Queue.Print], which journals what happened on paper: printed, failed or unsure. A document that never got
// as far as sending is void. Between the last two the driver says [Released.Handed]: the printer has the whole document.
//
// At a counter the sheets are given to nobody before a member of staff has read them: what came out whole is journalled as
// out, and has its outcome from [Queue.Confirm]. A restart in between is not a confirmation: unsure.
//
// After a restart the journal says which: accepted and not sent is void, sent without an outcome is unsure, and neither
// is ever printed, because no [document.Verified] survives a restart. Only the printer's own counters for that very job
// may turn unsure into printed (if the document was handed) or failed ([Keeper]); the entry says by which evidence. A
// printer is asked once, at the start: one that is not there lost its power as well, and its counters with it. Staff
// are called whatever it says, and their word does not count while it still holds the document ([Queue.Clear]).
//
// The service sheet is the one other thing that a printer may be given. It comes by another way ([PrintService]), of another type, from another
// maker ([sheet.Service]), and never while a certificate is under way; it has no place in any outcome of a transaction.
package spool

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/spool/document"
	"honnin/spool/journal"
)

// ErrUnreleased is returned by a zero [Released].
var ErrUnreleased = errors.New("spool: not released")

// MaxCommitToFirstByte bounds the time from the register's answer to the first byte at the printer.
const MaxCommitToFirstByte = 30 * time.Second

// Released is a document on its way to paper. Only [Queue.Release] makes one, and it opens once.
type Released struct{ r *released }

type released struct {
	paper   document.Paper
	job     Job
	entry   journal.Entry // as journalled before the release
	destroy func()
	before  time.Time
	now     func() time.Time
	handed  func(job string)
	opened  atomic.Bool
	printed atomic.Bool
}

// Job says what a printer may know of a document: no title, no name, nothing of the person.
type Job struct {
	Transaction protocol.Transaction // names the job at the printer; a document is sent once
	Service     bool                 // a service sheet: it has no transaction, and its digest names the job
	Document    protocol.Digest
	Pages       int // of one copy
	Copies      int
}

// Impressions is how many page sides must come out: pages times copies.
func (j Job) Impressions() int { return j.Pages * j.Copies }

// Job returns what the printer may know; the zero Job for a zero Released.
func (r Released) Job() Job {
	if r.r == nil {
		return Job{}
	}
	return r.r.job
}

// Open returns the document's bytes, once, and not later than [MaxCommitToFirstByte] after the commit.
func (r Released) Open() (io.ReadSeeker, error) {
	if r.r == nil {
		return nil, ErrUnreleased
	}
	if r.r.now().After(r.r.before) {
		return nil, document.ErrTooLate
	}
	b, err := r.r.paper.Open()
	if err == nil {
		r.r.opened.Store(true)
	}
	return b, err
}

// Handed journals that the printer acknowledged the whole document, and what the printer calls the job. After a restart
// only such a job can turn out to be printed. That it could not be journalled costs that, and nothing else.
func (r Released) Handed(job string) {
	if r.r != nil && r.r.opened.Load() {
		r.r.handed(job)
	}
}

// Result is what is known of the paper after an attempt to print.
type Result struct {
	Outcome     protocol.Outcome // Printed, Failed or Unsure
	Impressions int              // page sides known to be out
	Reason      string           // a short word for the journal, such as "media-jam"; never free text of a device
	JobID       string           // the printer's own name for the job, of the driver's making
	Evidence    string           // what Printed or Failed rests on; NoEvidence with Unsure
}

// What an outcome on paper rests on: one word, for the journal and the centre.
const (
	NoEvidence     = "none"
	JobCounters    = "job-counters"    // the device counted the impressions of this very job
	NeverProcessed = "never-processed" // the device says that it never began to process this very job
	NotSent        = "not-sent"        // no byte of the document left this terminal
	FileSynced     = "file-synced"     // of a directory: the disk has the whole document
)

// Progress is told how many impressions are known to be out, as the printer says so. It may be nil.
type Progress func(impressions int)

// Readiness is what a printer says of itself before a visit and again at the commit.
type Readiness struct {
	Ready  bool
	Reason string // when not ready: "media-needed", "jobs-waiting", "unreachable", …
}

// Printer is what the queue needs of a printer driver.
//
// Print sends one released document and says what is known of the paper. It returns an error only when it is
// certain that no byte left (the document was not opened); everything after the first byte is a Result, and
// what is not known is Unsure.
type Printer interface {
	Ready(ctx context.Context) (Readiness, error)
	Print(ctx context.Context, doc Released, p Progress) (Result, error)
}

// Package file is a printer for practice: a directory in which each printed document appears as
// <transaction>.pdf (a service sheet as service-sheet-….pdf). It is the only place of the terminal where a document touches a disk; a production run
// refuses directory printers.
//
// It is a virtual device, as the practice card is: what can go wrong with paper is done to the device from
// outside ([Printer.Jam], [Printer.JamAfter], [Printer.PaperOut], [Printer.Clear], [Printer.TakePaper]), and the
// driver answers as one of a real machine would. It has what ippeveprinter has not: a sensor in the output tray.
//
//	what happens                                     | answer of Print              | file
//	-------------------------------------------------|------------------------------|---------------
//	not ready, directory not writable, name taken    | error, document not opened   | none new
//	document does not open                           | error                        | none
//	disk full or failing while writing               | failed, "write-failed"       | partial removed
//	jam, paper out, ctx ended before the first sheet | failed, 0 impressions        | none
//	the same after k sheets                          | unsure, k impressions        | none
//	all sheets out, directory not synced             | unsure, "not-durable"        | <transaction>.pdf
//	all sheets out                                   | printed, pages × copies      | <transaction>.pdf
//
// A file is written beside, synced, and renamed without replacing; then the directory is synced. Copies are
// counted as impressions and are one file.
package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"

	"golang.org/x/sys/unix"
)

// Options of the device. The zero value prints at once.
type Options struct {
	PerImpression time.Duration // how long one page side takes
}

// Printer is the device and its driver. Its methods may be called at the same time.
type Printer struct {
	dir      string
	options  Options
	printing atomic.Bool // by one Print at a time
	mu       sync.Mutex  // guards state
	state    state
}

var _ spool.ServicePrinter = (*Printer)(nil)

// New returns a printer whose sheets appear in dir, which is made if it is missing.
func New(dir string, o Options) (*Printer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &printer.Fault{Reason: printer.Unwritable, Err: err}
	}
	return &Printer{dir: dir, options: o}, nil
}

// Ready says whether a sheet would come out now.
func (p *Printer) Ready(ctx context.Context) (spool.Readiness, error) {
	if err := ctx.Err(); err != nil {
		return spool.Readiness{}, err
	}
	why := p.trouble()
	switch {
	case why != "":
	case p.printing.Load():
		why = printer.Busy
	default:
		why = p.writable()
	}
	return spool.Readiness{Ready: why == "", Reason: why}, nil
}

func (p *Printer) writable() string {
	if unix.Access(p.dir, unix.W_OK|unix.X_OK) != nil {
		return printer.Unwritable
	}
	if info, err := os.Stat(p.dir); err != nil || !info.IsDir() {
		return printer.Unwritable
	}
	return ""
}

// Print writes one released document; the package comment says what it answers when.
func (p *Printer) Print(ctx context.Context, doc spool.Released, told spool.Progress) (spool.Result, error) {
	return p.print(ctx, doc, told)
}

// PrintService writes a service sheet, as Print does a document.
func (p *Printer) PrintService(ctx context.Context, s spool.ServiceSheet) (spool.Result, error) {
	return p.print(ctx, s, nil)
}

// source is what Print uses of a [spool.Released], and PrintService of a [spool.ServiceSheet].
type source interface {
	Job() spool.Job
	Open() (io.ReadSeeker, error)
}

func (p *Printer) print(ctx context.Context, doc source, told spool.Progress) (spool.Result, error) {
	if !p.printing.CompareAndSwap(false, true) {
		return spool.Result{}, &printer.Fault{Reason: printer.Busy}
	}
	defer p.printing.Store(false)
	name, err := printer.JobName(doc.Job())
	if err != nil {
		return spool.Result{}, err
	}
	sheet, err := p.prepare(ctx, filepath.Join(p.dir, name+".pdf"))
	if err != nil {
		return spool.Result{}, err
	}
	defer sheet.discard()
	content, err := doc.Open()
	if err != nil {
		return spool.Result{}, &printer.Fault{Reason: printer.NotOpened, Err: err}
	}
	if err := sheet.fill(content); err != nil {
		return spool.Result{Outcome: protocol.Failed, Reason: printer.WriteFailed, JobID: name, Evidence: spool.NotSent}, nil
	}
	return p.move(ctx, sheet, doc.Job(), name, told), nil
}

// prepare does everything that can fail before the document is opened.
func (p *Printer) prepare(ctx context.Context, final string) (*sheet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if why := p.trouble(); why != "" {
		return nil, &printer.Fault{Reason: why}
	}
	if _, err := os.Lstat(final); !errors.Is(err, os.ErrNotExist) {
		return nil, &printer.Fault{Reason: printer.AlreadyThere, Err: err}
	}
	f, err := os.CreateTemp(p.dir, ".sheet-*")
	if err != nil {
		return nil, &printer.Fault{Reason: printer.Unwritable, Err: err}
	}
	return &sheet{f, final}, nil
}

// move is the paper path: sheet after sheet, until something stops it or the document lies in the tray.
func (p *Printer) move(ctx context.Context, s *sheet, j spool.Job, id string, told spool.Progress) spool.Result {
	total := j.Impressions()
	for out := range total {
		if why := p.feed(ctx, out); why != "" {
			return stopped(out, why, id)
		}
		if told != nil {
			told(out + 1)
		}
	}
	return landed(s.land(), total, id)
}

func stopped(out int, why, id string) spool.Result {
	r := spool.Result{Outcome: protocol.Failed, Impressions: out, Reason: why, JobID: id, Evidence: spool.NotSent}
	if out > 0 {
		r.Outcome, r.Evidence = protocol.Unsure, spool.NoEvidence // part of a certificate is out, and somebody has to take it away
	}
	return r
}

func landed(err error, total int, id string) spool.Result {
	switch {
	case err == nil:
		return spool.Result{Outcome: protocol.Printed, Impressions: total, JobID: id, Evidence: spool.FileSynced}
	case errors.Is(err, errNotDurable):
		return spool.Result{Outcome: protocol.Unsure, Impressions: total, Reason: printer.NotDurable, JobID: id, Evidence: spool.NoEvidence}
	}
	return spool.Result{Outcome: protocol.Unsure, Reason: printer.WriteFailed, JobID: id, Evidence: spool.NoEvidence}
}

var errNotDurable = errors.New("file: directory not synced")

// sheet is a document on its way into the directory.
type sheet struct {
	f     *os.File
	final string
}

// fill writes and syncs the content. A full disk shows here, before any sheet has moved.
func (s *sheet) fill(content io.Reader) error {
	if _, err := io.Copy(s.f, content); err != nil {
		return err
	}
	return s.f.Sync()
}

// land gives the sheet its name. It never replaces a file.
func (s *sheet) land() error {
	if err := unix.Renameat2(unix.AT_FDCWD, s.f.Name(), unix.AT_FDCWD, s.final, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(s.final)); err != nil {
		return errors.Join(errNotDurable, err)
	}
	return nil
}

// discard closes the file, and removes what did not land.
func (s *sheet) discard() {
	_ = s.f.Close()
	_ = os.Remove(s.f.Name()) // gone already when it landed
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

package ipp

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/config/trace"
	"honnin/drivers/printer"
	"honnin/spool"
)

// Timing bounds how long things may take. A zero field takes its value from [DefaultTiming].
type Timing struct {
	Call          time.Duration // one small request, connection included
	Upload        time.Duration // Send-Document: a device may read no faster than it prints
	Print         time.Duration // from the upload to the job's end, apart from PerImpression
	PerImpression time.Duration // more of it for each impression
	Cancel        time.Duration // from Cancel-Job to the job's end
	Lost          time.Duration // how long a printer may stay silent during a job
	Settle        time.Duration // after which a job that ended without paper is looked at once more
	PollMin       time.Duration // first wait between two looks at a job
	PollMax       time.Duration // longest wait
}

// DefaultTiming suits a multi-copy machine that may have to warm up.
var DefaultTiming = Timing{Call: 5 * time.Second, Upload: 60 * time.Second, Print: 90 * time.Second, PerImpression: 5 * time.Second,
	Cancel: 30 * time.Second, Lost: 15 * time.Second, Settle: 2 * time.Second, PollMin: 50 * time.Millisecond, PollMax: time.Second}

// OrDefault fills what is zero.
func (t Timing) OrDefault() Timing {
	d := DefaultTiming
	for _, f := range []struct {
		is  *time.Duration
		not time.Duration
	}{{&t.Call, d.Call}, {&t.Upload, d.Upload}, {&t.Print, d.Print}, {&t.PerImpression, d.PerImpression},
		{&t.Cancel, d.Cancel}, {&t.Lost, d.Lost}, {&t.Settle, d.Settle}, {&t.PollMin, d.PollMin}, {&t.PollMax, d.PollMax}} {
		if *f.is <= 0 {
			*f.is = f.not
		}
	}
	return t
}

// Options of a printer.
type Options struct {
	Roots  *x509.CertPool   // ipps: who vouches for the printer; nil: the system's roots
	Pin    *protocol.Digest // ipps: the SHA-256 of the printer's certificate (DER); replaces chain and name
	Timing Timing
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network

	// Transport takes the requests instead of the network, wherever they go by the address, which is then an ipp one:
	// package usbprint's. A [printer.Fault] of it keeps its word. It sends by [http.Request.Write], which tells when all is
	// written.
	Transport http.RoundTripper
}

// Printer is a printer at an address. It prints one document at a time.
type Printer struct {
	ipp      *client
	timing   Timing
	printing atomic.Bool     // by one Print at a time
	turn     chan struct{}   // holds a token while Print or Ready talks to the device
	counts   atomic.Bool     // the device counted a job to its end
	left     map[string]bool // by name, what could not be brought to its end, and whether that was waited for; guarded by turn
}

var (
	_ spool.ServicePrinter = (*Printer)(nil)
	_ spool.Keeper         = (*Printer)(nil)
)

// ErrOptions is returned by [New] for an address or options that do not fit together.
var ErrOptions = errors.New("ipp: needs an ipp or ipps address; roots and pins only with ipps, and not both; a transport only with ipp, and no dialler")

// New returns the printer at an address. It does not connect.
func New(a printer.Address, o Options) (*Printer, error) {
	plain := a.Kind == printer.IPP
	if !plain && a.Kind != printer.IPPS || plain && (o.Roots != nil || o.Pin != nil) || o.Roots != nil && o.Pin != nil ||
		o.Transport != nil && (!plain || o.Dial != nil) {
		return nil, ErrOptions
	}
	o.Timing = o.Timing.OrDefault()
	return &Printer{ipp: newClient(a, o), timing: o.Timing, turn: make(chan struct{}, 1)}, nil
}

// Trace has the printer say each request's operation and status. It is called before anything else.
func (p *Printer) Trace(t trace.Trace) { p.ipp.trace = t }

// Print sends one document; the package comment says what it answers when.
func (p *Printer) Print(ctx context.Context, doc spool.Released, told spool.Progress) (spool.Result, error) {
	return p.print(ctx, doc, told)
}

// PrintService sends a service sheet, as Print sends a document.
func (p *Printer) PrintService(ctx context.Context, s spool.ServiceSheet) (spool.Result, error) {
	return p.print(ctx, s, nil)
}

// source is what Print uses of a [spool.Released], and PrintService of a [spool.ServiceSheet].
type source interface {
	Job() spool.Job
	Open() (io.ReadSeeker, error)
	Handed(job string)
}

func (p *Printer) print(ctx context.Context, doc source, told spool.Progress) (spool.Result, error) {
	if !p.printing.CompareAndSwap(false, true) {
		return spool.Result{}, fault(printer.Busy)
	}
	defer p.printing.Store(false)
	if err := p.take(ctx); err != nil {
		return spool.Result{}, err
	}
	defer p.give()
	name, err := printer.JobName(doc.Job())
	if err != nil {
		return spool.Result{}, err
	}
	j, err := p.prepare(ctx, doc.Job(), name)
	if err != nil {
		return spool.Result{}, named(err)
	}
	id := j.id()
	content, err := doc.Open()
	if err != nil {
		p.abandon(ctx, j)
		return spool.Result{JobID: id}, &printer.Fault{Reason: printer.NotOpened, Err: err}
	}
	s := &story{want: doc.Job().Impressions(), counts: p.counts.Load()}
	p.upload(ctx, j, content, s)
	if s.trouble == "" {
		doc.Handed(id)
	}
	p.watch(ctx, j, s, told)
	result := s.judge(id)
	if result.Outcome == protocol.Printed {
		p.counts.Store(true)
	}
	return result, nil
}

// take waits for the turn: a Ready that began before lets it go within a few calls.
func (p *Printer) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &printer.Fault{Reason: printer.Busy, Err: ctx.Err()}
	}
}

func (p *Printer) give() { <-p.turn }

// named gives an error of this package its word.
func named(err error) error {
	if printer.ReasonOf(err) != "" {
		return err
	}
	return &printer.Fault{Reason: reasonOf(err), Err: err}
}

// prepare does everything that comes before the document is opened, and leaves a job that waits for it.
func (p *Printer) prepare(ctx context.Context, want spool.Job, name string) (*job, error) {
	caps, err := p.survey(ctx)
	if err != nil {
		return nil, err
	}
	settings, word := template(caps, want)
	if word != "" {
		return nil, fault(word)
	}
	if err := p.validate(ctx, name, settings); err != nil {
		return nil, err
	}
	return p.create(ctx, p.device(caps), name, settings)
}

// afterwards returns a context for what has to be tried although ctx may have ended.
func (p *Printer) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), p.timing.Cancel)
}

func (p *Printer) abandon(ctx context.Context, j *job) {
	ctx, stop := p.afterwards(ctx)
	defer stop()
	p.end(ctx, j, new(story))
}

// leave remembers by its name a job that may still be at the printer, and whether its end was waited for.
func (p *Printer) leave(name string, waited bool) {
	if p.left == nil {
		p.left = map[string]bool{}
	}
	p.left[name] = waited
}

// tidy tries again to cancel what was left. It looks for it by name, so that it never cancels another's.
func (p *Printer) tidy(ctx context.Context) {
	if len(p.left) == 0 {
		return
	}
	if _, err := p.direct(ctx); err != nil {
		return
	}
	jobs, err := p.jobs(ctx, notCompleted)
	if err != nil {
		return
	}
	still := map[string]bool{}
	for _, a := range jobs {
		f, err := readFacts(a)
		if waited, ours := p.left[f.name]; err == nil && ours {
			_ = p.cancel(ctx, &job{number: f.number}) // what is still there then is "jobs-waiting"
			still[f.name] = waited
		}
	}
	p.left = still
}

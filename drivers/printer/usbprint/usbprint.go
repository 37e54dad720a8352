package usbprint

import (
	"context"
	"errors"
	"sync/atomic"

	"honnin/config/protocol"
	"honnin/config/trace"
	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/spool"
)

// Options of a printer.
type Options struct {
	Timing ipp.Timing // what is zero takes its value from [ipp.DefaultTiming]
	Direct bool       // a printer without IPP may be used: each of its documents ends unsure
}

// Printer is a printer on USB. It prints one document at a time.
type Printer struct {
	lines    *lines
	ipp      *ipp.Printer
	direct   direct
	printing atomic.Bool
	turn     chan struct{} // holds a token while the device is talked to
	owed     []spool.Past  // to be settled when the printer is there again; guarded by turn
}

var (
	_ spool.ServicePrinter = (*Printer)(nil)
	_ spool.Keeper         = (*Printer)(nil)
)

// address is where IPP requests say that they go (IPP Protocol 1.0 §4.3). The transport takes them elsewhere.
const address = "ipp://localhost" + printer.DefaultPath

// Open returns the printer on a bus that a selector means, be it plugged in or not. It is to be closed.
func Open(bus usb.Bus, which printer.Selector, o Options) (*Printer, error) {
	o.Timing = o.Timing.OrDefault()
	a, err := printer.Parse(address)
	if err != nil {
		return nil, err
	}
	l := newLines(bus, which)
	over, err := ipp.New(a, ipp.Options{Timing: o.Timing, Transport: transport{l}})
	if err != nil {
		return nil, err
	}
	return &Printer{lines: l, ipp: over, direct: direct{lines: l, timing: o.Timing, allowed: o.Direct}, turn: make(chan struct{}, 1)}, nil
}

// Trace has the printer say each IPP request's operation and status. It is called before anything else.
func (p *Printer) Trace(t trace.Trace) { p.ipp.Trace(t) }

// Close gives back what is claimed. Whatever is under way ends.
func (p *Printer) Close() error {
	p.lines.close()
	return nil
}

// Ready says whether a document could be printed now.
func (p *Printer) Ready(ctx context.Context) (spool.Readiness, error) {
	if p.printing.Load() {
		return spool.Readiness{Reason: printer.Busy}, nil
	}
	var r spool.Readiness
	err := p.with(ctx, func(ctx context.Context, k kind) (err error) {
		p.pay(ctx, k)
		if k == overIPP {
			r, err = p.ipp.Ready(ctx)
			return err
		}
		err = p.direct.ready(ctx)
		r.Ready = err == nil
		return err
	})
	var f *printer.Fault
	if err == nil || r.Reason != "" || !errors.As(err, &f) {
		return r, err
	}
	r.Reason = f.Reason
	if f.Err == nil {
		err = nil // the printer said so itself
	}
	return r, err
}

// take waits for the turn. What then goes on ends with Close too.
func (p *Printer) take(ctx context.Context) (sub context.Context, give func(), err error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, left(ctx)
	}
	sub, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.lines.life, cancel)
	return sub, func() { stop(); cancel(); <-p.turn }, nil
}

// with has the turn, and lets f know which kind of printer is there.
func (p *Printer) with(ctx context.Context, f func(ctx context.Context, k kind) error) error {
	ctx, give, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	c, err := p.lines.take(ctx)
	if err != nil {
		return err
	}
	p.lines.give(c)
	return f(ctx, c.kind)
}

// Print sends one document. Over IPP it answers as package ipp says; else as the package comment says.
func (p *Printer) Print(ctx context.Context, doc spool.Released, told spool.Progress) (spool.Result, error) {
	return p.print(ctx, doc, func(ctx context.Context) (spool.Result, error) { return p.ipp.Print(ctx, doc, told) })
}

// PrintService sends a service sheet, as Print sends a document.
func (p *Printer) PrintService(ctx context.Context, s spool.ServiceSheet) (spool.Result, error) {
	return p.print(ctx, s, func(ctx context.Context) (spool.Result, error) { return p.ipp.PrintService(ctx, s) })
}

func (p *Printer) print(ctx context.Context, doc document, byIPP func(context.Context) (spool.Result, error)) (result spool.Result, err error) {
	if !p.printing.CompareAndSwap(false, true) {
		return spool.Result{}, &printer.Fault{Reason: printer.Busy}
	}
	defer p.printing.Store(false)
	err = p.with(ctx, func(ctx context.Context, k kind) (err error) {
		if k == overIPP {
			result, err = byIPP(ctx)
		} else {
			result, err = p.direct.print(ctx, doc)
		}
		return err
	})
	return result, err
}

// Settle asks a printer with IPP about the job of a former run. One without knows nothing of it. One that is not there is
// asked when it comes, so that the job is ended; what it says then comes too late to count.
func (p *Printer) Settle(ctx context.Context, past spool.Past) spool.Result {
	unsure := func(why string) spool.Result {
		return spool.Result{Outcome: protocol.Unsure, Reason: why, JobID: past.JobID, Evidence: spool.NoEvidence}
	}
	ctx, give, err := p.take(ctx)
	if err != nil {
		return unsure(printer.Busy)
	}
	defer give()
	c, err := p.lines.take(ctx)
	if err != nil {
		p.owed = append(p.owed, past)
		return unsure(printer.ReasonOf(err))
	}
	p.lines.give(c)
	if c.kind == overIPP {
		return p.ipp.Settle(ctx, past)
	}
	p.direct.left = true
	return unsure(noCounters)
}

// Clear ends what may still be at the printer, and returns an error while it may be. Where nothing was left, nobody is asked.
func (p *Printer) Clear(ctx context.Context) error {
	ctx, give, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if len(p.owed) == 0 && !p.direct.left {
		return p.ipp.Clear(ctx)
	}
	c, err := p.lines.take(ctx)
	if err != nil {
		return err
	}
	p.lines.give(c)
	p.pay(ctx, c.kind)
	if p.direct.left {
		return p.direct.clear(ctx)
	}
	return p.ipp.Clear(ctx)
}

// pay settles what is owed, now that the printer is there.
func (p *Printer) pay(ctx context.Context, k kind) {
	for _, past := range p.owed {
		if k == overIPP {
			p.ipp.Settle(ctx, past) // which remembers what it cannot end
		} else {
			p.direct.left = true
		}
	}
	p.owed = nil
}

package usbprint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/spool"
)

// Words of what became of a document, without IPP.
const (
	noCounters = "no-job-counters" // it took the document, and cannot say what became of it
	unplugged  = "unplugged"
	stalled    = "stalled"
	deadline   = "deadline"
)

// direct sends documents to a printer without IPP.
type direct struct {
	lines   *lines
	timing  ipp.Timing
	allowed bool
	left    bool // something may be in its buffers; guarded by the printer's turn
}

// check says why a document could not be sent now.
func (d *direct) check(ctx context.Context, c *line) error {
	ctx, stop := context.WithTimeout(ctx, d.timing.Call)
	defer stop()
	if !d.allowed {
		return &printer.Fault{Reason: NoIPP}
	}
	id, err := AskDeviceID(ctx, c)
	switch {
	case errors.Is(err, ErrDeviceID):
		return &printer.Fault{Reason: NoPDF, Err: err}
	case err != nil:
		return explain(err)
	case !id.Speaks("PDF"):
		return &printer.Fault{Reason: NoPDF, Err: fmt.Errorf("it speaks %s", id.spoken())}
	}
	word, err := c.trouble(ctx)
	switch {
	case err != nil:
		return explain(err)
	case word != "":
		return &printer.Fault{Reason: word}
	case d.left:
		return &printer.Fault{Reason: printer.JobsWaiting}
	}
	return nil
}

// document is what printing uses of a [spool.Released] or a [spool.ServiceSheet].
type document interface {
	Job() spool.Job
	Open() (io.ReadSeeker, error)
}

// with has the printer's line.
func (d *direct) with(ctx context.Context, f func(c *line) error) error {
	c, err := d.lines.take(ctx)
	if err != nil {
		return err
	}
	defer d.lines.give(c)
	if c.kind == overIPP {
		return &printer.Fault{Reason: printer.Unreachable, Err: errors.New("another printer is there now")}
	}
	return f(c)
}

func (d *direct) ready(ctx context.Context) error {
	return d.with(ctx, func(c *line) error { return d.check(ctx, c) })
}

// clear empties the buffers before staff's word counts.
func (d *direct) clear(ctx context.Context) error {
	return d.with(ctx, func(c *line) error { return explain(d.reset(ctx, c)) })
}

func (d *direct) print(ctx context.Context, doc document) (result spool.Result, err error) {
	if _, err := printer.JobName(doc.Job()); err != nil {
		return spool.Result{}, err
	}
	if doc.Job().Copies != 1 {
		return spool.Result{}, &printer.Fault{Reason: "copies-unsupported"}
	}
	err = d.with(ctx, func(c *line) (err error) {
		if err := d.check(ctx, c); err != nil {
			return err
		}
		result, err = d.deliver(ctx, c, doc)
		return err
	})
	return result, err
}

// deliver opens the document and sends it.
func (d *direct) deliver(ctx context.Context, c *line, doc document) (spool.Result, error) {
	content, err := doc.Open()
	if err != nil {
		return spool.Result{}, &printer.Fault{Reason: printer.NotOpened, Err: err}
	}
	begun, word := d.send(ctx, c, content)
	if !begun {
		return spool.Result{Outcome: protocol.Failed, Reason: word, JobID: c.info.ID(), Evidence: spool.NotSent}, nil
	}
	d.left = true
	if word == "" {
		word = d.watch(ctx, c, doc.Job().Impressions())
	}
	if word != "" {
		_ = d.reset(ctx, c) // else it is left
	} else {
		word = noCounters
	}
	return spool.Result{Outcome: protocol.Unsure, Reason: word, JobID: c.info.ID(), Evidence: spool.NoEvidence}, nil
}

// send hands the document over, and says whether any of it may have left, and what went wrong. What the printer says meanwhile is
// taken off its hands: some take no more bytes until it is.
func (d *direct) send(ctx context.Context, c *line, content io.Reader) (begun bool, word string) {
	sub, stop := context.WithTimeout(ctx, d.timing.Upload)
	heard := make(chan struct{})
	go func() { defer close(heard); listenAway(sub, c) }()
	defer func() { stop(); <-heard }()
	b := make([]byte, piece)
	for sub.Err() == nil {
		n, err := io.ReadFull(content, b)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last || n == 0 && !begun {
			return begun, printer.NotOpened
		}
		if n > 0 {
			begun = true
			if _, err := c.say(sub, b[:n]); err != nil {
				return begun, d.why(ctx, c, err)
			}
		}
		if last {
			return begun, ""
		}
	}
	return begun, d.why(ctx, c, usb.ErrTimeout)
}

// listenAway reads what a printer says until ctx ends, and throws it away.
func listenAway(ctx context.Context, c *line) {
	if c.in.Address == 0 || c.kind != twoWay || c.quirks.deaf {
		return
	}
	for ctx.Err() == nil {
		if _, err := c.hear(ctx); err != nil {
			return
		}
	}
}

// why names what cut a document short.
func (d *direct) why(ctx context.Context, c *line, err error) string {
	switch {
	case errors.Is(err, usb.ErrGone):
		return unplugged
	case ctx.Err() != nil:
		return printer.Canceled
	}
	ask, stop := d.afterwards(ctx)
	defer stop()
	word, asked := c.trouble(ask)
	switch {
	case errors.Is(asked, usb.ErrGone):
		return unplugged
	case asked == nil && word != "":
		return word
	case errors.Is(err, usb.ErrStall):
		return stalled
	case errors.Is(err, usb.ErrTimeout):
		return deadline
	}
	return printer.Unreachable
}

// watch looks at the printer for as long as the sheets may take, and says what went wrong.
func (d *direct) watch(ctx context.Context, c *line, impressions int) string {
	limit, stop := context.WithTimeout(ctx, time.Duration(impressions)*d.timing.PerImpression)
	defer stop()
	for {
		over := limit.Err() != nil // then it is looked at once more
		ask, stop := d.afterwards(ctx)
		word, err := c.trouble(ask)
		stop()
		switch {
		case errors.Is(err, usb.ErrGone):
			return unplugged
		case ctx.Err() != nil:
			return printer.Canceled
		case err != nil:
			return printer.Unreachable
		case word != "" || over:
			return word
		}
		t := time.NewTimer(d.timing.PollMax)
		select {
		case <-t.C:
		case <-limit.Done():
		}
		t.Stop()
	}
}

// afterwards is for what has to be tried although ctx may have ended.
func (d *direct) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d.timing.Call)
}

// reset empties the printer's buffers.
func (d *direct) reset(ctx context.Context, c *line) error {
	ctx, stop := d.afterwards(ctx)
	defer stop()
	err := c.reset(ctx)
	if err == nil {
		d.left = false
	}
	return err
}

package ipp

import (
	"context"
	"errors"
	"time"

	"honnin/drivers/printer"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

// watch follows a job to its end. At trouble it cancels the job, and follows it further.
func (p *Printer) watch(ctx context.Context, j *job, s *story, told spool.Progress) {
	if s.trouble == "" {
		p.follow(ctx, j, s, told)
	}
	ctx, stop := p.afterwards(ctx)
	defer stop()
	if !s.ended {
		p.end(ctx, j, s)
	}
	p.settle(ctx, j, s)
}

// settle looks once more, a while later, at a job that is said to have ended without paper. A job that is
// cancelled in the moment it begins can be called canceled and be printed all the same: ippeveprinter does it.
func (p *Printer) settle(ctx context.Context, j *job, s *story) {
	if !s.sent || !s.ended || !s.noPaper() {
		return
	}
	t := time.NewTimer(p.timing.Settle)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	s.ended = false
	p.end(ctx, j, s)
	if !s.ended || !s.noPaper() {
		s.blame("rose-again")
	}
}

// follow polls until the job has ended or trouble shows.
func (p *Printer) follow(ctx context.Context, j *job, s *story, told spool.Progress) {
	limit := p.timing.Print + time.Duration(s.want)*p.timing.PerImpression
	deadline, stop := context.WithTimeout(ctx, limit)
	defer stop()
	wait := p.newBackoff()
	for s.trouble == "" && !s.ended {
		before := s.completed.n
		wait.heard(p.round(deadline, j, s))
		if s.completed.n > before {
			wait.reset()
			if told != nil {
				told(s.completed.n)
			}
		}
		switch {
		case s.ended || s.trouble != "":
		case wait.lost():
			s.blame(printer.Unreachable)
		case !wait.pause(deadline):
			s.blame(expired(ctx))
		}
	}
}

func expired(ctx context.Context) string {
	if ctx.Err() != nil {
		return printer.Canceled
	}
	return "deadline"
}

// round asks the printer and then the job. In this order trouble that the job survived is seen before its end.
// Its error says that no answer came.
func (p *Printer) round(ctx context.Context, j *job, s *story) error {
	m := p.ipp.request(goipp.OpGetPrinterAttributes)
	user(m)
	wanted(m, "printer-state", "printer-state-reasons")
	device, err := p.one(ctx, m, goipp.TagPrinterGroup)
	if err != nil {
		return err
	}
	f, err := p.look(ctx, j)
	if errors.Is(err, errLost) {
		s.blame(errLost.Reason)
		return nil
	}
	if err != nil {
		return err
	}
	s.note(f)
	if word := stops(device, f); word != "" {
		s.blame(word)
	}
	return nil
}

// stops names what keeps a job from ending well. A tray that ran empty with the last sheet does not.
func stops(device attributes, f facts) string {
	word, g := worst(device.words("printer-state-reasons"))
	halted := device.number("printer-state").n == printerStopped || f.state == jobStopped
	switch {
	case g == cancels:
		return word
	case f.state.ended() || !halted:
		return ""
	case g == waits:
		return word
	}
	return "stopped"
}

// end cancels a job and polls until it has ended, within ctx. A job that has not ended is remembered.
func (p *Printer) end(ctx context.Context, j *job, s *story) {
	wait := p.newBackoff()
	for canceled := false; ; {
		f, err := p.look(ctx, j)
		switch {
		case errors.Is(err, errLost):
			s.blame(errLost.Reason)
			return
		case err == nil && f.state.ended():
			s.note(f)
			return
		case err == nil && !canceled:
			s.note(f)
			canceled = p.cancel(ctx, j) == nil
		case err == nil:
			s.note(f)
		}
		if !wait.pause(ctx) {
			p.leave(j.name, true)
			return
		}
	}
}

// backoff paces the polling and notices silence.
type backoff struct {
	timing Timing
	next   time.Duration
	silent time.Time // since when; zero while the printer answers
}

func (p *Printer) newBackoff() *backoff { return &backoff{timing: p.timing, next: p.timing.PollMin} }

func (b *backoff) reset() { b.next = b.timing.PollMin }

func (b *backoff) heard(err error) {
	switch {
	case err == nil:
		b.silent = time.Time{}
	case b.silent.IsZero():
		b.silent = time.Now()
	}
}

func (b *backoff) lost() bool { return !b.silent.IsZero() && time.Since(b.silent) >= b.timing.Lost }

// pause reports whether the wait went by before ctx ended; each wait is half as long again as the one before.
func (b *backoff) pause(ctx context.Context) bool {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(b.next*3/2, b.timing.PollMax)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package ipp

import (
	"context"
	"errors"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

// bootSlack is how far the printer's clock and ours may disagree on the age of a job: what passed between the journal's
// entry and Create-Job, and whole seconds.
const bootSlack = 30 * time.Second

var errAmbiguous = &printer.Fault{Reason: "job-ambiguous", Err: errors.New("two jobs of that name")}

// Settle finds the job of a former run by its name, ends it if it has not ended, and says what is known of its paper;
// the package comment says when it is not "unsure". A job that cannot be looked for or ended is remembered.
func (p *Printer) Settle(ctx context.Context, past spool.Past) spool.Result {
	unsure := func(why string) spool.Result {
		return spool.Result{Outcome: protocol.Unsure, Reason: why, JobID: past.JobID, Evidence: spool.NoEvidence}
	}
	if err := p.take(ctx); err != nil {
		return unsure(printer.Busy)
	}
	defer p.give()
	name := printer.PastName(past)
	if p.left[name] { // this run waited for its end already: the next wait is staff's, not the start's
		p.tidy(ctx)
		if _, still := p.left[name]; still {
			return unsure(printer.JobsWaiting)
		}
	}
	j, f, err := p.find(ctx, name)
	if err != nil {
		if !errors.Is(err, errLost) {
			p.leave(name, false)
		}
		return unsure(reasonOf(err))
	}
	s := &story{want: past.Impressions, sent: true}
	// A job that had ended before we came was seen by nobody: that it "never began" is then not believed.
	s.processed = f.state.ended()
	switch past.JobID {
	case j.id():
	case "":
		s.blame("not-acknowledged")
	default:
		s.blame(errLost.Reason)
	}
	p.conclude(ctx, j, f, s)
	got := s.judge(j.id())
	switch {
	case got.Outcome == protocol.Unsure:
	case past.JobID != "" && past.JobID != j.id():
		return unsure(errLost.Reason)
	case !stayedUp(f, past.Age):
		return unsure("printer-restarted")
	}
	return got
}

// direct returns what the printer says of itself, or why it is not one whose word on a job counts.
func (p *Printer) direct(ctx context.Context) (attributes, error) {
	m := p.ipp.request(goipp.OpGetPrinterAttributes)
	user(m)
	wanted(m, append([]string{"printer-uuid"}, queueMarks...)...)
	device, err := p.one(ctx, m, goipp.TagPrinterGroup)
	if err == nil && isQueue(device) {
		err = fault(queueBetween)
	}
	return device, err
}

// find returns the one job of that name, whether it has ended or not.
func (p *Printer) find(ctx context.Context, name string) (*job, facts, error) {
	device, err := p.direct(ctx)
	if err != nil {
		return nil, facts{}, err
	}
	var found []facts
	for _, which := range []string{notCompleted, completed} { // in this order: a job that ends meanwhile is in both
		jobs, err := p.jobs(ctx, which)
		if err != nil {
			return nil, facts{}, err
		}
		for _, a := range jobs {
			if f, err := readFacts(a); err == nil && f.name == name {
				found = append(found, f)
			}
		}
	}
	switch {
	case len(found) == 0:
		return nil, facts{}, errLost
	case found[0].number != found[len(found)-1].number || len(found) > 2:
		return nil, facts{}, errAmbiguous
	}
	f := found[0]
	return &job{number: f.number, name: name, uuid: f.uuid, device: p.device(device)}, f, nil
}

// conclude cancels what has not ended and looks twice at what has; it takes into account what the printer says of itself.
func (p *Printer) conclude(ctx context.Context, j *job, f facts, s *story) {
	if !f.state.ended() {
		s.blame("restart-while-printing")
	}
	ctx, stop := p.afterwards(ctx)
	defer stop()
	_ = p.round(ctx, j, s)
	if !s.ended {
		p.end(ctx, j, s)
	}
	p.settle(ctx, j, s)
}

// stayedUp reports whether, by its own clock, the printer has not restarted since it made the job: then neither have its
// counters. RFC 8011 section 5.3.14: after a restart the times of an older job are 0 or less, or the clock went on.
func stayedUp(f facts, age time.Duration) bool {
	if !f.created.known || !f.up.known || f.created.n < 1 || f.up.n < f.created.n || age < 0 {
		return false
	}
	byPrinter := time.Duration(f.up.n-f.created.n) * time.Second
	return (byPrinter - age).Abs() <= bootSlack
}

// Clear tries once more to end what was left, and returns an error while it may still be there.
func (p *Printer) Clear(ctx context.Context) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.give()
	p.tidy(ctx)
	if len(p.left) > 0 {
		return fault(printer.JobsWaiting)
	}
	return nil
}

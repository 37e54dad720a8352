package ipp

import (
	"context"
	"errors"
	"slices"

	"honnin/drivers/printer"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

// queueBetween is why a printer behind a CUPS queue is not used.
const queueBetween = "queue-between"

// Values of printer-state (RFC 8011 section 5.4.11).
const (
	printerIdle       = 3
	printerProcessing = 4
	printerStopped    = 5
)

// operations are what a printer must offer (RFC 8011 section 5.4.15).
var operations = []goipp.Op{goipp.OpValidateJob, goipp.OpCreateJob, goipp.OpSendDocument, goipp.OpCancelJob,
	goipp.OpGetJobAttributes, goipp.OpGetJobs, goipp.OpGetPrinterAttributes}

// asked are the printer attributes that decide, and no others: a device's answer can be large.
var asked = func() []string {
	names := []string{"printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "queued-job-count",
		"operations-supported", "ipp-versions-supported", "document-format-supported", "charset-supported",
		"copies-supported", "multiple-document-handling-supported", "printer-uuid"}
	names = append(names, queueMarks...)
	for _, s := range fixed {
		names = append(names, s.name+"-supported")
	}
	return names
}()

// queueMarks are attributes that only the scheduler of CUPS gives for a printer of its own.
var queueMarks = []string{"cups-version", "device-uri", "printer-type"}

func isQueue(a attributes) bool {
	return slices.ContainsFunc(queueMarks, func(name string) bool { return a.values(name) != nil })
}

// rules are read from top to bottom; the first that gives a word says why the printer is not ready.
var rules = []func(attributes) string{
	wrongProtocol,
	func(a attributes) string { return when(isQueue(a), queueBetween) },
	func(a attributes) string {
		return when(!a.allows("document-format-supported", goipp.String(pdf)), "pdf-unsupported")
	},
	notReady,
	func(a attributes) string {
		word, g := worst(a.words("printer-state-reasons"))
		return when(g != fine, word)
	},
	func(a attributes) string { return when(!a.yes("printer-is-accepting-jobs"), "not-accepting-jobs") },
	func(a attributes) string {
		return when(a.number("printer-state") == count{printerStopped, true}, "stopped")
	},
	func(a attributes) string { return when(a.number("queued-job-count").n > 0, printer.JobsWaiting) },
	func(a attributes) string {
		return when(a.number("printer-state") != count{printerIdle, true}, printer.Busy)
	},
}

func when(so bool, word string) string {
	if so {
		return word
	}
	return ""
}

func wrongProtocol(a attributes) string {
	if !a.allows("ipp-versions-supported", goipp.String("2.0")) {
		return "version-unsupported"
	}
	for _, op := range operations {
		if !a.allows("operations-supported", goipp.Integer(op)) {
			return "operation-unsupported"
		}
	}
	return ""
}

// Ready asks the printer whether a document could be printed now: its state and what it supports, and that
// nobody's job is there. A reason travels with every refusal; what could not be asked is an error as well.
func (p *Printer) Ready(ctx context.Context) (spool.Readiness, error) {
	if p.printing.Load() {
		return spool.Readiness{Reason: printer.Busy}, nil
	}
	if err := p.take(ctx); err != nil {
		return spool.Readiness{Reason: printer.Busy}, err
	}
	defer p.give()
	p.tidy(ctx)
	_, err := p.survey(ctx)
	if err == nil {
		return spool.Readiness{Ready: true}, nil
	}
	var f *printer.Fault
	if errors.As(err, &f) && f.Err == nil {
		return spool.Readiness{Reason: f.Reason}, nil // the printer said so itself
	}
	return spool.Readiness{Reason: reasonOf(err)}, err
}

// reasonOf returns a word for any error of this package.
func reasonOf(err error) string {
	if w := printer.ReasonOf(err); w != "" {
		return w
	}
	if _, ok := statusOf(err); ok {
		return "refused-by-printer"
	}
	return printer.Unreachable
}

// survey returns what the printer supports, or why it is not ready.
func (p *Printer) survey(ctx context.Context) (attributes, error) {
	m := p.ipp.request(goipp.OpGetPrinterAttributes)
	user(m)
	wanted(m, asked...)
	caps, err := p.one(ctx, m, goipp.TagPrinterGroup)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if word := rule(caps); word != "" {
			return nil, fault(word)
		}
	}
	jobs, err := p.jobs(ctx, notCompleted)
	if err != nil {
		return nil, err
	}
	if len(jobs) > 0 {
		return nil, fault(printer.JobsWaiting)
	}
	return caps, nil
}

// Values of which-jobs (RFC 8011 section 4.2.6.1).
const (
	notCompleted = "not-completed"
	completed    = "completed"
)

// maxJobs bounds a list of jobs: at 400 bytes each, it fits into an answer.
const maxJobs = 500

// jobs lists the jobs that have, or have not, ended, whoever's they are, with more attributes if any are named.
func (p *Printer) jobs(ctx context.Context, which string, more ...string) ([]attributes, error) {
	m := p.ipp.request(goipp.OpGetJobs)
	user(m)
	m.Operation.Add(goipp.MakeAttribute("limit", goipp.TagInteger, goipp.Integer(maxJobs)))
	wanted(m, slices.Concat(jobAttributes, more)...)
	m.Operation.Add(goipp.MakeAttribute("which-jobs", goipp.TagKeyword, goipp.String(which)))
	answer, err := p.ipp.do(ctx, m)
	if err != nil {
		return nil, err
	}
	return groups(answer, goipp.TagJobGroup), nil
}

// one sends a question whose answer must hold exactly one group of the tag.
func (p *Printer) one(ctx context.Context, m *goipp.Message, tag goipp.Tag) (attributes, error) {
	answer, err := p.ipp.do(ctx, m)
	if err != nil {
		return nil, err
	}
	g := groups(answer, tag)
	if len(g) != 1 {
		return nil, bad(errors.New("the answer does not describe one thing"))
	}
	return g[0], nil
}

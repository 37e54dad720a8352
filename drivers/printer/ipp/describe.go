package ipp

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"honnin/drivers/printer"

	"github.com/OpenPrinting/goipp"
)

// described are the attributes of a [printer.Description]: RFC 8011 section 5.4, PWG 5100.13 for printer-supply, PWG 5100.22 for
// printer-media-sheets-completed, and CUPS' marker-… for printers without printer-supply.
var described = []string{"printer-make-and-model", "printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "printer-media-sheets-completed",
	"printer-supply", "marker-types", "marker-colors", "marker-levels", "marker-low-levels"}

// Describe asks the printer what it says of itself, and for what waits in its queue. A job that this program prints is not
// disturbed: then it is "busy".
func (p *Printer) Describe(ctx context.Context) (d printer.Description, err error) {
	if p.printing.Load() {
		return d, fault(printer.Busy)
	}
	if err := p.take(ctx); err != nil {
		return d, err
	}
	defer p.give()
	m := p.ipp.request(goipp.OpGetPrinterAttributes)
	user(m)
	wanted(m, described...)
	a, err := p.one(ctx, m, goipp.TagPrinterGroup)
	if err != nil {
		return d, named(err)
	}
	queue, err := p.jobs(ctx, notCompleted, "job-originating-user-name")
	if err != nil {
		return d, named(err)
	}
	d = description(a)
	for _, j := range queue[:min(len(queue), printer.Most)] {
		if f, err := readFacts(j); err == nil {
			d.Jobs = append(d.Jobs, describeJob(f, j.word("job-originating-user-name")))
		}
	}
	return d, nil
}

var states = map[int]string{printerIdle: "idle", printerProcessing: "processing", printerStopped: "stopped"}

func description(a attributes) printer.Description {
	d := printer.Description{Model: printer.Shown(a.word("printer-make-and-model")), State: states[a.number("printer-state").n],
		Reasons: reasons(a.words("printer-state-reasons")), Supplies: supplies(a)}
	if v := a.values("printer-is-accepting-jobs"); len(v) == 1 {
		if is, ok := v[0].V.(goipp.Boolean); ok {
			d.Accepting = (*bool)(&is)
		}
	}
	if n := a.number("printer-media-sheets-completed"); n.known && n.n >= 0 {
		d.Sheets = &n.n
	}
	return d
}

// severities are words for what a keyword says by itself. A suffix can make it worse and not better: some devices call a jam a
// report, while it is idle (see stateReasons).
var severities = map[gravity]string{fine: "report", waits: "warning", cancels: "error"}

// reasons are the printer's, the gravest first. All that are not known are one.
func reasons(said []string) (all []printer.Reason) {
	for _, r := range said {
		base, suffix := splitSeverity(r)
		word, g := grade(r)
		if base == "none" || base == "" {
			continue
		}
		n := printer.Reason{Word: word, Severity: severities[g]}
		if said := strings.TrimPrefix(suffix, "-"); rank(said) > rank(n.Severity) {
			n.Severity = said
		}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.SortStableFunc(all, func(a, b printer.Reason) int { return cmp.Compare(rank(b.Severity), rank(a.Severity)) })
	return all[:min(len(all), printer.Most)]
}

func rank(severity string) int {
	return slices.Index([]string{"report", "warning", "error"}, severity)
}

func supplies(a attributes) (all []printer.Supply) {
	for _, v := range a.values("printer-supply") {
		b, _ := v.V.(goipp.Binary)
		if s, ok := printer.ParseSupply(string(b)); ok && len(all) < printer.Most {
			all = append(all, s)
		}
	}
	if len(all) > 0 {
		return all
	}
	return markers(a)
}

// markers are supplies as CUPS has them: lists that go in step. How full a receptacle is they do not say in one way.
func markers(a attributes) (all []printer.Supply) {
	kinds, colours, levels, lows := a.words("marker-types"), a.words("marker-colors"), a.numbers("marker-levels"), a.numbers("marker-low-levels")
	if len(levels) != len(kinds) {
		return nil
	}
	for i, kind := range kinds[:min(len(kinds), printer.Most)] {
		colour, low := "", 10
		if len(colours) == len(kinds) {
			colour = colours[i]
		}
		if len(lows) == len(kinds) {
			low = lows[i]
		}
		s := printer.NewSupply(kind, colour, levels[i], levels[i] >= 0 && levels[i] <= 100, low)
		if s.Receives() {
			s.Left, s.State = nil, ""
		}
		all = append(all, s)
	}
	return all
}

// numbers are integers; nil if there is anything else among them.
func (a attributes) numbers(name string) (out []int) {
	for _, v := range a.values(name) {
		n, ok := v.V.(goipp.Integer)
		if !ok {
			return nil
		}
		out = append(out, int(n))
	}
	return out
}

var jobStates = map[jobState]string{jobPending: "pending", jobHeld: "held", jobProcessing: "processing", jobStopped: "stopped"}

func describeJob(f facts, by string) printer.Job {
	j := printer.Job{Number: f.number, State: jobStates[f.state], Ours: by == printer.User && printer.IsJobName(f.name)}
	if f.created.known && f.up.known && f.created.n > 0 && f.up.n >= f.created.n { // 0 or less: before it was started
		age := f.up.n - f.created.n
		j.Age = &age
	}
	return j
}

package technician

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"honnin/drivers/printer"
)

// Describer is a printer that says more of itself than whether it is ready. Asking it disturbs no document.
type Describer interface {
	Describe(ctx context.Context) (printer.Description, error)
}

// describeTime bounds a question to a printer: less than [askTime], so that a console hears of a printer that is silent.
const describeTime = 3 * time.Second

// askPrinter asks what the printer says of itself: only the daemon may ask a printer that it holds.
const askPrinter ask = "printer"

// printerSaid is what a printer said of itself.
type printerSaid struct {
	printer.Description
	At  time.Time `json:"at,omitzero"`  // when it did; zero: never
	Why string    `json:"why,omitzero"` // a word for why it was not asked just now, or did not answer
}

// Printer is the printer that a daemon has, for who asks on the control socket. Its zero value has none.
type Printer struct {
	mu   sync.Mutex // of one question at a time
	is   Describer
	last printerSaid
}

// PrinterOf is a printer that stays; see [Printer.Use].
func PrinterOf(device any) *Printer {
	p := &Printer{}
	p.Use(device)
	return p
}

// Use has another printer asked from now on; none, where it describes nothing. What the last one said is forgotten.
func (p *Printer) Use(device any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is, _ = device.(Describer)
	p.last = printerSaid{}
}

// look asks the printer, unless it is needed: then what it said last counts.
func (p *Printer) look(ctx context.Context, visit bool, now func() time.Time) printerSaid {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.is == nil:
		return printerSaid{Why: "not-here"}
	case visit:
		p.last.Why = "visit"
		return p.last
	}
	d, err := describe(ctx, p.is)
	if p.last.Why = describeWord(err); err == nil {
		p.last.Description, p.last.At = d, now()
	}
	return p.last
}

func describe(ctx context.Context, d Describer) (printer.Description, error) {
	ctx, stop := context.WithTimeout(ctx, describeTime)
	defer stop()
	return d.Describe(ctx)
}

func describeWord(err error) string { return cmp.Or(printer.ReasonOf(err), wordOf(err)) }

// printer answers what the printer says of itself. During a visit nobody but the visit asks it.
func (s *server) printer(ctx context.Context) printerSaid {
	if s.Printer == nil {
		return printerSaid{Why: "not-here"}
	}
	return s.Printer.look(ctx, s.Terminal.Status().Visit, s.Now)
}

// seen is what the daemon saw of its reader since it began.
type seen struct {
	Faults uint64    `json:"faults,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	Card   *bool     `json:"card,omitzero"` // nil: not known
	Rate   int       `json:"rate,omitzero"` // bit/s of the last card's line; 0: not known
}

// status is how the daemon is, with its reader.
func (s *server) status() live {
	l, r := s.live(), s.Terminal.Status().Reader
	l.Reader = seen{r.Faults, r.Last, r.Card, r.Rate}
	return l
}

// told is what the printer says of itself: to the daemon while one runs, else to us.
func (l *look) told(ctx context.Context) printerSaid {
	if l.down == nil {
		a, err := question{Ask: askPrinter}.ask(ctx, l.o.Site.State)
		if err != nil || a.Why != "" {
			return printerSaid{Why: cmp.Or(wordOf(err), a.Why)}
		}
		return a.Printer
	}
	if l.policy == nil {
		return printerSaid{Why: "no-policy"}
	}
	device, err := l.o.Printer(l.policy.Policy)
	if err != nil {
		return printerSaid{Why: describeWord(err)}
	}
	if c, ok := device.(io.Closer); ok {
		defer c.Close()
	}
	return PrinterOf(device).look(ctx, false, l.o.Now)
}

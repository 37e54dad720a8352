package technician

import (
	"context"
	"errors"
	"slices"

	"honnin/config/protocol"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// errEnough ends a walk over the journal.
var errEnough = errors.New("enough")

// tail shows the last entries, oldest first.
func (m *Machine) tail(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	j, err := m.book()
	if err != nil {
		return err
	}
	defer j.Close()
	left := c.Number("lines", 20)
	var last []journal.Entry
	err = j.Back(func(e journal.Entry) (bool, error) {
		if !c.Has("incidents") || e.Kind == journal.Incident {
			last, left = append(last, e), left-1
		}
		return left > 0, ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(last) {
		if err := a.Row("journal.entry", console.Number(e.Seq), console.At(e.At.Time), word(e.Kind), count(e.Visit), word(e.Reason), name(e.Municipality), name(e.Staff)); err != nil {
			return err
		}
	}
	return nil
}

// verify reads all of the journal.
func (m *Machine) verify(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	j, err := m.book()
	switch why := reasonOf(err); {
	case why == "damaged" || why == "other-version":
		return a.Row("journal.verified", console.Yes(false), console.None(), console.None(), word(why))
	case err != nil: // nobody knows
		return err
	}
	defer j.Close()
	n, head, err := j.VerifyContext(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.Row("journal.verified", console.Yes(err == nil), console.Number(n), console.Digest(head), word(wordOf(err)))
}

// incidents shows those that are open, or one.
func (m *Machine) incidents(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	j, err := m.book()
	if err != nil {
		return err
	}
	defer j.Close()
	b, err := m.open(j)
	if err != nil {
		return err
	}
	wanted, found := uint64(c.Number("number", 0)), false
	err = b.each(ctx, c.Has("all") || wanted > 0, func(e journal.Entry) error {
		if wanted > 0 && e.Seq != wanted {
			return nil
		}
		found = true
		return b.row(e, a)
	})
	if err != nil || wanted == 0 {
		return err
	}
	if !found {
		return &console.Failure{Code: console.NotHere, About: "number"}
	}
	return b.meaning(wanted, a)
}

// books are what a journal says of incidents.
type books struct {
	m       *Machine
	journal *journal.Journal
	open    map[uint64]journal.Standing
	latched map[uint64]bool
	under   map[uint64]uint64
}

func (m *Machine) open(j *journal.Journal) (b books, err error) {
	b = books{m: m, journal: j, open: map[uint64]journal.Standing{}, latched: map[uint64]bool{}}
	all, err := j.Incidents(0, 0)
	if err != nil {
		return b, err
	}
	for _, s := range all {
		b.open[s.Position] = s
	}
	latches, err := j.Latches()
	if err != nil {
		return b, err
	}
	for _, l := range latches {
		b.latched[l.Of] = true
	}
	b.under, err = j.Spoken()
	return b, err
}

// each goes over the incidents, oldest first: those that nobody has closed, or all.
func (b books) each(ctx context.Context, all bool, f func(journal.Entry) error) error {
	return b.journal.Each(func(e journal.Entry) error {
		_, open := b.open[e.Seq]
		if e.Kind != journal.Incident || !open && !all {
			return ctx.Err()
		}
		return f(e)
	})
}

func (b books) row(e journal.Entry, a *console.Answer) error {
	s, open := b.open[e.Seq]
	w, _ := b.m.o.Catalogue.Word(e.Reason)
	return a.Row("incidents.incident", console.Number(e.Seq), console.At(e.At.Time), word(e.Reason), word(w.Severity), word(b.state(e, s, open)),
		name(e.Municipality), count(s.Count), delivered(s, open))
}

// state is where an incident stands: one that is not open and for which another speaks was gathered.
func (b books) state(e journal.Entry, s journal.Standing, open bool) string {
	switch _, under := b.under[e.Seq]; {
	case !open && under:
		return "gathered"
	case !open:
		return "closed"
	case s.Acknowledged > 0:
		return protocol.IncidentAcknowledged
	}
	return "open"
}

func delivered(s journal.Standing, open bool) console.Value {
	if !open {
		return console.None()
	}
	return console.Yes(s.Delivered > 0)
}

// meaning is what the catalogue says of one.
func (b books) meaning(at uint64, a *console.Answer) error {
	e, err := b.journal.At(at)
	if err != nil {
		return err
	}
	w, ok := b.m.o.Catalogue.Word(e.Reason)
	if !ok {
		return nil
	}
	return a.Row("incidents.means", console.Says(console.Meaning(w)), console.Says(console.Advice(w)), console.Yes(b.latched[at]))
}

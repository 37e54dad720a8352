package technician

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/spool/journal"
	"honnin/ui/console"
)

// counter is a thing that is counted, in all that the journal has.
type counter struct {
	Name string `json:"counter"`
	Of   string `json:"of,omitzero"`
}

// tally counts what the journal has.
func tally(ctx context.Context, j *journal.Journal) (map[counter]uint64, error) {
	n := map[counter]uint64{}
	return n, j.Each(func(e journal.Entry) error {
		n[counter{Name: "entries"}]++
		n[counter{"entries", string(e.Kind)}]++
		switch e.Kind {
		case journal.Ended:
			n[counter{"outcomes", string(e.Outcome)}]++
			n[counter{Name: "sheets"}] += uint64(e.Impressions)
			if e.Reason != "" {
				n[counter{"refusals-and-faults", e.Reason}]++
			}
		case journal.Incident:
			n[counter{"incidents", e.Reason}]++
		case journal.StaffNeeded:
			n[counter{"printer-and-path", e.Reason}]++
		}
		return ctx.Err()
	})
}

func inOrder(n map[counter]uint64) []counter {
	return slices.SortedFunc(maps.Keys(n), func(a, b counter) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Of, b.Of)) })
}

func (m *Machine) counters(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	j, err := m.book()
	if err != nil {
		return err
	}
	defer j.Close()
	n, err := tally(ctx, j)
	if err != nil {
		return err
	}
	for _, k := range inOrder(n) {
		if !strings.Contains(k.Name+" "+k.Of, c.Word("name")) {
			continue
		}
		if err := a.Row("counters.counter", console.Name(k.Name), console.Number(n[k]), word(k.Of)); err != nil {
			return err
		}
	}
	return nil
}

// lines are entries of the journal as they are stored, one a line: so their chain can be checked.
func lines(ctx context.Context, j *journal.Journal, from time.Time) ([]byte, error) {
	var out bytes.Buffer
	err := j.Each(func(e journal.Entry) error {
		if e.At.Before(from) {
			return ctx.Err()
		}
		b, err := json.Marshal(e, json.Deterministic(true))
		if err != nil {
			return err
		}
		if out.Len() > maxFile {
			return &console.Failure{Code: console.NoTransfer, Why: "too-large"}
		}
		out.Write(append(b, '\n'))
		return ctx.Err()
	})
	return out.Bytes(), err
}

// export sends the journal, whole or its end.
func (m *Machine) export(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	j, err := m.book()
	if err != nil {
		return err
	}
	defer j.Close()
	var from time.Time
	if c.Has("since") {
		from = m.o.Now().Add(-c.Duration("since", 0))
	}
	b, err := lines(ctx, j, from)
	if err != nil {
		return err
	}
	return m.send(ctx, a, "journal.sent", string(m.o.Site.Terminal)+"-journal.jsonl", b)
}

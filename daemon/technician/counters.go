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
		n[counter{"entries", "all"}]++
		n[counter{"entries", string(e.Kind)}]++
		switch e.Kind {
		case journal.Ended:
			n[counter{"outcomes", string(e.Outcome)}]++
			n[counter{"sheets", "all"}] += uint64(e.Impressions)
			if e.Reason != "" {
				n[counter{"refusals-and-faults", e.Reason}]++
			}
		case journal.SheetDone: // of no transaction
			n[counter{"service-sheets", string(e.Outcome)}]++
		case journal.TestVisitDone: // of no transaction, either: its sheets are in no other count
			n[counter{"test-visits", e.Reason}]++
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
func lines(ctx context.Context, j *journal.Journal, after uint64) ([]byte, error) {
	var out bytes.Buffer
	err := j.After(after, func(e journal.Entry) (bool, error) {
		b, err := json.Marshal(e, json.Deterministic(true))
		if err != nil {
			return false, err
		}
		if out.Len() > maxFile {
			return false, &console.Failure{Code: console.NoTransfer, Why: "too-large"}
		}
		out.Write(append(b, '\n'))
		return true, ctx.Err()
	})
	return out.Bytes(), err
}

// before is the position in front of the first entry that is not older than an instant. What follows it and is older was written
// while a clock was wrong.
func before(ctx context.Context, j *journal.Journal, from time.Time) (position uint64, err error) {
	err = j.After(0, func(e journal.Entry) (bool, error) {
		older := e.At.Before(from)
		if older {
			position = e.Seq
		}
		return older, ctx.Err()
	})
	return position, err
}

// export sends the journal, whole or its end.
func (m *Machine) export(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	b, err := m.exported(ctx, c)
	if err != nil {
		return err
	}
	return m.send(ctx, a, "journal.sent", string(m.o.Site.Terminal)+"-journal.jsonl", b)
}

func (m *Machine) exported(ctx context.Context, c console.Call) ([]byte, error) {
	j, err := m.book()
	if err != nil {
		return nil, err
	}
	defer j.Close()
	after := uint64(0)
	if c.Has("since") {
		if after, err = before(ctx, j, m.o.Now().Add(-c.Duration("since", 0))); err != nil {
			return nil, err
		}
	}
	return lines(ctx, j, after)
}

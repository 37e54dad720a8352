package journal

import (
	"errors"
	"slices"
	"testing"
)

// counting counts the entries that are read.
type counting struct {
	*Journal
	read int
}

func (c *counting) After(position uint64, f func(Entry) (bool, error)) error {
	return c.Journal.After(position, func(e Entry) (bool, error) {
		c.read++
		return f(e)
	})
}

// TestSeveral: those that are asked for, sealed or live, in order, without what is far between them.
func TestSeveral(t *testing.T) {
	j, _ := open(t)
	first := must(t, j, Entry{Kind: Incident, Reason: "fault"})
	second := must(t, j, Entry{Kind: Incident, Reason: "money"})
	grow(t, j, 3*near)
	last := must(t, j, Entry{Kind: Incident, Reason: "unsure"})
	c := &counting{Journal: j}
	var words []string
	if err := Several(c, []uint64{first.Seq, second.Seq, last.Seq}, func(e Entry) { words = append(words, e.Reason) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(words, []string{"fault", "money", "unsure"}) || c.read > 3 {
		t.Errorf("%q, %d entries were read", words, c.read)
	}
	if err := Several(j, []uint64{first.Seq, last.Seq + 1}, func(Entry) {}); !errors.Is(err, ErrNoEntry) {
		t.Error(err)
	}
}

package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// latched lists what stands latched.
func latched(t rapid.TB, j *Journal) []Latch {
	t.Helper()
	out, err := j.Latches()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOnlyTheHoldersClosingOpens: whatever is recorded in whatever order, over restarts and seals: what an incident stops is
// stopped until that incident is closed by a person, and each incident holds for itself.
func TestOnlyTheHoldersClosingOpens(t *testing.T) {
	path := filepath.Join(quick(t), "p.db")
	opened, survived := 0, 0
	for round := 0; round < 20 && (opened < 10 || survived < 100); round++ {
		rapid.Check(t, func(t *rapid.T) { onlyTheHoldersClosingOpens(t, path, &opened, &survived) })
	}
	if opened < 10 || survived < 100 {
		t.Errorf("only %d were opened, and %d entries opened nothing", opened, survived)
	}
}

func onlyTheHoldersClosingOpens(t *rapid.T, path string, opened, survived *int) {
	_ = os.Remove(path)
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	var open []uint64
	var want []Latch
	for range rapid.IntRange(5, 25).Draw(t, "n") {
		switch rapid.IntRange(0, 29).Draw(t, "what") {
		case 0:
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = Open(path, clock); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := j.update(0, func(tx *bolt.Tx) error { return growEntries(tx, sealAfter) }); err != nil {
				t.Fatal(err)
			}
			j.tidy()
		case 2, 3, 4, 5, 6:
			e, err := j.Record(Entry{Kind: Incident, Municipality: "991015", Reason: "tag-missing"}, Entry{Kind: Latched, Municipality: "991015", Reason: "tag-missing"})
			if err != nil {
				t.Fatal(err)
			}
			open, want = append(open, e.Seq), append(want, Latch{e.Seq, "991015", "tag-missing"})
		default:
			e := anyEntry(t, open)
			done, err := j.Record(e)
			of := func(l Latch) bool { return l.Of == uint64(e.Of) }
			switch {
			case err != nil:
			case e.Kind == Incident:
				open = append(open, done.Seq)
			case e.Kind == Latched:
				want = append(want, Latch{uint64(e.Of), e.Municipality, e.Reason})
				slices.SortFunc(want, func(a, b Latch) int { return int(a.Of) - int(b.Of) })
			case e.Kind == Closed:
				open = slices.DeleteFunc(open, func(n uint64) bool { return n == uint64(e.Of) })
				before := len(want)
				want = slices.DeleteFunc(want, of)
				*opened += before - len(want)
			default:
				*survived += len(want)
			}
		}
		if got := latched(t, j); !slices.Equal(got, want) {
			t.Fatalf("latched are %v, and must be %v", got, want)
		}
	}
	if _, _, err := j.Verify(); err != nil {
		t.Fatal(err)
	}
}

// TestWhoMayHold: an open incident, once, and for a reason; the one of the same call where none is named.
func TestWhoMayHold(t *testing.T) {
	j, path := open(t)
	first := must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "tag-missing"}).Seq
	e, err := j.Record(Entry{Kind: Incident, Reason: "fault"}, Entry{Kind: StaffNeeded, Reason: "x"}, Entry{Kind: Latched, Reason: "not-mine"})
	if err != nil {
		t.Fatal(err)
	}
	must(t, j, Entry{Kind: Latched, Of: int(first), Municipality: "991015", Reason: "unacknowledged"})
	for name, bad := range map[string]Entry{
		"by no incident":       {Kind: Latched, Municipality: "991015", Reason: "x"},
		"by another entry":     {Kind: Latched, Of: int(e.Seq) + 1, Municipality: "991015", Reason: "x"},
		"by what is not here":  {Kind: Latched, Of: 99, Municipality: "991015", Reason: "x"},
		"twice":                {Kind: Latched, Of: int(first), Municipality: "991015", Reason: "x"},
		"without a reason":     {Kind: Latched, Of: int(first), Municipality: "991015"},
		"for what is no place": {Kind: Latched, Of: int(first), Municipality: "a b", Reason: "x"},
	} {
		if _, err := j.Record(bad); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := j.Record(Entry{Kind: Incident, Municipality: "991015", Reason: "fault"}, Entry{Kind: Latched, Municipality: "991015"}); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	want := []Latch{{first, "991015", "unacknowledged"}, {e.Seq, "", "not-mine"}}
	j = reopen(t, j, path)
	if got := latched(t, j); !slices.Equal(got, want) {
		t.Errorf("%v, and not %v", got, want)
	}
	must(t, j, moved(Acknowledged, first))
	must(t, j, moved(Closed, first))
	j = reopen(t, j, path)
	if got := latched(t, j); !slices.Equal(got, want[1:]) {
		t.Errorf("after a closing: %v", got)
	}
	if _, err := j.Record(Entry{Kind: Latched, Of: int(first), Municipality: protocol.Municipality("991015"), Reason: "x"}); !errors.Is(err, ErrState) {
		t.Errorf("held by a closed one: %v", err)
	}
}

// TestALatchTakenAwayByHand: a file out of which a latch was taken, or in which one opens another municipality, is not opened.
func TestALatchTakenAwayByHand(t *testing.T) {
	for name, spoil := range map[string]func(b *bolt.Bucket, of uint64) error{
		"taken away": func(b *bolt.Bucket, of uint64) error { return b.Delete(key(of)) },
		"moved": func(b *bolt.Bucket, of uint64) error {
			return b.Put(key(of), Latch{0, "991023", "tag-missing"}.encode())
		},
	} {
		t.Run(name, func(t *testing.T) {
			j, path := open(t)
			e, err := j.Record(Entry{Kind: Incident, Municipality: "991015", Reason: "tag-missing"}, Entry{Kind: Latched, Municipality: "991015", Reason: "tag-missing"})
			if err != nil {
				t.Fatal(err)
			}
			if err := j.update(0, func(tx *bolt.Tx) error { return spoil(tx.Bucket(latchBucket), e.Seq) }); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path, clock); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

// TestAnOlderFormatIsRefused: what an older version latched could be opened by a button.
func TestAnOlderFormatIsRefused(t *testing.T) {
	j, path := open(t)
	if err := j.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Put(versionKey, []byte("honnin-journal/3")) }); err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if _, err := Open(path, clock); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// TestWhoseServiceMayStop: an incident stops its own municipality's or every one, however old it is, and never another's.
func TestWhoseServiceMayStop(t *testing.T) {
	j, _ := open(t)
	of := int(must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "tag-missing"}).Seq)
	nowhere := int(must(t, j, Entry{Kind: Incident, Reason: "fault"}).Seq)
	for _, when := range []string{"live", "sealed"} {
		for name, bad := range map[string]Entry{
			"another's":     {Kind: Latched, Of: of, Municipality: "991023", Reason: "x"},
			"of no place's": {Kind: Latched, Of: nowhere, Municipality: "991015", Reason: "x"},
		} {
			if _, err := j.Record(bad); !errors.Is(err, ErrState) {
				t.Errorf("%s, %s: %v", name, when, err)
			}
		}
		grow(t, j, sealAfter)
	}
	if _, err := j.Record(Entry{Kind: Incident, Municipality: "991023", Reason: "fault"}, Entry{Kind: Latched, Municipality: "991015", Reason: "x"}); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	must(t, j, Entry{Kind: Latched, Of: of, Municipality: "991015", Reason: "x"})
	must(t, j, Entry{Kind: Latched, Of: nowhere, Reason: "x"})
	if got := latched(t, j); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"honnin/config/protocol"
)

var noon = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func open(t *testing.T) (*Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, path
}

func reopen(t *testing.T, j *Journal, path string) *Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func must(t *testing.T, j *Journal, e Entry) Entry {
	t.Helper()
	e, err := j.Record(e)
	if err != nil {
		t.Fatalf("%s: %v", e.Kind, err)
	}
	return e
}

func TestOneTransactionSurvivesARestart(t *testing.T) {
	j, path := open(t)
	tx, doc := protocol.NewTransaction(), protocol.Digest{1}
	visit, err := j.BeginVisit()
	if err != nil || visit != 1 {
		t.Fatal(visit, err)
	}
	must(t, j, Entry{Kind: Accepted, Visit: visit, Transaction: tx, Document: doc, Of: 2})
	must(t, j, Entry{Kind: Held, Visit: visit, Transaction: tx, Yen: 200})
	must(t, j, Entry{Kind: Sending, Visit: visit, Transaction: tx, Document: doc})
	j = reopen(t, j, path)
	if open, _ := j.Unfinished(); len(open) != 1 || open[0].Kind != Sending || open[0].Transaction != tx {
		t.Fatalf("unfinished: %+v", open)
	}
	if held, _ := j.Unsettled(); len(held) != 1 || held[0].Yen != 200 {
		t.Fatalf("unsettled: %+v", held)
	}
	end := must(t, j, Entry{Kind: Ended, Transaction: tx, Document: doc, Outcome: protocol.Printed, Impressions: 2})
	must(t, j, Entry{Kind: Kept, Transaction: tx, Yen: 200})
	if out, _ := j.Outbox(); len(out) != 1 || out[0].Seq != end.Seq {
		t.Fatalf("outbox: %+v", out)
	}
	must(t, j, Entry{Kind: Delivered, Of: int(end.Seq)})
	for name, list := range map[string]func() ([]Entry, error){"unfinished": j.Unfinished, "unsettled": j.Unsettled, "outbox": j.Outbox} {
		if l, err := list(); err != nil || len(l) != 0 {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
	if n, _, err := j.Verify(); err != nil || n != 7 {
		t.Error(n, err)
	}
}

func TestContradictionsAreRefusedAndLeaveNoTrace(t *testing.T) {
	tx, doc, other := protocol.NewTransaction(), protocol.Digest{1}, protocol.Digest{2}
	accepted := Entry{Kind: Accepted, Transaction: tx, Document: doc}
	sending := Entry{Kind: Sending, Transaction: tx, Document: doc}
	ended := Entry{Kind: Ended, Transaction: tx, Document: doc, Outcome: protocol.Void}
	for name, c := range map[string]struct {
		before []Entry
		bad    Entry
	}{
		"sending unaccepted":     {nil, sending},
		"sending twice":          {[]Entry{accepted, sending}, sending},
		"sending another":        {[]Entry{accepted}, Entry{Kind: Sending, Transaction: tx, Document: other}},
		"accepted twice":         {[]Entry{accepted}, accepted},
		"printed unsent":         {[]Entry{accepted}, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Printed}},
		"printed from nothing":   {nil, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Printed}},
		"unsure from nothing":    {nil, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Unsure}},
		"void after sending":     {[]Entry{accepted, sending}, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Void}},
		"ended twice":            {[]Entry{accepted, ended}, ended},
		"accepted after its end": {[]Entry{accepted, ended}, accepted},
		"refused after its end":  {[]Entry{accepted, ended}, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Refused}},
		"kept what was not held": {nil, Entry{Kind: Kept, Transaction: tx}},
		"held twice":             {[]Entry{{Kind: Held, Transaction: tx}}, Entry{Kind: Held, Transaction: tx}},
	} {
		t.Run(name, func(t *testing.T) {
			j, _ := open(t)
			for _, e := range c.before {
				must(t, j, e)
			}
			if _, err := j.Record(c.bad); !errors.Is(err, ErrState) {
				t.Errorf("got %v", err)
			}
			if n, _, err := j.Verify(); err != nil || n != len(c.before) {
				t.Errorf("%d entries, %v", n, err)
			}
		})
	}
}

func TestStaffAndLatches(t *testing.T) {
	j, path := open(t)
	must(t, j, Entry{Kind: StaffNeeded, Reason: "media-jam"})
	of := must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "subject-mismatch"}).Seq
	must(t, j, Entry{Kind: Latched, Municipality: "991015", Of: int(of), Reason: "subject-mismatch"})
	j = reopen(t, j, path)
	if why, _ := j.StaffNeeded(); why != "media-jam" {
		t.Errorf("staff needed: %q", why)
	}
	must(t, j, Entry{Kind: StaffReady, Staff: "s1"})
	if why, _ := j.StaffNeeded(); why != "" {
		t.Errorf("still %q", why)
	}
	if l, _ := j.Latches(); !slices.Equal(l, []Latch{{of, "991015", "subject-mismatch"}}) {
		t.Errorf("latches, after the word of staff: %+v", l)
	}
}

func TestVisitNumbersRiseAcrossRestarts(t *testing.T) {
	j, path := open(t)
	for want := uint64(1); want < 5; want++ {
		if v, err := j.BeginVisit(); err != nil || v != want {
			t.Fatal(v, err)
		}
		j = reopen(t, j, path)
	}
}

func TestAnEditedOrCutJournalShows(t *testing.T) {
	fill := func(t *testing.T) *Journal {
		j, _ := open(t)
		for range 5 {
			must(t, j, Entry{Kind: Late, Reason: "package"})
		}
		return j
	}
	for name, spoil := range map[string]func(b *bolt.Bucket) error{
		"edited": func(b *bolt.Bucket) error {
			return b.Put(key(3), bytes.Replace(bytes.Clone(b.Get(key(3))), []byte("package"), []byte("parcels"), 1))
		},
		"middle gone": func(b *bolt.Bucket) error { return b.Delete(key(2)) },
		"last gone":   func(b *bolt.Bucket) error { return b.Delete(key(5)) },
	} {
		t.Run(name, func(t *testing.T) {
			j := fill(t)
			if _, _, err := j.Verify(); err != nil {
				t.Fatal(err)
			}
			if err := j.db.Update(func(tx *bolt.Tx) error { return spoil(tx.Bucket(entriesBucket)) }); err != nil {
				t.Fatal(err)
			}
			if _, _, err := j.Verify(); err == nil {
				t.Error("not noticed")
			}
		})
	}
}

func TestAnotherFormatIsRefused(t *testing.T) {
	j, path := open(t)
	if err := j.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Put(versionKey, []byte("honnin-journal/9")) }); err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if _, err := Open(path, clock); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	garbage := filepath.Join(t.TempDir(), "g")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("not a journal "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(garbage, clock); err == nil {
		t.Error("garbage opened")
	}
}

// Whatever is recorded in whatever order, a transaction is sent at most once and ends at most once, and the
// chain holds.
func TestPropertyOncePerTransaction(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "p.db")
		_ = os.Remove(path)
		j, err := Open(path, clock)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		kinds := []Kind{Accepted, Sending, Ended}
		outcomes := []protocol.Outcome{protocol.Printed, protocol.Failed, protocol.Unsure, protocol.Void, protocol.Refused}
		for range rapid.IntRange(1, 12).Draw(t, "n") {
			e := Entry{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Transaction: protocol.Transaction{byte(rapid.IntRange(1, 2).Draw(t, "tx"))}}
			if e.Kind == Ended {
				e.Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
			}
			_, _ = j.Record(e)
		}
		checkOnce(t, j)
	})
}

func checkOnce(t *rapid.T, j *Journal) {
	open := map[protocol.Transaction]Kind{}
	ends := map[protocol.Transaction]int{}
	if err := j.Each(func(e Entry) error {
		if e.Kind == Sending && open[e.Transaction] != Accepted {
			t.Errorf("%d: sent from %q", e.Seq, open[e.Transaction])
		}
		if e.Outcome == protocol.Printed && open[e.Transaction] != Sending {
			t.Errorf("%d: printed from %q", e.Seq, open[e.Transaction])
		}
		if e.Kind == Ended {
			ends[e.Transaction]++
		}
		if ends[e.Transaction] > 1 || ends[e.Transaction] == 1 && e.Kind != Ended {
			t.Errorf("%d: %s after the end", e.Seq, e.Kind)
		}
		open[e.Transaction] = e.Kind
		return nil
	}); err != nil {
		t.Error(err)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecordSynced(b *testing.B) {
	j, err := Open(filepath.Join(b.TempDir(), "b.db"), clock)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for b.Loop() {
		if _, err := j.Record(Entry{Kind: Late, Reason: "package"}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestOneProcessOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := Open(path, time.Now); !errors.Is(err, ErrInUse) {
		t.Errorf("a second one opened it: %v", err)
	}
}

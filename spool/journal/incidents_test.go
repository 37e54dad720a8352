package journal

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// standings lists the open incidents' positions.
func standings(t rapid.TB, j *Journal) (out []uint64) {
	t.Helper()
	all, err := j.Incidents(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		out = append(out, s.Position)
	}
	return out
}

// moved is an entry by which a person moves an incident on, whole.
func moved(k Kind, of uint64) Entry {
	return Entry{Kind: k, Of: int(of), Staff: "office-a", Proof: protocol.Digest{9}, Signed: protocol.At(noon)}
}

// TestOnlyClosingCloses: whatever is recorded in whatever order (retries that print, staff who say all is well, services that
// open, receipts, policies, and closings that name nobody), over restarts and seals: an incident is open until a named person
// has closed it with a proof.
func TestOnlyClosingCloses(t *testing.T) {
	path := filepath.Join(quick(t), "p.db")
	closings, survived := 0, 0
	for round := 0; round < 20 && (closings < 10 || survived < 100); round++ {
		rapid.Check(t, func(t *rapid.T) { onlyClosingCloses(t, path, &closings, &survived) })
	}
	if closings < 10 || survived < 100 {
		t.Errorf("only %d closings, and %d entries that closed nothing", closings, survived)
	}
}

func onlyClosingCloses(t *rapid.T, path string, closings, survived *int) {
	_ = os.Remove(path)
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	var open []uint64
	for range rapid.IntRange(5, 30).Draw(t, "n") {
		switch rapid.IntRange(0, 29).Draw(t, "what") {
		case 0, 1:
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = Open(path, clock); err != nil {
				t.Fatal(err)
			}
		case 2:
			if err := j.update(0, func(tx *bolt.Tx) error { return growEntries(tx, sealAfter) }); err != nil {
				t.Fatal(err)
			}
			j.tidy()
		default:
			e := anyEntry(t, open)
			done, err := j.Record(e)
			switch {
			case err != nil:
			case e.Kind == Incident:
				open = append(open, done.Seq)
			case e.Kind == Closed && e.Staff != "" && e.Proof != (protocol.Digest{}) && !e.Signed.IsZero():
				open = slices.DeleteFunc(open, func(n uint64) bool { return n == uint64(e.Of) })
				*closings++
			default:
				*survived += len(open)
			}
		}
		if got := standings(t, j); !slices.Equal(got, open) {
			t.Fatalf("open are %d, and must be %d", got, open)
		}
	}
	if _, _, err := j.Verify(); err != nil {
		t.Fatal(err)
	}
}

func growEntries(tx *bolt.Tx, n int) error {
	for range n {
		if _, err := appendEntry(tx, Entry{Kind: Late, Reason: "package"}, noon); err != nil {
			return err
		}
	}
	return nil
}

// anyEntry is one of any kind, about any entry, whole or with something left out.
func anyEntry(t *rapid.T, open []uint64) Entry {
	of := uint64(rapid.IntRange(0, 40).Draw(t, "of"))
	if len(open) > 0 && rapid.Bool().Draw(t, "of an incident") {
		of = rapid.SampledFrom(open).Draw(t, "which")
	}
	e := moved(rapid.SampledFrom(append([]Kind{Incident, Closed, Incident, Closed, Incident, Acknowledged}, Kinds()...)).Draw(t, "kind"), of)
	e.Reason, e.Municipality, e.Outcome = "word", "991015", rapid.SampledFrom([]protocol.Outcome{protocol.Printed, protocol.Refused}).Draw(t, "outcome")
	e.Transaction = protocol.Transaction{byte(rapid.IntRange(1, 3).Draw(t, "tx"))}
	switch rapid.IntRange(0, 9).Draw(t, "without") {
	case 0:
		e.Staff = ""
	case 1:
		e.Proof = protocol.Digest{}
	case 2:
		e.Signed = protocol.Time{}
	}
	return e
}

// TestAnIncidentsWay: each step once, in any order that can come to be, and known after a restart and a seal.
func TestAnIncidentsWay(t *testing.T) {
	j, path := open(t)
	first := must(t, j, Entry{Kind: Incident, Reason: "subject-mismatch", Municipality: "991015"})
	second := must(t, j, Entry{Kind: Incident, Reason: "fault"})
	receipt := must(t, j, Entry{Kind: Delivered, Of: int(first.Seq), Proof: protocol.Digest{1}})
	must(t, j, Entry{Kind: Undelivered, Of: int(second.Seq), Reason: "unknown"})
	must(t, j, Entry{Kind: Disbelieved, Of: int(first.Seq), Reason: "state-unsigned"})
	must(t, j, Entry{Kind: Disbelieved, Of: int(first.Seq), Reason: "state-expired"})
	taken := must(t, j, moved(Acknowledged, first.Seq))
	for name, bad := range map[string]Entry{
		"acknowledged twice":      moved(Acknowledged, first.Seq),
		"disbelieved twice":       {Kind: Disbelieved, Of: int(first.Seq), Reason: "state-expired"},
		"closed by nobody":        {Kind: Closed, Of: int(first.Seq), Proof: protocol.Digest{9}, Signed: protocol.At(noon)},
		"closed without a proof":  {Kind: Closed, Of: int(first.Seq), Staff: "office-a", Signed: protocol.At(noon)},
		"closed at no time":       {Kind: Closed, Of: int(first.Seq), Staff: "office-a", Proof: protocol.Digest{9}},
		"closed what is none":     moved(Closed, receipt.Seq),
		"closed what is not here": moved(Closed, 99),
		"delivered twice":         {Kind: Delivered, Of: int(first.Seq)},
	} {
		if _, err := j.Record(bad); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	grow(t, j, 250)
	j = reopen(t, j, path)
	h1, _ := first.Head()
	h2, _ := second.Head()
	want := []Standing{{JournalHead: h1, Delivered: receipt.Seq, Acknowledged: taken.Seq, Count: 1, Last: first.Seq, Disbelieved: []string{"state-unsigned", "state-expired"}},
		{JournalHead: h2, Count: 1, Last: second.Seq}}
	got, err := j.Incidents(0, 0)
	for i := range got {
		got[i].link = link{}
	}
	if len(got) == 2 && len(got[1].Disbelieved) == 0 {
		got[1].Disbelieved = nil
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, and not %+v (%v)", got, want, err)
	}
	if one, err := j.Incidents(first.Seq, 1); err != nil || len(one) != 1 || one[0].Position != second.Seq {
		t.Errorf("after the first: %+v %v", one, err)
	}
	if e, err := j.At(first.Seq); err != nil || e.Municipality != "991015" {
		t.Errorf("sealed: %+v %v", e, err)
	}
	if _, err := j.At(1 << 40); !errors.Is(err, ErrNoEntry) {
		t.Error(err)
	}
	must(t, j, moved(Closed, first.Seq))
	if _, err := j.Record(moved(Acknowledged, first.Seq)); !errors.Is(err, ErrState) {
		t.Errorf("acknowledged after it was closed: %v", err)
	}
	if left := standings(t, j); !slices.Equal(left, []uint64{second.Seq}) {
		t.Errorf("open: %d", left)
	}
}

// TestTogetherOrNotAtAll: what is recorded with an entry is there with it, in its order, or neither is.
func TestTogetherOrNotAtAll(t *testing.T) {
	j, _ := open(t)
	e, err := j.Record(Entry{Kind: Incident, Municipality: "991015", Reason: "subject-mismatch"}, Entry{Kind: Latched, Municipality: "991015", Reason: "subject-mismatch"}, Entry{Kind: StaffNeeded, Reason: "x"})
	if err != nil || e.Seq != 1 || e.Kind != Incident {
		t.Fatal(e, err)
	}
	if _, err := j.Record(Entry{Kind: Incident, Reason: "fault"}, Entry{Kind: Sending, Transaction: protocol.Transaction{1}}); !errors.Is(err, ErrState) {
		t.Fatal(err)
	}
	if n, _, err := j.Verify(); n != 3 || err != nil || len(standings(t, j)) != 1 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// TestHostileCentreFillsNothing: what is not believed is written down a bounded number of times.
func TestHostileCentreFillsNothing(t *testing.T) {
	j, _ := open(t)
	of := int(must(t, j, Entry{Kind: Incident, Reason: "fault"}).Seq)
	taken := 0
	for i := range 3 * maxDisbelieved {
		if _, err := j.Record(Entry{Kind: Disbelieved, Of: of, Reason: string(rune('A' + i))}); err == nil {
			taken++
		} else if !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
	}
	if taken != maxDisbelieved {
		t.Errorf("%d were taken", taken)
	}
}

// TestIncidentTakenAwayByHand: a file out of which an open incident was taken is not opened.
func TestIncidentTakenAwayByHand(t *testing.T) {
	j, path := open(t)
	of := must(t, j, Entry{Kind: Incident, Reason: "subject-mismatch"}).Seq
	if err := j.update(0, func(tx *bolt.Tx) error { return tx.Bucket(incidentBucket).Delete(key(of)) }); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, clock); !errors.Is(err, ErrDamaged) {
		t.Errorf("opened: %v", err)
	}
}

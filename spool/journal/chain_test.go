package journal

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// lived makes a journal of a few visits, and returns the heads that went to the centre with the outcomes.
func lived(t *testing.T, terminal byte) (all []Entry, heads []protocol.JournalHead) {
	t.Helper()
	j, _ := open(t)
	for i := range byte(3) {
		tx := protocol.Transaction{terminal, i}
		for _, e := range aVisit(tx, protocol.Transaction{terminal, 9, i})[:6] {
			must(t, j, e)
		}
		_, head, ok, err := j.Oldest(0)
		if err != nil || !ok {
			t.Fatal(err)
		}
		heads = append(heads, head)
		must(t, j, Entry{Kind: Delivered, Of: int(head.Position)})
	}
	if err := j.Each(func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all, heads
}

// TestForgedJournalsShowAgainstTheCentre: whoever can write the file can make a chain that is whole, with projections that
// follow. What the centre heard before gives it away.
func TestForgedJournalsShowAgainstTheCentre(t *testing.T) {
	all, heads := lived(t, 1)
	another, _ := lived(t, 2)
	for name, c := range map[string]struct {
		forged []Entry
		shows  bool
	}{
		"as it was":        {all, false},
		"the tail cut":     {all[:len(all)-7], true},
		"one edited":       {edited(all, 5, func(e *Entry) { e.Impressions = 1 }), true},
		"the first edited": {edited(all, 1, func(e *Entry) { e.Yen = 100 }), true},
		"one left out":     {slices.Concat(all[:12], all[14:]), true},
		"one put in":       {slices.Concat(all[:7], []Entry{{Kind: StaffReady, Staff: "s9"}}, all[7:14]), true},
		"another's":        {another, true},
		"spliced":          {slices.Concat(all[:7], another[7:]), true},
		"begun anew":       {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			j, _ := open(t)
			for i, e := range c.forged {
				if e.Kind == Delivered {
					e.Of = latestEnd(c.forged[:i])
				}
				must(t, j, e)
			}
			if n, _, err := j.Verify(); err != nil || n != len(c.forged) {
				t.Fatalf("the forger did not even make a chain: %d %v", n, err)
			}
			missing := 0
			for _, h := range heads {
				if held, err := j.Holds(h); err != nil {
					t.Error(err)
				} else if !held {
					missing++
				}
			}
			if (missing > 0) != c.shows {
				t.Errorf("%d heads of %d are missing", missing, len(heads))
			}
		})
	}
}

func edited(all []Entry, i int, f func(*Entry)) []Entry {
	out := slices.Clone(all)
	f(&out[i])
	return out
}

func latestEnd(all []Entry) (at int) {
	for i, e := range all {
		if e.Kind == Ended {
			at = i + 1
		}
	}
	return at
}

// TestProjectionsThatDoNotFollow: a hand in what the terminal goes by is seen by Verify, and at the next start.
func TestProjectionsThatDoNotFollow(t *testing.T) {
	put := func(bucket, k, v []byte) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(k, v) }
	}
	take := func(bucket, k []byte) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Delete(k) }
	}
	tx, ended := protocol.Transaction{1}, protocol.Transaction{2}
	for name, hand := range map[string]func(*bolt.Tx) error{
		"latch gone":       take(latchBucket, key(6)),
		"latch added":      put(latchBucket, key(5), []byte("991023 x")),
		"staff not needed": take(stateBucket, staffKey),
		"visits again":     put(stateBucket, visitKey, key(0)),
		"nothing open":     take(openBucket, tx[:]),
		"money gone":       take(moneyBucket, tx[:]),
		"outbox emptied":   take(outboxBucket, key(5)),
		"another head":     put(metaBucket, headKey, make([]byte, 32)),
		"may end again":    take(doneBucket, ended[:]),
		"policy forgotten": take(stateBucket, policyKey),
		"least forgotten":  take(stateBucket, leastKey),
		"incident gone":    take(incidentBucket, key(6)),
		"no longer alike":  put(alikeBucket, []byte("any"), key(6)),
		"undone to more":   put(undoBucket, undoKey(2, key(6)), undoValue([]byte("991023 x"))),
		"undone to less":   put(undoBucket, undoKey(4, staffKey), undoValue([]byte("{}"))),
		"undone nowhere":   put(undoBucket, undoKey(99, staffKey), undoValue(nil)),
		"other sums":       put(metaBucket, baseKey, sealing{seq: 3, sums: sums{{7}}}.encode()),
	} {
		for _, sealed := range []bool{false, true} {
			j, path := open(t)
			if _, err := j.BeginVisit(); err != nil {
				t.Fatal(err)
			}
			for _, e := range []Entry{{Kind: Accepted, Transaction: tx}, {Kind: Held, Transaction: tx, Yen: 200}, {Kind: Sending, Transaction: tx},
				{Kind: Ended, Transaction: ended, Outcome: protocol.Refused}, {Kind: Incident, Municipality: "991015", Reason: "tag-missing"}, {Kind: Latched, Of: 6, Municipality: "991015", Reason: "tag-missing"}, {Kind: StaffNeeded, Reason: "unsure"},
				{Kind: PolicyApplied, Policy: protocol.PolicyRef{Version: 3}}, {Kind: PolicyLeast, Least: 3}} {
				must(t, j, e)
			}
			if sealed {
				if err := j.update(0, seal); err != nil {
					t.Fatal(err)
				}
			}
			if err := j.update(0, hand); err != nil {
				t.Fatal(err)
			}
			if _, _, err := j.Verify(); err == nil {
				t.Errorf("%s (sealed: %v): not noticed", name, sealed)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path, clock); !errors.Is(err, ErrDamaged) && !(sealed && name == "may end again") {
				t.Errorf("%s (sealed: %v): opened: %v", name, sealed, err)
			}
			if c, err := Copy(path); err != nil {
				t.Error(name, err)
			} else if _, _, err := c.Verify(); err == nil {
				t.Errorf("%s (sealed: %v): not noticed in a copy", name, sealed)
			}
		}
	}
}

// TestCopyOfARunningJournal: what is copied while another writes is whole, and as long as it was at some moment. Each
// copy meets two entries: a writer that never rests would let no copy be made.
func TestCopyOfARunningJournal(t *testing.T) {
	j, path := open(t)
	two, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for range two {
			for range 2 {
				if _, err := j.Record(Entry{Kind: Late, Reason: "package"}); err != nil {
					ended <- err
					return
				}
			}
		}
		ended <- nil
	}()
	last := 0
	for range 150 {
		select {
		case two <- struct{}{}:
		case err := <-ended:
			t.Fatal(err)
		}
		c, err := Copy(path)
		if err != nil {
			t.Fatal(err)
		}
		n, _, err := c.Verify()
		if err != nil || n < last {
			t.Errorf("%d entries after %d: %v", n, last, err)
		}
		last = n
		_ = c.Close()
	}
	close(two)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if last < 2*149 {
		t.Errorf("only %d entries", last)
	}
	if _, err := Copy(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a copy of nothing")
	}
}

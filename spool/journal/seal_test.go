package journal

import (
	"bytes"
	"os"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// grow lives n visits as the terminal writes them (nine entries each, random numbers), many to a transaction.
func grow(t testing.TB, j *Journal, n int) {
	t.Helper()
	for done := 0; done < n; {
		if err := j.update(0, func(tx *bolt.Tx) error {
			for range min(100, n-done) {
				done++
				if err := growOne(tx); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		j.tidy()
	}
}

func growOne(tx *bolt.Tx) error {
	visit := number(tx.Bucket(stateBucket).Get(visitKey)) + 1
	t, doc := protocol.NewTransaction(), protocol.Digest(protocol.NewNonce())
	all := append([]Entry{{Kind: VisitBegun}}, aVisit(t, t)[:6]...)
	for i := range all {
		if all[i].Visit = visit; all[i].Document != (protocol.Digest{}) {
			all[i].Document, all[i].Municipality = doc, "991015"
		}
		if all[i].Kind == Sending {
			all[i].Signature = protocol.Digest(protocol.NewNonce())
		}
	}
	for _, e := range append(all, Entry{Kind: VisitEnded, Visit: visit}, Entry{Kind: Delivered}) {
		if e.Kind == Delivered {
			k, _ := tx.Bucket(outboxBucket).Cursor().First()
			e.Of = int(number(k))
		}
		if _, err := appendEntry(tx, e, noon); err != nil {
			return err
		}
	}
	return nil
}

// TestSealingKeepsEverything: after seals every entry is there as it was stored, found at its place and in both directions.
func TestSealingKeepsEverything(t *testing.T) {
	j, path := open(t)
	tx := protocol.Transaction{3}
	first := must(t, j, Entry{Kind: Incident, Municipality: "991023", Reason: "fault"})
	must(t, j, Entry{Kind: Latched, Of: int(first.Seq), Municipality: "991023", Reason: "fault"})
	must(t, j, Entry{Kind: Delivered, Of: int(first.Seq)})
	must(t, j, Entry{Kind: Accepted, Transaction: tx})
	grow(t, j, 250)
	j = reopen(t, j, path)
	if n, live := j.count(t); n != 4+250*9 || live > sealAfter || live == 0 {
		t.Fatalf("%d entries, %d live", n, live)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Fatal(err)
	}
	var forward, back []Entry
	if err := j.Each(func(e Entry) error { forward = append(forward, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := j.Since(protocol.At(noon), func(e Entry) error { back = append(back, e); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(back)
	if len(back) != len(forward) {
		t.Fatalf("%d entries forward, %d back", len(forward), len(back))
	}
	for i, e := range forward {
		b, _ := e.encode()
		if other, _ := back[i].encode(); e.Seq != uint64(i+1) || !bytes.Equal(b, other) {
			t.Fatalf("entry %d: %s back %s", i+1, b, other)
		}
		if i%97 == 0 || i == len(forward)-1 {
			h := protocol.JournalHead{Position: e.Seq, Head: digest(b)}
			if held, err := j.Holds(h); !held || err != nil {
				t.Errorf("entry %d is not held: %v", i+1, err)
			}
		}
	}
	if l, _ := j.Latches(); len(l) != 1 {
		t.Errorf("latches %v", l)
	}
	if o, err := j.Outcome(forward[5+3].Transaction); o != protocol.Printed || err != nil {
		t.Errorf("an old outcome: %q %v", o, err)
	}
	if _, err := j.Record(Entry{Kind: Ended, Transaction: forward[5+3].Transaction, Outcome: protocol.Refused}); err == nil {
		t.Error("ended twice, a seal apart")
	}
	if open, _ := j.Unfinished(); len(open) != 1 || open[0].Transaction != tx {
		t.Errorf("unfinished %v", open)
	}
}

func (j *Journal) count(t testing.TB) (all, live int) {
	t.Helper()
	if err := j.db.View(func(tx *bolt.Tx) error {
		all = int(tx.Bucket(entriesBucket).Sequence())
		live = tx.Bucket(entriesBucket).Stats().KeyN
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all, live
}

// TestGrowthIsBounded: a visit costs so many bytes, the two thousandth as the five hundredth.
func TestGrowthIsBounded(t *testing.T) {
	j, path := open(t)
	used := func() int64 {
		t.Helper()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := readPages(f)
		if err != nil {
			t.Fatal(err)
		}
		return int64(p.high * p.size)
	}
	grow(t, j, 500)
	before := used()
	grow(t, j, 1500)
	each := (used() - before) / 1500
	t.Logf("%d bytes a visit; live entries and free pages %d KiB", each, before>>10)
	if each < 100 || each > 1000 {
		t.Errorf("a visit costs %d bytes", each)
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 40))
	f.Add(append(make([]byte, 32), 1, 3, 0, 252, 255, 'a', '\n', 'b'))
	f.Add(sealing{seq: 7, sums: sums{{1, 2}}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if all, err := unseal(b); err == nil && len(all) > maxSealed {
			t.Error("more entries than bytes")
		}
		if s, err := sealingOf(b); err == nil && len(b) > 0 {
			if !bytes.Equal(s.encode(), b) {
				t.Errorf("%x does not survive", b)
			}
		}
	})
}

// BenchmarkOpen opens a journal of ten thousand entries and one of ten times as many: what a restart waits for.
func BenchmarkOpen(b *testing.B) {
	for name, visits := range map[string]int{"10k": 1_111, "100k": 11_111} {
		path := b.TempDir() + "/j"
		j, err := Open(path, clock)
		if err != nil {
			b.Fatal(err)
		}
		j.db.NoSync = true
		grow(b, j, visits)
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				j, err := Open(path, clock)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = j.Unfinished()
				_ = j.Close()
			}
		})
	}
}

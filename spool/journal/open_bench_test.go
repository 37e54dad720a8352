package journal

import (
	"fmt"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// distinct raises n incidents of which none is like another.
func distinct(t testing.TB, j *Journal, n int) {
	t.Helper()
	for done := 0; done < n; {
		if err := j.update(0, func(tx *bolt.Tx) error {
			for range min(2000, n-done) {
				done++
				if _, err := appendEntry(tx, Entry{Kind: Incident, Reason: "fault", Where: fmt.Sprint(done)}, noon); err != nil {
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

// BenchmarkManyOpen: what a seal, one more incident and a start cost while few and while 100,000 incidents are open, all different and
// none delivered; and what it costs to make one of as many that are alike.
func BenchmarkManyOpen(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		path := b.TempDir() + "/j"
		j, err := Open(path, clock)
		if err != nil {
			b.Fatal(err)
		}
		j.db.NoSync = true
		distinct(b, j, n)
		b.Run(fmt.Sprintf("seal-%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := j.update(0, func(tx *bolt.Tx) error { return growEntries(tx, sealTake) }); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := j.update(0, seal); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("record-%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := j.Record(Entry{Kind: Incident, Reason: "fault", Where: "more"}); err != nil {
					b.Fatal(err)
				}
			}
		})
		j.tidy()
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("open-%d", n), func(b *testing.B) {
			for b.Loop() {
				j, err := Open(path, clock)
				if err != nil {
					b.Fatal(err)
				}
				_ = j.Close()
			}
		})
	}
	b.Run("gather-100000", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			j, err := Open(b.TempDir()+"/j", clock)
			if err != nil {
				b.Fatal(err)
			}
			j.db.NoSync = true
			storm(b, j, 100_000, 1<<20)
			b.StartTimer()
			if e, gathered, err := j.Gather(1, nil); !gathered || err != nil || e.Storm.Count != 100_000 {
				b.Fatal(e.Storm, err)
			}
			b.StopTimer()
			_ = j.Close()
			b.StartTimer()
		}
	})
}

//go:build slow

package journal

import (
	"bytes"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestOpeningIsFlat: a start reads none of what is sealed, and as few pages after two hundred thousand entries as after twenty
// thousand. That it reads nothing is shown by spoiling it.
func TestOpeningIsFlat(t *testing.T) {
	const few, many = 2_222, 2_222 + 39*sealTake // as many entries after a seal
	read, stay := map[int]int{}, map[int]int{}
	for _, visits := range []int{few, many} {
		j, path := open(t)
		j.db.NoSync = true
		grow(t, j, visits)
		n, live := j.count(t)
		if n < visits*9 || live > sealAfter {
			t.Fatalf("%d entries, %d live", n, live)
		}
		p, err := readPages(j.file)
		if err != nil {
			t.Fatal(err)
		}
		pages := tree{j.file, p, map[uint64]bool{0: true, 1: true}}
		if err := pages.walk(at.Uint64(p.raw[32:]), true); err != nil {
			t.Fatal(err)
		}
		read[visits], stay[visits] = len(pages.seen), live
		if err := j.update(0, spoil); err != nil {
			t.Fatal(err)
		}
		j = reopen(t, j, path)
		for _, list := range []func() ([]Entry, error){j.Unfinished, j.Unsettled, j.Outbox} {
			if l, err := list(); err != nil || len(l) != 0 {
				t.Error(l, err)
			}
		}
		if l, err := j.Latches(); err != nil || len(l) != 0 {
			t.Error(l, err)
		}
		if v, err := j.BeginVisit(); err != nil || v != uint64(visits+1) {
			t.Error(v, err)
		}
		if _, _, err := j.Verify(); err == nil {
			t.Error("it was not even spoiled")
		}
	}
	t.Logf("pages read: %v", read)
	if stay[few] != stay[many] || read[many] > read[few]*3/2 {
		t.Errorf("%d pages are read for %d live entries, and %d for %d after ten times as much", read[few], stay[few], read[many], stay[many])
	}
}

func spoil(tx *bolt.Tx) error {
	c := tx.Bucket(sealedBucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := tx.Bucket(sealedBucket).Put(bytes.Clone(k), make([]byte, len(v))); err != nil {
			return err
		}
	}
	return nil
}

package journal

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// TestAfter: from every position the entries behind it, in order, whether they are sealed or not; and no more than is wanted.
func TestAfter(t *testing.T) {
	j, err := Open(filepath.Join(t.TempDir(), "j"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	last := uint64(sealAfter + 10)
	for range last {
		must(t, j, Entry{Kind: Late, Reason: "package"})
	}
	j.tidy()
	if base := must(t, j, Entry{Kind: Started}); base.Seq != last+1 {
		t.Fatal(base.Seq)
	}
	last++
	for _, position := range []uint64{0, 1, sealTake - 1, sealTake, sealTake + 1, last - 2, last - 1, last, last + 5, ^uint64(0) - 1} {
		next := position + 1
		if err := j.After(position, func(e Entry) (bool, error) {
			if e.Seq != next {
				t.Fatalf("after %d: entry %d instead of %d", position, e.Seq, next)
			}
			next++
			return true, nil
		}); err != nil || position < last && next != last+1 || position >= last && next != position+1 {
			t.Errorf("after %d: up to %d, %v", position, next-1, err)
		}
	}
	n := 0
	err = j.After(3, func(Entry) (bool, error) { n++; return n < 5, nil })
	if err != nil || n != 5 {
		t.Error(n, err)
	}
	broken := errors.New("broken")
	if err := j.After(3, func(Entry) (bool, error) { return true, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestAfterInChunks: however much there is to read, no look at the file is longer than a chunk, so that a writer waits no longer.
func TestAfterInChunks(t *testing.T) {
	j, _ := open(t)
	j.db.NoSync = true
	grow(t, j, chunk/3) // of nine entries each
	head, err := j.Head()
	if err != nil {
		t.Fatal(err)
	}
	before, last := j.db.Stats().TxN, uint64(0)
	if err := j.After(0, func(e Entry) (bool, error) {
		if e.Seq != last+1 {
			t.Fatalf("entry %d behind entry %d", e.Seq, last)
		}
		last = e.Seq
		return true, nil
	}); err != nil || last != head.Position || last < 2*chunk {
		t.Fatal(last, head.Position, err)
	}
	if looks := j.db.Stats().TxN - before; looks != int(last/chunk)+1 {
		t.Errorf("%d entries in %d looks", last, looks)
	}
}

// TestVerifyEnds: who has it verified may leave.
func TestVerifyEnds(t *testing.T) {
	j, _ := open(t)
	for range 10 {
		must(t, j, Entry{Kind: Started})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if n, _, err := j.VerifyContext(ctx); n != 0 || !errors.Is(err, context.Canceled) || errors.Is(err, ErrDamaged) {
		t.Error(n, err)
	}
	if n, _, err := j.Verify(); n != 10 || err != nil {
		t.Error(n, err)
	}
}

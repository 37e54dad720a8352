package journal

import (
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
)

// TestHeadOfAnEntry: the head that an entry names is one the journal holds, also after the entry was sealed.
func TestHeadOfAnEntry(t *testing.T) {
	j, err := Open(filepath.Join(t.TempDir(), "j"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for n := range sealAfter + 10 {
		if _, err := j.Record(Entry{Kind: Late, Visit: uint64(n + 1), Transaction: protocol.Transaction{1}, Reason: "package"}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	if err := j.Each(func(e Entry) error {
		if n++; n%101 != 0 {
			return nil
		}
		h, err := e.Head()
		if held, err2 := j.Holds(h); err != nil || err2 != nil || !held {
			t.Fatalf("entry %d: %v %v", e.Seq, err, err2)
		}
		return nil
	}); err != nil || n != sealAfter+10 {
		t.Error(n, err)
	}
	first, _ := Entry{Seq: 1}.Head()
	if held, err := j.Holds(first); held || err != nil {
		t.Error("it holds what was never recorded", err)
	}
}

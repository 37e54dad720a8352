package technician

import (
	"path/filepath"
	"testing"
	"time"

	"honnin/spool/journal"
)

// TestTestVisitsAreCounted: by how they ended, and nowhere else.
func TestTestVisitsAreCounted(t *testing.T) {
	j, err := journal.Open(filepath.Join(t.TempDir(), journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, e := range []journal.Entry{{Kind: journal.TestVisitBegun, Staff: "tech-7"}, {Kind: journal.TestVisitDone, Reason: "printed"}} {
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	n, err := tally(t.Context(), j)
	if err != nil || n[counter{"test-visits", "printed"}] != 1 || n[counter{Name: "sheets"}] != 0 || n[counter{"outcomes", "printed"}] != 0 {
		t.Errorf("%v %v", n, err)
	}
}

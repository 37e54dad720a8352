package journal

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
)

// TestServiceSheet: a service sheet that was begun stands there until its end, over a restart; meanwhile neither another nor a
// certificate goes to paper, and none begins where staff have to look. Its end is of that sheet, and ends once.
func TestServiceSheet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	one, other, tx, doc := protocol.Digest{1}, protocol.Digest{2}, protocol.NewTransaction(), protocol.Digest{9}
	begun := Entry{Kind: SheetBegun, Document: one, Of: 1, Staff: "tech-7"}
	done := Entry{Kind: SheetDone, Document: one, Outcome: protocol.Unsure, Reason: "media-jam"}
	for i, step := range []struct {
		do   Entry
		bad  bool
		open bool // afterwards
	}{
		{do: Entry{Kind: Started}},
		{do: done, bad: true},
		{do: Entry{Kind: Accepted, Transaction: tx, Document: doc}},
		{do: begun, open: true},
		{do: begun, bad: true, open: true},
		{do: Entry{Kind: SheetBegun, Document: other}, bad: true, open: true},
		{do: Entry{Kind: Sending, Transaction: tx, Document: doc}, bad: true, open: true},
		{do: Entry{Kind: SheetDone, Document: other}, bad: true, open: true},
		{do: done},
		{do: done, bad: true},
		{do: Entry{Kind: Sending, Transaction: tx, Document: doc}},
		{do: Entry{Kind: StaffNeeded, Reason: "media-jam"}},
		{do: begun, bad: true},
		{do: Entry{Kind: StaffReady, Staff: "tech-7"}},
		{do: begun, open: true},
	} {
		j, err := Open(file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Record(step.do); errors.Is(err, ErrState) != step.bad || err != nil && !step.bad {
			t.Errorf("step %d, %s: %v", i, step.do.Kind, err)
		}
		if e, err := j.Sheet(); err != nil || (e.Kind == SheetBegun && e.Document == one) != step.open {
			t.Errorf("step %d: %+v %v", i, e, err)
		}
		if _, _, err := j.Verify(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package technician

import (
	"encoding/json"
	"testing"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// TestBundledHead: a bundle says where the journal ends, and by which digest.
func TestBundledHead(t *testing.T) {
	r := newRuled(t)
	r.keeps(t, journal.Entry{Kind: journal.Started}, journal.Entry{Kind: journal.StaffNeeded, Reason: "media-jam"})
	j, err := r.book()
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	want, err := j.Head()
	if err != nil || want.Position != 2 {
		t.Fatal(want, err)
	}
	b, err := r.bundle(t.Context(), console.Who{ID: "tech-7", Role: policy.Look})
	if err != nil {
		t.Fatal(err)
	}
	var got protocol.JournalHead
	if err := json.Unmarshal([]byte(unpack(t, b)["journal-head.json"]), &got); err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}

package journal

import (
	"path/filepath"
	"testing"
	"time"
)

// TestServiceOff: who stopped the service stands there until somebody ends it, over a restart, and no word of staff is that.
func TestServiceOff(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	for _, step := range []struct {
		do   Entry
		want Kind
	}{
		{Entry{Kind: Started}, ""}, {Entry{Kind: ServiceOff, Staff: "tech-7"}, ServiceOff}, {Entry{Kind: StaffReady, Staff: "s1"}, ServiceOff},
		{Entry{Kind: ServiceOff, Staff: "tech-8"}, ServiceOff}, {Entry{Kind: ServiceOn, Staff: "tech-7"}, ""}, {Entry{Kind: ServiceOn, Staff: "tech-7"}, ""},
	} {
		j, err := Open(file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Record(step.do); err != nil {
			t.Fatal(err)
		}
		e, err := j.ServiceOff()
		if err != nil || e.Kind != step.want || e.Kind != "" && step.do.Kind == ServiceOff && e.Staff != step.do.Staff {
			t.Errorf("after %s by %s: %+v %v", step.do.Kind, step.do.Staff, e, err)
		}
		if _, _, err := j.Verify(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTestVisit: while one goes on, and after a restart in it, staff are needed. Its end takes back that and nothing else, and none
// begins where staff are needed already.
func TestTestVisit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	begun, done, ready := Entry{Kind: TestVisitBegun, Staff: "tech-7"}, Entry{Kind: TestVisitDone, Reason: "printed"}, Entry{Kind: StaffReady, Staff: "s1"}
	jam := Entry{Kind: StaffNeeded, Reason: "media-jam"}
	for i, step := range []struct {
		do    []Entry
		want  string
		fails bool
	}{
		{do: []Entry{begun}, want: "test-visit"}, {do: []Entry{begun}, want: "test-visit", fails: true}, {do: []Entry{done}},
		{do: []Entry{begun}, want: "test-visit"}, {do: []Entry{done, jam}, want: "media-jam"}, {do: []Entry{begun}, want: "media-jam", fails: true},
		{do: []Entry{done}, want: "media-jam"}, {do: []Entry{ready}}, {do: []Entry{begun}, want: "test-visit"}, {do: []Entry{ready}}, {do: []Entry{done}},
	} {
		j, err := Open(file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Record(step.do[0], step.do[1:]...); (err != nil) != step.fails {
			t.Errorf("step %d: %v", i, err)
		}
		if why, err := j.StaffNeeded(); err != nil || why != step.want {
			t.Errorf("step %d: %q %v", i, why, err)
		}
		if _, _, err := j.Verify(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// TestStormInTheList: what one incident speaks for is one line with its count; each is found by its name, and stands where that one
// stands.
func TestStormInTheList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	record := func(e journal.Entry) {
		t.Helper()
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		record(journal.Entry{Kind: journal.Incident, Reason: "tag-missing", Municipality: "991015"})
	}
	record(journal.Entry{Kind: journal.Latched, Of: 3, Municipality: "991015", Reason: "unacknowledged"})
	if _, gathered, err := j.Gather(1, nil); !gathered || err != nil {
		t.Fatal(err)
	}
	record(journal.Entry{Kind: journal.Incident, Reason: "tag-missing", Municipality: "991015"})
	list := func(args ...string) []noticed {
		return incidentsListed(t, append(args, "--journal", "TEST-0001="+file)...)
	}
	if all := list(); len(all) != 2 || all[0].Storm.Count != 3 || all[0].Storm.Through != 3 || !all[0].Stopped || all[1].Storm.Count != 0 || all[1].Stopped {
		t.Errorf("%+v", all)
	}
	all := list("--all")
	if len(all) != 4 || !all[1].Stopped || !all[2].Stopped || all[1].Under != all[0].ID || all[2].Under != all[0].ID || all[3].Under != "" {
		t.Fatalf("%+v", all)
	}
	for n, want := range map[int]string{0: "speaks for 3 that are alike", 2: "it stops the service of 991015 on this terminal", 1: string(all[0].ID) + " speaks for"} {
		if said, code := honnindSays(t, "incident", "show", string(all[n].ID), "--journal", "TEST-0001="+file); code != exitOK || !strings.Contains(said, want) {
			t.Errorf("%d: %s", code, said)
		}
	}
	record(journal.Entry{Kind: journal.Closed, Of: 1, Staff: "closer", Proof: protocol.Digest{1}, Signed: protocol.At(time.Now())})
	if all := list(); len(all) != 1 || all[0].Position != 6 {
		t.Errorf("after the closing: %+v", all)
	}
	for _, n := range list("--all")[:3] {
		if n.State != protocol.IncidentClosed || n.Closed == nil || n.Stopped {
			t.Errorf("after the closing: %+v", n)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

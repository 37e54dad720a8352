package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/spool/journal"
)

// TestIncidentHeard: list and show say who was told, who is next and when it stops, as far as a policy is known; and nothing of it for what
// somebody has acknowledged.
func TestIncidentHeard(t *testing.T) {
	dir := withKeys(t, t.TempDir())
	w, err := practice.Start(practice.Options{State: filepath.Join(dir, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rules := filepath.Join(dir, "policy.toml")
	write(t, rules, []byte(w.Policy()))
	raised := time.Date(2023, 1, 17, 1, 0, 0, 0, time.UTC)
	now := raised
	file := filepath.Join(dir, "journal.db")
	j, err := journal.Open(file, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	record := func(e journal.Entry, with ...journal.Entry) journal.Entry {
		t.Helper()
		e, err := j.Record(e, with...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := record(journal.Entry{Kind: journal.Incident, Reason: "fee-differs", Municipality: "991015"})
	taken := record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	light := record(journal.Entry{Kind: journal.Incident, Reason: "spoiled"})
	contacts := practice.Contacts()
	for _, of := range []journal.Entry{first, taken, light} {
		record(journal.Entry{Kind: journal.Escalated, Of: int(of.Seq), Step: 1, Contact: contacts[0], Municipality: of.Municipality})
	}
	record(journal.Entry{Kind: journal.Acknowledged, Of: int(taken.Seq), Staff: practice.TakerID, Proof: protocol.Digest{1}, Signed: protocol.At(now)})
	listed := func() map[string]noticed {
		t.Helper()
		out := map[string]noticed{}
		for _, n := range incidentsListed(t, "--journal", "TEST-0001="+file, "--policy", rules) {
			out[n.Code] = n
		}
		return out
	}
	all := listed()
	next := plan{contacts[1], protocol.At(raised.Add(30 * time.Minute)), protocol.At(raised.Add(4 * time.Hour))}
	if n := all["fee-differs"]; len(n.Told) != 1 || n.Told[0].Contact != contacts[0] || n.Plan == nil || *n.Plan != next || n.Stopped {
		t.Errorf("%+v %+v", n, n.Plan)
	}
	next.Stops = protocol.Time{}
	if n := all["spoiled"]; n.Plan == nil || *n.Plan != next {
		t.Errorf("%+v", n.Plan)
	}
	if n := all["money"]; n.Plan != nil || len(n.Told) != 1 {
		t.Errorf("%+v", n)
	}
	now = raised.Add(4 * time.Hour)
	record(journal.Entry{Kind: journal.Escalated, Of: int(first.Seq), Step: 2, Contact: contacts[0], Municipality: "991015", Reason: journal.Unacknowledged},
		journal.Entry{Kind: journal.Latched, Of: int(first.Seq), Municipality: "991015", Reason: journal.Unacknowledged})
	n := listed()["fee-differs"]
	if !n.Stopped || len(n.Told) != 2 || !n.Told[1].Over || n.Plan == nil || !n.Plan.Stops.IsZero() || n.Plan.Contact != contacts[1] {
		t.Errorf("%+v %+v", n, n.Plan)
	}
	said, code := honnindSays(t, "incident", "show", string(n.ID), "--journal", "TEST-0001="+file, "--policy", rules)
	for _, words := range []string{"told 2023-01-17 10:00: " + contacts[0], contacts[0] + ", for the last time", "it stops the service of 991015", contacts[1] + " is told 2023-01-17 10:30"} {
		if code != exitOK || !strings.Contains(said, words) {
			t.Errorf("no %q in\n%s", words, said)
		}
	}
	if said, _ := honnindSays(t, "incident", "show", string(n.ID), "--journal", "TEST-0001="+file); strings.Contains(said, "unless") || strings.Contains(said, "+81") {
		t.Errorf("without a policy:\n%s", said)
	}
	if _, code := honnindSays(t, "incident", "list", "--journal", "TEST-0001="+file, "--policy", file); code != exitUsage {
		t.Error("a policy that is none:", code)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

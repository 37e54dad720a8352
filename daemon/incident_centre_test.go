package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// TestIncidentAtTheCentre: list, show, ack and close against a running practice centre, without its files; what it does not take
// is said, and the terminal believes what it took.
func TestIncidentAtTheCentre(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	s.stage.flags.listenGiven = true // a port that the system chooses
	d, err := s.stage.operators()
	s.must(err)
	t.Cleanup(func() { s.must(d.close()) })
	s.world.HandStrangers(true)
	s.visit(s.wish("p05", protocol.ResidentRecord))
	s.everythingDelivered()

	all := incidentsListed(t, "--centre", d.address)
	entry := of(entries(t, s.place.journal), journal.Incident)[0]
	if len(all) != 1 || all[0].Severity != incident.Highest || all[0].State != protocol.IncidentOpen || all[0].Terminal != s.place.name ||
		all[0].Position != entry.Seq || all[0].Document != entry.Document || all[0].Delivered.IsZero() {
		t.Fatalf("%+v", all)
	}
	id := string(all[0].ID)
	says := func(want string, code int, args ...string) {
		t.Helper()
		if said, got := honnindSays(t, append([]string{"incident"}, args...)...); got != code || !strings.Contains(said, want) {
			t.Errorf("%v: %d %s", args, got, said)
		}
	}
	with := func(verb, who string, more ...string) []string {
		keys := filepath.Join(s.flags.state, "keys")
		return append([]string{verb, id, "--centre", d.address, "--key", filepath.Join(keys, who+".key"), "--certificate", filepath.Join(keys, who+".pem")}, more...)
	}
	says("does not have the role", exitRefused, with("close", practice.TakerID, "--cause", "x")...)
	says("at the centre", exitOK, with("ack", practice.TakerID)...)
	if e := s.learns(journal.Acknowledged, 1)[0]; e.Staff != practice.TakerID {
		t.Errorf("%+v", e)
	}
	says("acknowledged already", exitRefused, with("ack", practice.CloserID)...)
	says("at the centre", exitOK, with("close", practice.CloserID, "--cause", "a file name that two applicants shared")...)
	if e := s.learns(journal.Closed, 1)[0]; e.Staff != practice.CloserID || uint64(e.Of) != entry.Seq {
		t.Errorf("%+v", e)
	}
	says(`the cause: "a file name that two applicants shared"`, exitOK, "show", id, "--centre", d.address)
	if left := incidentsListed(t, "--centre", d.address); len(left) != 0 {
		t.Errorf("still open: %+v", left)
	}
	if n := of(entries(t, s.place.journal), journal.Disbelieved); len(n) != 0 {
		t.Errorf("%+v", n)
	}
	says("no incident of this name", exitFailure, "ack", "practice-01-999-01020304", "--centre", d.address, "--key", "x", "--certificate", "x")
	says("none of the others can be", exitFailure, with("ack", practice.TakerID, "--out", t.TempDir())...)
}

// TestNoSuchCentre: what is no operators' page, or on another machine, is told nothing.
func TestNoSuchCentre(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; r.URL.Path == "/incidents.json" && asked > 1 {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer other.Close()
	for _, want := range []string{"no operators' page", "no operators' page"} {
		if said, code := honnindSays(t, "incident", "list", "--centre", other.URL); code != exitFailure || !strings.Contains(said, want) {
			t.Errorf("%d %s", code, said)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	for _, address := range []string{"http://192.0.2.1/", "https://127.0.0.1/", "http://localhost/", "http://a@127.0.0.1/", "http://127.0.0.1/x", "127.0.0.1:8081", ":"} {
		if said, code := honnindSays(t, "incident", "list", "--centre", address); code != exitUsage {
			t.Errorf("%s: %d %s", address, code, said)
		}
	}
}

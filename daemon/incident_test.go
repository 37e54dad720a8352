package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/session"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// learns waits until the terminal's journal has so many entries of a kind.
func (s *stand) learns(k journal.Kind, n int) []journal.Entry {
	s.t.Helper()
	late := time.After(patience)
	for {
		if got := of(entries(s.t, s.place.journal), k); len(got) >= n {
			return got
		}
		select {
		case <-late:
			s.t.Fatalf("waited in vain for %d entries %q", n, k)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// incidentsListed is what "honnind incident list --json" says.
func incidentsListed(t *testing.T, args ...string) (all []noticed) {
	t.Helper()
	said, code := honnindSays(t, append([]string{"incident", "list", "--json"}, args...)...)
	if code != exitOK {
		t.Fatalf("%d: %s", code, said)
	}
	for line := range strings.Lines(said) {
		var n noticed
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, n)
	}
	return all
}

// TestIncidentFromPaperToClosing: a neighbour's paper is refused; what follows is listed while the terminal runs. A later success
// elsewhere and the word of staff close nothing, and the service is stopped. The taker takes it on and the closer closes it, with the commands
// and keys that the practice world hands out; the terminal learns of both, believes nothing else, and offers the service again at once.
func TestIncidentFromPaperToClosing(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	file := filepath.Join(s.flags.state, "terminals", string(s.place.name), "journal.db")
	keys, desk := filepath.Join(s.flags.state, "keys"), filepath.Join(s.flags.state, "incidents")
	s.must(os.Mkdir(desk, 0o700))
	s.world.HandStrangers(true)
	s.visit(s.wish("p05", protocol.ResidentRecord))
	s.world.HandStrangers(false)
	if err := s.StaffReady(t.Context(), "s1"); !errors.Is(err, session.ErrNotStopped) {
		t.Error(err)
	}
	s.prints("p01")
	if v := s.visit(s.wish("p05", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || !s.Stopped() {
		t.Errorf("the service goes on: %+v", v.Ending)
	}
	s.everythingDelivered()

	all := incidentsListed(t, "--journal", file)
	if len(all) != 1 || all[0].Class != string(reason.MixedUp) || all[0].Severity != incident.Highest || all[0].State != protocol.IncidentOpen ||
		all[0].Terminal != s.place.name || all[0].Delivered.IsZero() || all[0].Visit != 1 {
		t.Fatalf("%+v", all)
	}
	id := string(all[0].ID)
	if state, ok := s.world.Incident(s.place.name, all[0].ID); !ok || state != protocol.IncidentOpen {
		t.Fatalf("at the centre it is %q", state)
	}
	with := func(who string) []string {
		return []string{id, "--out", desk, "--key", filepath.Join(keys, who+".key"), "--certificate", filepath.Join(keys, who+".pem")}
	}
	if said, code := honnindSays(t, append([]string{"incident", "close", "--cause", "x"}, with(practice.TakerID)...)...); code != exitOK {
		t.Fatal(said)
	}
	forged, err := os.ReadFile(filepath.Join(desk, practice.StateFile(all[0].ID, protocol.IncidentClosed)))
	s.must(err)
	if err := s.world.BringState(forged); err == nil {
		t.Error("the centre took a closing by who may only acknowledge")
	}
	s.must(os.Remove(filepath.Join(desk, practice.StateFile(all[0].ID, protocol.IncidentClosed))))

	said, code := honnindSays(t, append([]string{"incident", "ack"}, with(practice.TakerID)...)...)
	if code != exitOK || !strings.Contains(said, "acknowledged of "+string(s.place.name)) {
		t.Fatal(said, code)
	}
	if e := s.learns(journal.Acknowledged, 1)[0]; e.Staff != practice.TakerID || uint64(e.Of) != all[0].Position {
		t.Errorf("%+v", e)
	}
	const cause = "a file name that two applicants shared"
	if said, code := honnindSays(t, append([]string{"incident", "close", "--cause", cause}, with(practice.CloserID)...)...); code != exitOK {
		t.Fatal(said)
	}
	if e := s.learns(journal.Closed, 1)[0]; e.Staff != practice.CloserID || uint64(e.Of) != all[0].Position {
		t.Errorf("%+v", e)
	}
	s.prints("p05")
	if left := incidentsListed(t, "--journal", file); len(left) != 0 {
		t.Errorf("still open: %+v", left)
	}
	closed := incidentsListed(t, "--journal", string(s.place.name)+"="+file, "--all")
	if len(closed) != 1 || closed[0].State != protocol.IncidentClosed || closed[0].Taken == nil || closed[0].Closed == nil || closed[0].Closed.By != practice.CloserID {
		t.Errorf("%+v", closed)
	}
	told, code := honnindSays(t, "incident", "show", id, "--journal", file)
	for _, words := range []string{"closed by " + practice.CloserID, "acknowledged by " + practice.TakerID, "保守員は", "the municipality: ", "the centre has it since"} {
		if !strings.Contains(told, words) || code != exitOK {
			t.Errorf("%q is not told:\n%s", words, told)
		}
	}
	if n := of(entries(t, s.place.journal), journal.Disbelieved); len(n) != 0 {
		t.Errorf("%+v", n)
	}
	s.quit()
	b, err := os.ReadFile(file)
	s.must(err)
	if strings.Contains(string(b), "two applicants shared") || !strings.Contains(string(b), practice.CloserID) {
		t.Error("a person's sentence is in the journal, or nothing of who closed")
	}
}

// TestIncidentListOfMany: the gravest first, then the oldest, over terminals; a journal that is not whole is listed and said, and
// so is an incident that was given up.
func TestIncidentListOfMany(t *testing.T) {
	home, now := t.TempDir(), time.Now().Add(-time.Hour)
	write := func(name string, words ...string) string {
		path := filepath.Join(home, name, "journal.db")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(path, func() time.Time { now = now.Add(time.Minute); return now })
		for _, w := range words {
			if err == nil {
				_, err = j.Record(journal.Entry{Kind: journal.Incident, Reason: w})
			}
		}
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	given := write("TEST-C", "money")
	j, err := journal.Open(given, time.Now)
	if err == nil {
		_, err = j.Record(journal.Entry{Kind: journal.Undelivered, Of: 1, Reason: "unknown"})
	}
	if err := errors.Join(err, j.Close()); err != nil {
		t.Fatal(err)
	}
	lost := incidentsListed(t, "--journal", given)
	if len(lost) != 1 || lost[0].Refused != "unknown" || !lost[0].Delivered.IsZero() || lost[0].State != protocol.IncidentOpen {
		t.Fatalf("%+v", lost)
	}
	if said, code := honnindSays(t, "incident", "show", string(lost[0].ID), "--journal", given); code != exitOK || !strings.Contains(said, "never took it (unknown)") {
		t.Errorf("%d: %s", code, said)
	}
	a := write("TEST-A", "fee-differs", "unsure", "tag-mismatch")
	b := write("TEST-B", "subject-mismatch", "never-heard-of", "pdf-font")
	var got []string
	for _, n := range incidentsListed(t, "--journal", b, "--journal", a) {
		got = append(got, string(n.Terminal)+" "+n.Code)
	}
	want := []string{"TEST-A tag-mismatch", "TEST-B subject-mismatch", "TEST-B never-heard-of", "TEST-A unsure", "TEST-B pdf-font", "TEST-A fee-differs"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("%q", got)
	}
	image, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(string(image), "unsure")
	image[i] ^= 1
	if err := os.WriteFile(a, image, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := honnindSays(t, "incident", "list", "--journal", a, "--journal", b); code != exitRefused || !strings.Contains(said, "subject-mismatch") || !strings.Contains(said, a) {
		t.Errorf("%d: %s", code, said)
	}
	for _, args := range [][]string{{"list"}, {"list", "--journal", "lower-case=" + b}, {"show", "x"}, {"ack", "no id"}, {"ack", "test-a-x-0102"}, {"close", "test-a-1-01020304"}} {
		if said, code := honnindSays(t, append([]string{"incident"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, said)
		}
	}
	if said, code := honnindSays(t, "incident", "show", "no-such", "--journal", b); code != exitFailure {
		t.Errorf("%d %s", code, said)
	}
}

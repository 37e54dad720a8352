package main

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
	"honnin/daemon/practice/operator"
	"honnin/daemon/practice/people"
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
	s.must(s.world.Suspend(s.place.name, protocol.Suspension{Municipality: people.Mihon, Since: protocol.At(time.Now()), Incident: all[0].ID}))
	s.must(s.world.Suspend("PRACTICE-09", protocol.Suspension{Municipality: people.Kaku, Since: protocol.At(time.Now()), Incident: all[0].ID})) // another's of this name
	if now := incidentsListed(t, "--centre", d.address); len(now) != 1 || len(now[0].Suspends) != 1 || now[0].Suspends[0].Municipality != people.Mihon {
		t.Errorf("%+v", now)
	}
	says("it stops the service of "+string(people.Mihon)+" on all terminals", exitOK, "show", id, "--centre", d.address)
	says(all[0].Code+" ("+string(all[0].Municipality)+"): ", exitOK, with("ack", practice.TakerID)...) // what is signed
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
	says("0 incidents of this name", exitFailure, "ack", "practice-01-999-01020304", "--centre", d.address, "--key", "x", "--certificate", "x")
	says("none of the others can be", exitFailure, "list", "--centre", d.address, "--policy", "policy.toml")
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

// signingPair is a person's key and certificate in files.
func signingPair(t *testing.T) (key, certificate string) {
	t.Helper()
	template := sign.Template{Name: "a person", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	ca, err := sign.NewCA(template)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ca.NewCard(template)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		t.Fatal(err)
	}
	key, certificate = filepath.Join(t.TempDir(), "a.key"), filepath.Join(t.TempDir(), "a.pem")
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}))
	return key, certificate
}

// TestLyingCentre: what is shown beside an event must be what the event says, or nothing is listed, and nothing signed and posted.
func TestLyingCentre(t *testing.T) {
	const id = "practice-01-7-01020304"
	e := protocol.NewEvent(id, "PRACTICE-01", protocol.At(time.Now()), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: people.Mihon})
	text, err := protocol.EncodeBody(e)
	if err != nil {
		t.Fatal(err)
	}
	key, cert := signingPair(t)
	for _, c := range []struct {
		name string
		lie  func(*operator.Incident)
		code int
	}{
		{"the truth", func(*operator.Incident) {}, exitOK},
		{"the code", func(i *operator.Incident) { i.Code = "pdf-font" }, exitRefused},
		{"the class", func(i *operator.Incident) { i.Class = "defective" }, exitRefused},
		{"the municipality", func(i *operator.Incident) { i.Municipality = people.Kaku }, exitRefused},
		{"the data", func(i *operator.Incident) { i.Data.Storm.Count = 9 }, exitRefused},
		{"the time", func(i *operator.Incident) { i.Raised = protocol.At(i.Raised.Add(time.Hour)) }, exitRefused},
		{"the name", func(i *operator.Incident) { i.ID = "practice-01-8-01020304" }, exitRefused},
		{"the terminal", func(i *operator.Incident) { i.Terminal = "PRACTICE-02" }, exitRefused},
		{"the event", func(i *operator.Incident) { i.Event = "{}" }, exitFailure},
	} {
		i := operator.Incident{ID: e.ID, Terminal: "PRACTICE-01", Code: e.Data.Code, Class: e.Data.Class, State: protocol.IncidentOpen, Raised: e.Time, Municipality: people.Mihon, Data: e.Data, Event: string(text)}
		c.lie(&i)
		posted := 0
		centre := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				posted++
			}
			b, _ := protocol.EncodeBody([]operator.Incident{i})
			_, _ = w.Write(b)
		}))
		for _, args := range [][]string{{"list"}, {"show", string(i.ID)}, {"close", id, "--cause", "x", "--key", key, "--certificate", cert}} {
			if said, code := honnindSays(t, append(append([]string{"incident"}, args...), "--centre", centre.URL)...); code != c.code {
				t.Errorf("%s, %s: %d %s", c.name, args[0], code, said)
			}
		}
		if centre.Close(); (posted == 1) != (c.code == exitOK) {
			t.Errorf("%s: %d posted", c.name, posted)
		}
	}
}

// TestNamed: a whole name is that incident's, whatever other names end in it.
func TestNamed(t *testing.T) {
	all := []noticed{{ID: "a-1-01020304"}, {ID: "b-a-1-01020304"}, {ID: "c-2-0a0b0c0d"}}
	for name, want := range map[string]int{"a-1-01020304": 1, "1-01020304": 2, "0d": 1, "": 0, "x": 0} {
		if got := named(all, name); len(got) != want {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

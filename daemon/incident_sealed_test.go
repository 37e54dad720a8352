package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/sealed"
	"honnin/daemon/terminal"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// TestSealedPackages: a stranger's paper is refused, and its package lies at the terminal for the municipality alone: field staff
// carry it off, its key opens it to the very bytes that were refused, and nobody else's does. The statement's serial is in the
// incident, in its event, and nowhere else.
func TestSealedPackages(t *testing.T) {
	var tap *wiretap
	s := newStand(t, t.TempDir(), func(s *stand, _ *terminal.Parts) { tap = newWiretap(t, s) })
	s.world.HandStranger(true)
	if v := s.visit(s.wish("p04", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Refused {
		t.Fatalf("%+v", v.Ending)
	}
	s.everythingDelivered()
	raised := of(entries(t, s.place.journal), journal.Incident)
	s.quit()
	if len(raised) != 1 {
		t.Fatalf("%d incidents", len(raised))
	}
	e, home := raised[0], filepath.Dir(s.place.file)
	head, err := e.Head()
	s.must(err)
	id := protocol.NameIncident(s.place.name, head)
	if f := e.Facts; f.Serial == "" || string(f.Software.Name) != practice.Software(e.Municipality).Name || f.SignedBy == (protocol.Digest{}) || f.IssuedAt.IsZero() || f.Program == "" || e.Policy.Version == 0 {
		t.Errorf("%+v under policy %d", f, e.Policy.Version)
	}

	var out bytes.Buffer
	from := sealedFlags{dir: filepath.Join(home, sealedDir)}
	s.must(from.list(&out))
	if !strings.Contains(out.String(), string(id)+"  "+string(e.Municipality)) || !strings.Contains(out.String(), "1 sealed packages") {
		t.Errorf("listed: %s", out.String())
	}
	stick := t.TempDir()
	s.must(from.export(stick, &out))
	s.must(from.export(stick, &out)) // once more is no harm
	file := filepath.Join(stick, sealed.FileName(id))
	pkg := filepath.Join(t.TempDir(), "package.p7m")
	for _, town := range people.Towns() {
		err := openFlags{key: filepath.Join(s.flags.state, "keys", practice.IncidentKeyFile(town.Code)), out: pkg}.open(file, &out)
		if town.Code == e.Municipality {
			s.must(err)
		} else if !errors.Is(err, sealed.ErrKey) {
			t.Errorf("opened with the key of %s: %v", town.Code, err)
		}
	}
	whole, err := os.ReadFile(pkg)
	s.must(err)
	m, err := trust.Parse(whole)
	s.must(err)
	if m.Digest() != e.Document {
		t.Error("another package than the one that was refused")
	}
	write(t, file, []byte("something else"))
	if err := from.export(stick, &out); err == nil {
		t.Error("exported over another file")
	}

	told, err := journalOf{terminal: s.place.name, file: s.place.file}.read(mustCatalogue(t))
	if err != nil || len(told) != 1 || !strings.Contains(told[0].text(), string(e.Facts.Serial)) || !strings.Contains(told[0].text(), sealed.FileName(id)) {
		t.Errorf("shown: %v %v", told, err)
	}
	serial := []needle{{what: "the statement's serial", b: []byte(e.Facts.Serial)}}
	key, err := s.world.IncidentKey(e.Municipality)
	s.must(err)
	here := filesIn(t, home)
	none(t, append(here, left{"log", append(s.log.Bytes(), "(its end)"...)}), slices.Concat(everything(t, filepath.Join(s.flags.state, "keys")),
		traces("the package", whole), []needle{{what: "the key that opens it", b: key.Bytes()}}))
	elsewhere := slices.DeleteFunc(append(here, left{"log", s.log.Bytes()}), func(l left) bool { return l.where == s.place.file })
	if found := search(elsewhere, serial); len(found) > 0 || len(elsewhere) != len(here) {
		t.Errorf("%v in %d places", found, len(elsewhere))
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	events := 0
	for _, c := range tap.calls {
		is := serial[0].in(c.sent)
		if events += map[bool]int{true: 1}[is]; is && c.path != "/v1/incidents" {
			t.Errorf("%s has the serial", c.path)
		}
	}
	if events == 0 {
		t.Error("no event has it")
	}
}

// TestOpenRefuses: what is no sealed package, and no key, is told from each other by the exit status.
func TestOpenRefuses(t *testing.T) {
	dir := withKeys(t, t.TempDir())
	w, err := practice.Start(practice.Options{State: filepath.Join(dir, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	at := func(name string, b []byte) string {
		write(t, filepath.Join(dir, name), b)
		return filepath.Join(dir, name)
	}
	key := filepath.Join(dir, "keys", practice.IncidentKeyFile(people.Mihon))
	pem, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		key, file string
		status    int
	}{
		"two keys":        {at("two", slices.Concat(pem, pem)), at("a", nil), exitUsage},
		"words before":    {at("before", append([]byte("the key:\n"), pem...)), at("a", nil), exitUsage},
		"a header":        {at("header", bytes.Replace(pem, []byte("KEY-----\n"), []byte("KEY-----\nOf: Mihon\n\n"), 1)), at("a", nil), exitUsage},
		"no key":          {"", at("a", nil), exitUsage},
		"no private key":  {at("public", []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")), at("a", nil), exitUsage},
		"a key that lies": {at("lies", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")), at("a", nil), exitUsage},
		"an RSA key":      {filepath.Join(dir, "keys", practice.TakerID+".pem"), at("a", nil), exitUsage},
		"an empty file":   {key, at("a", nil), exitRefused},
		"a package":       {key, at("p", []byte("\x30\x82")), exitRefused},
		"no file":         {key, filepath.Join(dir, "nothing"), exitRefused},
	} {
		err := openFlags{key: c.key, out: filepath.Join(dir, "out")}.open(c.file, new(bytes.Buffer))
		if exit := (*exitError)(nil); !errors.As(err, &exit) || exit.code != c.status {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("something was written")
	}
}

func mustCatalogue(t *testing.T) incident.Catalogue {
	t.Helper()
	c, err := incident.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

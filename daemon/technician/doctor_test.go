package technician

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// bare is a machine that has a state directory and nothing else.
func bare(state string, now func() time.Time) *Machine {
	none := errors.New("none")
	return New(Options{Site: site.Site{State: state}, Now: now, Bus: attached.System(), Read: func() (site.Site, error) { return site.Site{}, nil },
		Policies: func() (Policies, error) { return nil, none }, Keys: func() (*identity.Keys, error) { return nil, none }})
}

// found is what a check found.
func found(t *testing.T, all []finding, check string) finding {
	t.Helper()
	i := slices.IndexFunc(all, func(f finding) bool { return f.check == check })
	if i < 0 {
		t.Fatalf("no %s in %v", check, all)
	}
	return all[i]
}

// many is a journal of which a part is sealed.
func many(t *testing.T, state string) {
	t.Helper()
	j, err := journal.Open(filepath.Join(state, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	started := slices.Repeat([]journal.Entry{{Kind: journal.Started}}, 1200)
	if _, err := j.Record(started[0], started...); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// spoil changes what is sealed in a journal.
func spoil(t *testing.T, state string) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(state, journalFile), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("sealed"))
		k, v := b.Cursor().First()
		if k == nil {
			return errors.New("nothing is sealed")
		}
		v = slices.Clone(v)
		v[0] ^= 1
		return errors.Join(b.Put(slices.Clone(k), v), tx.Bucket([]byte("meta")).Put([]byte("commit"), binary.BigEndian.AppendUint64(nil, uint64(tx.ID()))))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestStrangersLook: for who has not signed in, the journal's end is read, not all of it, and that once a minute.
func TestStrangersLook(t *testing.T) {
	state, now := t.TempDir(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	many(t, state)
	spoil(t, state)
	m, looks := bare(state, func() time.Time { return now }), 0
	policies := m.o.Policies
	m.o.Policies = func() (Policies, error) { looks++; return policies() }
	stranger, technician := console.Who{}, console.Who{ID: "tech-7", Role: policy.Look}
	if f := found(t, m.examine(t.Context(), stranger), "journal"); f.state != "ok" {
		t.Error("read whole:", f)
	}
	for i, after := range []time.Duration{0, time.Minute - time.Second, time.Second} {
		if now = now.Add(after); len(m.examine(t.Context(), stranger)) == 0 || looks != 1+i/2 {
			t.Errorf("%d: %d looks", i, looks)
		}
	}
	if f := found(t, m.examine(t.Context(), technician), "journal"); f.why != "damaged" || looks != 3 {
		t.Error(f, looks)
	}
}

// blankWhere are the checks of what only the journal knows.
var blankWhere = []string{"undelivered", "staff", "incidents", "service-off"}

// TestWithoutAJournal: nothing is well of a terminal whose journal is gone or cannot be read, unless it never ran.
func TestWithoutAJournal(t *testing.T) {
	for name, c := range map[string]struct {
		spoil    func(path string) error
		runs     bool
		why, and string // of the journal's check, and of the others
	}{
		"never ran":      {func(string) error { return nil }, false, "never-ran", "never-ran"},
		"gone":           {func(string) error { return nil }, true, "missing", noJournal},
		"empty":          {func(path string) error { return os.WriteFile(path, nil, 0o600) }, true, "damaged", noJournal},
		"not to be read": {func(path string) error { return os.Symlink(path, path) }, false, "failed", noJournal},
	} {
		state := t.TempDir()
		if c.runs {
			if _, err := Listen(t.Context(), state, Daemon{Terminal: &daemon{}, Journal: &noted{}, Now: time.Now}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.spoil(filepath.Join(state, journalFile)); err != nil {
			t.Fatal(err)
		}
		if said := typed(t, bare(state, time.Now), "status"); strings.Contains(said, `"status.stopped"`) == (c.why == "never-ran") {
			t.Errorf("%s: %s", name, said)
		}
		all := bare(state, time.Now).examine(t.Context(), console.Who{})
		if f := found(t, all, "journal"); f.why != c.why || f.good() != (c.why == "never-ran") {
			t.Errorf("%s: %+v", name, f)
		}
		for _, check := range blankWhere {
			if f := found(t, all, check); f.why != c.and || f.good() != (c.and == "never-ran") {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	if journalAdvice("in-use") == journalAdvice("damaged") || journalAdvice("not-permitted") == journalAdvice("damaged") {
		t.Error("who reads it at a bad moment, or as somebody else, is told that it is damaged")
	}
}

// TestVerifySaysWhy: what is damaged is said to be, and what could not be looked at is not.
func TestVerifySaysWhy(t *testing.T) {
	for content, want := range map[string]string{"no journal": `"ok":false`, "": `"why":"missing"`} {
		state := t.TempDir()
		if content != "" {
			if err := os.WriteFile(filepath.Join(state, journalFile), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if said := typed(t, bare(state, time.Now), "journal verify"); !strings.Contains(said, want) || content != "" && !strings.Contains(said, `"why":"damaged"`) {
			t.Errorf("%q: %q", content, said)
		}
	}
}

// TestStatusWithoutAJournal: what stops a municipality's service cannot be read, and that is said.
func TestStatusWithoutAJournal(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, journalFile), []byte("no journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := typed(t, bare(state, time.Now), "status"); !strings.Contains(said, `{"code":"status.stopped","municipality":null,"why":"damaged","incident":null}`) {
		t.Errorf("%q", said)
	}
}

// given is a policy, as a store has it.
type given struct {
	Policies
	p   *signed.Policy
	err error
}

func (g given) Load() (*signed.Policy, error) { return g.p, g.err }

// TestWhichPolicy: one out of its time still says what the centre and the devices are; one that is not ours, or not in earnest, says nothing.
func TestWhichPolicy(t *testing.T) {
	for _, code := range signed.Codes() {
		m := bare(t.TempDir(), time.Now)
		p := &signed.Policy{Policy: &policy.Policy{}}
		m.o.Policies = func() (Policies, error) { return given{p: p, err: &signed.Refusal{Code: code}}, nil }
		got, err := m.policy()
		if ours := code == signed.Expired || code == signed.Early; (got == p) != ours || (got == nil) == ours || wordOf(err) != string(code) {
			t.Errorf("%s: %v %v", code, got, err)
		}
		if got == nil {
			if s := m.reach(t.Context(), got, err).failed(); s.name != "policy" || s.why != string(code) {
				t.Errorf("%s: %+v", code, s)
			}
		}
	}
}

// TestNotesAreBounded: a program that asks without end adds a note a second to the journal, and a person waits for none.
func TestNotesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	m := bare(t.TempDir(), func() time.Time { return now })
	begun, waited := now, 0
	for range 1000 {
		d := m.turn(console.CommandEvent)
		if now = now.Add(d + time.Millisecond); d > 0 {
			waited++
		}
	}
	if took := now.Sub(begun); waited < 900 || took < (1000-2*noteBurst)*noteEvery || took > 1000*noteEvery || m.turn(console.SignedOutEvent) != 0 {
		t.Error(waited, took)
	}
	for _, jump := range []time.Duration{-time.Hour, time.Hour} { // the clock is set
		now = now.Add(jump)
		for i := range noteBurst {
			if d := m.turn(console.CommandEvent); d > 0 {
				t.Fatalf("%v: %v at %d", jump, d, i)
			}
		}
	}
}

// TestStrangersSeeATurn: what a technician did, and a daemon that bears itself otherwise, is seen at once by whoever asks; and what is
// shown again says when it was found.
func TestStrangersSeeATurn(t *testing.T) {
	d := &daemon{is: &terminal.Status{InService: true, Ready: map[string]bool{"printer": true, "reader": true}}}
	state, _ := listening(t, d)
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	m, stranger, technician := bare(state, func() time.Time { return now }), console.Who{}, console.Who{ID: "tech-7", Role: policy.Service}
	serves := func(why string) {
		t.Helper()
		if f := found(t, m.examine(t.Context(), stranger), "service"); f.why != why {
			t.Errorf("%+v, want %q", f, why)
		}
	}
	m.examine(t.Context(), technician)
	now = now.Add(time.Second)
	if serves(""); !m.lookedAt().Equal(now.Add(-time.Second)) {
		t.Error("looked again")
	}
	for _, why := range []string{"stopped", session.OutOfService.String()} {
		d.mu.Lock()
		d.is = &terminal.Status{Why: why}
		d.mu.Unlock()
		serves(map[string]string{"stopped": "stopped", session.OutOfService.String(): "staff"}[why])
	}
	now = now.Add(time.Second)
	typed(t, m, "service on")
	if serves("staff"); !m.lookedAt().Equal(now) {
		t.Error("shown again what was found before a technician's command")
	}
}

// TestServiceSaysWhy: in the words of status.
func TestServiceSaysWhy(t *testing.T) {
	state, _ := listening(t, &daemon{is: &terminal.Status{Why: session.OutOfService.String()}})
	for _, line := range []string{"status", "service on", "doctor"} {
		if said := typed(t, bare(state, time.Now), line); !strings.Contains(said, `"why":"staff"`) || strings.Contains(said, `"why":"out-of-service"`) {
			t.Errorf("%s: %q", line, said)
		}
	}
}

// TestServiceAndPrinter: a terminal that serves, and whose printer is out of paper, has its next visit in danger.
func TestServiceAndPrinter(t *testing.T) {
	for _, in := range []bool{true, false} {
		l := &look{live: live{InService: in, Why: map[bool]string{false: "printer"}[in]}, out: "media-empty", Machine: bare(t.TempDir(), time.Now)}
		state, why := l.serves(t.Context())
		if want := map[bool]string{true: "soon media-empty", false: "failed printer"}[in]; state+" "+why != want {
			t.Error(state, why)
		}
	}
}

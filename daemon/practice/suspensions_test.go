package practice_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
	"honnin/spool/incident"
)

// BenchmarkSuspensions measures one ask, from the nonce to the list that is believed; a visit that prints makes three.
func BenchmarkSuspensions(b *testing.B) {
	w := start(b, practice.Options{})
	c := connect(b, w, terminal)
	p, err := policy.Parse([]byte(w.Policy()), nil)
	if err != nil {
		b.Fatal(err)
	}
	now := protocol.At(time.Now())
	if err := w.Suspend(terminal, protocol.Suspension{Municipality: people.Reiji, Since: now, Incident: "i-1"}); err != nil {
		b.Fatal(err)
	}
	judge := incident.Judge{Policy: p, Terminal: terminal, Now: time.Now()}
	for b.Loop() {
		fresh := protocol.NewNonce()
		der, err := c.Suspensions(b.Context(), fresh)
		if err != nil {
			b.Fatal(err)
		}
		if all, err := judge.Suspensions(fresh, der); err != nil || !all.Whole(people.Reiji) {
			b.Fatal(all, err)
		}
	}
}

// TestManyHoldOne: what a storm of one municipality suspended outlives the centre, whatever it takes to write down, and is one thing
// to the terminals.
func TestManyHoldOne(t *testing.T) {
	start(t, practice.Options{}) // makes the keys
	options := practice.Options{State: t.TempDir()}
	keys, err := os.ReadFile(filepath.Join(state, pki.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(options.State, pki.FileName), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := practice.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * protocol.MaxSuspensions // more than one body has room for
	for i := range n {
		id := protocol.NameIncident(terminal, protocol.JournalHead{Position: uint64(i + 1)})
		if err := w.Suspend(terminal, protocol.Suspension{Municipality: people.Mihon, Since: protocol.At(time.Now()), Incident: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err = practice.Start(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	der, err := connect(t, w, terminal).Suspensions(t.Context(), protocol.NewNonce())
	if err != nil || len(w.Suspended()) != n {
		t.Fatalf("%v, held by %d", err, len(w.Suspended()))
	}
	content, _, _, err := trust.VerifyAttached(der)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := protocol.ParseSuspensions(content); err != nil || len(all.Suspended) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestOlderSuspensions: a world of an older program, which kept them otherwise, does not start as if nothing were suspended.
func TestOlderSuspensions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "suspensions.json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err := practice.Start(practice.Options{State: dir}); err == nil || !strings.Contains(err.Error(), "suspensions.json") {
		t.Error(w, err)
	}
}

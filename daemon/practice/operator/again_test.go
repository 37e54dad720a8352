package operator_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice"
)

// TestCentreStartsAgain: what the centre knew of incidents it knows after a start, also after one that broke off in the middle of a
// line; a book that somebody else wrote in keeps it from starting.
func TestCentreStartsAgain(t *testing.T) {
	keys := t.TempDir()
	book := filepath.Join(keys, "incidents.book")
	d := &desk{t: t, keys: keys}
	start := func() {
		var err error
		d.world, err = practice.Start(practice.Options{State: keys, Book: book})
		d.must(err)
	}
	start()
	d.raise(first, "i-1", mixedUp())
	d.raise(first, "i-2", mixedUp())
	d.must(d.world.MoveIncident(first, "i-1", protocol.IncidentAcknowledged, ""))
	told := d.world.Incidents()
	d.must(d.world.Close())
	b, err := os.ReadFile(book)
	d.must(err)
	if n := bytes.Count(b, []byte("\n")); n != 3 {
		t.Fatalf("%d lines", n)
	}
	d.must(os.WriteFile(book, append(b, b[:40]...), 0o600))

	start()
	again := d.world.Incidents()
	if len(again) != 2 || string(again[1].Text) != string(told[1].Text) {
		t.Fatalf("%+v", again)
	}
	d.is(first, "i-1", protocol.IncidentAcknowledged)
	d.is(first, "i-2", protocol.IncidentOpen)
	d.must(d.world.MoveIncident(first, "i-1", protocol.IncidentClosed, "a cause"))
	d.must(d.world.Close())

	start()
	d.is(first, "i-1", protocol.IncidentClosed)
	d.must(d.world.Close())
	d.must(os.WriteFile(book, append([]byte("{}x\n"), b...), 0o600))
	if w, err := practice.Start(practice.Options{State: keys, Book: book}); err == nil {
		t.Error("it started", w.Close())
	}
}

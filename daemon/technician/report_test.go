package technician

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/drivers/attached"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// TestAfterAWrongClock: a clock that was wrong for a time hides nothing. What went before it is in the bundle, with no serial and no
// digest, and in an export of the last hours.
func TestAfterAWrongClock(t *testing.T) {
	state, now := t.TempDir(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	at := now
	j, err := journal.Open(filepath.Join(state, journalFile), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at time.Time
		e  journal.Entry
	}{
		{now.Add(-48 * time.Hour), journal.Entry{Kind: journal.Started}},
		{now.Add(-time.Hour), journal.Entry{Kind: journal.Incident, Reason: "other-transaction", Municipality: "132012", Document: protocol.Digest{0xAB, 0xCD, 0xEF}, Facts: protocol.Evidence{Serial: "SERIAL-7"}}},
		{now.AddDate(-30, 0, 0), journal.Entry{Kind: journal.Started}},
		{now.Add(-time.Minute), journal.Entry{Kind: journal.Started}},
	} {
		at = c.at
		if _, err := j.Record(c.e); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := before(t.Context(), j, now.Add(-2*time.Hour)); err != nil || after != 1 {
		t.Error(after, err)
	}
	if b, err := lines(t.Context(), j, 1); err != nil || bytes.Count(b, []byte("\n")) != 3 || !bytes.Contains(b, []byte("SERIAL-7")) {
		t.Errorf("%s %v", b, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := bare(state, func() time.Time { return now }).bundle(t.Context(), console.Who{ID: "tech-7", Role: policy.Look})
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, b)
	for name, text := range files {
		if strings.Contains(text, "SERIAL-7") || strings.Contains(text, "abcdef") {
			t.Errorf("%s: %s", name, text)
		}
	}
	for _, name := range []string{"journal.jsonl", "incidents.jsonl", "counters.jsonl"} {
		if text := files[name]; !strings.Contains(text, "other-transaction") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if len(files) != 11 {
		t.Error(len(files), "files")
	}
}

// unpack are the files of a bundle.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text)
	}
}

// TestMissingSaysWhy: what could not be had is in the bundle as the reason, not as the word that it failed.
func TestMissingSaysWhy(t *testing.T) {
	m := bare(t.TempDir(), time.Now)
	b, err := m.bundle(t.Context(), console.Who{ID: "tech-7", Role: policy.Look})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"journal.jsonl": "missing", "counters.jsonl": "missing", "incidents.jsonl": "missing"}
	if _, err := m.devices(t.Context()); errors.Is(err, attached.ErrNoBus) {
		want["devices.jsonl"] = "no-usb"
	}
	files := unpack(t, b)
	for name, why := range want {
		if got := files[name+".missing"]; got != why+"\n" {
			t.Errorf("%s: %q, want %q", name, got, why)
		}
	}
}

// TestNoJournalToRead: who asks for what is in a journal that is gone is told where to look next.
func TestNoJournalToRead(t *testing.T) {
	for _, line := range []string{"journal verify", "incidents", "counters"} {
		if said := typed(t, bare(t.TempDir(), time.Now), line); !strings.Contains(said, `"result":"journal-unread"`) || !strings.Contains(said, "doctor") {
			t.Errorf("%s: %q", line, said)
		}
	}
	m := bare(t.TempDir(), time.Now)
	if _, err := m.devices(t.Context()); errors.Is(err, attached.ErrNoBus) {
		if said := typed(t, m, "usb"); !strings.Contains(said, `"result":"not-here"`) || !strings.Contains(said, `"why":"no-usb"`) {
			t.Errorf("%q", said)
		}
	}
}

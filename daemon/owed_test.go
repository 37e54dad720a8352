package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/spool/sheet"
)

// later is a journal that takes an incident only once it may.
type later struct {
	terminal.Journal
	takes *atomic.Bool
}

func (l later) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if e.Kind == journal.Incident && !l.takes.Load() {
		return e, errCut
	}
	return l.Journal.Record(e, with...)
}

// TestOwedCallComesFirst: a call for staff that the journal has not taken yet keeps a technician from printer and devices as any other.
func TestOwedCallComesFirst(t *testing.T) {
	t.Parallel()
	var takes atomic.Bool
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		p.Journal = later{p.Journal, &takes}
		p.Owing = terminal.Owing{Path: filepath.Join(t.TempDir(), terminal.OwedFile), Disk: durable.Real{}}
		b, err := json.Marshal([][]journal.Entry{{{Kind: journal.Incident, Reason: "not-mine"}, {Kind: journal.StaffNeeded, Reason: "not-mine"}}})
		s.must(err)
		s.must(os.WriteFile(p.Owing.Path, b, 0o600))
	})
	if err := s.PrintSheet(sheet.Facts{Printer: "dir"}, "tech-7"); !errors.Is(err, errCut) {
		t.Error("a sheet:", err)
	}
	if err := s.Lendable(); !errors.Is(err, errCut) {
		t.Error("a loan:", err)
	}
	takes.Store(true)
	if word := terminal.SheetWord(s.PrintSheet(sheet.Facts{Printer: "dir"}, "tech-7")); word != "staff-needed" {
		t.Error("a sheet:", word)
	}
	if err := s.Lendable(); !errors.Is(err, terminal.ErrStaff) {
		t.Error("a loan:", err)
	}
	if got := s.Sheet(); got.Outcome == protocol.Printed || got.State != "" {
		t.Errorf("%+v", got)
	}
}

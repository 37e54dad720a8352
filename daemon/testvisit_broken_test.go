package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/printer/file"
	"honnin/spool"
	"honnin/spool/journal"
)

// TestConsoleVisitCrash: what a run left behind that ended in a test visit. Staff are needed where paper may be, or nobody can say.
func TestConsoleVisitCrash(t *testing.T) {
	t.Parallel()
	tr, doc := protocol.NewTransaction(), protocol.Digest{1}
	visit := []journal.Entry{{Kind: journal.Started}, {Kind: journal.Accepted, Visit: 1, Transaction: tr, Document: doc, Of: 1}}
	sent := append(slices.Clone(visit), journal.Entry{Kind: journal.Sending, Visit: 1, Transaction: tr, Document: doc, Of: 1})
	out := append(slices.Clone(sent), journal.Entry{Kind: journal.Ended, Visit: 1, Transaction: tr, Document: doc, Outcome: protocol.Printed, Of: 1, Impressions: 1})
	for name, c := range map[string]struct {
		left  []journal.Entry
		spoil func(t *testing.T, path string)
		staff bool
	}{
		"before the document":       {left: visit},
		"nothing yet":               {left: visit[:1]},
		"while it was sent":         {left: sent, staff: true},
		"out, and not taken":        {left: out, staff: true},
		"taken":                     {left: append(slices.Clone(out), journal.Entry{Kind: journal.VisitEnded, Visit: 1})},
		"its journal is gone":       {left: visit, spoil: func(t *testing.T, path string) { _ = os.Remove(path) }, staff: true},
		"its journal is unreadable": {left: visit, spoil: func(t *testing.T, path string) { write(t, path, []byte("nothing")) }, staff: true},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			own := record(t, filepath.Join(state, journalFile), journal.Entry{Kind: journal.TestVisitBegun, Staff: "tech-7"})
			path := filepath.Join(state, testVisitDir, journalFile)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := record(t, path, c.left...).Close(); err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				c.spoil(t, path)
			}
			device, err := file.New(t.TempDir(), file.Options{})
			if err != nil {
				t.Fatal(err)
			}
			leftOnPaper(t.Context(), filepath.Dir(path), device, time.Now) // a start that ended before it wrote what came of it
			if err := settleTestVisit(t.Context(), state, own, device, time.Now); err != nil {
				t.Fatal(err)
			}
			if why, err := own.StaffNeeded(); err != nil || (why != "") != c.staff {
				t.Errorf("staff are needed for %q, %v", why, err)
			}
			asked := &asked{Printer: device}
			if _, _, err := spool.NewQueue(t.Context(), own, asked, time.Now); err != nil {
				t.Fatal(err)
			}
			if known := c.staff && c.spoil == nil; known != (len(asked.about) == 1 && asked.about[0] == tr) {
				t.Error("a later start asks the printer about", asked.about)
			}
			if all := entries(t, own); all[1].Kind != journal.TestVisitDone || all[1].Reason != "restart" {
				t.Errorf("%+v", all)
			}
			if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
				t.Error("its directory is there still:", err)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil { // the end was written, and the run ended before the removal
				t.Fatal(err)
			}
			had := len(entries(t, own))
			if err := settleTestVisit(t.Context(), state, own, device, time.Now); err != nil || len(entries(t, own)) != had || had > 3 {
				t.Errorf("a second start: %v, %d entries", err, len(entries(t, own)))
			}
			if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
				t.Error("its directory is there after a second start:", err)
			}
			if err := own.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// asked is a printer that keeps jobs.
type asked struct {
	spool.Printer
	about []protocol.Transaction
}

func (a *asked) Settle(_ context.Context, past spool.Past) spool.Result {
	a.about = append(a.about, past.Transaction)
	return spool.Result{Outcome: protocol.Unsure}
}

func (a *asked) Clear(context.Context) error { return nil }

func record(t *testing.T, path string, all ...journal.Entry) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// TestConsoleVisitBrokenUse: of whoever breaks down with the devices, or can write no end of it, nobody knows what lies in the printer;
// where the beginning cannot be written, nothing is lent.
func TestConsoleVisitBrokenUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails journal.Kind
		use   func() terminal.Lent
		used  bool
		staff string
	}{
		"panics":           {use: func() terminal.Lent { panic("any") }, used: true, staff: terminal.TestVisit},
		"no end":           {fails: journal.TestVisitDone, use: func() terminal.Lent { return terminal.Lent{Outcome: "printed"} }, used: true, staff: terminal.TestVisit},
		"no beginning":     {fails: journal.TestVisitBegun, use: func() terminal.Lent { return terminal.Lent{Outcome: "printed"} }},
		"leaves something": {use: func() terminal.Lent { return terminal.Lent{Outcome: "unsure", Staff: "media-jam"} }, used: true, staff: "media-jam"},
		"is well":          {use: func() terminal.Lent { return terminal.Lent{Outcome: "printed"} }, used: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.Journal = without{p.Journal, c.fails} })
			s.awaitState(session.Idle)
			used := false
			err := s.Lend(t.Context(), "tech-7", func(_ context.Context, p terminal.Parts, _ func(*terminal.Terminal)) terminal.Lent {
				used = true
				if p.Journal != nil || p.Policy != nil || p.Signed != nil || p.Centre != nil || p.Payment != nil || p.Sealed != nil {
					t.Error("more was lent than devices")
				}
				if !s.Status().Visit {
					t.Error("no visit is in hand for who would restart the machine")
				}
				return c.use()
			})
			if (err != nil) != (c.fails != "") || used != c.used {
				t.Errorf("used: %t, %v", used, err)
			}
			if why, err := s.place.journal.StaffNeeded(); err != nil || why != c.staff {
				t.Errorf("staff are needed for %q, %v", why, err)
			}
			if c.staff != "" {
				s.awaitState(session.OutOfService)
				s.must(s.StaffReady(t.Context(), "s1"))
			}
			(&tested{stand: s}).opens(2)
			s.prints("p01")
		})
	}
}

// without is a journal that takes no entries of a kind.
type without struct {
	terminal.Journal
	kind journal.Kind
}

func (w without) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if e.Kind == w.kind {
		return e, errCut
	}
	return w.Journal.Record(e, with...)
}

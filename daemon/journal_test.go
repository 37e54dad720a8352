package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool"
	"honnin/spool/journal"
)

// honnindSays runs a command of this binary in this process.
func honnindSays(t *testing.T, args ...string) (string, int) {
	t.Helper()
	root, out := command(), new(bytes.Buffer)
	root.SetArgs(args)
	root.SetOut(out)
	err := root.ExecuteContext(t.Context())
	var e *exitError
	switch {
	case err == nil:
		return out.String(), exitOK
	case errors.As(err, &e):
		return out.String() + err.Error(), e.code
	}
	return out.String() + err.Error(), exitFailure
}

// TestJournalOfARunningTerminal: the commands read it while the terminal runs; a visit is told whole, the chain can be followed
// with SHA-256 alone, and the heads that the centre got fit the journal, and no older copy of it.
func TestJournalOfARunningTerminal(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	file := filepath.Join(s.flags.state, "terminals", string(s.place.name), "journal.db")
	s.prints("p04")
	s.everythingDelivered()
	s.visitsEnded() // nothing more is written
	older, err := os.ReadFile(file)
	s.must(err)
	s.world.HandStrangers(true)
	s.visit(s.wish("p05", protocol.ResidentRecord))
	s.everythingDelivered()
	s.visitsEnded()

	told, code := honnindSays(t, "journal", "show", "--journal", file, "--visit", "2")
	for _, words := range []string{"visit 2: a card lies on the reader", "ended: refused", "is stopped on this terminal until incident 13 is closed: other-transaction", "incident: ", "the centre has entry", "the visit is over"} {
		if !strings.Contains(told, words) || strings.Contains(told, "visit 1") || code != exitOK {
			t.Errorf("%q is not told (%d):\n%s", words, code, told)
		}
	}
	number := ""
	for _, v := range s.screen.seen() {
		if v.Code != "" {
			number = v.Reference
		}
	}
	if by, code := honnindSays(t, "journal", "show", "--journal", file, "--number", number); by != told || code != exitOK {
		t.Errorf("%s does not find the visit (%d):\n%s", number, code, by)
	}
	_, name, _ := strings.Cut(told, "at the centre …")
	name, _, _ = strings.Cut(strings.ToLower(string(s.place.name))+name, "\n")
	if state, ok := s.world.Incident(s.place.name, protocol.IncidentID(name)); state != protocol.IncidentOpen || !ok {
		t.Errorf("the centre does not know the incident by this name:\n%s", told)
	}
	lines, code := honnindSays(t, "journal", "show", "--journal", file, "--last", "0", "--json")
	prev := protocol.Digest{}
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		var e struct{ Prev protocol.Digest }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Prev != prev {
			t.Fatalf("%v %s after %s", err, line, prev)
		}
		prev = sha256.Sum256([]byte(line))
	}
	heads := s.world.Heads(s.place.name)
	if code != exitOK || len(heads) != 2 {
		t.Fatalf("%d, %d heads at the centre", code, len(heads))
	}
	args := []string{"journal", "verify", "--json", "--journal"}
	known := filepath.Join(t.TempDir(), "heads")
	write(t, known, fmt.Appendf(nil, "%d:%s\n", heads[0].Position, heads[0].Head))
	against := []string{"--heads", known, "--head", fmt.Sprintf("%d:%s", heads[1].Position, heads[1].Head)}
	var found soundness
	text, code := honnindSays(t, append(append(args, file), against...)...)
	if err := json.Unmarshal([]byte(text), &found); err != nil || code != exitOK || found.Verdict != "whole" || found.Entries == 0 {
		t.Errorf("%d %s %v", code, text, err)
	}
	copied := filepath.Join(t.TempDir(), "older.db")
	write(t, copied, older)
	text, code = honnindSays(t, append(append(args, copied), against...)...)
	if err := json.Unmarshal([]byte(text), &found); err != nil || code != exitRefused || found.Verdict != "broken" || len(found.Missing) != 1 {
		t.Errorf("an older copy: %d %s %v", code, text, err)
	}
	if text, code = honnindSays(t, "journal", "verify", "--journal", copied); code != exitOK || !strings.Contains(text, "would not show") {
		t.Errorf("without heads: %d %s", code, text)
	}
	write(t, copied, older[:2*4096+1])
	if text, code = honnindSays(t, "journal", "verify", "--journal", copied); code != exitRefused || !strings.Contains(text, "damaged") {
		t.Errorf("cut: %d %s", code, text)
	}
}

func TestJournalUsage(t *testing.T) {
	for _, args := range [][]string{{"show"}, {"verify"}, {"show", "--journal", "x", "--config", "y"}, {"verify", "--journal", "x", "--head", "0:00"},
		{"verify", "--journal", "x", "--head", "7"}, {"show", "--journal", "x", "--number", "7"}, {"show", "--journal", "x", "--number", "0042-1122-7", "--visit", "7"}, {"verify", "--journal", "x", "--heads", os.DevNull}, {"dance"}} {
		if text, code := honnindSays(t, append([]string{"journal"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, text)
		}
	}
}

// TestEveryKindHasWords: a technician reads sentences, and never an empty one.
func TestEveryKindHasWords(t *testing.T) {
	said := map[string]journal.Kind{}
	for _, k := range journal.Kinds() {
		e := journal.Entry{Seq: 7, At: protocol.At(time.Date(2026, 11, 21, 0, 4, 11, 0, time.UTC)), Kind: k, Visit: 17, Of: 1, Reason: "media-jam",
			Municipality: "991015", Outcome: protocol.Failed, Staff: "s-007", Also: []reason.Code{reason.TagMismatch}, Where: "printing/fault", Job: "31"}
		w := words(e)
		if other, twice := said[w]; w == "" || twice {
			t.Errorf("%s says %q, as %q does", k, w, other)
		}
		said[w] = k
		if s := sentence(e); s != "2026-11-21 09:04:11      7  visit 17: "+w {
			t.Errorf("%q", s)
		}
	}
	if len(said) < 15 {
		t.Error(len(said), "kinds")
	}
}

// TestOlderJournalIsNotTrusted: a terminal whose journal was put back from an older copy begins nothing: the centre knows of
// more than it does; so does one with a new journal. The incident arrives there although the old numbers were given before. When a
// person has closed it, and staff have said their word, the terminal serves again.
func TestOlderJournalIsNotTrusted(t *testing.T) {
	first := newStand(t, t.TempDir(), nil)
	file := filepath.Join(first.flags.state, "terminals", string(first.place.name), "journal.db")
	first.prints("p04")
	first.everythingDelivered()
	first.visitsEnded() // then nothing more is written, and money is where it belongs
	older, err := os.ReadFile(file)
	first.must(err)
	first.prints("p05")
	first.everythingDelivered()
	access, err := first.world.Access(first.place.name)
	first.must(err)
	for name, had := range map[string][]byte{"an older copy": older, "a new one": nil} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if had != nil {
				write(t, filepath.Join(state, "terminals", string(first.place.name), "journal.db"), had)
			}
			next := newStand(t, state, func(s *stand, _ *terminal.Parts) { s.line.lead(t, access.URL) })
			if v := next.visit(next.wish("p06", protocol.ResidentRecord)); v.Ending != nil || next.sheets() != 0 {
				t.Fatalf("it served: %+v", v.Ending)
			}
			why, err := next.StaffNeeded()
			if why != protocol.IncidentJournalRewound || err != nil {
				t.Errorf("staff are needed for %q %v", why, err)
			}
			next.everythingDelivered()
			open, err := next.place.journal.Incidents(0, 0)
			if next.must(err); len(open) != 1 {
				t.Fatalf("%d incidents", len(open))
			}
			next.must(first.world.MoveIncident(first.place.name, protocol.NameIncident(first.place.name, open[0].JournalHead), protocol.IncidentClosed, "the journal was made anew"))
			next.must(next.wish("p06", protocol.ResidentRecord).Hands.Place())
			next.await("a call for staff", func(v session.View) bool { return v.State == session.Unready && v.Word == "staff" })
			next.place.virtual.Pull()
			next.must(next.StaffReady(t.Context(), "s1"))
			next.awaitState(session.Idle)
			if v := next.visit(next.wish("p06", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Printed {
				t.Errorf("it serves no more: %+v", v.Ending)
			}
			next.everythingDelivered()
			all := next.quitAndBalance()
			lost := of(all, journal.Incident)
			if len(lost) != 1 || lost[0].Reason != protocol.IncidentJournalRewound || len(of(all, journal.Undelivered)) != 0 {
				t.Errorf("incidents: %+v", lost)
			}
		})
	}
}

// slowDisk is a journal whose disk takes its time with the intent to print.
type slowDisk struct {
	*journal.Journal
	asked, goOn chan struct{}
	synced      *atomic.Bool
	once        *sync.Once
}

func (d slowDisk) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if e.Kind != journal.Sending {
		return d.Journal.Record(e, with...)
	}
	d.once.Do(func() { close(d.asked) })
	<-d.goOn
	e, err := d.Journal.Record(e, with...)
	d.synced.Store(err == nil)
	return e, err
}

// early notes a first byte before the disk had the intent.
type early struct {
	spool.Printer
	synced *atomic.Bool
	was    *atomic.Bool
}

func (p early) Print(ctx context.Context, doc spool.Released, told spool.Progress) (spool.Result, error) {
	if !p.synced.Load() {
		p.was.Store(true)
	}
	return p.Printer.Print(ctx, doc, told)
}

// TestSlowDisk: the visit waits for the disk, and the printer gets nothing before the disk has it.
func TestSlowDisk(t *testing.T) {
	var synced, was atomic.Bool
	disk := slowDisk{asked: make(chan struct{}), goOn: make(chan struct{}), synced: &synced, once: new(sync.Once)}
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		disk.Journal = s.place.journal
		p.Journal, p.Printer = disk, early{p.Printer, &synced, &was}
	})
	go func() {
		<-disk.asked
		if v, _ := s.screen.now(); s.sheets() != 0 || v.State == session.TakePaper {
			t.Error("paper before the disk had the intent")
		}
		close(disk.goOn)
	}()
	s.prints("p04")
	if was.Load() || !synced.Load() {
		t.Error("the first byte did not wait for the disk")
	}
	s.quitAndBalance()
}

// TestAnotherDaysNumber: a number of another terminal, or of another day, does not show a stranger's visit.
func TestAnotherDaysNumber(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(file, func() time.Time { return time.Date(2026, 11, 21, 14, 59, 30, 0, time.UTC) }) // 23:59:30 in Tokyo
	if err != nil {
		t.Fatal(err)
	}
	if _, err = j.BeginVisit(); err != nil || j.Close() != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]int{"0042-1121-1": exitOK, "0042-1122-1": exitOK, "E-01-1121-1": exitOK, "0042-1123-1": exitFailure, "0042-1121-2": exitFailure} {
		if said, code := honnindSays(t, "journal", "show", "--journal", file, "--number", number); code != want {
			t.Errorf("%s: %d %s", number, code, said)
		}
	}
}

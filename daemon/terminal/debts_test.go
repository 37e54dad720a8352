package terminal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/durable"
	"honnin/daemon/logbook"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// TestAnIncidentIsNotForgotten: what the journal would not take stops every visit, over a new policy, too, until it is written; then it
// is told and held like any other, over a restart.
func TestAnIncidentIsNotForgotten(t *testing.T) {
	m, ctx := newMemory(t), t.Context()
	m.l = &ledger{journal: &refusing{Journal: m.j, times: 3}, wake: func() {}}
	ls, tx := m.latches(t), protocol.NewTransaction()
	if err := refuses(ls, session.Incident{Transaction: tx, Municipality: city, Code: reason.SubjectMismatch},
		&session.Ending{Transaction: tx, Municipality: city, Outcome: protocol.Refused, Code: reason.SubjectMismatch}); err == nil {
		t.Fatal("it was written")
	}
	for _, when := range []string{"at once", "under a new policy"} {
		if _, err := m.l.BeginVisit(ctx); err == nil || !errors.Is(ls.stopped(), session.ErrStopped) || !ls.any() || !ls.Closed(city) {
			t.Errorf("%s: %v, %v", when, err, ls.stopped())
		}
		ls = m.latches(t) // as renew does
	}
	if _, err := m.l.BeginVisit(ctx); err != nil || ls.stopped() != nil {
		t.Fatal(err, ls.stopped())
	}
	want := []journal.Kind{journal.Incident, journal.Latched, journal.Ended, journal.VisitBegun}
	if all := m.kinds(t); !slices.Equal(all, want) {
		t.Errorf("%v", all)
	}
	if e, _, ok, err := m.j.Oldest(0); err != nil || !ok || e.Reason != string(reason.SubjectMismatch) {
		t.Errorf("it is not told: %+v, %v", e, err)
	}
	m.stands(t, ls, "written late", false, city)
}

// TestEndedMeanwhile: an incident waits for nothing that its transaction's outcome says otherwise.
func TestEndedMeanwhile(t *testing.T) {
	m, ctx := newMemory(t), t.Context()
	m.l = &ledger{journal: &refusing{Journal: m.j, times: 1}, wake: func() {}}
	ls, e := m.latches(t), session.Ending{Transaction: protocol.NewTransaction(), Municipality: city, Outcome: protocol.Refused}
	if refuses(ls, session.Incident{Transaction: e.Transaction, Municipality: city, Code: reason.SubjectMismatch}, &e) == nil {
		t.Fatal("it was written")
	}
	if err := errors.Join(m.l.Ended(ctx, e), m.l.settle()); err != nil {
		t.Fatal(err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.Ended, journal.Incident, journal.Latched}) {
		t.Errorf("%v", all)
	}
	m.stands(t, ls, "written late", false, city)
}

// slow is a disk that takes its time.
type slow struct {
	*journal.Journal
	writes, done chan struct{}
}

func (s slow) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	s.writes <- struct{}{}
	<-s.done
	return s.Journal.Record(e, with...)
}

// TestWhoAsksWaitsForNoDisk: while an incident is written its service is stopped already, and everybody hears so.
func TestWhoAsksWaitsForNoDisk(t *testing.T) {
	m := newMemory(t)
	disk := slow{m.j, make(chan struct{}), make(chan struct{})}
	m.l = &ledger{journal: disk, wake: func() {}}
	ls, wrote := m.latches(t), make(chan error)
	go func() {
		wrote <- refuses(ls, session.Incident{Municipality: city, Code: reason.SubjectMismatch}, nil)
	}()
	<-disk.writes
	if !ls.Closed(city) || ls.Closed(town) || ls.stopped() != nil || !ls.any() {
		t.Error(ls.Closed(city), ls.Closed(town), ls.stopped(), ls.any())
	}
	close(disk.done)
	if err := <-wrote; err != nil || !ls.Closed(city) {
		t.Error(err)
	}
}

// TestAnIncidentSurvivesTheEnd: what the journal would not take is written at the next start, before a visit, whenever the power goes.
func TestAnIncidentSurvivesTheEnd(t *testing.T) {
	file := Owing{filepath.Join(t.TempDir(), "owed"), durable.Real{}}
	m, ctx := newMemory(t), t.Context()
	m.l = &ledger{journal: &refusing{Journal: m.j, times: 1 << 20}, wake: func() {}}
	if err := m.l.debts.begin(file); err != nil {
		t.Fatal(err)
	}
	tx := protocol.NewTransaction()
	if refuses(m.latches(t), session.Incident{Transaction: tx, Municipality: city, Code: reason.SubjectMismatch},
		&session.Ending{Transaction: tx, Municipality: city, Outcome: protocol.Refused, Code: reason.SubjectMismatch}) == nil {
		t.Fatal("it was written")
	}
	held, err := os.ReadFile(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	m.l = &ledger{journal: m.j, wake: func() {}} // another process
	if err := m.l.debts.begin(file); err != nil {
		t.Fatal(err)
	}
	ls := m.latches(t)
	if !ls.Closed(city) {
		t.Error("its service is open before it is written")
	}
	if _, err := m.l.BeginVisit(ctx); err != nil {
		t.Fatal(err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.Incident, journal.Latched, journal.Ended, journal.VisitBegun}) {
		t.Errorf("%v", all)
	}
	m.stands(t, ls, "written by the next process", false, city)
	if _, err := os.Stat(file.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v: it would be told again", err)
	}
	for name, b := range map[string][]byte{"half": held[:len(held)/2], "no incident": []byte(`[[{"seq":0,"kind":"started","prev":""}]]`), "nothing": []byte(`[[]]`)} {
		if err := os.WriteFile(file.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := new(debts).begin(file); !strings.HasPrefix(logbook.Why(err), "terminal-the-file-owed-cannot-be-read") {
			t.Errorf("%s: opened, or the log does not say why not: %v", name, err)
		}
	}
}

// sticky is a disk that removes no file of what is owed the first time.
type sticky struct {
	durable.Disk
	refused bool
}

func (s *sticky) Remove(path string) error {
	if !s.refused && filepath.Base(path) == OwedFile {
		s.refused = true
		return errors.New("input/output error")
	}
	return s.Disk.Remove(path)
}

// TestOwedFileIsRemovedLater: what was written is not told again after a restart because its file could not be removed at once.
func TestOwedFileIsRemovedLater(t *testing.T) {
	file := Owing{filepath.Join(t.TempDir(), OwedFile), &sticky{Disk: durable.Real{}}}
	m := newMemory(t)
	full := &refusing{Journal: m.j, times: 1 << 20}
	m.l = &ledger{journal: full, wake: func() {}}
	if err := m.l.debts.begin(file); err != nil {
		t.Fatal(err)
	}
	if refuses(m.latches(t), session.Incident{Municipality: city, Code: reason.SubjectMismatch}, nil) == nil {
		t.Fatal("it was written")
	}
	full.times = 0
	if m.l.settle() == nil {
		t.Error("a file that stays is not told")
	}
	if err := m.l.settle(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(file.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.Incident, journal.Latched}) {
		t.Errorf("%v", all)
	}
}

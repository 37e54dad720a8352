package terminal

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

var noon = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

const city protocol.Municipality = "991015"

// memory is a journal on disk that a test can restart.
type memory struct {
	path string
	j    *journal.Journal
	l    *ledger
	now  time.Time
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{path: filepath.Join(t.TempDir(), "journal"), now: noon}
	m.open(t)
	t.Cleanup(func() { _ = m.j.Close() })
	return m
}

func (m *memory) open(t *testing.T) {
	t.Helper()
	j, err := journal.Open(m.path, func() time.Time { return m.now })
	if err != nil {
		t.Fatal(err)
	}
	m.j, m.l = j, &ledger{journal: j, wake: func() {}}
}

func (m *memory) restart(t *testing.T) {
	t.Helper()
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t)
}

// box is a till that says what moved.
type box struct {
	moves []string
	fail  error
}

func (b *box) Hold(context.Context, protocol.Transaction, int) error { return b.move("hold") }
func (b *box) Keep(context.Context, protocol.Transaction) error      { return b.move("keep") }
func (b *box) Return(context.Context, protocol.Transaction) error    { return b.move("return") }
func (b *box) move(s string) error {
	b.moves = append(b.moves, s)
	return b.fail
}

func TestMoneyIsJournalledBeforeItMoves(t *testing.T) {
	m, b := newMemory(t), &box{}
	till, tx, ctx := newTill(b, m.l), protocol.NewTransaction(), t.Context()
	if err := till.Return(ctx, tx); err != nil {
		t.Fatal(err)
	}
	if held, _ := m.j.Unsettled(); len(held) != 0 {
		t.Fatalf("returning what was never held left %+v", held)
	}
	b.moves = nil
	b.fail = errors.New("coin jam")
	if err := till.Hold(ctx, tx, 200); err == nil {
		t.Fatal("a coin jam went unseen")
	}
	if held, _ := m.j.Unsettled(); len(held) != 1 || held[0].Yen != 200 {
		t.Fatalf("the intent to hold is not in the journal: %+v", held)
	}
	b.fail = nil
	if err := errors.Join(till.Return(ctx, tx), till.Return(ctx, tx), till.Keep(ctx, tx)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.moves, []string{"hold", "return", "return"}) { // the device is told again: a late Hold may have taken money
		t.Errorf("money moved %v", b.moves)
	}
	if held, _ := m.j.Unsettled(); len(held) != 0 {
		t.Errorf("left held: %+v", held)
	}
}

func TestMoneyAfterARestart(t *testing.T) {
	for outcome, want := range map[protocol.Outcome]string{protocol.Printed: "keep", protocol.Unsure: "return", protocol.Void: "return", "": "return"} {
		t.Run(string(outcome), func(t *testing.T) {
			m, b, tx := newMemory(t), &box{}, protocol.NewTransaction()
			record := func(e journal.Entry) {
				t.Helper()
				e.Transaction = tx
				if _, err := m.j.Record(e); err != nil {
					t.Fatal(err)
				}
			}
			record(journal.Entry{Kind: journal.Accepted})
			record(journal.Entry{Kind: journal.Held, Yen: 300})
			if outcome == protocol.Printed || outcome == protocol.Unsure {
				record(journal.Entry{Kind: journal.Sending})
			}
			if outcome != "" {
				record(journal.Entry{Kind: journal.Ended, Outcome: outcome})
			}
			m.restart(t)
			if err := newTill(b, m.l).recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(b.moves, []string{want}) {
				t.Errorf("money moved %v, want %s", b.moves, want)
			}
			b.moves = nil // the power went between the entry and the movement
			if err := newTill(b, m.l).recover(t.Context()); err != nil || !slices.Equal(b.moves, []string{want}) {
				t.Errorf("journalled, perhaps not moved, and now moved %v %v", b.moves, err)
			}
			b.moves = nil
			record(journal.Entry{Kind: journal.Started})
			if err := newTill(b, m.l).recover(t.Context()); err != nil || len(b.moves) != 0 {
				t.Errorf("settled twice: %v %v", b.moves, err)
			}
		})
	}
}

// TestMoneyThatDoesNotMove: a journal that takes nothing keeps nobody's money, and a till that does nothing after a
// restart is an incident, not the end of the terminal.
func TestMoneyThatDoesNotMove(t *testing.T) {
	m, b := newMemory(t), &box{}
	till, tx := newTill(b, m.l), protocol.NewTransaction()
	if err := till.Hold(t.Context(), tx, 200); err != nil {
		t.Fatal(err)
	}
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := till.Return(t.Context(), tx); err == nil || !slices.Equal(b.moves, []string{"hold", "return"}) {
		t.Errorf("without a journal, money moved %v: %v", b.moves, err)
	}
	m.open(t)
	b.fail = errors.New("coin jam")
	if err := newTill(b, m.l).recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, _, ok, err := m.j.Oldest(0); err != nil || !ok || e.Kind != journal.Incident || e.Transaction != tx || e.Reason != string(session.IncidentMoney) {
		t.Errorf("in the outbox: %+v %v %v", e, ok, err)
	}
}

func TestFreeTakesNoMoney(t *testing.T) {
	if Free.Hold(Free{}, t.Context(), protocol.Transaction{}, 0) != nil || Free.Hold(Free{}, t.Context(), protocol.Transaction{}, 1) == nil {
		t.Error("a terminal without a till took money")
	}
}

func TestOutboxKeepsTheOrderAndTheWords(t *testing.T) {
	m := newMemory(t)
	tx, ctx := protocol.NewTransaction(), t.Context()
	box := outbox{journal: m.j, terminal: "JP-13-000042", receipt: taken}
	if err := errors.Join(
		m.l.Incident(ctx, session.Incident{Kind: session.IncidentRefused, Transaction: tx, Municipality: city, Code: reason.SubjectMismatch, Also: []reason.Code{reason.TagMismatch}}),
		m.l.Ended(ctx, session.Ending{Transaction: tx, Outcome: protocol.Refused, Code: reason.SubjectMismatch, Document: protocol.Digest{5}}),
		m.l.Incident(ctx, session.Incident{Kind: session.IncidentFault})); err != nil {
		t.Fatal(err)
	}
	first, ok, err := box.Next(ctx, 0)
	if !ok || err != nil || first.Event == nil || first.Event.Data.Code != "subject-mismatch" || first.Event.Data.Class != "mixed-up" {
		t.Fatalf("%+v %v", first, err)
	}
	if again, _, _ := box.Next(ctx, 0); again.Key != first.Key {
		t.Error("taken away before it was settled")
	}
	settle := func(key uint64, s centre.Settlement) {
		t.Helper()
		if err := box.Settle(ctx, key, s); err != nil {
			t.Fatal(err)
		}
	}
	settle(first.Key, centre.Settlement{})
	second, _, _ := box.Next(ctx, 0)
	if second.Report == nil || second.Report.Outcome != protocol.Refused || second.Report.Reason != "subject-mismatch" || second.Transaction != tx || second.Report.ReleaseSignature != nil {
		t.Fatalf("%+v", second)
	}
	settle(second.Key, centre.Settlement{Problem: "conflict"})
	third, _, _ := box.Next(ctx, 0)
	if third.Event == nil || third.Event.Data.Code != "fault" || third.Event.Data.Class != "fault" {
		t.Fatalf("%+v", third)
	}
	undelivered := 0
	if err := m.j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Undelivered && e.Reason == "conflict" && uint64(e.Of) == second.Key {
			undelivered++
		}
		return nil
	}); err != nil || undelivered != 1 {
		t.Errorf("what the centre will never take is not in the journal: %d %v", undelivered, err)
	}
}

func TestStaff(t *testing.T) {
	m, ctx := newMemory(t), t.Context()
	if err := m.l.Latch(ctx, 1, protocol.Transaction{}, "media-jam"); err != nil {
		t.Fatal(err)
	}
	m.restart(t)
	if needed, err := m.l.Latched(ctx); !needed || err != nil {
		t.Error("a restart opened the terminal", err)
	}
	if err := m.l.StaffReady(ctx, "s1"); err != nil {
		t.Fatal(err)
	}
	if needed, _ := m.l.Latched(ctx); needed {
		t.Error("staff could not open it")
	}
}

// TestUnsaidOfATestVisit: staff were called for a test visit's document, and that is no incident.
func TestUnsaidOfATestVisit(t *testing.T) {
	m := newMemory(t)
	done, with := Lent{Outcome: "restart", Staff: TestVisit, Sent: protocol.NewTransaction()}.Entries()
	if err := errors.Join(m.l.record(done, with...), m.l.unsaid()); err != nil {
		t.Fatal(err)
	}
	open, err := m.j.Incidents(0, 0)
	call, err2 := m.j.StaffCall()
	if err != nil || err2 != nil || len(open) != 0 || call.Transaction.IsZero() {
		t.Errorf("%+v, staff are called for %+v, %v %v", open, call, err, err2)
	}
}

// TestUnsaidAfterARestart: staff were called for paper, and the power went before the visit could say why. It is said once,
// with the word for what lies about.
func TestUnsaidAfterARestart(t *testing.T) {
	for name, c := range map[string]struct {
		end  journal.Entry
		said session.IncidentKind // since it went to paper
		want session.IncidentKind
	}{
		"unsure":             {journal.Entry{Outcome: protocol.Unsure, Reason: "restart-while-printing"}, "", session.IncidentUnsure},
		"printed, proved so": {journal.Entry{Outcome: protocol.Printed}, "", session.IncidentPaperLeft},
		"failed":             {journal.Entry{Outcome: protocol.Failed, Reason: "restart-while-printing"}, "", session.IncidentSpoiled},
		"nobody read it":     {journal.Entry{Outcome: protocol.Unsure, Reason: "unconfirmed"}, "", session.IncidentUnconfirmed},
		"it was said":        {journal.Entry{Outcome: protocol.Unsure}, session.IncidentSpoiled, session.IncidentSpoiled},
		"a fault on the way": {journal.Entry{Outcome: protocol.Unsure}, session.IncidentFault, session.IncidentFault},
		"only of the money":  {journal.Entry{Outcome: protocol.Printed}, session.IncidentMoney, session.IncidentPaperLeft},
	} {
		t.Run(name, func(t *testing.T) {
			m, tx := newMemory(t), protocol.NewTransaction()
			visit, err := m.j.BeginVisit()
			if err != nil {
				t.Fatal(err)
			}
			at := journal.Entry{Visit: visit, Transaction: tx, Municipality: city, Document: protocol.Digest{1}}
			if err := m.l.record(journal.Entry{Kind: journal.Incident, Transaction: tx, Reason: protocol.IncidentFee}); err != nil { // of an offer
				t.Fatal(err)
			}
			for _, k := range []journal.Kind{journal.Accepted, journal.Sending, journal.Handed, journal.StaffNeeded} {
				e := at
				e.Kind, e.Reason = k, "x"
				if err := m.l.record(e); err != nil {
					t.Fatal(err)
				}
			}
			if c.said != "" {
				err = m.l.Incident(t.Context(), session.Incident{Kind: c.said, Transaction: tx})
			}
			c.end.Kind, c.end.Visit, c.end.Transaction, c.end.Municipality, c.end.Document = journal.Ended, visit, tx, city, at.Document
			if err := errors.Join(err, m.l.record(c.end), m.l.unsaid(), m.l.unsaid()); err != nil {
				t.Fatal(err)
			}
			open, err := m.j.Incidents(0, 0)
			want := 2 // of the fee, and of the paper
			if c.said != "" && c.said != c.want {
				want++
			}
			if err != nil || len(open) != want {
				t.Fatalf("%d incidents, %v", len(open), err)
			}
			if e, err := m.j.At(open[want-1].Position); err != nil || e.Reason != string(c.want) || e.Transaction != tx {
				t.Errorf("%+v %v", e, err)
			}
		})
	}
}

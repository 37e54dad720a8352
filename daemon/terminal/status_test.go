package terminal

import (
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// TestAsked: of each device what the last look found, and nothing where that did not come so far.
func TestAsked(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	n := &noticed{Screen: &blank{}, log: log}
	if n.asked() != nil {
		t.Error("nothing was looked at yet")
	}
	both, first := map[string]bool{"printer": true, "reader": true}, map[string]bool{"printer": true}
	for _, c := range []struct {
		view session.View
		want map[string]bool
	}{
		{session.View{State: session.Unready}, nil},
		{session.View{State: session.Unready, Word: "staff"}, nil},
		{session.View{State: session.Unready, Word: "journal"}, nil},
		{session.View{State: session.Unready, Word: "media-needed"}, map[string]bool{"printer": false}},
		{session.View{State: session.Unready, Word: "printer"}, map[string]bool{"printer": false}},
		{session.View{State: session.Unready, Word: "centre"}, first},
		{session.View{State: session.Unready, Word: "selftest-failed"}, first},
		{session.View{State: session.Unready, Word: "reader"}, map[string]bool{"printer": true, "reader": false}},
		{session.View{State: session.Idle}, both},
		{session.View{State: session.EnterPIN}, both},
		{session.View{State: session.OutOfService, Word: "fault"}, nil},
		{session.View{State: session.Stranded}, nil},
	} {
		if n.Show(c.view); !maps.Equal(n.asked(), c.want) {
			t.Errorf("%v %q: %v, want %v", c.view.State, c.view.Word, n.asked(), c.want)
		}
	}
}

// TestStoppedByName: what the journal holds and what it would not take is named; and that everything is, where it is.
func TestStoppedByName(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	holds := func(municipality protocol.Municipality) {
		t.Helper()
		if _, err := m.j.Record(journal.Entry{Kind: journal.Incident, Reason: "subject-mismatch", Municipality: municipality},
			journal.Entry{Kind: journal.Latched, Municipality: municipality, Reason: "subject-mismatch"}); err != nil {
			t.Fatal(err)
		}
	}
	named := func(want ...string) {
		t.Helper()
		if got := ls.names(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	named()
	holds(town)
	holds(city)
	one, other := string(min(city, town)), string(max(city, town))
	named(one, other)
	ls.ledger.debts.set(map[protocol.Municipality]bool{"131016": true})
	named("131016", one, other, Every) // three of them stop the terminal
	ls.ledger.debts.set(map[protocol.Municipality]bool{"": true})
	named(one, other, Every)
	ls.ledger.debts.set(nil)
	named(one, other)
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	named(one, other, Every)
}

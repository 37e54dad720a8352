package server

import (
	"testing"

	"honnin/config/protocol"
)

// began opens a transaction and returns what the centre answered.
func (d *desk) began(t *testing.T) (b protocol.Begun) {
	t.Helper()
	w := d.ask("POST", "/v1/transactions", protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: protocol.Store})
	want(t, w, 200, "")
	if err := protocol.ParseBody(w.Body.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestJournalHeads: heads rise, the highest goes back to the terminal, and one that does not extend them is counted; they
// are forgotten when a person has closed the incident.
func TestJournalHeads(t *testing.T) {
	d := open(t)
	if b := d.began(t); b.Journal != (protocol.JournalHead{}) {
		t.Fatalf("a head from nowhere: %+v", b.Journal)
	}
	at := func(n uint64, b byte) protocol.JournalHead {
		return protocol.JournalHead{Position: n, Head: protocol.Digest{b}}
	}
	for _, c := range []struct {
		sent    protocol.JournalHead
		highest uint64
		rewound uint64
	}{{at(4, 4), 4, 0}, {at(9, 9), 9, 0}, {protocol.JournalHead{}, 9, 0}, {at(9, 8), 9, 1}, {at(5, 5), 9, 2}, {at(12, 1), 12, 2}} {
		path := "/v1/transactions/" + d.began(t).Transaction.String() + "/outcome"
		for range 2 { // delivered again, it is the same
			want(t, d.ask("POST", path, protocol.OutcomeReport{Outcome: protocol.Void, Journal: c.sent}), 204, "")
		}
		if c.sent.Position > 0 {
			want(t, d.ask("POST", path, protocol.OutcomeReport{Outcome: protocol.Void, Journal: at(c.sent.Position+1, 0)}), 409, protocol.ProblemConflict)
		}
		if b := d.began(t); b.Journal.Position != c.highest || d.Counts().Rewound != c.rewound {
			t.Errorf("%+v: highest %+v, rewound %d", c, b.Journal, d.Counts().Rewound)
		}
	}
	path := "/v1/transactions/" + d.began(t).Transaction.String() + "/outcome"
	want(t, d.ask("POST", path, protocol.OutcomeReport{Outcome: protocol.Void, Journal: at(0, 1)}), 400, protocol.ProblemBadRequest)
	if h := d.Heads(terminal); len(h) != 3 || h[2] != at(12, 1) {
		t.Errorf("heads: %+v", h)
	}
	for _, code := range []string{"fault", protocol.IncidentJournalRewound} {
		e := protocol.NewEvent(protocol.IncidentID("i-"+code), terminal, protocol.At(d.Now()), protocol.IncidentData{Code: code, Class: "fault"})
		if _, err := d.enlist(e, []byte{1}, d.Now()); err != nil {
			t.Fatal(err)
		}
		if err := d.Move(terminal, e.ID, protocol.IncidentClosed, "a disk was changed"); err != nil {
			t.Fatal(err)
		}
		if forgotten := d.began(t).Journal == (protocol.JournalHead{}); forgotten != (code == protocol.IncidentJournalRewound) {
			t.Errorf("%s closed: forgotten %v", code, forgotten)
		}
	}
}

func TestHeadsAreBounded(t *testing.T) {
	h := heads{}
	for n := range uint64(2 * maxHeads) {
		if !h.note(terminal, protocol.JournalHead{Position: n + 1}) {
			t.Fatal(n)
		}
	}
	if len(h.of[terminal]) > maxHeads || h.last(terminal).Position != 2*maxHeads {
		t.Error(len(h.of[terminal]), h.last(terminal))
	}
}

package server

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"honnin/config/protocol"
)

// again is the centre that comes after this one, with its keys and its book.
func (d *desk) again(t *testing.T, book []Line, note func(Line) error) (after *desk, kept []Line) {
	t.Helper()
	after = &desk{Server: New(d.Config), card: d.card}
	kept, err := after.Remember(book, note)
	if err != nil {
		t.Fatal(err)
	}
	return after, kept
}

// TestRemembered: what was raised, told and signed is known again after a start, and can be closed then; what could not be kept was
// not taken.
func TestRemembered(t *testing.T) {
	var book []Line
	full := error(nil)
	note := func(l Line) error {
		if full == nil {
			book = append(book, l)
		}
		return full
	}
	d, _ := open(t).again(t, nil, note)
	raised := time.Now().Add(-time.Hour)
	for n := range 3 {
		e := protocol.NewEvent(protocol.IncidentID(fmt.Sprint("i-", n)), terminal, protocol.At(raised), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: "991015"})
		if full = error(nil); n == 2 {
			full = errors.New("the disk is full")
		}
		if a := d.ask(http.MethodPost, "/v1/incidents", e); (a.Code == http.StatusCreated) != (n < 2) {
			t.Errorf("%d: %d", n, a.Code)
		}
	}
	if err := d.Move(terminal, "i-0", protocol.IncidentAcknowledged, ""); !errors.Is(err, full) {
		t.Errorf("acknowledged, and nothing kept: %v", err)
	}
	full = nil
	if err := d.Move(terminal, "i-0", protocol.IncidentAcknowledged, ""); err != nil {
		t.Fatal(err)
	}
	told := protocol.NewEscalation("e-1", terminal, protocol.At(raised), protocol.EscalationData{Incident: "i-1", Since: protocol.At(raised), Step: 1, Contact: "office"})
	want(t, d.ask(http.MethodPost, "/v1/escalations", told), http.StatusCreated, "")
	if len(book) != 4 {
		t.Fatalf("%d lines", len(book))
	}
	book = append(book, book[2]) // a line twice, as a crash may leave it
	after, kept := d.again(t, book, note)
	if len(kept) != len(book) {
		t.Errorf("%d lines are kept", len(kept))
	}
	was, is := d.Incidents(), after.Incidents()
	if len(is) != 2 || len(was) != 2 {
		t.Fatalf("%d are known, %d were", len(is), len(was))
	}
	for i := range is {
		if is[i].Event.ID != was[i].Event.ID || string(is[i].Text) != string(was[i].Text) || is[i].State != was[i].State || len(is[i].Steps) != len(was[i].Steps) ||
			len(is[i].Told) != len(was[i].Told) || was[i].Received.Sub(is[i].Received) > time.Second || len(is[i].Steps)+len(is[i].Told) != 1 {
			t.Errorf("%+v, and was %+v", is[i], was[i])
		}
	}
	if err := after.Move(terminal, "i-0", protocol.IncidentClosed, "a cause"); err != nil {
		t.Error(err)
	}
	if state, _ := after.Incident(terminal, "i-0"); state != protocol.IncidentClosed || len(book) != 6 {
		t.Errorf("%s, %d lines", state, len(book))
	}
}

// TestWorth: closed incidents make room, the oldest first; none that is open, or whose last closing its terminal has not, ever does.
func TestWorth(t *testing.T) {
	const all, most = 40, 20
	d := open(t)
	var book []Line
	for n := range all {
		e := protocol.NewEvent(protocol.IncidentID(fmt.Sprint("i-", n)), terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "fault", Class: "fault"})
		text, err := protocol.EncodeBody(e)
		if err != nil {
			t.Fatal(err)
		}
		book = append(book, Line{At: e.Time, Event: text})
		if n%4 == 0 || n >= all-3 {
			continue
		}
		signed, err := d.stateOf(incidentKey{e.Source, e.ID}, protocol.Digest{}, protocol.IncidentClosed, "a cause")
		if err != nil {
			t.Fatal(err)
		}
		book = append(book, Line{At: e.Time, State: signed})
		if n == 2 { // it was fetched, and then closed again
			book = append(book, Line{At: e.Time, Source: e.Source, Fetched: e.ID}, Line{At: e.Time, State: signed})
		} else if n != 3 {
			book = append(book, Line{At: e.Time, Source: e.Source, Fetched: e.ID})
		}
	}
	kept := worth(book, most)
	after, _ := d.again(t, kept, nil)
	open, closed := 0, 0
	for _, l := range after.Incidents() {
		if l.State == protocol.IncidentOpen {
			open++
		} else {
			closed++
		}
	}
	if open != all/4+3 || open+closed != most || len(kept) != open+3*closed {
		t.Errorf("%d open, %d closed, %d lines", open, closed, len(kept))
	}
	for _, id := range []protocol.IncidentID{"i-2", "i-3"} {
		if state, _ := after.Incident(terminal, id); state != protocol.IncidentClosed {
			t.Errorf("%s, whose closing the terminal has not, is %q", id, state)
		}
	}
	if _, ok := after.Incident(terminal, "i-1"); ok {
		t.Error("the oldest that is closed takes room")
	}
	if len(worth(kept, most)) != len(kept) || len(worth(kept, 0)) != open+6 {
		t.Error("it shrinks with every start, or what is open goes")
	}
}

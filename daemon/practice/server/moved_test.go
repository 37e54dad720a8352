package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	life "honnin/spool/incident"
)

// named is what a heartbeat's answer names.
func (d *desk) named(t *testing.T) []protocol.IncidentID {
	t.Helper()
	w := d.ask(http.MethodPost, "/v1/heartbeats", protocol.Heartbeat{Terminal: terminal, At: protocol.At(d.Now()), Software: "honnind"}, func(r *http.Request) { r.Header.Del("Idempotency-Key") })
	want(t, w, http.StatusOK, "")
	var answer protocol.HeartbeatAnswer
	if err := protocol.ParseBody(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Incidents
}

// TestNothingIsNamedForEver: what the terminal will not ask about any more is not named: a second closing of what it knows to be
// closed, also after a start; what the centre does not know; and what was filed.
func TestNothingIsNamedForEver(t *testing.T) {
	var book []Line
	note := func(l Line) error { book = append(book, l); return nil }
	d, _ := open(t).again(t, nil, note)
	close := func(d *desk, id protocol.IncidentID, later time.Duration) {
		t.Helper()
		signed, err := d.sign(d.Closer, protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + string(terminal),
			State: protocol.IncidentClosed, Cause: "x", At: protocol.At(d.Now().Add(later))})
		if err == nil {
			err = d.Bring(signed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	are := func(d *desk, when string, all ...protocol.IncidentID) {
		t.Helper()
		if got := d.named(t); !slices.Equal(got, all) {
			t.Errorf("%s: named %v, not %v", when, got, all)
		}
	}
	for _, id := range []protocol.IncidentID{"i-1", "i-2", "i-3"} {
		d.raise(t, id, protocol.IncidentData{Code: "fault", Class: "fault"})
	}
	close(d, "i-1", 0)
	close(d, "i-2", 0)
	want(t, d.ask(http.MethodGet, "/v1/incidents/i-1", nil), http.StatusOK, "")
	are(d, "one was fetched", "i-2")
	lines := len(book)
	want(t, d.ask(http.MethodGet, "/v1/incidents/i-1", nil), http.StatusOK, "")
	want(t, d.ask(http.MethodGet, "/v1/incidents/i-3", nil), http.StatusOK, "")
	if len(book) != lines {
		t.Error("the book grows with every question")
	}
	close(d, "i-1", time.Minute)
	are(d, "closed again", "i-2")
	after, _ := d.again(t, book, note)
	are(after, "after a start", "i-2")
	after.moved.note(incidentKey{protocol.SourcePrefix + string(terminal), "i-9"})
	want(t, after.ask(http.MethodGet, "/v1/incidents/i-9", nil), http.StatusNotFound, protocol.ProblemUnknown)
	are(after, "asked about what is not known", "i-2")
	after.File()
	are(after, "filed")
}

// TestMovedIsNamedUntilItIsFetched: a heartbeat's answer names this terminal's incidents that somebody moved on, the earliest first,
// until they are asked about; no more than 64, and none of another terminal.
func TestMovedIsNamedUntilItIsFetched(t *testing.T) {
	d := open(t)
	beat := func() []protocol.IncidentID { t.Helper(); return d.named(t) }
	var all []protocol.IncidentID
	for i := range protocol.MaxHints + 2 {
		e := protocol.NewEvent(protocol.IncidentID(fmt.Sprint("i-", i)), terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "fault", Class: "fault"})
		want(t, d.ask(http.MethodPost, "/v1/incidents", e), http.StatusCreated, "")
		all = append(all, e.ID)
	}
	other := protocol.NewEvent("i-0", "JP-99-000002", protocol.At(d.Now()), protocol.IncidentData{Code: "fault", Class: "fault"})
	if _, err := d.enlist(other, []byte{1}, d.Now()); err != nil {
		t.Fatal(err)
	}
	if got := beat(); len(got) != 0 {
		t.Errorf("named without a cause: %v", got)
	}
	if err := d.Move("JP-99-000002", "i-0", protocol.IncidentClosed, "a cause"); err != nil {
		t.Fatal(err)
	}
	for _, id := range all {
		for _, to := range []string{protocol.IncidentAcknowledged, protocol.IncidentClosed} {
			cause := map[string]string{protocol.IncidentClosed: "a cause"}[to]
			if err := d.Move(terminal, id, to, cause); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if got := beat(); !slices.Equal(got, all[:protocol.MaxHints]) {
			t.Fatalf("named: %v", got)
		}
	}
	for _, id := range all[:3] {
		want(t, d.ask(http.MethodGet, "/v1/incidents/"+string(id), nil), http.StatusOK, "")
	}
	if got := beat(); !slices.Equal(got, all[3:]) {
		t.Errorf("after three were fetched: %v", got)
	}
}

// TestNamedAfterAnother: no terminal gives an incident the name of another's.
func TestNamedAfterAnother(t *testing.T) {
	d := open(t)
	at := protocol.JournalHead{Position: 7, Head: protocol.Digest{1}}
	for who, status := range map[protocol.Terminal]int{terminal: http.StatusCreated, "JP-99-000002": http.StatusForbidden, terminal + "-1": http.StatusForbidden} {
		problem := map[int]string{http.StatusForbidden: protocol.ProblemTerminal}[status]
		e := protocol.NewEvent(protocol.NameIncident(who, at), terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "fault", Class: "fault"})
		want(t, d.ask(http.MethodPost, "/v1/incidents", e), status, problem)
	}
}

// TestAStateNamesItsEvent: what was signed of another event of that name is refused.
func TestAStateNamesItsEvent(t *testing.T) {
	d := open(t)
	e := protocol.NewEvent("i-1", terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "fault", Class: "fault"})
	if _, err := d.enlist(e, []byte{7}, d.Now()); err != nil {
		t.Fatal(err)
	}
	for event, doubt := range map[protocol.Digest]life.Doubt{protocol.Fingerprint([]byte{8}): life.StateOther, protocol.Fingerprint([]byte{7}): life.NoDoubt} {
		signed, err := d.stateOf(incidentKey{e.Source, e.ID}, event, protocol.IncidentClosed, "a cause")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Bring(signed); doubt == life.NoDoubt && err != nil || doubt != life.NoDoubt && !errors.Is(err, doubt) {
			t.Errorf("%x: %v", event[:1], err)
		}
	}
}

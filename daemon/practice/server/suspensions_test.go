package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/practice/people"
	life "honnin/spool/incident"
)

// told is what the centre answers, by municipality; nil where it gives none.
func (d *desk) told(t *testing.T) []protocol.Municipality {
	t.Helper()
	q := protocol.SuspensionsQuestion{Nonce: protocol.NewNonce()}
	w := d.ask(http.MethodPost, "/v1/suspensions", q)
	want(t, w, http.StatusOK, "")
	content, by, _, err := trust.VerifyAttached(w.Body.Bytes())
	if err != nil || !by.Equal(d.Receipts.Certificate) {
		t.Fatal(err)
	}
	s, err := protocol.ParseSuspensions(content)
	if err != nil || s.Nonce != q.Nonce {
		t.Fatal(s, err)
	}
	out := []protocol.Municipality{}
	for _, one := range s.Suspended {
		out = append(out, one.Municipality)
	}
	return out
}

func (d *desk) raise(t *testing.T, id protocol.IncidentID, data protocol.IncidentData) int {
	t.Helper()
	return d.ask(http.MethodPost, "/v1/incidents", protocol.NewEvent(id, terminal, protocol.At(d.Now()), data)).Code
}

func (d *desk) equal(t *testing.T, when string, all ...protocol.Municipality) {
	t.Helper()
	if got := d.told(t); !slices.Equal(got, all) {
		t.Errorf("%s: suspended %v, not %v", when, got, all)
	}
}

// TestSuspends: another's paper suspends its municipality, whoever met it; nothing else does; and only its own closing lifts it.
func TestSuspends(t *testing.T) {
	d := open(t)
	mihon, kaku := people.Mihon, people.Kaku
	wrong := protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: mihon}
	d.raise(t, "i-0", wrong)
	d.equal(t, "a centre that does not")
	d.SuspendAtOnce(StopMunicipality)
	for id, data := range map[protocol.IncidentID]protocol.IncidentData{
		"i-1": {Code: "pdf-font", Class: "defective", Municipality: mihon},
		"i-2": {Code: "unsure", Class: "mixed-up", Municipality: mihon}, // the code counts, not what the event says of it
		"i-3": {Code: "subject-mismatch", Class: "mixed-up"},
		"i-0": wrong, // it was known
	} {
		d.raise(t, id, data)
		d.equal(t, string(id))
	}
	d.raise(t, "i-4", wrong)
	d.raise(t, "i-5", protocol.IncidentData{Code: "not-mine", Class: "mixed-up", Municipality: kaku})
	d.raise(t, "i-6", protocol.IncidentData{Code: "signature-invalid", Class: "forged", Municipality: mihon})
	d.equal(t, "three, two of one municipality", mihon, kaku)
	for _, step := range []struct{ id, state, cause string }{{"i-0", protocol.IncidentClosed, "x"}, {"i-4", protocol.IncidentAcknowledged, ""}} {
		if err := d.Move(terminal, protocol.IncidentID(step.id), step.state, step.cause); err != nil {
			t.Fatal(err)
		}
		d.equal(t, step.id, mihon, kaku)
	}
	for i, id := range []protocol.IncidentID{"i-4", "i-6"} {
		if err := d.Move(terminal, id, protocol.IncidentClosed, "the programs shared a file"); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			d.equal(t, "the other holds it", kaku, mihon)
		}
	}
	d.equal(t, "both of one", kaku)
	d.raise(t, "i-4", wrong) // once more, as after a receipt that was lost
	d.equal(t, "a closed one, again", kaku)
}

// TestSuspendsSoftware: the program that the statement names, up to its version, wherever it is at work; where none is named, the
// municipality.
func TestSuspendsSoftware(t *testing.T) {
	d := open(t)
	d.SuspendAtOnce(StopSoftware)
	wrong := protocol.IncidentData{Code: "other-transaction", Class: "mixed-up", Municipality: people.Mihon}
	d.raise(t, "i-1", wrong)
	wrong.Evidence.Software = protocol.IssuedWith{Name: "issuer-x", Version: "2.4.1"}
	d.raise(t, "i-2", wrong)
	wrong.Evidence.Software = protocol.IssuedWith{Name: "issuer-y"}
	d.raise(t, "i-3", wrong)
	var all protocol.Suspensions
	for _, one := range d.Suspended() {
		all.Suspended = append(all.Suspended, one.What)
	}
	if !all.Whole(people.Mihon) || all.Whole(people.Kaku) || len(all.Suspended) != 3 {
		t.Errorf("%+v", all)
	}
	for _, c := range []struct {
		name, version string
		stops         bool
	}{{"issuer-x", "2.4.1", true}, {"issuer-x", "2.4.2", false}, {"issuer-y", "9.0.0", true}, {"issuer-z", "1.0.0", false}} {
		if all.Stops(people.Kaku, protocol.Software{Name: c.name, Version: c.version}) != c.stops {
			t.Errorf("%+v: stopped %t", c, !c.stops)
		}
	}
}

// TestSuspensionsAreKept: before the receipt is given; without that there is none, and the terminal tells again. A centre that starts
// anew knows them, and lifts them when the closing comes, though it has forgotten the incident.
func TestSuspensionsAreKept(t *testing.T) {
	d := open(t)
	var held []Suspension
	full := errors.New("no room")
	d.SuspendAtOnce(StopMunicipality)
	d.Keep = func([]Suspension) error { return full }
	wrong := protocol.IncidentData{Code: "tag-mismatch", Class: "mixed-up", Municipality: people.Mihon}
	if code := d.raise(t, "i-1", wrong); code != http.StatusInternalServerError {
		t.Error(code)
	}
	if _, ok := d.Incident(terminal, "i-1"); ok {
		t.Error("taken, and not kept")
	}
	d.equal(t, "that could not be kept", people.Mihon)
	d.Keep = func(all []Suspension) error { held = slices.Clone(all); return nil }
	if code := d.raise(t, "i-1", wrong); code != http.StatusCreated || len(held) != 1 {
		t.Fatal(code, held)
	}
	next := &desk{Server: New(Config{Receipts: d.Receipts, Taker: d.Taker, Closer: d.Closer, Now: d.Now, Held: held, Keep: d.Keep})}
	next.equal(t, "after a start", people.Mihon)
	state := protocol.IncidentState{Format: protocol.StateFormat, Incident: "i-1", Source: protocol.SourcePrefix + string(terminal), Event: held[0].Event,
		State: protocol.IncidentClosed, Cause: "x", At: protocol.At(d.Now())}
	other, early, another, old := state, state, state, state
	other.Source += "2"
	early.State, early.Cause = protocol.IncidentAcknowledged, ""
	another.Event[0]++
	old.At = protocol.At(held[0].What.Since.Add(-clockSkew - time.Second))
	for _, c := range []struct {
		state protocol.IncidentState
		doubt error
		left  int
	}{{other, life.StateOther, 1}, {early, life.StateOther, 1}, {another, life.StateOther, 1}, {old, life.StateReplayed, 1}, {state, nil, 0}, {state, life.StateOther, 0}} {
		signed, err := next.sign(next.Closer, c.state)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Bring(signed); !errors.Is(err, c.doubt) || (err == nil) != (c.doubt == nil) || len(held) != c.left || len(next.told(t)) != c.left {
			t.Errorf("%+v: %v, %d kept", c.state, err, len(held))
		}
	}
}

// TestLiftIsKept: where it cannot be, the incident is not closed either.
func TestLiftIsKept(t *testing.T) {
	d := open(t)
	d.SuspendAtOnce(StopMunicipality)
	d.raise(t, "i-1", protocol.IncidentData{Code: "tag-mismatch", Class: "mixed-up", Municipality: people.Mihon})
	d.Keep = func([]Suspension) error { return errors.New("no room") }
	if err := d.Move(terminal, "i-1", protocol.IncidentClosed, "x"); err == nil {
		t.Error("closed")
	}
	d.equal(t, "that could not be lifted", people.Mihon)
	d.Keep = nil
	if err := d.Move(terminal, "i-1", protocol.IncidentClosed, "x"); err != nil {
		t.Error(err)
	}
	d.equal(t, "lifted")
}

// TestTooManySuspensions: a list that may not be so long is no answer, and nobody is told half of it.
func TestTooManySuspensions(t *testing.T) {
	d := open(t)
	suspend := func(i int, m protocol.Municipality) {
		t.Helper()
		e := protocol.NameIncident(terminal, protocol.JournalHead{Position: uint64(i + 1)})
		if err := d.Suspend(Suspension{Source: protocol.SourcePrefix + string(terminal), What: protocol.Suspension{Municipality: m, Since: protocol.At(d.Now()), Incident: e}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range protocol.MaxSuspensions + 1 {
		suspend(1000+i, people.Mihon)
	}
	d.equal(t, "one municipality, by 129 incidents", people.Mihon)
	for i := range protocol.MaxSuspensions {
		if got := d.told(t); len(got) != i+1 {
			t.Fatalf("%d told", len(got))
		}
		suspend(i, protocol.Municipality(fmt.Sprintf("%06d", i)))
	}
	want(t, d.ask(http.MethodPost, "/v1/suspensions", protocol.SuspensionsQuestion{Nonce: protocol.NewNonce()}), http.StatusServiceUnavailable, protocol.ProblemIssuer)
	want(t, d.ask(http.MethodPost, "/v1/suspensions", []byte(`{"nonce":"short"}`)), http.StatusBadRequest, protocol.ProblemBadRequest)
}

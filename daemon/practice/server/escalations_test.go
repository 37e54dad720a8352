package server

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// TestEscalations: who was to be told is kept in order, once each, with a receipt for that very event; nobody speaks for another.
func TestEscalations(t *testing.T) {
	d := open(t)
	now := protocol.At(d.Now())
	step := func(n int) protocol.Escalation {
		return protocol.NewEscalation(protocol.IncidentID(fmt.Sprint("e-", n)), terminal, now,
			protocol.EscalationData{Incident: "i-1", Since: now, Step: n, Contact: fmt.Sprint("office-", n)})
	}
	first := d.ask(http.MethodPost, "/v1/escalations", step(1))
	want(t, first, http.StatusCreated, "")
	content, by, _, err := trust.VerifyAttached(first.Body.Bytes())
	if err != nil || !by.Equal(d.Receipts.Certificate) {
		t.Fatal(err)
	}
	event, err := protocol.EncodeBody(step(1))
	if r, bad := protocol.ParseReceipt(content); err != nil || bad != nil || r.Incident != "e-1" || r.Event != protocol.Fingerprint(event) {
		t.Errorf("%+v %v", r, bad)
	}
	want(t, d.ask(http.MethodPost, "/v1/escalations", step(2)), http.StatusCreated, "")
	if again := d.ask(http.MethodPost, "/v1/escalations", step(1)); !bytes.Equal(again.Body.Bytes(), first.Body.Bytes()) {
		t.Error("the same again has another receipt")
	}
	other, foreign, nobody := step(1), step(3), step(3)
	other.Data.Contact, foreign.Source, nobody.Data.Contact = "office-9", protocol.SourcePrefix+"OTHER-1", ""
	want(t, d.ask(http.MethodPost, "/v1/escalations", other), http.StatusConflict, protocol.ProblemConflict)
	want(t, d.ask(http.MethodPost, "/v1/escalations", foreign), http.StatusForbidden, protocol.ProblemTerminal)
	want(t, d.ask(http.MethodPost, "/v1/escalations", nobody), http.StatusBadRequest, protocol.ProblemBadRequest)
	for n := 3; n <= maxEscalations; n++ {
		want(t, d.ask(http.MethodPost, "/v1/escalations", step(n)), http.StatusCreated, "")
	}
	want(t, d.ask(http.MethodPost, "/v1/escalations", step(maxEscalations+1)), http.StatusServiceUnavailable, protocol.ProblemIssuer)
	all := d.Escalations(terminal, "i-1")
	for i, e := range all {
		if e != step(i+1) {
			t.Errorf("%d: %+v", i, e)
		}
	}
	if len(all) != maxEscalations || len(d.Escalations("OTHER-1", "i-1")) != 0 {
		t.Error(len(all))
	}
	if d.File(); len(d.Escalations(terminal, "i-1")) != 0 {
		t.Error("not filed")
	}
}

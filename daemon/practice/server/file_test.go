package server

import (
	"net/http"
	"testing"

	"honnin/config/protocol"
)

// What was gone through is put away: outcomes and incidents, and nothing before its outcome.
func TestFile(t *testing.T) {
	d := open(t)
	over, lives := d.began(t), d.began(t)
	want(t, d.ask(http.MethodPost, "/v1/transactions/"+over.Transaction.String()+"/outcome", protocol.OutcomeReport{Outcome: protocol.Abandoned}), http.StatusNoContent, "")
	raised := protocol.NewEvent("t-1", terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up"})
	want(t, d.ask(http.MethodPost, "/v1/incidents", raised), http.StatusCreated, "")
	if state, ok := d.Incident(terminal, "t-1"); state != protocol.IncidentOpen || !ok {
		t.Error(state, ok)
	}
	d.File()
	if _, ok := d.Incident(terminal, "t-1"); ok {
		t.Error("the incident is not filed")
	}
	if _, ok := d.Outcome(over.Transaction); ok || d.transactions[lives.Transaction] == nil {
		t.Error("filed what lives, or not what is over")
	}
	want(t, d.ask(http.MethodGet, "/v1/transactions/"+over.Transaction.String()+"/package", nil), http.StatusNotFound, protocol.ProblemUnknown)
}

package server

import (
	"net/http"
	"testing"

	"honnin/config/protocol"
)

// TestPrintedAtACounterNeedsStaff: an outcome names who read the sheets where somebody must, and nowhere else.
func TestPrintedAtACounterNeedsStaff(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		channel protocol.Channel
		outcome protocol.Outcome
		staff   string
		taken   bool
	}{
		{protocol.Counter, protocol.Printed, "1207", true}, {protocol.Counter, protocol.Refused, "1207", true},
		{protocol.Counter, protocol.Refused, "", true}, {protocol.Counter, protocol.Unsure, "", true},
		{protocol.Counter, protocol.Printed, "", false}, {protocol.Counter, protocol.Printed, "sato", false},
		{protocol.Counter, protocol.Unsure, "1207", false}, {protocol.Counter, protocol.Void, "1207", false},
		{protocol.Store, protocol.Printed, "", true}, {protocol.Store, protocol.Printed, "1207", false},
	} {
		var b protocol.Begun
		w := d.ask("POST", "/v1/transactions", protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: c.channel})
		if err := protocol.ParseBody(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		path := "/v1/transactions/" + b.Transaction.String() + "/outcome"
		report := protocol.OutcomeReport{Outcome: c.outcome, Staff: c.staff}
		if !c.taken {
			want(t, d.ask("POST", path, report), http.StatusBadRequest, protocol.ProblemBadRequest)
			continue
		}
		want(t, d.ask("POST", path, report), http.StatusNoContent, "")
		if c.staff != "" {
			report.Staff = "1208"
			want(t, d.ask("POST", path, report), http.StatusConflict, protocol.ProblemConflict)
		}
	}
}

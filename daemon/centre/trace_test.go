package centre_test

import (
	"net/http"
	"slices"
	"testing"

	"honnin/config/protocol"
	"honnin/config/trace/tracetest"
)

// TestTraced: of each call its kind, its status and how long it took; which transaction it was is not said.
func TestTraced(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	var l tracetest.Listener
	cfg := s.config
	cfg.Trace = l.Trace()
	c := newClient(t, cfg)
	_ = c.Ready(t.Context())
	_, _ = c.Begin(t.Context(), protocol.Begin{})
	_ = c.Cancel(t.Context(), protocol.Transaction{1})
	_ = c.Outcome(t.Context(), protocol.Transaction{1}, protocol.OutcomeReport{})
	s.server.Close()
	_ = c.Ready(t.Context())
	got := slices.Compact(l.Said())
	want := []string{"call operation=ready status=503 took=0ms", "call operation=transactions status=503 took=0ms", "call operation=transactions-cancel status=503 took=0ms",
		"call operation=outcome status=503 took=0ms", "call operation=ready status=0 took=0ms why=!"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

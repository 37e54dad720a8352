package ipp

import (
	"slices"
	"strings"
	"testing"

	"honnin/config/trace/tracetest"
)

// TestTraced: of each request its operation and status, and nothing of a document or of a printer's words.
func TestTraced(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	var l tracetest.Listener
	p.Trace(l.Trace())
	printed(t, p)
	got := l.Said()
	for _, want := range []string{"request operation=Get-Printer-Attributes status=0000 took=0ms", "request operation=Create-Job status=0000 took=0ms", "request operation=Send-Document status=0000 took=0ms"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	f.srv.Close()
	if _, err := p.Ready(t.Context()); err == nil {
		t.Error("ready")
	}
	if got = l.Said(); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "request without an answer operation=") || !strings.HasSuffix(got[len(got)-1], " took=0ms why=!") {
		t.Errorf("%q", got)
	}
}

package terminal

import (
	"errors"
	"os"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/testdata/vectors"
)

// TestMain lets this test binary be its own inspection child, as honnind is.
func TestMain(m *testing.M) {
	if inspect.IsChild() {
		inspect.ChildMain()
		return
	}
	os.Exit(m.Run())
}

// TestTheSessionsVerifierRunsEveryVector: what a visit holds in its hands as the check gives the verdict that each
// committed package must get. A visit always knows when it began and what was applied for: a vector that does not say
// when began at its instant, and one that does not say what is for the offline check alone.
func TestTheSessionsVerifierRunsEveryVector(t *testing.T) {
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	all, err := vectors.All()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	ran := 0
	for _, v := range all {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		if w.Application == nil {
			continue
		}
		ran++
		if w.Began.IsZero() {
			w.Began = w.At
		}
		var check session.Verifier = checker{document.NewVerifier(p, pool, func() time.Time { return w.At }), nil}
		d, err := check.Verify(t.Context(), pkg, document.Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce,
			Card: w.Card, Application: w.Application, Began: w.Began})
		judgeVector(t, v, d, err)
	}
	if ran < 100 {
		t.Errorf("only %d vectors say what was applied for", ran)
	}
}

func judgeVector(t *testing.T, v vectors.Vector, d document.Verified, err error) {
	t.Helper()
	var r *document.Refusal
	switch {
	case v.Verdict == "accepted" && err != nil:
		t.Errorf("%s: %v", v.Name, err)
	case v.Verdict == "accepted" && d.Document() == protocol.Digest{}:
		t.Errorf("%s: verified nothing", v.Name)
	case v.Verdict == "refused" && (!errors.As(err, &r) || r.Code != v.Reason || d != document.Verified{}):
		t.Errorf("%s: %v, want %s", v.Name, err, v.Reason)
	}
}

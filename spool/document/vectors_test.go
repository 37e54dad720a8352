package document_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"honnin/config/reason"
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

// here inspects in this process, so that a debugger and the race detector see it; the last document is remembered.
type here struct {
	pdf   []byte
	facts inspect.Facts
}

func (h *here) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) {
	if h.pdf == nil || !bytes.Equal(h.pdf, pdf) {
		h.pdf, h.facts = bytes.Clone(pdf), inspect.Document(pdf)
	}
	return h.facts, nil
}

// TestVectors runs every committed package through the check, inspected in this process, and holds the verdict against
// the one it must give. With children, as in the terminal: TestVectorsByChildren, and TestVerifyRunsEveryVector in daemon.
func TestVectors(t *testing.T) {
	codes := everyVector(t, &here{})
	offline := 0
	for _, i := range reason.All() {
		if codes[i.Code] > 0 {
			offline++
		}
	}
	if offline != 23 || codes[""] < 40 {
		t.Errorf("the vectors give %d reasons and accept %d packages", offline, codes[""])
	}
}

// everyVector examines every vector and counts the reasons that they must give.
func everyVector(t *testing.T, pdf document.Inspector) map[reason.Code]int {
	all, err := vectors.All()
	if err != nil || len(all) < 250 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	codes := map[reason.Code]int{}
	for _, v := range all {
		codes[v.Reason]++
		t.Run(v.Name, func(t *testing.T) { examineVector(t, v, pdf) })
	}
	return codes
}

func examineVector(t *testing.T, v vectors.Vector, pdf document.Inspector) {
	t.Helper()
	p, w, pkg, err := v.Open()
	if err != nil {
		t.Fatal(err)
	}
	want := document.Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began}
	verifier := document.NewVerifier(p, pdf, func() time.Time { return w.At })
	got, err := verifier.Examine(t.Context(), pkg, want)
	if err != nil {
		t.Fatal(err)
	}
	if v.Verdict == "accepted" {
		accepted(t, verifier, pkg, want, got)
		return
	}
	r := got.Refusal
	if r == nil {
		t.Fatal("accepted")
	}
	if d := v.Compare(append([]reason.Code{r.Code}, r.Also...)...); d != "" {
		t.Fatal(d)
	}
	if _, child := pdf.(*inspect.Pool); child {
		return
	}
	if d, err := verifier.Verify(t.Context(), pkg, want); err == nil || d != (document.Verified{}) {
		t.Error("refused offline, and verified for paper")
	}
}

// accepted: what the offline check accepts, the terminal's check verifies for paper, if it is told everything.
func accepted(t *testing.T, verifier *document.Verifier, pkg []byte, want document.Expectation, got document.Verdict) {
	t.Helper()
	if got.Refusal != nil || got.Pages < 1 {
		t.Fatalf("refused: %v", got.Refusal)
	}
	d, err := verifier.Verify(t.Context(), pkg, want)
	if complete := want.Application != nil && !want.Began.IsZero(); complete != (err == nil) {
		t.Fatalf("complete %v, %v", complete, err)
	}
	if err == nil && (d.Document() != got.Document || d.Pages() != got.Pages) {
		t.Error("another document")
	}
}

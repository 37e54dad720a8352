package inspect

import (
	"fmt"
	"os"
	"testing"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// TestMain is also the entry of children, good and bad.
func TestMain(m *testing.M) {
	switch {
	case IsChild():
		ChildMain()
	case os.Args[0] == badChild:
		misbehave(os.Args[1])
	}
	os.Exit(m.Run())
}

var (
	subject     = [32]byte{1, 2, 3, '(', ')', '\\', '\r', 0xFF}
	transaction = [16]byte{9, 8, 7}
	statement   = []byte(`{"format":"honnin-issuance/1"}`)
)

// good returns a document without fault.
func good(pages int) *pdftest.Doc {
	return pdftest.Good(statement, pdftest.Tags(subject, transaction, pages))
}

// tagOf is the tag of page n of two.
func tagOf(n int) pdftest.Page {
	return pdftest.Page{SubjectHash: subject, Transaction: transaction, Page: n, Pages: 2}
}

func codes(f Facts) (out []reason.Code) {
	for _, x := range f.Findings {
		out = append(out, x.Code)
	}
	return out
}

// sound checks what must hold of any facts and that they survive the wire.
func sound(f Facts) error {
	if x := f.Findings; len(x) > 0 && x[0].Detail == "the inspection panicked" {
		return fmt.Errorf("the inspection panicked")
	}
	raw, err := f.marshal()
	if err != nil {
		return err
	}
	if len(raw) > maxReport {
		return fmt.Errorf("report of %d bytes", len(raw))
	}
	_, err = unmarshal(raw)
	return err
}

// missing skips without the external program, and fails where all must be there.
func missing(t *testing.T, tool string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
}

package inspect

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"honnin/spool/document/inspect/pdftest"
)

// FuzzDocument: no document makes the inspection panic, speak out of turn or contradict itself. Its first seeds
// are every accepted and every broken document of the tables.
func FuzzDocument(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, pdf []byte) {
		judge(t, pdf)
		if again := pdftest.Refit(pdf); !bytes.Equal(again, pdf) {
			judge(t, again)
		}
	})
}

func judge(t *testing.T, pdf []byte) {
	facts := Document(pdf)
	if err := sound(facts); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(facts.Findings, func(a, b Finding) int { return slices.Index(order, a.Code) - slices.Index(order, b.Code) }) {
		t.Errorf("findings out of order: %v", facts.Findings)
	}
	if len(facts.Findings) == 0 {
		checkAccepted(t, pdf, facts)
	}
}

// checkAccepted states again, by other means, what an accepted file must be.
func checkAccepted(t *testing.T, pdf []byte, f Facts) {
	if f.PageCount < 1 || f.PageCount > MaxPages || len(f.Tags) != f.PageCount || f.Statement == nil {
		t.Errorf("accepted with %d pages, %d tags", f.PageCount, len(f.Tags))
	}
	s := string(pdf)
	if !strings.HasPrefix(s, header) || !strings.HasSuffix(strings.TrimRight(s, "\r\n"), "%%EOF") {
		t.Error("accepted without its frame")
	}
}

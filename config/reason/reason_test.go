package reason

import (
	"errors"
	"fmt"
	"testing"
)

func TestCatalogueIsCompleteAndUnique(t *testing.T) {
	seen := map[Code]bool{}
	for _, i := range All() {
		if seen[i.Code] {
			t.Errorf("%s listed twice", i.Code)
		}
		seen[i.Code] = true
		if i.Class == "" || i.Meaning == "" {
			t.Errorf("%s lacks class or meaning", i.Code)
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d codes, want 30", len(seen))
	}
}

func TestClasses(t *testing.T) {
	for code, want := range map[Code]Class{
		SubjectMismatch: MixedUp, RegisterMismatch: MixedUp, SignerWrongMunicipality: MixedUp, NameMismatch: MixedUp,
		RegisterUntrusted: Forged, SignatureInvalid: Forged, PDFFont: Defective, StatementMissing: Defective,
		RecordSuperseded: Late, CardGone: Card, "never-heard-of": Forged,
	} {
		if got := code.Class(); got != want {
			t.Errorf("%s: class %s, want %s", code, got, want)
		}
	}
	if Late.RaisesIncident() || !Defective.RaisesIncident() || Defective.StopsService() || !MixedUp.StopsService() {
		t.Error("what follows a class is wrong")
	}
}

func TestOf(t *testing.T) {
	err := fmt.Errorf("outer: %w", Errorf(TagMissing, "page %d", 2))
	if Of(err) != TagMissing || Of(errors.New("x")) != "" || Of(nil) != "" {
		t.Error("Of does not find the code")
	}
	if err.Error() != "outer: tag-missing: page 2" {
		t.Error(err)
	}
}

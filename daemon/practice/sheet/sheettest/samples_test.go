package sheettest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
)

// Names of samples say that nobody bears them.
func TestSamplesAreFictional(t *testing.T) {
	names := 0
	for _, s := range sheettest.Samples() {
		for _, n := range namesOf(s.Content) {
			names++
			if !strings.HasPrefix(n, "架空") && !strings.HasPrefix(n, "見本") {
				t.Errorf("%s: %q could be somebody", s.Name, n)
			}
		}
	}
	if names < 15 {
		t.Errorf("%d names", names)
	}
}

func namesOf(c sheet.Content) (names []string) {
	switch c := c.(type) {
	case sheet.ResidentRecord:
		for _, p := range c.People {
			names = append(names, p.Name, p.Head)
		}
		return append(names, c.Householder)
	case sheet.ResidentItems:
		return []string{c.Person.Name, c.Householder}
	case sheet.SealRegistration:
		return []string{c.Name, c.Imprint.Text}
	case sheet.FamilyRegister:
		return []string{c.Head}
	case sheet.FamilySupplement:
		return []string{c.Head}
	case sheet.IncomeTax:
		return []string{c.Name}
	case sheet.TaxPaid:
		return []string{c.Name}
	}
	return nil
}

func TestSamplesAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sheettest.Samples() {
		if s.Name == "" || seen[s.Name] || s.Pages < 1 || !s.Content.Kind().Valid() {
			t.Errorf("sample %q", s.Name)
		}
		seen[s.Name] = true
	}
	if len(seen) < len(protocol.Certificates()) {
		t.Errorf("%d samples", len(seen))
	}
}

// The canonical form is what a register and a renderer agree on: a change of it is a change of format.
func TestCanonicalFormIsStable(t *testing.T) {
	for name, c := range map[string]struct {
		content sheet.Content
		want    string
	}{
		"resident": {sheettest.Household(2), "9424d96ba20a00ab"},
		"seal":     {sheettest.Seal(), "45f512fc022596fe"},
		"family":   {sheettest.Family(1), "fec538c9c1877b4c"},
	} {
		sum := sha256.Sum256(c.content.Canonical())
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

package incident

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"honnin/config/reason"
)

var update = flag.Bool("update", false, "write the manual pages anew")

func load(t *testing.T) Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestManualIsCurrent: both pages are made from the catalogue.
func TestManualIsCurrent(t *testing.T) {
	c := load(t)
	for name, lang := range map[string]string{"MANUAL.md": "en", "MANUAL.ja.md": "ja"} {
		want := c.Page(lang)
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the catalogue says (%v); go test ./spool/incident -update writes it", name, err)
		}
		for _, w := range c.Words() {
			if !bytes.Contains(want, []byte("`"+w.Word+"`")) || !bytes.Contains(want, []byte(w.Technician.In(lang))) {
				t.Errorf("%s says nothing of %s", name, w.Word)
			}
		}
	}
}

// TestEveryRefusalIsThere: in both directions. Only an overdue change is an incident of the class late.
func TestEveryRefusalIsThere(t *testing.T) {
	c, raised := load(t), 0
	for _, i := range reason.All() {
		raises := i.Class.RaisesIncident() || i.Code == reason.RecordSuperseded
		w, there := c.Word(string(i.Code))
		if there != raises {
			t.Errorf("%s raises an incident: %t, is in the catalogue: %t", i.Code, raises, there)
		}
		if !raises {
			continue
		}
		raised++
		if i.Class.StopsService() != (w.Severity == Highest) || w.Class != string(i.Class) || w.Means.En != i.Meaning {
			t.Errorf("%s: severity %s, class %s, %q", i.Code, w.Severity, w.Class, w.Means.En)
		}
	}
	if raised < 20 {
		t.Fatalf("only %d codes raise an incident", raised)
	}
}

func TestSeverities(t *testing.T) {
	for i, s := range Severities() {
		for k, o := range Severities() {
			if s.Less(o) != (i > k) {
				t.Errorf("%s less than %s: %t", s, o, s.Less(o))
			}
		}
		if s.In("ja") == string(s) || s.In("en") != string(s) || !s.Less("nobody thought of it") {
			t.Errorf("%s: %s", s, s.In("ja"))
		}
	}
}

// TestCatalogueIsStrict: what lacks something or has too much is no catalogue.
func TestCatalogueIsStrict(t *testing.T) {
	for what, change := range map[string][2]string{
		"an unknown key":       {`severity = "medium"`, `urgency = "medium"`},
		"an unknown severity":  {`severity = "medium"`, `severity = "middling"`},
		"a word twice":         {`word = "unsure"`, `word = "spoiled"`},
		"a missing text":       {`name = "mixed-up"`, `name = "mixed"`},
		"a missing language":   {`en = "Nothing is to be done at the terminal."`, `en = ""`},
		"a second meaning":     {`means = { ja = "別の書類のページが混ざっている" }`, `means = { ja = "別", en = "other" }`},
		"a meaning left out":   {`means = { ja = "別の書類のページが混ざっている" }`, ``},
		"a key without value":  {`word = "money"`, `word =`},
		"a text of two things": {`word = "money"`, `word = ["money"]`},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Errorf("%s: nothing changed", what)
		}
		if _, err := parse([]byte(changed)); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}

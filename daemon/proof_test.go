package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"honnin/config/reason"
	"honnin/daemon/practice/scenario"
)

var (
	proofCommand = regexp.MustCompile("(?m)`?\\./honnind ([^`\n]+)`?")
	codeForm     = regexp.MustCompile("`([a-z]+-[a-z]+)`")
	proofRow     = regexp.MustCompile("(?m)^\\| (.*) \\| (.*) \\| `\\./honnind (practice --scenario (\\S+) --visits (?:20|60 --terminals 2))` \\|$")
)

// proofPages are the page in both languages.
func proofPages(t *testing.T) (en, ja string) {
	t.Helper()
	e, err := os.ReadFile("PROOF.md")
	j, err2 := os.ReadFile("PROOF.ja.md")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return string(e), string(j)
}

func found(form *regexp.Regexp, page string) (out []string) {
	for _, m := range form.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestProofPagesSayTheSame: both languages have the same commands and reasons in the same order, and the same number of
// claims and of confessions.
func TestProofPagesSayTheSame(t *testing.T) {
	en, ja := proofPages(t)
	if a, b := found(proofCommand, en), found(proofCommand, ja); !slices.Equal(a, b) || len(a) < 12 {
		t.Errorf("commands:\n%q\n%q", a, b)
	}
	if a, b := found(codeForm, en), found(codeForm, ja); !slices.Equal(a, b) || len(a) < 15 {
		t.Errorf("words:\n%q\n%q", a, b)
	}
	for _, mark := range []string{"\n- **", "\n| ", "\n## "} {
		if a, b := strings.Count(en, mark), strings.Count(ja, mark); a != b || a == 0 {
			t.Errorf("%q: %d and %d", mark, a, b)
		}
	}
}

// TestProofTableIsTheScenarios: every scenario has its row, in order, with its reasons and no other.
func TestProofTableIsTheScenarios(t *testing.T) {
	en, _ := proofPages(t)
	rows := proofRow.FindAllStringSubmatch(en, -1)
	all := scenario.All()
	if len(rows) != len(all) {
		t.Fatalf("%d rows for %d scenarios", len(rows), len(all))
	}
	for i, s := range all {
		want := s.Refused
		if s.Unpatched {
			want = append(slices.Clone(want), reason.IssuerUnpatched)
		}
		var got []reason.Code
		for _, c := range found(codeForm, rows[i][2]) {
			got = append(got, reason.Code(c))
		}
		if rows[i][4] != string(s.ID) || !slices.Equal(got, want) {
			t.Errorf("row %d: %s refused for %v; %s is refused for %v", i, rows[i][4], got, s.ID, want)
		}
	}
}

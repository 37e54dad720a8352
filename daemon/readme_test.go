package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"honnin/config/reason"
)

// command is an indented "honnind verify" in a README, over as many lines as end with a backslash; json the block after it.
var (
	commandForm = regexp.MustCompile(`(?m)^    \.\./\.\./honnind verify (?:.*\\\n)*.*$`)
	jsonForm    = regexp.MustCompile("(?s)```json\n(.*?)\n```")
)

// TestReadmesAreTrue runs the commands of both READMEs and holds their output, and the table of reason codes,
// against what is written there.
func TestReadmesAreTrue(t *testing.T) {
	for _, name := range []string{"README.md", "README.ja.md"} {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		places := commandForm.FindAllStringIndex(text, -1)
		if len(places) != 2 {
			t.Fatalf("%s: %d verify commands", name, len(places))
		}
		for _, at := range places {
			want := jsonForm.FindStringSubmatch(text[at[1]:])
			if want == nil {
				t.Fatalf("%s: no output after a command", name)
			}
			c := exec.Command("bash", "-c", strings.ReplaceAll(text[at[0]:at[1]], "../../honnind", built(t)))
			c.Dir = vectorDir
			out, _ := c.Output()
			if got := strings.TrimSpace(string(out)); got != want[1] {
				t.Errorf("%s says\n%s\nand it prints\n%s", name, want[1], got)
			}
		}
		for _, i := range reason.All() {
			row := fmt.Sprintf("| `%s` | %s |", i.Code, i.Class)
			if name == "README.md" {
				row += " " + i.Meaning + " |"
			}
			if !strings.Contains(text, row) {
				t.Errorf("%s lacks the row %s", name, row)
			}
		}
	}
}

var linkForm = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// TestLinksResolve: every relative link of the documents leads to a file.
func TestLinksResolve(t *testing.T) {
	links := 0
	for _, name := range []string{"README.md", "README.ja.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "config/protocol/PROTOCOL.md", "config/protocol/VENDOR.md", "config/protocol/VENDOR.ja.md",
		"daemon/FIELD.md", "daemon/FIELD.ja.md", "daemon/PROOF.md", "daemon/PROOF.ja.md"} {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linkForm.FindAllStringSubmatch(string(b), -1) {
			links++
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links", links)
	}
}

var (
	testForm    = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	definedForm = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// TestArchitectureIsTrue: every test that ARCHITECTURE.md names exists, and every package has its row.
func TestArchitectureIsTrue(t *testing.T) {
	b, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	if err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range definedForm.FindAllStringSubmatch(string(source), -1) {
			defined[m[1]] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	named := testForm.FindAllStringSubmatch(string(b), -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !defined[m[1]] {
			t.Errorf("ARCHITECTURE.md names %s, which does not exist", m[1])
		}
	}
	out, err := exec.Command("go", "list", "honnin/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg := strings.TrimPrefix(strings.TrimSpace(line), "honnin/")
		if !strings.Contains(string(b), "]("+pkg+")") {
			t.Errorf("ARCHITECTURE.md has no row for %s", pkg)
		}
	}
}

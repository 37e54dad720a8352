package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/daemon/provision"
	"honnin/drivers/serial/serialtest"
)

var updateField = flag.Bool("update-field", false, "write the terminal's answers in FIELD.md and FIELD.ja.md anew")

var (
	consoleForm = regexp.MustCompile("(?s)```console\n(.*?)```")
	draftForm   = regexp.MustCompile("(?s)```toml\n(.*?)```")
	answersForm = regexp.MustCompile("(?s)```text\n(.*?)```")
	variable    = regexp.MustCompile(`[0-9a-f]{64}|[0-9a-f]{16}|\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\dZ)?)?`)
)

// fieldPage plays a page: a terminal with the first policy in force, an office, and a stick.
type fieldPage struct {
	*field
	dirs []string // of the page, and here: pairs for a Replacer
}

func newFieldPage(t *testing.T, draft string) *fieldPage {
	t.Helper()
	f := &fieldPage{field: newField(t)}
	needPrograms(t, map[string]string{"sz": "lrzsz"})
	stick := filepath.Join(f.office, "media")
	line, laptop, _ := serialtest.Two(t)
	f.dirs = []string{"/etc/honnin", f.config, "/media/stick", stick, "/dev/ttyS0", line, "/dev/ttyUSB0", laptop}
	for _, k := range []string{"card", "issuing", "register", "terminals"} {
		f.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", k+".key", "-out", k+"-ca.pem", "-subj", "/CN="+k, "-days", "2")
	}
	now := time.Now()
	f.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "centre.key", "-out", "centre.pem", "-subj", "/CN=centre", "-days", "2")
	for line, at := range map[string]string{
		`not_before = ".*T.*"`:    now.Add(-time.Hour).UTC().Format(time.RFC3339),
		`expires = ".*T.*"`:       now.AddDate(0, 3, 0).UTC().Format(time.RFC3339),
		`expires = "\d+-\d+-\d+"`: now.AddDate(0, 3, 0).Format(time.DateOnly), // of a person
	} {
		old := regexp.MustCompile(`(?m)^` + line + `$`)
		if !old.MatchString(draft) {
			t.Fatalf("the draft has no %s", line)
		}
		key, _, _ := strings.Cut(line, " ")
		draft = old.ReplaceAllString(draft, fmt.Sprintf("%s = %q", key, at))
	}
	write(t, filepath.Join(f.office, "draft.toml"), []byte(draft))
	if err := os.MkdirAll(stick, 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

// answer runs one command of the page, wants the exit status that its answer stands for, and returns the answer in the page's words.
func (f *fieldPage) answer(line string) string {
	f.Helper()
	c := exec.CommandContext(f.Context(), "bash", "-c", strings.NewReplacer(f.dirs...).Replace(line))
	c.Dir = f.office
	c.Env = append(os.Environ(), "PATH="+filepath.Join(f.office, "bin")+":"+os.Getenv("PATH"))
	out, _ := c.CombinedOutput()
	back := slices.Clone(f.dirs)
	slices.Reverse(back)
	said := strings.NewReplacer(back...).Replace(string(out))
	if want := map[bool]int{true: exitRefused, false: exitOK}[strings.Contains(said, "不一致")]; c.ProcessState.ExitCode() != want {
		f.Fatalf("%s: %v\n%s", line, c.ProcessState, said)
	}
	if said != "" && !strings.HasSuffix(said, "\n") {
		said += "\n"
	}
	return said
}

// play runs every command of a page.
func (f *fieldPage) play(blocks []string) []string {
	f.Helper()
	if err := os.Mkdir(filepath.Join(f.office, "bin"), 0o700); err != nil {
		f.Fatal(err)
	}
	as := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", strings.Join(f.as, "' '"))
	if err := os.WriteFile(filepath.Join(f.office, "bin", "honnind"), []byte(as), 0o700); err != nil {
		f.Fatal(err)
	}
	out := make([]string, len(blocks))
	for i, b := range blocks {
		for line := range strings.Lines(b) {
			if !strings.HasPrefix(line, "$ ") {
				continue
			}
			out[i] += line + f.answer(strings.TrimPrefix(line, "$ "))
			f.root(line)
		}
	}
	return out
}

// root places the root file, as whoever sets the machine up does.
func (f *fieldPage) root(line string) {
	if !strings.Contains(line, "policy-root.toml") {
		return
	}
	b, err := os.ReadFile(filepath.Join(f.office, provision.RootFile))
	if err != nil {
		f.Fatal(err)
	}
	write(f.T, filepath.Join(f.config, provision.RootFile), b)
}

// TestFieldPage plays FIELD.md and holds the program's answers against the page; FIELD.ja.md has the same blocks.
func TestFieldPage(t *testing.T) {
	pages := map[string]string{"FIELD.md": "", "FIELD.ja.md": ""}
	for name := range pages {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(b)
		for _, c := range signed.Codes() {
			if !strings.Contains(pages[name], "| `"+string(c)+"` |") {
				t.Errorf("%s does not say what to do about %s", name, c)
			}
		}
	}
	draft := blocksOf(pages["FIELD.md"], draftForm)
	if len(draft) != 1 {
		t.Fatalf("%d drafts", len(draft))
	}
	said := newFieldPage(t, draft[0]).play(blocksOf(pages["FIELD.md"], consoleForm))
	for name, text := range pages {
		if *updateField {
			text = withBlocks(text, said)
			write(t, name, []byte(text))
		}
		fieldPageIsTrue(t, name, text, draft[0], said)
	}
}

func fieldPageIsTrue(t *testing.T, name, text, draft string, said []string) {
	t.Helper()
	shown := blocksOf(text, consoleForm)
	if len(shown) != len(said) || len(said) < 8 {
		t.Fatalf("%s has %d blocks of %d", name, len(shown), len(said))
	}
	for i := range said {
		if plain(shown[i]) != plain(said[i]) {
			t.Errorf("%s says\n%s\nand it is (go test ./daemon -run TestFieldPage -update-field)\n%s", name, shown[i], said[i])
		}
	}
	if d := blocksOf(text, draftForm); len(d) != 1 || d[0] != draft {
		t.Errorf("%s has another draft", name)
	}
	answers, all := blocksOf(text, answersForm), plain(strings.Join(said, ""))
	if len(answers) != 1 || strings.Count(answers[0], "\n") != 3 {
		t.Fatalf("%s does not show the three answers", name)
	}
	for line := range strings.Lines(answers[0]) {
		if !strings.Contains(all, plain(line)) {
			t.Errorf("%s: no command of the page answers %s", name, line)
		}
	}
}

func blocksOf(page string, form *regexp.Regexp) (out []string) {
	for _, m := range form.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// withBlocks puts the terminal's answers into a page.
func withBlocks(page string, said []string) string {
	i := -1
	return consoleForm.ReplaceAllStringFunc(page, func(old string) string {
		if i++; i >= len(said) {
			return old
		}
		return "```console\n" + said[i] + "```"
	})
}

// plain is a block without what is never the same twice.
func plain(s string) string { return variable.ReplaceAllString(s, "…") }

package console

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestManPages: both are made from the table, say every row with its examples and every failure, and no reader of manual pages finds
// anything wrong with them. Their names are those by which dh_installman(1) knows section and language.
func TestManPages(t *testing.T) {
	need(t, map[string]string{"mandoc": "mandoc", "man": "man-db"})
	for name, lang := range map[string]string{"honnind-console.8": "en", "honnind-console.ja.8": "ja"} {
		want := Man(lang)
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the table says (%v); go test ./ui/console -run Page -update writes it", name, err)
		}
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", name).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("mandoc: %v %s", err, out)
		}
		judgeManPage(t, lang, joined(read(t, name, 10000)))
		for _, l := range strings.Split(read(t, name, 80), "\n") {
			if columns(l) > 80 {
				t.Errorf("%s: wider than a screen: %s", name, l)
			}
		}
	}
}

// read is a page as man shows it on a screen of so many columns.
func read(t *testing.T, name string, width int) string {
	t.Helper()
	c := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", name)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", fmt.Sprint("MANWIDTH=", width), "MAN_KEEP_FORMATTING=", "PAGER=cat", "MANPAGER=cat")
	var said bytes.Buffer
	c.Stderr = &said
	page, err := c.Output()
	if err != nil || said.Len() > 0 {
		t.Errorf("%s: man with %d columns: %v %s", name, width, err, said.String())
	}
	return string(page)
}

// joined is a text without what a reader may put between its words: Japanese has no spaces there.
func joined(s string) string { return strings.Join(strings.Fields(s), "") }

// judgeManPage looks for the table on the page as it is read.
func judgeManPage(t *testing.T, lang, page string) {
	t.Helper()
	for _, c := range Commands() {
		for _, s := range append(said(c, lang), c.usage(), c.need(lang)) {
			if s = joined(strings.Trim(s, "`")); !strings.Contains(page, s) && !isTitle(c, lang, s) {
				t.Errorf("%s: %s: nothing of %q", lang, c.Name, s)
			}
		}
	}
	for _, c := range codes {
		if !strings.Contains(page, joined(string(c.Code)+c.Text.In(lang))) {
			t.Errorf("%s: nothing of %s", lang, c.Code)
		}
	}
	for _, m := range vocabulary {
		tag := m.Word
		if m.Key != "" {
			tag += "(" + m.Key + ")"
		}
		if !strings.Contains(page, joined(tag+m.Text.In(lang))) {
			t.Errorf("%s: nothing of %s", lang, tag)
		}
	}
}

// isTitle reports whether a text is the title of a field: those stand in CONSOLE.md alone.
func isTitle(c Command, lang, s string) bool {
	for _, l := range c.Lines {
		for _, f := range l.Fields {
			if joined(f.Title.In(lang)) == s {
				return true
			}
		}
	}
	return false
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"honnin/config/reason"
	"honnin/testdata/vectors"
)

const vendorPage = "../config/protocol/VENDOR.md"

var (
	blockForm  = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")
	digestForm = regexp.MustCompile(`"document_sha256":"[0-9a-f]{64}"`)
)

// steps are the page's shell blocks, each with the output that the page gives for it.
func steps(t *testing.T, page string) (commands, outputs []string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range blockForm.FindAllStringSubmatch(string(b), -1) {
		if m[1] == "sh" {
			commands, outputs = append(commands, m[2]), append(outputs, "")
		} else {
			outputs[len(outputs)-1] += m[2]
		}
	}
	return commands, outputs
}

// follow runs commands in one shell in an empty directory, as a newcomer does, and returns the output of each.
func follow(t *testing.T, commands []string) []string {
	t.Helper()
	needPrograms(t, map[string]string{"bash": "bash", "openssl": "openssl", "qpdf": "qpdf", "python3": "python3"})
	const mark = "-- the next block --\n"
	c := exec.Command("bash", "-c", strings.Join(commands, "echo '"+strings.TrimSpace(mark)+"'\n"))
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(built(t))+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return strings.Split(digestForm.ReplaceAllString(string(out), `"document_sha256":"…"`), mark)
}

// TestVendorPageIsTrue follows the page for vendors to the letter. Both languages have the same blocks.
func TestVendorPageIsTrue(t *testing.T) {
	t.Parallel()
	commands, want := steps(t, vendorPage)
	if len(commands) < 7 {
		t.Fatalf("%d blocks", len(commands))
	}
	if ja, out := steps(t, strings.Replace(vendorPage, ".md", ".ja.md", 1)); !slices.Equal(ja, commands) || !slices.Equal(out, want) {
		t.Error("VENDOR.ja.md has other blocks")
	}
	got := follow(t, commands)
	if len(got) != len(want) {
		t.Fatalf("%d outputs for %d blocks: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the page says of block %d\n%s\nand it prints\n%s", i+1, want[i], got[i])
		}
	}
}

// TestExplainIsTrue runs --explain on one vector for each reason, and on accepted ones: every rule is there, those that
// fail are the reason and also, in order, and of an accepted package none was left out but for what there was nothing to compare with.
func TestExplainIsTrue(t *testing.T) {
	t.Parallel()
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range all {
		kind := fmt.Sprint(v.Verdict, v.Reason, v.Application == nil)
		if seen[kind] || v.Repeat != nil {
			continue
		}
		seen[kind] = true
		a, _, said := verifyRun(t, append([]string{"--explain"}, vectorArgs(t, v)...)...)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		var failed []reason.Code
		left := 0
		for _, line := range lines {
			mark, code, _ := strings.Cut(line, " ")
			if c := reason.Code(strings.Fields(code)[0]); mark == "✗" && !slices.Contains(failed, c) {
				failed = append(failed, c)
			}
			if mark == "–" {
				left++
			}
		}
		want := append([]reason.Code{v.Reason}, v.Also...)
		if v.Verdict == "accepted" {
			want = nil
			if unchecked := map[bool]int{true: 2}[v.Application == nil]; left != unchecked {
				t.Errorf("%s: %d rules left out, not %d", v.Name, left, unchecked)
			}
		}
		if len(lines) != 28 || !slices.Equal(failed, want) {
			t.Errorf("%s: %d rules, %v failed, not %v (%s)", v.Name, len(lines), failed, want, a.Reason)
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d kinds of verdict", len(seen))
	}
}

package selftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutantName is the environment variable that says which check a program built by mutated leaves out.
const mutantName = "HONNIN_TEST_MUTANT"

// edit is a check that can be left out: a condition in a text that stands in its file once. Without a text the condition
// itself does.
type edit struct{ name, file, text, condition string }

const (
	verifying = "spool/document/verify.go"
	verified  = "spool/document/verified.go"
	queueing  = "spool/queue.go"
)

// One is not here: an answer that does not parse is refused for its form, and if that were left out, for its municipality,
// which it then has none of; the reason is the same.
var edits = []edit{
	{"register-municipality", verifying, "", "a.Municipality != d.Municipality()"},
	{"register-old", verifying, "", "a.ThisUpdate.Before(now.Add(-MaxInForceAge-skew))"},
	{"register-early", verifying, "", "a.ThisUpdate.After(now.Add(skew))"},
	{"register-over", verifying, "", "!now.Before(a.NextUpdate.Time)"},
	{"answer-transaction", verifying, "", "a.Transaction != s.Transaction"},
	{"answer-nonce", verifying, "", "a.Nonce != fresh"},
	{"answer-document", verifying, "", "a.Document != p.digest"},
	{"answer-register", verifying, "", "a.Register != s.Record.Register"},
	{"answer-token", verifying, "", "a.Token != s.Record.Token"},
	{"answer-content", verifying, "", "!a.Content.Equal(s.Record.Content)"},
	{"answer-in-force", verifying, "", "!a.InForce"},
	{"proof", verifying, "VerifyCardSignature(card, message, signature); err != nil", "err != nil"},
	{"release-signature", verified, "VerifyCardSignature(d.p.card, msg, sig); err != nil", "err != nil"},
	{"spend-nothing", verified, "if v.p == nil || f.p == nil || s.p == nil", "v.p == nil || f.p == nil || s.p == nil"},
	{"spend-others-answer", verified, "", "f.p != v.p"},
	{"spend-others-signature", verified, "", "s.p != v.p"},
	{"spend-late", verified, "", "age > MaxInForceAge"},
	{"spend-early", verified, "", "age < 0"},
	{"spend-twice", verified, "if v.p.spent {", "v.p.spent"},
	{"accept-nothing", queueing, "Accept(_ context.Context, visit uint64, d document.Verified) error {\n\tif d.Transaction().IsZero()", "d.Transaction().IsZero()"},
	{"print-nothing", queueing, "if r.r == nil {\n\t\treturn Result{}, ErrUnreleased", "r.r == nil"},
	{"print-twice", queueing, "", "!r.r.printed.CompareAndSwap(false, true)"},
	{"intent", queueing, "if _, err := q.journal.Record(entry); err != nil", "err != nil"},
	{"open-late", "spool/spool.go", "", "r.r.now().After(r.r.before)"},
}

// whole are replaced as they stand; $ is the name.
var whole = []struct{ name, file, old, new string }{
	{"answer-person", verifying, "case !a.SubjectHash.Equal(s.SubjectHash) || !a.SubjectHash", "case mutant($):\n\tcase !a.SubjectHash.Equal(s.SubjectHash) || !a.SubjectHash"},
	{"check-card", verifying, "	return trust.CheckCard(card, v.policy", "	if mutant($) {\n\t\treturn nil\n\t}\n\treturn trust.CheckCard(card, v.policy"},
	{"register-signature", verifying, "	if err != nil {\n\t\treturn none, reason.Errorf(reason.RegisterUntrusted, \"%s\"", "	if m, bad := trust.Parse(answer); mutant($) && bad == nil {\n\t\tcontent, signer.Municipality, err = m.Content(), d.Municipality(), nil\n\t}\n\tif err != nil {\n\t\treturn none, reason.Errorf(reason.RegisterUntrusted, \"%s\""},
	{"two-at-once", queueing, "		return Released{}, ErrNotEmpty", "		if !mutant($) {\n\t\t\treturn Released{}, ErrNotEmpty\n\t\t}"},
}

// mutantOfDocument leaves a row out of theRules, by its place; for the rest see edits.
const mutantOfDocument = `package document

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

func mutant(name string) bool { return os.Getenv("` + mutantName + `") == name }

func init() {
	if row, ok := strings.CutPrefix(os.Getenv("` + mutantName + `"), "row-"); ok {
		n, _ := strconv.Atoi(row)
		theRules = slices.Delete(slices.Clone(theRules), n, n+1)
	}
}
`

const mutantOfSpool = `package spool

import "os"

func mutant(name string) bool { return os.Getenv("` + mutantName + `") == name }
`

// mutated builds honnind so that any one check can be left out, and returns it with the names of all that can.
func mutated(t *testing.T) (program string, names []string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"spool/document/mutant.go": mutantOfDocument, "spool/mutant.go": mutantOfSpool}
	change := func(name, file, old, new string) {
		if files[file] == "" {
			files[file] = read(t, filepath.Join(root, file))
		}
		if n := strings.Count(files[file], old); n != 1 {
			t.Fatalf("%s: %q stands %d times in %s", name, old, n, file)
		}
		files[file] = strings.Replace(files[file], old, new, 1)
		names = append(names, name)
	}
	for _, e := range edits {
		text := e.text
		if text == "" {
			text = e.condition
		}
		change(e.name, e.file, text, strings.Replace(text, e.condition, fmt.Sprintf("!mutant(%q) && (%s)", e.name, e.condition), 1))
	}
	for _, w := range whole {
		change(w.name, w.file, w.old, strings.ReplaceAll(w.new, "$", fmt.Sprintf("%q", w.name)))
	}
	rows := strings.Count(read(t, filepath.Join(root, "spool/document/rules.go")), "\n\t{reason.")
	if rows < 20 {
		t.Fatalf("%d rows", rows)
	}
	for n := range rows {
		names = append(names, fmt.Sprintf("row-%d", n))
	}
	program = filepath.Join(dir, "honnind")
	build(t, root, dir, program, files)
	return program, names
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func build(t *testing.T, root, dir, program string, files map[string]string) {
	t.Helper()
	replace := map[string]string{}
	for name, text := range files {
		to := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, name)] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./daemon")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// byHand runs the self-test of a program with one check left out, and returns its exit code and the cases that failed.
func byHand(t *testing.T, program, mutant string) (code int, failed []string) {
	t.Helper()
	cmd := exec.Command(program, "selftest", "--json")
	cmd.Env = append(os.Environ(), mutantName+"="+mutant)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	lines := json.NewDecoder(bytes.NewReader(out))
	n := 0
	for ; lines.More(); n++ {
		var l Line
		if err := lines.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if l.Got == "none in time" && !slices.Contains([]string{"print-twice", "two-at-once"}, mutant) { // a slow machine finds nothing out; these two hang
			t.Errorf("%s: %s: %s", mutant, l.ID, l.Got)
		}
		if !l.Right() {
			failed = append(failed, l.ID)
		}
	}
	if n != len(cases) {
		t.Errorf("%s: %d lines for %d cases", mutant, n, len(cases))
	}
	return cmd.ProcessState.ExitCode(), failed
}

// eachMutant leaves out every so many-th check in turn: the self-test must fail, and say where.
func eachMutant(t *testing.T, every int) {
	program, names := mutated(t)
	if code, failed := byHand(t, program, ""); code != 0 || len(failed) > 0 {
		t.Fatalf("with nothing left out: exit %d, %v", code, failed)
	}
	tried := 0
	for i, name := range names {
		if i%every != 0 {
			continue
		}
		tried++
		if code, failed := byHand(t, program, name); code != 3 || len(failed) == 0 {
			t.Errorf("without %s: exit %d, %v: nobody misses it", name, code, failed)
		} else {
			t.Logf("without %-24s %v", name, failed)
		}
	}
	if tried == 0 {
		t.Fatal("nothing was left out")
	}
}

// TestSomeMutants is a part of TestMutants that is quick.
func TestSomeMutants(t *testing.T) { eachMutant(t, 12) }

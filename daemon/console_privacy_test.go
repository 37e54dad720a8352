package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"honnin/daemon/technician"
	"honnin/ui/console"
)

// TestConsoleShowsNobody: a terminal has served people, and refused a stranger's paper. All that the console then says to a
// technician of every role, and every file that it sends, is searched for them.
func TestConsoleShowsNobody(t *testing.T) {
	needLrzsz(t)
	state := withKeys(t, t.TempDir())
	if out, err := exec.CommandContext(t.Context(), built(t), "practice", "--state", state, "--visits", "4", "--stranger").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	journals, err := filepath.Glob(filepath.Join(state, "terminals", "*", journalFile))
	if err != nil || len(journals) != 1 {
		t.Fatal(journals, err)
	}
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.applied(t)
	file := filepath.Join(o.dir, "site.toml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, bytes.Replace(b, []byte(`state = "state"`), fmt.Appendf(nil, "state = %q", filepath.Dir(journals[0])), 1))

	c, s, far := o.overALine(t)
	var all []left
	ask := func(who, command, prompt string) {
		for _, form := range []string{"", " --json"} {
			s.send(command + form + "\r")
			end := map[string]string{"": "\r\n" + prompt, " --json": `"code":"done"`}[form]
			all = append(all, left{who + ": " + command + form, []byte(s.until(end, prompt))})
		}
	}
	commands := []string{"incidents --all", "journal tail --lines 10000"}
	for _, c := range console.Commands() {
		changes := c.Ask != (console.Text{}) || slices.ContainsFunc(c.Lines, func(l console.Line) bool { return strings.HasSuffix(l.Code, ".sent") && c.Name != "report" })
		if technician.Does(c.Name) && !changes && c.Name != "policy receive" && c.Name != "selftest" && c.Name != "policy diff" {
			commands = append(commands, c.Name)
		}
	}
	s.send("terminal dumb --no-pages\r")
	s.until("\r\nhonnin> ", "")
	for _, command := range commands {
		ask("nobody", command, "honnin> ")
	}
	s.login(o, "service")
	for _, command := range commands {
		ask("service", command, "service> ")
	}
	for command, file := range map[string]string{"journal export": "journal.jsonl", "report --file": "report.p7m", "support": "support.tar.gz"} {
		s.transfer(far, command+" --json", "rz", "-q", "-y")
		s.until(`"code":"done"`, "> ")
		b, err := os.ReadFile(filepath.Join(s.dir, string(runTerminal)+"-"+file))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, left{command, b})
	}
	all = append(all, unpacked(t, filepath.Join(s.dir, string(runTerminal)+"-support.tar.gz"))...)
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	for _, said := range []string{"service: incidents --all --json", "service: counters", "journal export", "journal.jsonl", "incidents.jsonl", "counters.jsonl"} {
		if i := slices.IndexFunc(all, func(l left) bool { return l.where == said }); i < 0 || !bytes.Contains(all[i].b, []byte("other-transaction")) {
			t.Errorf("nothing of the stranger's paper in %s", said)
		}
	}
	none(t, all, everything(t, filepath.Join(state, "keys")))
	serialsStay(t, all)
}

// serialsStay: the serial of a statement stands in the incident itself, as the journal has it, and nowhere else.
func serialsStay(t *testing.T, all []left) {
	t.Helper()
	i := slices.IndexFunc(all, func(l left) bool { return l.where == "journal export" })
	var serials []needle
	for _, s := range regexp.MustCompile(`"serial":"([^"]+)"`).FindAllSubmatch(all[i].b, -1) {
		serials = append(serials, needle{"a statement's serial", s[1], true})
	}
	if len(serials) == 0 {
		t.Error("no serial in the journal")
	}
	for _, f := range search(slices.Delete(slices.Clone(all), i, i+1), serials) {
		t.Error(f)
	}
}

// unpacked are the files of an archive.
func unpacked(t *testing.T, file string) (out []left) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, left{h.Name, b})
	}
}

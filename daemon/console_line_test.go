package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/daemon/identity"
	"honnin/daemon/provision"
	"honnin/drivers/serial/serialtest"
)

// onALine begins honnind console on a serial line.
func (o technicians) onALine(t *testing.T, device string, more ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), built(t), append([]string{"console", "--config", o.dir, "--lang", "en", "--line", device, "--speed", "9600"}, more...)...)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Wait() // it was killed, if it did not end before
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return c
}

// overALine begins honnind console on a line, and somebody at its far end; far is that end's name.
func (o technicians) overALine(t *testing.T) (c *exec.Cmd, s *seen, far string) {
	t.Helper()
	near, far, _ := serialtest.Two(t)
	line, err := os.OpenFile(far, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	c = o.onALine(t, near)
	s = watch(t, line)
	s.dir = t.TempDir()
	s.until("honnin console", "honnin> ")
	return c, s, far
}

// TestConsoleOnALine: a technician hangs up while signed in, plugs in again, and is nobody; nobody else can open the line
// meanwhile.
func TestConsoleOnALine(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	name, to := serialtest.Link(t)
	first := serialtest.New(t)
	to(first.Device)
	c := o.onALine(t, name)
	s := watch(t, first.Far)
	s.until("honnin console", "honnin> ")
	s.login(o, "look")
	row(t, s.says("status", "> "), "status.terminal", "incidents", 0.0)
	second := exec.CommandContext(t.Context(), built(t), "console", "--config", o.dir, "--line", name)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another program has the line") {
		t.Errorf("%v %s", err, out)
	}
	s.send("doctor\r")
	_ = first.Far.Close()

	again := serialtest.New(t)
	to(again.Device)
	s = watch(t, again.Far)
	s.until("honnin console", "honnin> ")
	if r := row(t, s.says("status", "> "), "status.terminal", "state", "down"); r["incidents"] != nil {
		t.Error("still signed in:", r)
	}
	if got := o.journalled(t); got[len(got)-1] != "out tech-7 hang-up" {
		t.Errorf("%q", got)
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// transfer has another program take over the technician's end of a line after a command was typed, as a terminal program does.
func (s *seen) transfer(device, line string, program ...string) {
	s.Helper()
	s.send(line + "\r")
	if err := s.far.SetReadDeadline(time.Now()); err != nil {
		s.Fatal(err)
	}
	<-s.paused
	own, err := os.OpenFile(device, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		s.Fatal(err)
	}
	c := exec.CommandContext(s.Context(), program[0], program[1:]...)
	c.Dir, c.Stdin, c.Stdout = s.dir, own, own
	out := new(bytes.Buffer)
	c.Stderr = out
	if err := c.Run(); err != nil {
		s.Errorf("%v: %v %s", program, err, out)
	}
	_ = own.Close()
	_ = s.far.SetReadDeadline(time.Time{})
	s.resume <- struct{}{}
}

// TestConsoleFiles: what goes over the line comes there whole, by the real rz and sz: the journal, a report that the terminal's key signed, the support
// bundle, and a policy.
func TestConsoleFiles(t *testing.T) {
	needLrzsz(t)
	needPrograms(t, map[string]string{"openssl": "openssl"})
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	c, s, far := o.overALine(t)
	s.login(o, "service")
	for command, file := range map[string]string{"journal export": "journal.jsonl", "report --file": "report.p7m", "support": "support.tar.gz"} {
		s.transfer(far, command+" --json", "rz", "-q", "-y")
		said := s.until(`"code":"done"`, "> ")
		b, err := os.ReadFile(filepath.Join(s.dir, string(runTerminal)+"-"+file))
		if err != nil {
			t.Fatalf("%s: %v in %q", command, err, said)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(b)); !strings.Contains(said, sum) {
			t.Errorf("%s: not %s in %q", command, sum, said)
		}
	}
	o.judgeReport(t, filepath.Join(s.dir, string(runTerminal)+"-report.p7m"))
	judgeBundle(t, filepath.Join(s.dir, string(runTerminal)+"-support.tar.gz"))

	pack, err := provision.Pack(o.signer.Chain(2))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "pack.tar"), pack)
	s.transfer(far, "policy receive --json", "sz", "-q", "pack.tar")
	if said := s.until(`"code":"done"`, "> "); !strings.Contains(said, `"verdict":"received","why":null,"version":2`) {
		t.Errorf("%q", said)
	}
	row(t, s.says("policy show", "> "), "policy.waiting", "version", 2.0)
	s.says("policy diff", "> ")
	row(t, s.says("policy apply --yes", "> "), "policy.verdict", "verdict", "applied")
	row(t, s.says("policy show", "> "), "policy.inforce", "version", 2.0)
	if r := row(t, s.says("counters", "> "), "counters.counter", "of", "technician-in"); r["value"] != 1.0 {
		t.Error(r)
	}
	row(t, s.says("config show", "> "), "config.key", "value", "ipp://127.0.0.1:9/ipp/print")
	row(t, s.says("reader", "> "), "reader.state", "kind", "pcsc")
	row(t, s.says("printer", "> "), "printer.reason", "reason", "unreachable")
	tested := s.says("selftest", "> ")
	if row(t, tested, "selftest.verdict", "ok", true); len(tested) < 20 {
		t.Error(tested)
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// judgeReport: the terminal signed it, and it says what doctor says.
func (o technicians) judgeReport(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content, from, _, err := identity.Verify(b, []*x509.Certificate{o.world.TerminalAnchor()})
	if err != nil || from != runTerminal || !bytes.Contains(content, []byte(`"part":"staff","state":"failed","why":"media-jam"`)) {
		t.Errorf("%v %s %s", err, from, content)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem") // and by the command of FIELD.md
	write(t, ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.world.TerminalAnchor().Raw}))
	out, err := exec.CommandContext(t.Context(), "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", file, "-CAfile", ca, "-purpose", "any").Output()
	if err != nil || !bytes.Equal(out, content) {
		t.Errorf("openssl: %v %q", err, out)
	}
}

// judgeBundle looks into a support bundle.
func judgeBundle(t *testing.T, file string) {
	t.Helper()
	var names []string
	for _, f := range unpacked(t, file) {
		if len(f.b) < 3 {
			t.Errorf("%s: %q", f.where, f.b)
		}
		if f.where == "devices.jsonl.missing" { // a machine of tests may have no USB
			f.where = "devices.jsonl"
		}
		names = append(names, f.where)
	}
	if want := []string{"report.json", "log.jsonl.missing", "journal-head.json", "journal.jsonl", "incidents.jsonl", "counters.jsonl", "devices.jsonl", "reader.jsonl", "printer.jsonl", "config.jsonl", "policies.jsonl"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

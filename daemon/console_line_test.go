package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
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
func (o technicians) onALine(t *testing.T, device string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), built(t), "console", "--config", o.dir, "--lang", "en", "--line", device, "--speed", "9600")
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return c
}

// TestConsoleOnALine: a technician hangs up while signed in, plugs in again, and is nobody; nobody else can open the line
// meanwhile; a flood leaves it usable, in flat memory.
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
	before := resident(t, c.Process.Pid)
	flood(t, again.Far)
	if after := resident(t, c.Process.Pid); after > before+32<<20 {
		t.Errorf("%d bytes before the flood, %d after it", before, after)
	}
	s.until("! noise", "honnin> ")
	row(t, s.says("status", "> "), "status.terminal", "state", "down")
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// flood sends 8 MiB of noise as fast as the line takes it.
func flood(t *testing.T, far *os.File) {
	t.Helper()
	_ = far.SetWriteDeadline(time.Now().Add(time.Minute))
	noise := bytes.Repeat([]byte{0xFF, 0x80, 0xC1, 0x00, 0xFE, 'x', '\r', 0x1B}, 8<<10)
	for range 128 {
		if _, err := far.Write(noise); err != nil {
			t.Fatal(err)
		}
	}
}

// resident is how much memory a process has, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	n := kilobytes(status, "VmRSS:")
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	return n
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
	for _, p := range []string{"rz", "sz"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("lrzsz is missing")
			}
			t.Skip("lrzsz is missing")
		}
	}
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	near, far, _ := serialtest.Two(t)
	line, err := os.OpenFile(far, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := o.onALine(t, near)
	s := watch(t, line)
	s.dir = t.TempDir()
	s.until("honnin console", "honnin> ")
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
}

// judgeBundle looks into a support bundle.
func judgeBundle(t *testing.T, file string) {
	t.Helper()
	var names []string
	for _, f := range unpacked(t, file) {
		if len(f.b) < 3 {
			t.Errorf("%s: %q", f.where, f.b)
		}
		names = append(names, strings.TrimSuffix(f.where, ".missing")) // a machine of tests may have no USB
	}
	if want := []string{"report.json", "journal.jsonl", "journal-head.json", "counters.json", "devices.json", "policies.json"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

// TestConsoleInPicocom: as a technician does it: picocom as it comes, at 9600 baud, on the line that honnind console serves.
func TestConsoleInPicocom(t *testing.T) {
	for _, p := range []string{"picocom", "tmux"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(p, " is missing")
			}
			t.Skip("needs ", p)
		}
	}
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	near, far, _ := serialtest.Two(t)
	socket := filepath.Join(t.TempDir(), "s")
	tmux := func(args ...string) string {
		c := exec.Command("tmux", append([]string{"-u", "-S", socket, "-f", "/dev/null"}, args...)...)
		c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v %s", args, err, out)
		}
		return string(out)
	}
	until := func(text string) {
		late := time.After(time.Minute)
		for !strings.Contains(tmux("capture-pane", "-p"), text) {
			select {
			case <-late:
				t.Fatalf("no %q on\n%s", text, tmux("capture-pane", "-p"))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	tmux("new-session", "-d", "-x", "100", "-y", "30", "picocom -b 9600 "+far)
	t.Cleanup(func() { tmux("kill-server") })
	until("Terminal ready")
	c := o.onALine(t, near)
	until("honnin>")
	tmux("send-keys", "terminal vt100 --no-pages", "Enter")
	tmux("send-keys", "status", "Enter")
	until("daemon-down")
	tmux("send-keys", "doctor", "Enter")
	until("systemctl start honnind")
	tmux("send-keys", "lang ja", "Enter", "status", "Enter")
	until("honnind が動いている:")
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

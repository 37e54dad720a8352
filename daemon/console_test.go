package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"honnin/config/policy/signed/signedtest"
	"honnin/daemon/provision"
	"honnin/drivers/serial/serialtest"
	"honnin/spool/journal"
)

// technicians is a configured terminal whose policy lists tech-7, with a key that ssh-keygen made.
type technicians struct {
	*office
	key    string // file of the private key
	signer *signedtest.Office
	before []string // words before those that begin honnind
}

func newTechnicians(t *testing.T, printer string) technicians {
	t.Helper()
	needPrograms(t, map[string]string{"ssh-keygen": "openssh-client"})
	o := technicians{office: newOffice(t, printer), key: filepath.Join(t.TempDir(), "key"), signer: signedtest.New(t, time.Now())}
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", o.key).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	pub, err := os.ReadFile(o.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(o.dir, "policy")); err != nil {
		t.Fatal(err)
	}
	o.policy += "\n[[person]]\nid = \"tech-7\"\nroles = [\"look\", \"service\"]\nkey = \"" + strings.TrimSpace(string(pub)) + "\"\nexpires = \"2999-12-31\"\n"
	o.signer.Body = o.policy
	write(t, filepath.Join(o.dir, provision.RootFile), o.signer.RootText())
	if _, err := o.store(t).Receive(o.signer.Chain(1), provision.ByFile); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o technicians) store(t *testing.T) *provision.Store {
	t.Helper()
	s, err := provision.Open(provision.Options{Dir: filepath.Join(o.dir, "policy"), Root: o.signer.Root(), Terminal: runTerminal, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ran leaves the journal of a terminal that ran once.
func (o technicians) ran(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(o.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.applied(t)
	j, err := journal.Open(o.journal(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []journal.Entry{{Kind: journal.Started}, {Kind: journal.StaffNeeded, Reason: "media-jam"}} {
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func (o technicians) applied(t *testing.T) {
	t.Helper()
	if _, _, err := o.store(t).Apply(); err != nil {
		t.Fatal(err)
	}
}

func (o technicians) journal() string { return filepath.Join(o.dir, "state", "journal.db") }

// sign has ssh-keygen sign the challenge that stands in what was said.
func (o technicians) sign(t *testing.T, said string) string {
	t.Helper()
	lines := regexp.MustCompile(`(honnin-console:\S+)\r\n(\S{43})\r\n`).FindStringSubmatch(said)
	if lines == nil {
		t.Fatalf("no challenge in %q", said)
	}
	c := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-n", "honnin-console", "-f", o.key)
	c.Stdin = strings.NewReader(lines[1] + "\n" + lines[2] + "\n")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), "\n", "\r")
}

// seen is what comes from a line.
type seen struct {
	*testing.T
	far *os.File
	dir string // of files that the technician gets and sends
	mu  sync.Mutex
	got bytes.Buffer

	paused, resume chan struct{}
}

func watch(t *testing.T, far *os.File) *seen {
	s := &seen{T: t, far: far, paused: make(chan struct{}), resume: make(chan struct{})}
	go func() {
		p := make([]byte, 4096)
		for {
			n, err := far.Read(p)
			s.mu.Lock()
			s.got.Write(p[:n])
			s.mu.Unlock()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.paused <- struct{}{}
				<-s.resume
			} else if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *seen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// until waits for a text, and returns all up to the prompt behind it; what comes then is new.
func (s *seen) until(text, prompt string) string {
	s.Helper()
	late := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		all := s.text()
		if i := strings.Index(all, text); i >= 0 && strings.Contains(all[i:], prompt) {
			s.mu.Lock()
			s.got.Next(len(all)) // more may have come since
			s.mu.Unlock()
			return all
		}
		select {
		case <-tick.C:
		case <-late:
			s.Fatalf("no %q and %q in %q", text, prompt, all)
		}
	}
}

func (s *seen) send(text string) {
	s.Helper()
	if _, err := s.far.WriteString(text); err != nil {
		s.Fatal(err)
	}
}

// says sends a line and returns its answer in JSON, without the "done".
func (s *seen) says(line, prompt string) (rows []map[string]any) {
	s.Helper()
	s.send(line + " --json\r")
	text := s.until(`"code":"done"`, prompt)
	for l := bufio.NewScanner(strings.NewReader(text)); l.Scan(); {
		if !strings.HasPrefix(l.Text(), "{") {
			continue
		}
		row := map[string]any{}
		if err := json.Unmarshal(l.Bytes(), &row); err != nil {
			s.Fatalf("%v in %q", err, l.Text())
		}
		if row["code"] != "done" {
			rows = append(rows, row)
		} else if row["result"] != "ok" {
			s.Errorf("%s: %v", line, row)
		}
	}
	return rows
}

func (s *seen) login(o technicians, role string) {
	s.Helper()
	s.send("login " + role + "\r")
	s.send(o.sign(s.T, s.until("Paste the signature", "\r\n")))
	s.until("tech-7", role+"> ")
}

// row finds the line with a code in which a field has a value.
func row(t *testing.T, rows []map[string]any, code, key string, value any) map[string]any {
	t.Helper()
	i := slices.IndexFunc(rows, func(r map[string]any) bool { return r["code"] == code && r[key] == value })
	if i < 0 {
		t.Fatalf("no %s with %s %v in %v", code, key, value, rows)
	}
	return rows[i]
}

// console begins honnind console on a pseudoterminal.
func (o technicians) console(t *testing.T, more ...string) (*seen, *exec.Cmd) {
	t.Helper()
	return atKeys(t, slices.Concat(o.before, []string{built(t), "console", "--config", o.dir, "--lang", "en"}, more)...)
}

// atKeys begins a console's program on a pseudoterminal.
func atKeys(t *testing.T, words ...string) (*seen, *exec.Cmd) {
	t.Helper()
	p := serialtest.New(t)
	near, err := os.OpenFile(p.Device, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), words[0], words[1:]...)
	c.Stdin, c.Stdout = near, near
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = near.Close()
	s := watch(t, p.Far)
	t.Cleanup(func() {
		_ = c.Wait() // it was killed, if it did not end before
		if t.Failed() {
			t.Log(said.String())
		}
	})
	s.until("honnin console", "honnin> ")
	return s, c
}

// journalled are the technician's entries, as kind and word.
func (o technicians) journalled(t *testing.T) (out []string) {
	t.Helper()
	j, err := journal.Copy(o.journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
	if err := j.Each(func(e journal.Entry) error {
		if strings.HasPrefix(string(e.Kind), "technician") {
			out = append(out, strings.Join([]string{strings.TrimPrefix(string(e.Kind), "technician-"), e.Staff, e.Reason}, " "))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestConsoleOfAStoppedTerminal: without a daemon the console answers, says so, knows what the journal knows, and writes into it
// who was here and what they did.
func TestConsoleOfAStoppedTerminal(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	s, c := o.console(t)
	if r := row(t, s.says("status", "> "), "status.terminal", "state", "down"); r["daemon"] != false || r["why"] != "daemon-down" || r["incidents"] != nil {
		t.Error(r)
	}
	row(t, s.says("version", "> "), "version.software", "policy", 1.0)
	found := s.says("doctor", "> ")
	row(t, found, "doctor.check", "check", "staff")
	if r := row(t, found, "doctor.check", "check", "daemon"); r["state"] != "failed" || r["why"] != nil {
		t.Error("to who has not signed in:", r)
	}
	s.login(o, "service")
	row(t, s.says("status", "> "), "status.terminal", "incidents", 0.0)
	found = s.says("doctor", "> ")
	for check, why := range map[string]any{"daemon": "daemon-down", "staff": "media-jam", "printer": "unreachable", "journal": nil, "policy": nil, "keys": nil, "centre": nil} {
		if r := row(t, found, "doctor.check", "check", check); r["why"] != why {
			t.Error(check, r)
		}
	}
	row(t, found, "doctor.do", "check", "daemon")
	row(t, found, "doctor.verdict", "verdict", "act")
	if r := row(t, s.says("journal verify", "> "), "journal.verified", "ok", true); r["entries"].(float64) < 5 {
		t.Error(r)
	}
	row(t, s.says("journal tail --lines 3", "> "), "journal.entry", "word", "journal.tail")
	for _, step := range []string{"policy", "address", "tcp", "tls", "http", "clock"} {
		row(t, s.says("centre", "> "), "centre.step", "step", step)
	}
	s.says("incidents", "> ")
	s.send("logout\r")
	s.until("Signed out", "honnin> ")
	s.send("\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	got := o.journalled(t)
	if len(got) < 8 || got[0] != "in tech-7 service" || got[1] != "did tech-7 status" || got[len(got)-1] != "out tech-7 signed-out" || !slices.Contains(got, "did tech-7 journal.tail") {
		t.Errorf("%q", got)
	}
}

// TestConsoleWhatTurned: the doctor says to the next technician what turned out otherwise when one was here last.
func TestConsoleWhatTurned(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	s, _ := o.console(t)
	visit := func(want map[string]any) {
		t.Helper()
		s.login(o, "look")
		for range 2 {
			got := map[string]any{}
			for _, r := range s.says("doctor", "> ") {
				if r["code"] == "doctor.turned" {
					got[r["check"].(string)] = fmt.Sprint(r["was"], " ", r["is"])
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		}
		s.send("logout\r")
		s.until("Signed out", "honnin> ")
	}
	visit(map[string]any{})
	file := filepath.Join(o.dir, "site.toml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, bytes.Replace(was, []byte(`reader = "pcsc"`), []byte(`reader = "virtual"`), 1))
	visit(map[string]any{"config": "ok invalid"})
	visit(map[string]any{})
	write(t, file, was)
	visit(map[string]any{"config": "invalid ok"})
}

// TestConsoleHangUp: who hangs up in the middle of a command is signed out, and the seat is free; meanwhile it was not.
func TestConsoleHangUp(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	s, c := o.console(t)
	s.login(o, "look")
	other, _ := o.console(t)
	other.send("login look\r")
	other.send(o.sign(t, other.until("Paste the signature", "\r\n")))
	other.until("seat-taken", "honnin> ")
	s.send("doctor\r")
	awaitTrue(t, "the doctor", func() bool { return slices.Contains(o.journalled(t), "did tech-7 doctor") })
	_ = s.far.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if got := o.journalled(t); !slices.Equal(got, []string{"in tech-7 look", "did tech-7 doctor", "out tech-7 hang-up"}) {
		t.Errorf("%q", got)
	}
	other.login(o, "look")
}

// TestConsoleOfARunningTerminal: the daemon answers for itself, and writes the notes.
func TestConsoleOfARunningTerminal(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	d := o.runs(t)
	s, c := o.console(t)
	r := s.awaits("status.terminal", "why", "unreachable") // its printer; before it has looked it says only that it is not ready
	if r["daemon"] != true || r["state"] != "out-of-service" || r["terminal"] != string(runTerminal) {
		t.Error(r)
	}
	s.login(o, "service")
	row(t, s.says("printer path-empty --yes", "> "), "printer.path", "state", "noted")
	row(t, s.says("service off --yes", "> "), "service.state", "state", "out-of-service") // it was before; of one that serves: TestConsoleServiceOffDuringAVisit
	row(t, s.says("doctor", "> "), "doctor.check", "why", "by-a-technician")
	row(t, s.says("service on", "> "), "service.state", "why", r["why"])
	if r := row(t, s.says("doctor", "> "), "doctor.check", "check", "service-off"); r["state"] != "ok" {
		t.Error(r)
	}
	s.send("logout\r")
	s.until("Signed out", "honnin> ")
	s.send("\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if got := o.journalled(t); !slices.Equal(got, []string{"in tech-7 service", "did tech-7 printer.path-empty", "did tech-7 service.off", "did tech-7 doctor", "did tech-7 service.on",
		"did tech-7 doctor", "did tech-7 logout", "out tech-7 signed-out"}) {
		t.Errorf("%q", got)
	}
	d.ends(t)
	j, err := journal.Copy(o.journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	ready := 0
	if err := j.Each(func(e journal.Entry) error {
		if slices.Contains([]journal.Kind{journal.StaffReady, journal.ServiceOff, journal.ServiceOn}, e.Kind) && e.Staff == "tech-7" {
			ready++
		}
		return nil
	}); err != nil || ready != 3 {
		t.Error(ready, err)
	}
}

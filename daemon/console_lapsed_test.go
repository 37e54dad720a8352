package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/config/policy/signed/signedtest"
	"honnin/daemon/provision"
)

// governed has the terminal a policy for some time, which was put in force in its middle, and returns its head.
func (o technicians) governed(t *testing.T, begins, ends time.Time) signedtest.Head {
	t.Helper()
	dir, h := filepath.Join(o.dir, "policy"), signedtest.Head{NotBefore: begins, Expires: ends}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s, err := provision.Open(provision.Options{Dir: dir, Root: o.signer.Root(), Terminal: runTerminal, Now: func() time.Time { return begins.Add(ends.Sub(begins) / 2) }})
	if err == nil {
		_, err = s.Receive(o.signer.Chain(1, h), provision.ByFile)
	}
	if err == nil {
		_, _, err = s.Apply()
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// refuses says a line that fails with a word.
func (s *seen) refuses(line, word string) {
	s.Helper()
	s.send(line + " --json\r")
	if text := s.until(`"code":"done"`, "> "); !strings.Contains(text, `"result":"`+word+`"`) {
		s.Errorf("%s: not %s but %q", line, word, text)
	}
}

// TestConsoleAfterThePolicysEnd: its technicians still sign in, look, and bring the next policy over the line, after which they repair again. Long
// after its end, and where there never was one, nobody does, and is told before anything is signed.
func TestConsoleAfterThePolicysEnd(t *testing.T) {
	needPrograms(t, map[string]string{"sz": "lrzsz"})
	const day = 24 * time.Hour
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	now := time.Now()
	for policy, word := range map[string]string{"none": "no-policy", "old": "policy-expired"} {
		if policy == "old" {
			o.governed(t, now.Add(-130*day), now.Add(-91*day))
		} else if err := os.RemoveAll(filepath.Join(o.dir, "policy")); err != nil {
			t.Fatal(err)
		}
		s, c := o.console(t)
		s.refuses("login service", word)
		s.send("\x04")
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	first := o.governed(t, now.Add(-40*day), now.Add(-10*day))
	c, s, far := o.overALine(t)
	s.send("login service\r")
	s.send(o.sign(t, s.until("Paste the signature", "\r\n")))
	if text := s.until("tech-7", "service> "); !strings.Contains(text, "policy-expired") {
		t.Errorf("%q", text)
	}
	row(t, s.says("doctor", "> "), "doctor.check", "why", "policy-expired")
	row(t, s.says("policy show", "> "), "policy.inforce", "state", "policy-expired")
	s.says("journal tail", "> ")
	for _, line := range []string{"printer path-empty --yes", "service on", "selftest"} {
		s.refuses(line, "policy-expired")
	}
	pack, err := provision.Pack(o.signer.Chain(2, first))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "pack.tar"), pack)
	s.transfer(far, "policy receive --json", "sz", "-q", "pack.tar")
	if said := s.until(`"code":"done"`, "> "); !strings.Contains(said, `"verdict":"received"`) {
		t.Errorf("%q", said)
	}
	s.refuses("service on", "policy-expired")
	row(t, s.says("policy apply --yes", "> "), "policy.verdict", "verdict", "applied")
	s.refuses("service on", "daemon-down")
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

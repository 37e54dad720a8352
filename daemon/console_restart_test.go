package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/spool/journal"
)

// apart has honnind begin where it cannot restart the machine that tests it: with a /sbin that has nothing but a reboot, which says in a
// file what it found, and a /run without systemd. Where that cannot be made, nothing is begun.
func (o *technicians) apart(t *testing.T) (said string) {
	t.Helper()
	const needs = "needs root, and unshare of util-linux"
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil || os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal(needs)
		}
		t.Skip(needs)
	}
	dir := t.TempDir()
	said = filepath.Join(t.TempDir(), "said")
	text := fmt.Sprintf("#!/bin/sh\n/usr/bin/flock --nonblock --shared %s/journal.db /bin/true && journal=closed || journal=open\necho \"$journal, $# words, $(/usr/bin/env | /usr/bin/grep -cvE '^(PWD|_|SHLVL)=') of the environment\" >> %s\n", filepath.Dir(o.journal()), said)
	if err := os.WriteFile(filepath.Join(dir, "reboot"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	script := `set -e; mount --bind "$1" "$(realpath /sbin)"; mount -t tmpfs none /run; cmp -s "$1/reboot" /sbin/reboot; shift; exec "$@"`
	o.before = []string{"unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", dir}
	return said
}

// rebooted waits for what the machine's reboot said, each time.
func rebooted(t *testing.T, said string, times int) string {
	t.Helper()
	late := time.After(time.Minute)
	for {
		b, err := os.ReadFile(said)
		if err == nil && bytes.Count(b, []byte("\n")) >= times {
			return string(b)
		}
		select {
		case <-late:
			t.Fatalf("not restarted: %q %v", b, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

const wellRebooted = "closed, 0 words, 0 of the environment\n"

// TestConsoleReboot: the daemon closes its journal and then restarts the machine, once; where none runs, or one hangs, the console does.
// What is in site.toml by then is seen before.
func TestConsoleReboot(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	said := o.apart(t)
	d := o.runs(t)
	s, c := o.console(t)
	s.awaits("status.terminal", "daemon", true)
	s.login(o, "service")
	if r := row(t, s.says("status", "> "), "status.terminal", "visit", false); r["since"] == nil || r["state"] != "out-of-service" {
		t.Error(r)
	}
	o.diffs(t, s)
	if r := row(t, s.says("selftest", "> "), "selftest.verdict", "ok", true); r["why"] != nil { // the daemon's, too
		t.Error(r)
	}
	row(t, s.says("reboot --yes", "> "), "reboot.state", "state", "begun")
	if err := d.Wait(); err != nil {
		t.Error(err)
	}
	if got := rebooted(t, said, 1); got != wellRebooted {
		t.Errorf("%q", got)
	}
	if r := row(t, s.says("reboot --yes", "> "), "reboot.state", "state", "begun"); r["why"] != "daemon-down" {
		t.Error(r)
	}
	if got := rebooted(t, said, 2); got != wellRebooted+wellRebooted {
		t.Errorf("%q", got)
	}
	s.send("logout\r")
	s.until("Signed out", "honnin> ")
	s.send("\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(o.journalled(t), ", "); strings.Count(got, "did tech-7 reboot") != 2 {
		t.Error(got)
	}
	j, err := journal.Copy(o.journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	tests := 0
	if err := j.Each(func(e journal.Entry) error {
		if e.Kind == journal.SelfTest && e.Reason == "passed" {
			tests++
		}
		return nil
	}); err != nil || tests != 2 {
		t.Error(tests, "self-tests", err)
	}
}

// diffs changes site.toml under a daemon that runs.
func (o technicians) diffs(t *testing.T, s *seen) {
	t.Helper()
	if r := s.says("config diff", "> "); len(r) != 0 {
		t.Error("nothing was changed:", r)
	}
	file := filepath.Join(o.dir, "site.toml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, bytes.Replace(was, []byte(`payment = "attended"`), []byte("payment = \"none\"\nmetrics = \"127.0.0.1:9464\""), 1))
	r := s.says("config diff", "> ")
	if got := row(t, r, "config.change", "key", "payment"); got["change"] != "attended → none" || len(r) != 2 {
		t.Error(r)
	}
	row(t, r, "config.change", "change", "- → 127.0.0.1:9464")
	write(t, file, bytes.Replace(was, []byte(`reader = "pcsc"`), []byte(`reader = "virtual"`), 1))
	s.send("config diff --json\r")
	if text := s.until(`"code":"done"`, "> "); !strings.Contains(text, `{"code":"config.wrong","key":"reader","line":5}`) || !strings.Contains(text, `"why":"invalid","about":"site.toml"`) || strings.Contains(text, "virtual") {
		t.Errorf("%q", text)
	}
	row(t, s.says("doctor", "> "), "doctor.check", "why", "invalid")
	write(t, file, was)
	if r := row(t, s.says("doctor", "> "), "doctor.check", "check", "config"); r["state"] != "ok" {
		t.Error(r)
	}
}

// awaits asks for the status until a field of it is so.
func (s *seen) awaits(code, key string, value any) map[string]any {
	s.Helper()
	late := time.After(time.Minute)
	for {
		for _, r := range s.says("status", "> ") {
			if r["code"] == code && r[key] == value {
				return r
			}
		}
		select {
		case <-late:
			s.Fatalf("never %s %v", key, value)
		default:
		}
	}
}

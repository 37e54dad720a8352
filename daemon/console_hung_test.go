package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestConsoleOfAHungDaemon: whoever comes to repair a daemon that answers nobody can sign in, see what can be seen without it, and restart the
// machine. All of that is in the journal after the next start, once, though nobody could write it then.
func TestConsoleOfAHungDaemon(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	said := o.apart(t)
	d := o.runs(t)
	if err := d.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s, c := o.console(t)
	s.login(o, "service")
	if r := row(t, s.says("status", "> "), "status.terminal", "daemon", false); r["why"] != "not-answering" {
		t.Error(r)
	}
	row(t, s.says("doctor", "> "), "doctor.do", "do", "honnind does not answer: login service, then reboot, twice. At the terminal's keyboard: systemctl restart honnind.")
	row(t, s.says("journal tail", "> "), "journal.entry", "kind", "policy-applied")
	s.refuses("service off --yes", "unknown")
	if r := row(t, s.says("reboot --yes", "> "), "reboot.state", "state", "unknown"); r["why"] != "not-answering" {
		t.Error(r)
	}
	if r := row(t, s.says("reboot --yes", "> "), "reboot.state", "state", "begun"); r["why"] != "not-answering" {
		t.Error(r)
	}
	if got := rebooted(t, said, 1); got != strings.Replace(wellRebooted, "closed", "open", 1) {
		t.Errorf("%q", got)
	}
	if err := d.Process.Kill(); err != nil { // as init does at last
		t.Fatal(err)
	}
	_ = d.Wait()
	for range 2 {
		o.runs(t).ends(t)
	}
	if got, want := strings.Join(o.journalled(t), ", "), "noted tech-7 in.service, noted tech-7 did.status, noted tech-7 did.doctor, noted tech-7 did.journal.tail, noted tech-7 did.service.off, noted tech-7 did.reboot, noted tech-7 did.reboot"; got != want {
		t.Errorf("%q", got)
	}
	s.send("logout\r")
	s.until("Signed out", "honnin> ")
	s.send("\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

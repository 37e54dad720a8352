package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
)

// TestConsoleOfPractice: a technician's console beside the kiosk of the practice world, with the key that lies beside it; the terminal
// serves, well, and does what it is told.
func TestConsoleOfPractice(t *testing.T) {
	needPrograms(t, map[string]string{"ssh-keygen": "openssh-client"})
	_, state, stop := kioskWith(t, protocol.Store, "virtual", io.Discard)
	defer stop()
	s, _ := atKeys(t, built(t), "console", "--practice", state, "--lang", "en")
	s.send("login service\r")
	s.send(technicians{key: filepath.Join(state, "keys", technicianID)}.sign(t, s.until("Paste the signature", "\r\n")))
	s.until(technicianID, "service> ")
	row(t, s.says("status", "service> "), "status.terminal", "daemon", true)
	rows := s.says("doctor", "service> ")
	for _, check := range []string{"journal", "policy", "keys", "daemon", "reader", "printer", "centre", "clock", "staff", "incidents"} {
		if r := row(t, rows, "doctor.check", "check", check); r["state"] != "ok" {
			t.Errorf("%s is %v: %v", check, r["state"], r["why"])
		}
	}
	row(t, s.says("service off --yes", "service> "), "service.state", "state", "out-of-service")
	if rows := s.says("config diff", "service> "); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
}

// TestConsoleOfTheLastPractice: of two kiosks in a directory the console is that of the one that was started last.
func TestConsoleOfTheLastPractice(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	start := func(c protocol.Channel) {
		at = at.Add(time.Minute)
		home := filepath.Join(dir, "terminals", string(placeName(0, c)))
		if err := errors.Join(os.MkdirAll(home, 0o700), os.WriteFile(filepath.Join(home, practiceURL), []byte("https://"+string(c)+"\n"), 0o600),
			os.Chtimes(filepath.Join(home, practiceURL), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []protocol.Channel{protocol.Store, protocol.Counter, protocol.Store} {
		start(c)
		if s, err := practiceSite(dir); err != nil || s.Terminal != placeName(0, c) || s.Channel != c || s.Centre.URL != "https://"+string(c) {
			t.Errorf("%s: %+v %v", c, s, err)
		}
	}
}

func TestConsoleOfNoPractice(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), built(t), "console", "--practice", t.TempDir()).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "make run") {
		t.Errorf("%v %s", err, out)
	}
}

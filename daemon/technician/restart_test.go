package technician

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/site"
	"honnin/daemon/terminal"
)

// program writes a program of the shell's, with only what the shell has built in.
func program(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRestart: the program that fits the machine's init is taken, and no other where that fails; it gets nothing of this process.
func TestRestart(t *testing.T) {
	here, seen := t.TempDir(), filepath.Join(t.TempDir(), "seen")
	t.Setenv("SECRET", "s")
	say := program(t, "init", fmt.Sprintf(`[ -z "$SECRET" ] && [ "$PWD" = / ] && echo "$0 $*" > %s`, seen), 0o700)
	other, fails, plain := program(t, "other", "exit 0", 0o700), program(t, "fails", "exit 3", 0o700), program(t, "plain", "exit 0", 0o600)
	for name, c := range map[string]struct {
		r   Restart
		may error
		did string // of the first program
	}{
		"its sign is there":          {Restart{Root: true, Ways: []Way{{here, []string{say, "reboot"}}, {"", []string{other}}}}, nil, say + " reboot\n"},
		"the last one":               {Restart{Root: true, Ways: []Way{{here + "/none", []string{other}}, {"", []string{say}}}}, nil, say + " \n"},
		"a sign that is a file":      {Restart{Root: true, Ways: []Way{{plain, []string{other}}, {"", []string{say}}}}, nil, say + " \n"},
		"not root":                   {Restart{Ways: []Way{{"", []string{say}}}}, errNotRoot, ""},
		"no program":                 {Restart{Root: true, Ways: []Way{{here, []string{here + "/none"}}, {"", []string{say}}}}, errNoProgram, ""},
		"a directory":                {Restart{Root: true, Ways: []Way{{"", []string{here}}}}, errNoProgram, ""},
		"what cannot be run":         {Restart{Root: true, Ways: []Way{{"", []string{plain}}}}, errNoProgram, ""},
		"no way":                     {Restart{Root: true}, errNoProgram, ""},
		"nothing":                    {Restart{}, errNotRoot, ""},
		"one that fails is not made": {Restart{Root: true, Ways: []Way{{here, []string{fails}}, {"", []string{say}}}}, nil, ""},
	} {
		_ = os.Remove(seen)
		if err := c.r.May(); !errors.Is(err, c.may) {
			t.Errorf("%s: may: %v", name, err)
		}
		err := c.r.Do(t.Context())
		did, _ := os.ReadFile(seen)
		if (err == nil) != (c.did != "") || string(did) != c.did || c.may != nil && !errors.Is(err, c.may) {
			t.Errorf("%s: %v, and did %q", name, err, did)
		}
	}
}

// TestSystemRestart: the fixed places are those of Debian.
func TestSystemRestart(t *testing.T) {
	want := Restart{Root: os.Geteuid() == 0, Ways: []Way{{"/run/systemd/system", []string{"/bin/systemctl", "reboot"}}, {"", []string{"/sbin/reboot"}}}}
	if r := SystemRestart(); !reflect.DeepEqual(r, want) {
		t.Errorf("%+v", r)
	}
}

// TestAskedToRestart: a daemon leaves only where the machine can be restarted, and says whether a visit is in hand, however often it is asked.
func TestAskedToRestart(t *testing.T) {
	d := &daemon{is: &terminal.Status{InService: true, Visit: true}}
	can := Restart{Root: true, Ways: []Way{{"", []string{program(t, "init", "exit 0", 0o700)}}}}
	s := &server{Daemon: Daemon{Terminal: d, Now: time.Now}}
	for _, step := range []struct {
		who     string
		restart Restart
		visit   bool
		why     string
		left    int
	}{{"tech-7", Restart{}, true, "wants-root", 0}, {"tech-7", Restart{Root: true}, true, "no-program", 0}, {"山田", can, true, "malformed", 0}, {"", can, true, "malformed", 0},
		{"tech-7", can, true, "visit", 1}, {"tech-7", can, true, "visit", 2}, {"tech-8", can, false, "", 3}} {
		s.Restart, d.is.Visit = step.restart, step.visit
		if why := s.restart(question{Who: step.who}); why != step.why || d.left != step.left {
			t.Errorf("%+v: %q, left %d", step, why, d.left)
		}
	}
	if state, why := s.live().state(); state != "leaving" || why != "reboot" {
		t.Error(state, why)
	}
}

// TestMeantAgain: a silent daemon's machine is restarted for who wants it twice in a while, unless the daemon was heard in between.
func TestMeantAgain(t *testing.T) {
	now, state := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), t.TempDir()
	says := speaker(t, state)
	can := Restart{Root: true, Ways: []Way{{"", []string{program(t, "init", "exit 0", 0o700)}}}}
	m := New(Options{Site: site.Site{State: state}, Restart: can, Now: func() time.Time { return now }})
	for i, step := range []struct {
		after     time.Duration
		say, want string
	}{{0, "", "unknown"}, {time.Minute, "", "begun"}, {again + 1, "", "unknown"}, {time.Minute, `{"why":"visit"}`, "waits"}, {time.Minute, "", "unknown"},
		{time.Minute, `{}`, "begun"}, {time.Minute, "", "unknown"}, {again, "", "begun"}, {-time.Hour, "", "unknown"}} {
		now = now.Add(step.after)
		says(step.say)
		if got := typed(t, m, "reboot --yes"); !strings.Contains(got, `"state":"`+step.want+`"`) {
			t.Errorf("%d: %q", i, got)
		}
	}
}

// speaker is a daemon that says one thing to whatever it is asked, or hangs up where that is nothing.
func speaker(t *testing.T, state string) (says func(string)) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var line atomic.Value
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(c).ReadBytes('\n'); err == nil && line.Load() != "" {
				_, _ = fmt.Fprintln(c, line.Load())
			}
			_ = c.Close()
		}
	}()
	return func(s string) { line.Store(s) }
}

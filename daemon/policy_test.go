package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy"
	"honnin/daemon/practice"
)

func staffCode(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command()
	c.SetArgs(append([]string{"policy", "staff-code", "--rounds", "100000"}, args...))
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.Execute()
	return out.String(), err
}

// TestStaffCodeAtAKeyboard: one line is enough, and it is not shown.
func TestStaffCodeAtAKeyboard(t *testing.T) {
	keys, screen := keyboard(t)
	if _, err := keys.WriteString("482913\n"); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	code, err := readCode(screen, &said)
	if err != nil || string(code) != "482913" || !strings.Contains(said.String(), "6 to 12") {
		t.Errorf("%q %v %q", code, err, said.String())
	}
	if after, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS); err != nil || after.Lflag != before.Lflag || before.Lflag&unix.ECHO == 0 {
		t.Errorf("the terminal is not as it was: %v", err)
	}
	seen, err := hide(int(screen.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer seen()
	if now, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS); err != nil || now.Lflag&unix.ECHO != 0 {
		t.Errorf("it shows what is typed: %v", err)
	}
}

// keyboard is a pair of pseudoterminals: what is typed, and where it is read.
func keyboard(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return keys, screen
}

// TestStaffCode: what the command prints is what a policy takes, and the code opens it.
func TestStaffCode(t *testing.T) {
	for _, in := range []string{"482913", "482913\n", "482913\r\n"} {
		made, err := staffCode(t, in, "--id", "77", "--expires", "2999-12-31", "--municipality", "991015", "--terminal", "JP-99-000001", "--terminal", "JP-99-000002")
		if err != nil || strings.Contains(made, "482913") {
			t.Fatalf("%s %v", made, err)
		}
		s := newStand(t, t.TempDir(), nil)
		p, err := policy.Parse([]byte(s.world.Policy()+"\n"+made), nil)
		s.must(err)
		if is, _ := p.Confirms("77", []byte("482913"), "JP-99-000002", "991015", time.Now()); !is {
			t.Error("the code does not fit")
		}
		if is, _ := p.Confirms("77", []byte("482913"), "JP-99-000003", "991015", time.Now()); is {
			t.Error("it fits at another terminal")
		}
		s.quit()
	}
	for name, c := range map[string]struct {
		in   string
		args []string
	}{
		"letters": {"48291x", []string{"--id", "7", "--expires", "2999-12-31"}}, "two lines": {"482913\n111111\n", []string{"--id", "7", "--expires", "2999-12-31"}},
		"nothing": {"", []string{"--id", "7", "--expires", "2999-12-31"}}, "long": {"1234567890123", []string{"--id", "7", "--expires", "2999-12-31"}},
		"endless": {strings.Repeat("1", 99), []string{"--id", "7", "--expires", "2999-12-31"}}, "a name": {"482913", []string{"--id", "sato", "--expires", "2999-12-31"}},
		"no day": {"482913", []string{"--id", "7"}}, "no such day": {"482913", []string{"--id", "7", "--expires", "2027-02-30"}},
		"no town": {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--municipality", "1"}},
		"no such": {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--terminal", "a b"}},
		"rounds":  {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--rounds", "1"}},
	} {
		if made, err := staffCode(t, c.in, c.args...); err == nil || strings.Contains(made, "[[staff]]") || c.in != "" && strings.Contains(err.Error(), c.in) {
			t.Errorf("%s: %q %v", name, made, err)
		}
	}
}

// Practice goes by a signed policy, too, and no production terminal would take it.
func TestPracticePolicyIsSigned(t *testing.T) {
	w, err := practice.Start(practice.Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	o, err := newPracticeOffice(w.Policy(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if h := o.last.Head; h.Keys.Threshold != 2 || !o.last.Practice() {
		t.Errorf("%+v", h)
	}
	if _, err := newPracticeOffice(strings.Replace(w.Policy(), "version = 1\n", "", 1), time.Now()); err == nil {
		t.Error("a policy without its head")
	}
}

package serial

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/drivers/serial/serialtest"
)

// TestHeld: each of the three locks keeps us out, and ours keeps others out.
func TestHeld(t *testing.T) {
	p, locks := serialtest.New(t), t.TempDir()
	o := Options{Device: p.Device, Baud: 9600, LockDir: locks}
	refused := func(why string) {
		t.Helper()
		if l, err := Open(o); !errors.Is(err, ErrHeld) || l != nil {
			t.Errorf("%s: %v", why, err)
		}
	}
	other, err := os.OpenFile(p.Device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	fd := int(other.Fd())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Flock(fd, unix.LOCK_EX))
	refused("flock")
	must(unix.Flock(fd, unix.LOCK_UN))
	must(unix.IoctlSetInt(fd, unix.TIOCEXCL, 0))
	refused("exclusive")
	must(unix.IoctlSetInt(fd, unix.TIOCNXCL, 0))
	lock := lockPath(locks, p.Device)
	must(os.WriteFile(lock, fmt.Appendf(nil, "%10d\n", os.Getppid()), 0o600))
	refused("a lock file")
	must(os.WriteFile(lock, []byte("who knows"), 0o600))
	refused("a lock file that says nothing")
	must(os.Remove(lock))
	must(os.Symlink("/nowhere", lock))
	refused("a link")
	must(os.Remove(lock))

	l, err := Open(o)
	must(err)
	refused("this process")
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Error("others can flock:", err)
	}
	if exclusive, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err != nil || exclusive == 0 {
		t.Error("not exclusive:", err)
	}
	if b, err := os.ReadFile(lock); err != nil || string(b) != fmt.Sprintf("%10d\n", os.Getpid()) {
		t.Errorf("%q %v", b, err)
	}
	must(l.Close())
	if exclusive, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err != nil || exclusive != 0 {
		t.Error("still exclusive:", err)
	}
}

// TestLockOfTheDead: a lock file of a process that is no more holds nobody.
func TestLockOfTheDead(t *testing.T) {
	p, locks := serialtest.New(t), t.TempDir()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lockPath(locks, p.Device), fmt.Appendf(nil, "%10d minicom root\n", dead.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Options{Device: p.Device, Baud: 9600, LockDir: locks})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	nobodys, err := Open(Options{Device: p.Device, Baud: 9600, LockDir: filepath.Join(locks, "none")})
	if err != nil {
		t.Fatal("where nobody keeps lock files:", err)
	}
	if err := nobodys.Close(); err != nil {
		t.Error(err)
	}
}

// TestLockOfAnother: who took our lock file for a dead one's, and has its own there, keeps it.
func TestLockOfAnother(t *testing.T) {
	p, locks := serialtest.New(t), t.TempDir()
	lock := lockPath(locks, p.Device)
	for name, there := range map[string]string{"another's": fmt.Sprintf("%10d\n", os.Getppid()), "none": ""} {
		l, err := Open(Options{Device: p.Device, Baud: 9600, LockDir: locks})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(lock); err != nil {
			t.Fatal(err)
		}
		if there != "" {
			if err := os.WriteFile(lock, []byte(there), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, _ := os.ReadFile(lock); string(b) != there {
			t.Errorf("%s: %q is left", name, b)
		}
		_ = os.Remove(lock)
	}
}

// TestOtherPrograms: Debian's picocom and minicom, as they come, do not get a line that is ours.
func TestOtherPrograms(t *testing.T) {
	for _, c := range []struct {
		program string
		words   string // picocom cannot lock it as root, nor open it as anybody else
		args    func(device string) []string
	}{
		{"picocom", "FATAL: cannot ", func(d string) []string { return []string{"picocom", "-q", "-X", d} }},
		{"minicom", "is locked", func(d string) []string { return []string{"script", "-qec", "minicom -D " + d, "/dev/null"} }},
	} {
		t.Run(c.program, func(t *testing.T) {
			missing(t, c.program)
			p := serialtest.New(t)
			l, err := Open(Options{Device: p.Device, Baud: 9600})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			args := c.args(p.Device)
			out, err := commandOf(t, args).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.words) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// missing skips a test without an outside program, and fails it in CI.
func missing(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(program, "is missing")
	}
	t.Skip(program, "is missing")
}

func commandOf(t *testing.T, args []string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), "TERM=vt100", "HOME="+t.TempDir(), "LC_ALL=C")
	return c
}

func FuzzHolder(f *testing.F) {
	for _, s := range []string{"", "        42\n", "42", "42 minicom root\n", "-1", "0", "99999999999999999999", "\x2a\x00\x00\x00", " \n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		pid, is := holder(b)
		if is && (pid <= 0 || !bytes.Contains(b, fmt.Append(nil, pid))) {
			t.Errorf("%q names %d", b, pid)
		}
	})
}

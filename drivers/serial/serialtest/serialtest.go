// Package serialtest makes serial lines for tests: pairs of pseudoterminals, as real as the kernel's, without a cable.
package serialtest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Pair is a line: Device is one end, for who opens a device, and Far the other, raw. Closing Far hangs up.
type Pair struct {
	Device string
	Far    *os.File
}

// New makes a line.
func New(t testing.TB) Pair {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	p := Pair{Far: far}
	c, err := far.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = c.Control(func(fd uintptr) { p.Device, failed = unlocked(int(fd)) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	_ = os.Remove("/var/lock/LCK..pts_" + filepath.Base(p.Device)) // of who was killed with a line of this number: its process's may be another's by now
	return p
}

// unlocked is the name of the other end of a pair, which is made raw and can be opened from now on.
func unlocked(fd int) (device string, err error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return "", err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return "", err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", err
	}
	t.Lflag, t.Iflag, t.Oflag = 0, 0, 0 // a pair has one set of modes: nothing echoes before somebody opens it
	return fmt.Sprintf("/dev/pts/%d", n), unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// Two are two devices with a cable between them: what one program writes to a, another reads from b. A cut ends it at once.
func Two(t testing.TB) (a, b string, cut func()) {
	t.Helper()
	one, two := New(t), New(t)
	for _, p := range []Pair{one, two} { // a program that comes and goes is no hang-up here
		keep, err := os.OpenFile(p.Device, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = keep.Close() })
	}
	join := func(to, from *os.File) { _, _ = io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from}) }
	go join(one.Far, two.Far)
	go join(two.Far, one.Far)
	return one.Device, two.Device, func() { _, _ = one.Far.Close(), two.Far.Close() }
}

// Link is a name for a line that may lead to another one later, as /dev/serial/by-id/… does when an adapter is plugged in anew.
func Link(t testing.TB) (name string, to func(device string)) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "line")
	return name, func(device string) {
		t.Helper()
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if device == "" {
			return
		}
		if err := os.Symlink(device, name); err != nil {
			t.Fatal(err)
		}
	}
}

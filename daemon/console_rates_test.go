package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/drivers/serial"
	"honnin/drivers/serial/serialtest"
)

// TestConsoleRates: at every rate the line is set up as it should be, and both kinds of terminal are served: a dumb one gets no
// control sequence for the keys that a VT100 gets one for.
func TestConsoleRates(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	for _, baud := range serial.Bauds() {
		t.Run(fmt.Sprint(baud), func(t *testing.T) {
			line := serialtest.New(t)
			o.onALine(t, line.Device, "--speed", fmt.Sprint(baud))
			s := watch(t, line.Far)
			s.until("honnin console", "honnin> ")
			if got := rate(t, line.Far); got != uint32(baud) {
				t.Errorf("%d baud", got)
			}
			for kind, wipes := range map[string]string{"dumb": "\b\b  \b\b", "vt100": "\x1b[K"} {
				s.send("terminal " + kind + " --no-pages\r")
				s.until("no-pages\r\n", "honnin> ")
				s.send("xy\x15status\r") // Ctrl-U
				if said := s.until("daemon-down", "honnin> "); !strings.Contains(said, wipes) || strings.Contains(said, "\x1b") != (kind == "vt100") {
					t.Errorf("%s: %q", kind, said)
				}
			}
		})
	}
}

// rate is that of a line whose other end is far; raw mode and eight bits belong to it.
func rate(t *testing.T, far *os.File) uint32 {
	t.Helper()
	c, err := far.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var m *unix.Termios
	if failed := c.Control(func(fd uintptr) { m, err = unix.IoctlGetTermios(int(fd), unix.TCGETS2) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	if m.Cflag&(unix.CSIZE|unix.PARENB|unix.CRTSCTS) != unix.CS8 || m.Lflag != 0 || m.Iflag&(unix.IXON|unix.IXOFF) != 0 {
		t.Errorf("%+v", m)
	}
	return m.Ospeed
}

// TestConsoleFlooded: 64 MiB of noise as fast as the line takes it, in flat memory, and the line can be used.
func TestConsoleFlooded(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	line := serialtest.New(t)
	c := o.onALine(t, line.Device)
	s := watch(t, line.Far)
	s.until("honnin console", "honnin> ")
	s.login(o, "look")
	before := peak(t, c.Process.Pid)
	if err := line.Far.SetWriteDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	noise := bytes.Repeat([]byte{0xFF, 0x80, 0xC1, 0x00, 0xFE, 'x', '\r', 0x1B}, 8<<10)
	for range 1 << 10 {
		if _, err := line.Far.Write(noise); err != nil {
			t.Fatal(err)
		}
	}
	if after := peak(t, c.Process.Pid); after > before+16<<20 {
		t.Errorf("at most %d bytes before the flood, %d with it", before, after)
	}
	s.until("! ", "honnin> ")
	row(t, s.says("status", "> "), "status.terminal", "state", "down")
	if got := o.journalled(t); got[len(got)-1] != "out tech-7 break" { // there are zeros in it
		t.Errorf("%q", got)
	}
}

// peak is the most memory that a process ever had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	n := kilobytes(status, "VmHWM:")
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	return n
}

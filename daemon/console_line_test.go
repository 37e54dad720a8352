package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/drivers/serial/serialtest"
)

// onALine begins honnind console on a serial line.
func (o technicians) onALine(t *testing.T, device string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), built(t), "console", "--config", o.dir, "--lang", "en", "--line", device, "--speed", "9600")
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return c
}

// TestConsoleOnALine: a technician hangs up while signed in, plugs in again, and is nobody; nobody else can open the line
// meanwhile; a flood leaves it usable, in flat memory.
func TestConsoleOnALine(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	name, to := serialtest.Link(t)
	first := serialtest.New(t)
	to(first.Device)
	c := o.onALine(t, name)
	s := watch(t, first.Far)
	s.until("honnin console", "honnin> ")
	s.login(o, "look")
	row(t, s.says("status", "> "), "status.terminal", "incidents", 0.0)
	second := exec.CommandContext(t.Context(), built(t), "console", "--config", o.dir, "--line", name)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another program has the line") {
		t.Errorf("%v %s", err, out)
	}
	s.send("doctor\r")
	_ = first.Far.Close()

	again := serialtest.New(t)
	to(again.Device)
	s = watch(t, again.Far)
	s.until("honnin console", "honnin> ")
	if r := row(t, s.says("status", "> "), "status.terminal", "state", "down"); r["incidents"] != nil {
		t.Error("still signed in:", r)
	}
	if got := o.journalled(t); got[len(got)-1] != "out tech-7 hang-up" {
		t.Errorf("%q", got)
	}
	before := resident(t, c.Process.Pid)
	flood(t, again.Far)
	if after := resident(t, c.Process.Pid); after > before+32<<20 {
		t.Errorf("%d bytes before the flood, %d after it", before, after)
	}
	s.until("! noise", "honnin> ")
	row(t, s.says("status", "> "), "status.terminal", "state", "down")
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// flood sends 8 MiB of noise as fast as the line takes it.
func flood(t *testing.T, far *os.File) {
	t.Helper()
	_ = far.SetWriteDeadline(time.Now().Add(time.Minute))
	noise := bytes.Repeat([]byte{0xFF, 0x80, 0xC1, 0x00, 0xFE, 'x', '\r', 0x1B}, 8<<10)
	for range 128 {
		if _, err := far.Write(noise); err != nil {
			t.Fatal(err)
		}
	}
}

// resident is how much memory a process has, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	n := kilobytes(status, "VmRSS:")
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	return n
}

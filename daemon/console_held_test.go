package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/drivers/serial/serialtest"
)

// TestConsoleOfALineThatIsTried: an adapter that comes back and that another program tries first is waited for. (At its start the
// console says that the line is held, and ends: TestConsoleOnALine.)
func TestConsoleOfALineThatIsTried(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	name, to := serialtest.Link(t)
	first, again := serialtest.New(t), serialtest.New(t)
	to(first.Device)
	c := exec.CommandContext(t.Context(), built(t), "console", "--config", o.dir, "--lang", "en", "--line", name)
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	watch(t, first.Far).until("honnin console", "honnin> ")
	tries, err := os.OpenFile(again.Device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(tries.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	defer tries.Close()
	to(again.Device)
	_ = first.Far.Close()
	log := bufio.NewScanner(said)
	for log.Scan() && !strings.Contains(log.Text(), "another program has the line; waiting") {
	}
	s := watch(t, again.Far)
	if err := unix.Flock(int(tries.Fd()), unix.LOCK_UN); err != nil { // closed, it would be the end of this pseudoterminal
		t.Fatal(err)
	}
	s.until("honnin console", "honnin> ")
	_ = c.Process.Signal(syscall.SIGTERM)
	for log.Scan() {
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

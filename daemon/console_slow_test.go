//go:build slow

package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"honnin/drivers/serial/serialtest"
)

// TestConsoleStalled: the program gives up a line that takes nothing, and serves it when it does again.
func TestConsoleStalled(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	line := serialtest.New(t)
	keep, err := os.OpenFile(line.Device, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	o.onALine(t, line.Device)
	s := watch(t, line.Far)
	s.until("honnin console", "honnin> ")
	s.login(o, "look")
	s.send("terminal dumb --no-pages\r")
	s.until("no-pages\r\n", "look> ")
	_ = s.far.SetReadDeadline(time.Now())
	<-s.paused
	for range 60 {
		s.send("help\r")
	}
	awaitTrue(t, "the line to be given up", func() bool {
		got := o.journalled(t)
		return got[len(got)-1] == "out tech-7 hang-up"
	})
	_ = s.far.SetReadDeadline(time.Time{})
	s.resume <- struct{}{}
	s.until("honnin console", "honnin> ")
	s.send("\x15version\r")
	s.until("version\r\n", "honnin> ")
}

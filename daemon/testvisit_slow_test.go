//go:build slow

package main

import (
	"testing"

	"honnin/drivers/printer/ippevetest"
)

// TestConsoleVisitKilled: the daemon is killed in a test visit, once before paper and once while it moves, and starts again.
func TestConsoleVisitKilled(t *testing.T) {
	s, c, device := newService(t)
	s.killed(c, false)
	s.own("welcome")
	s.remembers(1, "")
	device.Behave(ippevetest.Behaviour{Mode: "slow"})
	s.killed(c, true)
	s.own("out-of-service")
	s.dies()
	s.remembers(2, "restart-while-printing")
}

// killed has the daemon killed in a test visit, and starts it again.
func (s *service) killed(c *seen, printing bool) {
	s.t.Helper()
	c.send("visit --test-card --json\r")
	s.applies(printing)
	if printing {
		s.sample("printing")
	}
	s.dies()
	c.until(`"code":"done"`, "> ")
	s.world.Pull()
	s.starts()
}

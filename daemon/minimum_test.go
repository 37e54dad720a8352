package main

import (
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// TestTheCentresMinimum: below it no visit begins, the one in hand ends as it would have, and a policy opens the terminal again.
func TestTheCentresMinimum(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	first := s.place.signed.Head.Version
	s.goesBy(first)
	s.hand.instead[session.PressChoose] = func() bool {
		delete(s.hand.instead, session.PressChoose)
		s.world.Demand(first + 1)
		s.beats("being out of service", func(h protocol.Heartbeat) bool { return h.Why == "policy" })
		return false
	}
	s.prints("p05")
	v := s.await("out of service", closedByPolicy)
	if terminal.Picture(v).Message != touch.MsgService {
		t.Errorf("the screen says %q", terminal.Picture(v).Message)
	}
	s.world.Demand(0) // nobody signed that version: it is wanted for as long as the centre says so
	s.goesBy(first)
	s.world.Demand(first + 1)
	s.await("out of service again", closedByPolicy)
	if !strings.Contains(string(s.log.Bytes()), "wants a newer policy") {
		t.Error("the log does not say which is wanted")
	}
	s.goesBy(s.revise(200))
	s.prints("p05")
	s.everythingDelivered()
	if least := of(s.quitAndBalance(), journal.PolicyLeast); len(least) != 1 || least[0].Least != first+1 {
		t.Errorf("%+v", least)
	}
}

// TestAMinimumOutOfProportion: what no policy will ever be closes nothing, and keeps the next true policy from nobody.
func TestAMinimumOutOfProportion(t *testing.T) {
	s, m := newMeddled(t, nil)
	first := s.place.signed.Head.Version
	s.goesBy(first)
	m.meddle("heartbeats", rewriting(func(m map[string]any) { m["least_policy"] = first + 100_000 }))
	s.awaitLog("out of all proportion")
	if shown, _ := s.screen.now(); shown.State != session.Idle {
		t.Errorf("the terminal is %s %q", shown.State, shown.Word)
	}
	s.goesBy(s.revise(200))
	s.wasNobodyButTheFee(t)
}

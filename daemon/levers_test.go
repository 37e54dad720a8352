package main

import (
	"testing"

	"honnin/daemon/session"
)

// TestLevers pulls what the practice panel has: the fee changes, the terminal closes for the day, and for want of a policy, and each
// time it opens again, without a restart.
func TestLevers(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	s.goesBy(s.place.signed.Head.Version)
	all := s.levers()
	pull := func(id string) {
		t.Helper()
		for _, l := range all {
			if l.ID == id {
				was := l.On()
				s.must(l.Pull())
				if l.On() == was {
					t.Errorf("%s did not move", id)
				}
				return
			}
		}
		t.Fatal(id)
	}
	pull("policy-fee")
	s.goesBy(s.office.last.Head.Version)
	if yen := s.pays(); yen != cheapFee {
		t.Errorf("%d yen", yen)
	}
	pull("policy-closed")
	s.await("closing", func(v session.View) bool { return v.State == session.Unready && v.Word == "closed" })
	pull("policy-closed")
	s.awaitState(session.Idle)
	pull("policy-minimum")
	s.await("the minimum", closedByPolicy)
	pull("policy-fee")
	s.goesBy(s.office.last.Head.Version)
	if yen := s.pays(); yen != 250 {
		t.Errorf("%d yen", yen)
	}
	if all[2].On() {
		t.Error("the minimum is met, and wanted still")
	}
}

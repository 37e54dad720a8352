package main

import (
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// strange has a person be handed a neighbour's package, which is refused.
func (s *stand) strange(id string) {
	s.t.Helper()
	s.world.HandStrangers(true)
	defer s.world.HandStrangers(false)
	if v := s.visit(s.wish(id, protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Refused {
		s.t.Fatalf("%s: %+v", id, v.Ending)
	}
}

// declined has a person come to whom nothing is offered.
func (s *stand) declined(id string) {
	s.t.Helper()
	if v := s.visit(s.wish(id, protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Abandoned {
		s.t.Errorf("%s: %+v", id, v.Ending)
	}
}

// opens has the municipality close the incident that stops its service, which a centre that was started anew hears of again.
func (s *stand) opens(m protocol.Municipality) {
	s.t.Helper()
	held, err := s.place.journal.Latches()
	s.must(err)
	for _, l := range held {
		if l.Municipality != m {
			continue
		}
		e, err := s.place.journal.At(l.Of)
		s.must(err)
		head, err := e.Head()
		s.must(err)
		id := protocol.NameIncident(s.place.name, head)
		s.until("the centre to have the incident", func() bool { _, there := s.world.Incident(s.place.name, id); return there })
		s.must(s.world.MoveIncident(s.place.name, id, protocol.IncidentClosed, practice.Cause))
	}
	s.Ask()
}

// TestThreeStoppedServicesStopTheTerminal: the first two leave the others alone; the third stops all, says so to people and to the
// centre, and neither staff nor a restart opens it. One signed closing does, at once and without anybody's hand at the terminal; the
// two others stay stopped.
func TestThreeStoppedServicesStopTheTerminal(t *testing.T) {
	state := t.TempDir()
	s := newStand(t, state, nil)
	town := s.wish("p05", protocol.ResidentRecord)
	s.strange("p05")
	s.strange("p12")
	s.declined("p12")
	s.prints("p01")
	s.strange("p01")
	stopped := func(v session.View) bool { return v.State == session.Unready && v.Word == "stopped" }
	s.await("every service to be stopped", stopped)
	s.beats("being stopped", func(h protocol.Heartbeat) bool { return !h.InService && h.Why == "stopped" })
	s.must(s.StaffReady(t.Context(), "s1"))
	s.await("every service to be stopped, after a word of staff", stopped)
	s.everythingDelivered()
	s.quit()

	s = newStand(t, state, nil)
	s.await("every service to be stopped, after a restart", stopped)
	if st := s.Status(); st.InService || st.Why != "stopped" {
		t.Errorf("%+v", st)
	}
	s.opens("991023")
	s.awaitState(session.Idle)
	s.prints(town.Applicant)
	s.declined("p12")
	s.declined("p01")
	s.settles()
	s.prints("p12")
	if n := len(of(s.quitAndBalance(), journal.StaffNeeded)); n != 0 {
		t.Errorf("staff were called %d times", n)
	}
}

package main

import (
	"bytes"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/session"
)

// TestATechnicianStopsTheService: no visit begins from then on, whoever says that all is well and after a restart, and the centre is
// told; the technician ends it, and the terminal serves at once.
func TestATechnicianStopsTheService(t *testing.T) {
	state := t.TempDir()
	s := newStand(t, state, nil)
	s.prints("p01")
	s.must(s.SetService(false, "tech-7"))
	stopped := func(v session.View) bool { return v.State == session.Unready && v.Word == "stopped" }
	s.await("the service to be stopped", stopped)
	if said := s.log.Bytes(); !bytes.Contains(said, []byte("why=stopped")) || bytes.Contains(said, []byte("why=reader")) {
		t.Errorf("the log says\n%s", said)
	}
	s.beats("being stopped", func(h protocol.Heartbeat) bool { return !h.InService && h.Why == "stopped" })
	if st := s.Status(); st.InService || st.Why != "stopped" {
		t.Errorf("%+v", st)
	}
	s.must(s.StaffReady(t.Context(), "s1"))
	s.await("the service to be stopped, after a word of staff", stopped)
	s.quit()

	s = newStand(t, state, nil)
	s.await("the service to be stopped, after a restart", stopped)
	s.must(s.SetService(true, "tech-7"))
	s.prints("p04")
	s.quit()
}

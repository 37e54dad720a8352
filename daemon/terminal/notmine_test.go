package terminal

import (
	"slices"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// notMine is what the session says of a certificate that was printed and is another's.
func notMine() session.Incident {
	return session.Incident{Kind: session.IncidentNotMine, Visit: 7, Transaction: protocol.NewTransaction(), Municipality: city, State: session.AskedAtTray, Event: session.Yes,
		Document: protocol.Digest{5}, Evidence: protocol.Evidence{Serial: "S-1", SignedBy: protocol.Digest{3}}}
}

// TestDisownedAtOnce: the incident, what it stops and the call for staff stand behind one another, or none of them does. Staff open
// the terminal, and not the service.
func TestDisownedAtOnce(t *testing.T) {
	m := newMemory(t)
	full := &refusing{Journal: m.j, times: 1}
	m.l = &ledger{journal: full, wake: func() {}}
	ls, i := m.latches(t), notMine()
	if err := ls.Disowned(t.Context(), i, "asked-at-tray/yes"); err == nil || !ls.Closed(city) {
		t.Fatalf("a full disk: %v, closed %v", err, ls.Closed(city))
	}
	if all := m.kinds(t); len(all) != 0 {
		t.Fatalf("half of it is written: %v", all)
	}
	if err := m.l.Shut(t.Context(), i, "asked-at-tray/yes"); err != nil { // the session goes on so
		t.Fatal(err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.Incident, journal.Latched, journal.StaffNeeded}) {
		t.Fatalf("%v", all)
	}
	e, err := m.j.At(1)
	if err != nil || e.Reason != string(session.IncidentNotMine) || e.Transaction != i.Transaction || e.Visit != 7 || e.Document != i.Document || e.Facts.Serial != "S-1" || e.Where != "asked-at-tray/yes" {
		t.Errorf("%+v %v", e, err)
	}
	held, err := m.j.Latches()
	if want := (journal.Latch{Of: 1, Municipality: city, Reason: string(session.IncidentNotMine)}); err != nil || len(held) != 1 || held[0] != want {
		t.Errorf("%+v %v", held, err)
	}
	m.restart(t)
	if why, err := m.j.StaffNeeded(); why != "asked-at-tray/yes" || err != nil {
		t.Errorf("after a restart staff are needed for %q, %v", why, err)
	}
	if err := m.l.unsaid(); err != nil || len(m.kinds(t)) != 3 {
		t.Errorf("a restart says more of it: %v %v", m.kinds(t), err)
	}
	if err := m.l.StaffReady(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	if why, err := m.j.StaffNeeded(); why != "" || err != nil || !m.latches(t).Closed(city) || m.latches(t).Closed("991023") {
		t.Errorf("staff are needed for %q, %v; the service is closed: %v", why, err, m.latches(t).Closed(city))
	}
}

// TestUnprovenStopsNoService: staff open what was held for them, whoever said it.
func TestUnprovenStopsNoService(t *testing.T) {
	m, i := newMemory(t), notMine()
	i.Kind, i.State, i.Event = session.IncidentUnproven, session.PlaceAgain, session.Timeout
	if err := m.l.Shut(t.Context(), i, "place-again/timeout"); err != nil {
		t.Fatal(err)
	}
	m.restart(t)
	if why, err := m.j.StaffNeeded(); why != "place-again/timeout" || err != nil || m.latches(t).Closed(city) {
		t.Errorf("staff are needed for %q, %v; the service is closed: %v", why, err, m.latches(t).Closed(city))
	}
	if err := m.l.StaffReady(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	if why, err := m.j.StaffNeeded(); why != "" || err != nil {
		t.Errorf("staff are needed for %q, %v", why, err)
	}
}

// TestNotMineInTheCatalogue: what counts as a certificate in the wrong hands matters most, and what is only said so does not.
func TestNotMineInTheCatalogue(t *testing.T) {
	catalogue, err := incident.Load()
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[session.IncidentKind]incident.Severity{session.IncidentNotMine: incident.Highest, session.IncidentUnproven: incident.High} {
		if w, there := catalogue.Word(string(kind)); !there || w.Severity != want {
			t.Errorf("%s: %t, %s", kind, there, w.Severity)
		}
	}
}

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/session"
	"honnin/spool/journal"
	"honnin/ui/touch/touchtest"
)

// says presses the button on the picture that is shown, and "yes".
func (s *stand) saysNotMine() {
	s.t.Helper()
	v, _ := s.screen.now()
	s.Press(v.Visit, session.Input{Kind: session.PressNotMine, Of: v.Disowns})
	v = s.await("the question", func(v session.View) bool {
		return v.State == session.AskedAtTray || v.State == session.AskedAtEnd || v.State == session.AskedLater
	})
	s.Press(v.Visit, session.Input{Kind: session.PressYes})
}

// disowned says what must be true of journal, centre and cash box after the certificate of a visit was disowned.
func (s *stand) disowned(end *session.Ending) {
	s.t.Helper()
	v := s.await("the last word", func(v session.View) bool { return v.State == session.OutOfService && v.Notice == session.Disowned })
	if v.Reference == "" {
		s.t.Error("no number is shown")
	}
	s.learns(journal.StaffNeeded, 1) // the picture comes first
	s.everythingDelivered()
	all := entries(s.t, s.place.journal)
	at := slices.IndexFunc(all, func(e journal.Entry) bool { return e.Kind == journal.Incident })
	if at < 0 || at+2 >= len(all) || all[at+1].Kind != journal.Latched || all[at+2].Kind != journal.StaffNeeded {
		s.t.Fatalf("%+v", all)
	}
	i := all[at]
	if i.Reason != string(session.IncidentNotMine) || i.Transaction != end.Transaction || i.Municipality != end.Municipality || i.Document != end.Document || i.Facts.SignedBy == (protocol.Digest{}) ||
		all[at+1].Municipality != end.Municipality || len(of(all, journal.Incident)) != 1 {
		s.t.Errorf("%+v", i)
	}
	head, err := i.Head()
	s.must(err)
	if state, there := s.world.Incident(s.place.name, protocol.NameIncident(s.place.name, head)); !there || state != protocol.IncidentOpen {
		s.t.Errorf("at the centre it is %q", state)
	}
	if o, _ := s.world.Outcome(end.Transaction); o != protocol.Printed || len(of(all, journal.Ended)) != 1 || len(of(all, journal.Kept)) != 1 || len(of(all, journal.Returned)) != 0 {
		s.t.Errorf("the outcome is %q", o)
	}
	s.paid(practice.MoneyKept)
}

// TestNotMine: within the visit, and with its card after it. The service is stopped, over restarts, for all that staff say; others
// go on when staff have taken the sheet.
func TestNotMine(t *testing.T) {
	for name, within := range map[string]bool{"within the visit": true, "after it": false} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			s := newStand(t, state, nil)
			w := s.wish("p01", protocol.ResidentRecord)
			if within {
				s.hand.instead[session.PressFinish] = func() bool { s.saysNotMine(); return true }
			}
			end := s.visit(w).Ending
			if end == nil || end.Outcome != protocol.Printed {
				t.Fatalf("%+v", end)
			}
			if !within {
				s.await("the button", func(v session.View) bool { return v.State == session.Idle && v.Disowns > 0 })
				s.saysNotMine()
				s.awaitState(session.PlaceAgain)
				s.must(w.Hands.Place())
			}
			s.disowned(end)
			s.must(w.Hands.Pull())
			s.quit()

			s = newStand(t, state, nil)
			s.awaitState(session.OutOfService)
			s.must(s.StaffReady(t.Context(), "s1"))
			s.awaitState(session.Idle)
			if again := s.visit(s.wish("p01", protocol.ResidentRecord)); again.Ending == nil || again.Ending.Outcome != protocol.Abandoned {
				t.Errorf("under the service that was stopped: %+v", again.Ending)
			}
			s.prints("p05")
			s.await("the button", func(v session.View) bool { return v.State == session.Idle && v.Disowns > 0 })
			s.quit()
		})
	}
}

// TestNotMineByAPasserBy: another card holds the terminal for staff, and no service is stopped. A policy that came into force in
// between changes nothing of it.
func TestNotMineByAPasserBy(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	end := s.visit(s.wish("p01", protocol.ResidentRecord)).Ending
	s.goesBy(s.revise(200))
	s.await("the button", func(v session.View) bool { return v.State == session.Idle && v.Disowns > 0 })
	s.saysNotMine()
	s.awaitState(session.PlaceAgain)
	other := s.wish("p05", protocol.ResidentRecord)
	s.must(other.Hands.Place())
	s.await("the last word", func(v session.View) bool { return v.State == session.OutOfService && v.Notice == session.Unproven })
	s.must(other.Hands.Pull())
	s.learns(journal.StaffNeeded, 1)
	s.everythingDelivered()
	all := entries(t, s.place.journal)
	if i := of(all, journal.Incident); len(i) != 1 || i[0].Reason != string(session.IncidentUnproven) || i[0].Municipality != end.Municipality || len(of(all, journal.Latched)) != 0 || len(of(all, journal.VisitBegun)) != 1 {
		t.Errorf("%+v, %d latches, %d visits", i, len(of(all, journal.Latched)), len(of(all, journal.VisitBegun)))
	}
	s.must(s.StaffReady(t.Context(), "s1"))
	s.awaitState(session.Idle)
	s.prints("p01")
	s.quit()
}

// TestTouchNotMine: in a browser, as somebody finds it who holds another's certificate: taken back first, then after the visit
// with the card, whose holder is told what to do with the sheet and gets a number that finds the incident.
func TestTouchNotMine(t *testing.T) {
	t.Parallel()
	p := practise(t, protocol.Store, "virtual")
	panel, kiosk := p.panel, p.kiosk
	if touchtest.Eval[int](kiosk, `document.querySelectorAll("[data-action=not-mine]").length`) != 0 {
		t.Error("nothing was printed, and the welcome asks whose it is")
	}
	upToTheCheck(panel, kiosk)
	kiosk.WaitScreen("take-card")
	panel.Act("pull")
	kiosk.WaitScreen("take-paper")
	kiosk.Press("not-mine")
	kiosk.WaitScreen("not-mine")
	kiosk.Press("back")
	kiosk.WaitScreen("take-paper")
	panel.Act("take-paper")
	kiosk.WaitScreen("done")
	kiosk.Press("done")
	kiosk.WaitScreen("welcome")
	kiosk.Shot("welcome-after-a-visit")
	kiosk.Press("not-mine")
	kiosk.WaitScreen("not-mine")
	kiosk.Press("yes")
	kiosk.WaitScreen("place-again")
	panel.Place("p01")
	kiosk.WaitScreen("disowned")
	kiosk.Wait(`document.getElementById("picture").innerText.includes("カードをお取りください")`)
	kiosk.Shot("disowned-for-real")
	panel.Shot("panel-disowned")
	said := touchtest.Eval[string](kiosk, `document.getElementById("picture").innerText`)
	for _, words := range []string{"係員にお渡しください", "お持ち帰りにならず", "手数料の返金", "操作のしかたが原因ではありません", "市区町村に知らせます", "Thank you for telling us"} {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not on the screen:\n%s", words, said)
		}
	}
	number := touchtest.Eval[string](kiosk, `document.querySelector(".quote strong").textContent`)
	panel.Act("pull")
	panel.Act("staff")
	kiosk.WaitScreen("welcome")
	if touchtest.Eval[int](kiosk, `document.querySelectorAll("[data-action=not-mine]").length`) != 0 {
		t.Error("it can be said twice")
	}
	p.close()
	told, exit := honnindSays(t, "journal", "show", "--journal", filepath.Join(p.state, "terminals", "PRACTICE-01", "journal.db"), "--number", number)
	if exit != exitOK || !strings.Contains(told, "incident: "+string(session.IncidentNotMine)) {
		t.Errorf("%s does not find it (%d):\n%s", number, exit, told)
	}
}

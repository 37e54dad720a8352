package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/script"
	"honnin/daemon/practice/server"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// beside is a further terminal in the world of another.
func (s *stand) beside(n int) *stand {
	s.t.Helper()
	o := &stand{t: s.t, stage: s.stage, log: s.log, who: script.NewApplicant(time.Now), line: new(line)}
	var err error
	o.place, err = s.stage.place(n)
	s.must(err)
	o.screen = &glance{to: o.who, fresh: make(chan struct{})}
	parts := o.parts()
	patient(&parts)
	o.Terminal, err = terminal.New(s.t.Context(), parts)
	s.must(err)
	o.hand = &fingers{Terminal: o.Terminal, instead: map[session.InputKind]func() bool{}}
	o.who.At(o.hand)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	o.quit = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, o.place.close()); err != nil {
			s.t.Errorf("the terminal ended with %v", err)
		}
	})
	s.t.Cleanup(o.quit)
	return o
}

// in is a person's wish for a resident record of one municipality.
func (s *stand) in(m protocol.Municipality, id string) script.Wish {
	w := s.wish(id, protocol.ResidentRecord)
	w.Municipality = m
	return w
}

// why is what the last offers of a municipality's resident record said: "" where it could be had.
func (s *stand) why(m protocol.Municipality) string {
	s.t.Helper()
	views := s.screen.seen()
	for _, v := range slices.Backward(views) {
		for _, o := range v.Offers {
			if o.Municipality == m && o.Certificate == protocol.ResidentRecord {
				if o.Available == (o.Why != "") {
					s.t.Errorf("%+v", o)
				}
				return o.Why
			}
		}
	}
	s.t.Fatalf("nothing of %s was offered", m)
	return ""
}

// ends makes a visit and checks how it ended.
func (s *stand) ends(w script.Wish, want protocol.Outcome, why string) *session.Ending {
	s.t.Helper()
	v := s.visit(w)
	if v.Ending == nil || v.Ending.Outcome != want || v.Ending.Reason != why && why != "" {
		s.t.Fatalf("%s: the visit ended with %+v, not %s (%s)", s.place.name, v.Ending, want, why)
	}
	if paper, _ := s.world.PaperOf(v.Ending.Document); want == protocol.Printed && paper != w.Applicant {
		s.t.Errorf("paper of %q for %s", paper, w.Applicant)
	}
	return v.Ending
}

// struck is the name of the one incident that a terminal has raised, once the centre has it.
func (s *stand) struck() protocol.IncidentID {
	s.t.Helper()
	s.everythingDelivered()
	all, err := s.place.journal.Incidents(0, 0)
	s.must(err)
	if len(all) != 1 {
		s.t.Fatalf("%d incidents", len(all))
	}
	return protocol.NameIncident(s.place.name, all[0].JournalHead)
}

// closes has the person who may close an incident, and waits until its own terminal knows.
func (s *stand) closes(id protocol.IncidentID) {
	s.t.Helper()
	s.must(s.world.MoveIncident(s.place.name, id, protocol.IncidentClosed, "two applications shared one file"))
	s.learns(journal.Closed, 1)
}

// patient lets people who wait for one another take their time, on a machine that is busy.
func patient(p *terminal.Parts) { p.Limits.Idle, p.Limits.TakeCard = time.Hour, time.Hour }

// hall is n terminals in one world, whose centre suspends.
func hall(t *testing.T, n int, what server.Stop) (all []*stand) {
	t.Helper()
	all = []*stand{newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) { s.world.SuspendAtOnce(what); patient(p) })}
	for i := 1; i < n; i++ {
		all = append(all, all[0].beside(i))
	}
	return all
}

// residents of both municipalities, one for each terminal.
var (
	mihons = []string{"p01", "p02", "p03", "p13", "p15", "p16", "p17", "p18"}
	kakus  = []string{"p04", "p05", "p06", "p07", "p21", "p22", "p23", "p24"}
)

// TestAFaultStrikesOnce: eight terminals, and an issuer in one municipality that from now on makes every certificate of somebody
// else. The first that gets one refuses it. Two others have right paper of that municipality already accepted, and wait for the card
// to be taken: it is not printed either. At two more somebody has chosen: nothing is applied for. The other three are not
// offered it. Everywhere the other municipality goes on. When a person has closed the incident, all eight serve again.
func TestAFaultStrikesOnce(t *testing.T) {
	all := hall(t, 8, server.StopMunicipality)
	first := all[0]
	var flying sync.WaitGroup
	held, struck := make(chan struct{}, 4), make(chan struct{})
	for i, s := range all[1:5] {
		w := s.in(people.Mihon, mihons[1+i])
		wait := sync.OnceFunc(func() { held <- struct{}{}; <-struck })
		if i >= 2 {
			s.hand.instead[session.PressYes] = func() bool { wait(); return false }
			flying.Go(func() { s.ends(w, protocol.Abandoned, "denied") })
			continue
		}
		w.Hands.(*holding).forget = func(v session.View) bool {
			if v.State == session.TakeCard {
				wait()
			}
			return false
		}
		flying.Go(func() { s.ends(w, protocol.Void, "suspended") })
	}
	for range 4 {
		<-held
	}
	first.world.HandStrangersAt(people.Mihon)
	first.ends(first.in(people.Mihon, mihons[0]), protocol.Refused, string(reason.OtherTransaction))
	id := first.struck()
	if got := first.world.Suspended(); len(got) != 1 || got[0].What.Municipality != people.Mihon || got[0].What.Incident != id {
		t.Fatalf("suspended: %+v", got)
	}
	close(struck)
	flying.Wait()
	for i, s := range all {
		s.ends(s.in(people.Mihon, mihons[i]), protocol.Abandoned, "")
		if why := s.why(people.Mihon); why != "suspended" || s.Stopped() != (s == first) {
			t.Errorf("%s shows %q, and stops by itself: %t", s.place.name, why, s.Stopped())
		}
		s.ends(s.in(people.Kaku, kakus[i]), protocol.Printed, "")
	}
	if sums := first.money.Sums(); sums.Held != 0 || sums.Kept != 8*250 {
		t.Errorf("%+v", sums)
	}
	told := func(v session.View) bool {
		return v.Notice == session.NotOffered && v.Word == "suspended" && terminal.Picture(v).Message == touch.MsgSuspended
	}
	wrong := 0
	for i, s := range all {
		if slices.ContainsFunc(s.screen.seen(), told) != (1 <= i && i <= 4) {
			t.Errorf("%s: who is told that it is suspended?", s.place.name)
		}
		s.everythingDelivered()
		wrong += len(of(entries(t, s.place.journal), journal.Incident))
	}
	if n := first.world.Counts().Outcomes; wrong != 1 || n[protocol.Refused] != 1 || n[protocol.Void] != 2 || n[protocol.Printed] != 8 || first.sheets() != 8 {
		t.Errorf("wrong paper refused %d times; %v; %d sheets", wrong, n, first.sheets())
	}
	first.world.HandStrangersAt("")
	first.closes(id)
	for i, s := range all {
		s.ends(s.in(people.Mihon, mihons[i]), protocol.Printed, "")
	}
}

// TestAProgramStrikesOnce: the same of the program that made the wrong paper, and of nothing else. Seven other terminals print nothing
// that it makes, nor anything of its versions below; what a higher version makes in the other municipality is printed at all eight.
func TestAProgramStrikesOnce(t *testing.T) {
	all := hall(t, 8, server.StopSoftware)
	first, software := all[0], practice.Software(people.Mihon)
	first.world.HandStrangersAt(people.Mihon)
	first.ends(first.in(people.Mihon, mihons[0]), protocol.Refused, string(reason.OtherTransaction))
	id := first.struck()
	first.world.HandStrangersAt("")
	want := protocol.SuspendedSoftware{Name: software.Name, UpTo: software.Version}
	if got := first.world.Suspended(); len(got) != 1 || got[0].What.Municipality != "" || got[0].What.Software == nil || *got[0].What.Software != want || got[0].What.Incident != id {
		t.Fatalf("suspended: %+v", got)
	}
	for i, s := range all {
		if s != first {
			s.ends(s.in(people.Mihon, mihons[i]), protocol.Void, "suspended")
		}
		s.ends(s.in(people.Kaku, kakus[i]), protocol.Printed, "")
		s.everythingDelivered()
	}
	if n := first.world.Counts().Outcomes; n[protocol.Refused] != 1 || n[protocol.Void] != 7 || n[protocol.Printed] != 8 || first.sheets() != 8 {
		t.Errorf("%v; %d sheets", n, first.sheets())
	}
	first.closes(id)
	for i, s := range all {
		s.ends(s.in(people.Mihon, mihons[i]), protocol.Printed, "")
	}
}

// TestAllAtOnce: eight visits that begin together, before anybody can know: so many may be struck. Each terminal refuses its own, none
// prints, no second one is struck at any, and after that nothing is made in that municipality.
func TestAllAtOnce(t *testing.T) {
	all := hall(t, 8, server.StopMunicipality)
	all[0].world.HandStrangersAt(people.Mihon)
	round := func() {
		var visits sync.WaitGroup
		for i, s := range all {
			visits.Go(func() {
				if v := s.visit(s.in(people.Mihon, mihons[i])); v.Ending == nil || v.Ending.Outcome == protocol.Printed {
					t.Errorf("%+v", v.Ending)
				}
				s.everythingDelivered()
			})
		}
		visits.Wait()
	}
	round()
	first := all[0].world.Counts()
	struck := first.Outcomes[protocol.Refused]
	t.Logf("%d of 8 were struck before the centre could say so", struck)
	for range 2 {
		round()
	}
	then := all[0].world.Counts()
	if n := then.Outcomes; struck == 0 || n[protocol.Refused] != struck || n[protocol.Printed] != 0 || all[0].sheets() != 0 || then.Issued != first.Issued {
		t.Errorf("%d struck and %d made, then %v and %d", struck, first.Issued, n, then.Issued)
	}
	for _, s := range all {
		if n := len(of(entries(t, s.place.journal), journal.Incident)); n > 1 {
			t.Errorf("%s was struck %d times", s.place.name, n)
		}
	}
}

// TestSuspendedSoftware: where a program is suspended, what it made is not printed, up to its version and no further; other programs
// go on, and so does this one once it is lifted.
func TestSuspendedSoftware(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	software := practice.Software(people.Mihon)
	suspend := func(id protocol.IncidentID, upTo string) {
		s.must(s.world.Suspend(s.place.name, protocol.Suspension{Since: protocol.At(time.Now()), Incident: id,
			Software: &protocol.SuspendedSoftware{Name: software.Name, UpTo: upTo}}))
	}
	suspend("i-1", "1.3.9")
	s.ends(s.in(people.Mihon, "p01"), protocol.Printed, "")
	suspend("i-2", software.Version) // Kaku's is higher
	s.ends(s.in(people.Mihon, "p01"), protocol.Void, "suspended")
	if got := s.why(people.Mihon); got != "" {
		t.Errorf("nobody knows before it is made, and the offer says %q", got)
	}
	s.ends(s.in(people.Kaku, "p05"), protocol.Printed, "")
	suspend("i-3", "")
	s.ends(s.in(people.Kaku, "p05"), protocol.Void, "suspended")
	s.everythingDelivered()
	if sums := s.money.Sums(); sums.Held != 0 || s.sheets() != 2 || s.Stopped() {
		t.Errorf("%+v, %d sheets, stopped: %t", sums, s.sheets(), s.Stopped())
	}
	if n := of(s.quitAndBalance(), journal.Incident); len(n) != 0 {
		t.Errorf("%+v", n)
	}
}

// TestSuspensionsOutliveTheCentre: one that starts anew has forgotten the incident and not what it suspended; the closing lifts it.
func TestSuspensionsOutliveTheCentre(t *testing.T) {
	s := newStand(t, t.TempDir(), func(s *stand, _ *terminal.Parts) { s.world.SuspendAtOnce(server.StopMunicipality) })
	s.world.HandStrangersAt(people.Mihon)
	s.ends(s.in(people.Mihon, "p01"), protocol.Refused, "")
	id := s.struck()
	s.must(s.world.Close())
	s.newWorld(t)
	other := s.beside(1)
	other.ends(other.in(people.Mihon, "p02"), protocol.Abandoned, "")
	if got := other.why(people.Mihon); got != "suspended" {
		t.Errorf("it shows %q", got)
	}
	keys, err := pki.Load(filepath.Join(s.flags.state, "keys"), time.Now())
	s.must(err)
	state, err := protocol.EncodeBody(protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + string(s.place.name),
		State: protocol.IncidentClosed, Cause: "two applications shared one file", At: protocol.At(time.Now())})
	s.must(err)
	signed, err := sign.Sign(state, keys.Closer.Options(time.Now()))
	s.must(err)
	s.must(s.world.BringState(signed))
	other.ends(other.in(people.Mihon, "p02"), protocol.Printed, "")
	if got := s.world.Suspended(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// suspensionFaults are answers about suspensions that are no answers, with the doubt that the terminal raises; "": none, it is the
// line's fault or the centre's.
var suspensionFaults = map[string]struct {
	do    meddling
	doubt string
}{
	"reset":          {centreFaults["reset"], ""},
	"a page":         {centreFaults["a page"], ""},
	"not found":      {says(404, aProblem, `{"type":"urn:honnin:problem:unknown","title":"","status":404}`), ""},
	"busy":           {centreFaults["busy"], ""},
	"another hour":   {centreFaults["another hour"], ""},
	"not signed":     {says(200, "application/pkcs7-mime", `{"format":"honnin-suspensions/1","suspended":[]}`), "suspensions-unsigned"},
	"the one before": {again, "suspensions-other"},
}

// again gives the answer to the visit before.
func again(w http.ResponseWriter, _ *http.Request, _ http.Handler, kept *httptest.ResponseRecorder) {
	h := kept.Header().Clone()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	for k, v := range h {
		w.Header()[k] = v
	}
	w.WriteHeader(kept.Code)
	_, _ = w.Write(kept.Body.Bytes())
}

// TestSuspensionFaults: whatever becomes of the answer, nothing is offered, nothing applied for, and nothing printed.
func TestSuspensionFaults(t *testing.T) {
	s, m := newMeddled(t, nil)
	s.prints("p05")
	doubts := map[string]int{}
	for name, c := range suspensionFaults {
		for at, want := range []protocol.Outcome{protocol.Abandoned, protocol.Abandoned, protocol.Void} { // offers, application, commit
			n := 0
			m.meddle("suspensions", func(w http.ResponseWriter, r *http.Request, through http.Handler, kept *httptest.ResponseRecorder) {
				if n++; n <= at {
					through.ServeHTTP(w, r)
					return
				}
				c.do(w, r, through, kept)
			})
			before := len(s.screen.seen())
			e := s.ends(s.wish("p05", protocol.ResidentRecord), want, "trouble")
			m.meddle("", nil)
			told := slices.ContainsFunc(s.screen.seen()[before:], func(v session.View) bool { return v.Notice == session.NotWorking && v.Word == "centre" })
			if sums := s.money.Sums(); e.Code != "" || n <= at || !told || sums.Held != 0 || s.sheets() != 1 || s.Stopped() {
				t.Errorf("%s, ask %d: %+v, asked %d times, told %t, %+v, %d sheets", name, at+1, e, n, told, sums, s.sheets())
			}
		}
		if c.doubt != "" {
			doubts[c.doubt]++
		}
	}
	s.prints("p05")
	s.everythingDelivered()
	for _, e := range of(s.quitAndBalance(), journal.Incident) {
		if e.Reason != protocol.IncidentSuspensions || len(e.Also) != 1 {
			t.Fatalf("%+v", e)
		}
		doubts[string(e.Also[0])]--
	}
	if len(doubts) != 2 || doubts["suspensions-unsigned"] != 0 || doubts["suspensions-other"] != 0 {
		t.Errorf("incidents that are missing or too many: %v", doubts)
	}
}

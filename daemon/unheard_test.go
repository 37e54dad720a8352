package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/tokyo"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/script"
	"honnin/spool/journal"
)

// notices are the three error notices of Adachi in 2023, as days after the first.
var notices = []struct {
	day  string
	last int // days since the first
}{{"17 January", 0}, {"22 March", 64}, {"18 April", 91}}

// replay is Adachi on fake time: where the clock stands in 2023.
type replay struct {
	*stand
	first time.Time // by the world's clock, 10:00 on 17 January 2023
	told  []string
}

func newReplay(t *testing.T) *replay {
	r := &replay{stand: newStand(t, t.TempDir(), nil)}
	r.first = r.clock.Now().Truncate(time.Second)
	r.must(r.world.Play(scenario.Unheard))
	return r
}

// date is an instant of the world as it was in 2023.
func (r *replay) date(at time.Time) string {
	return time.Date(2023, 1, 17, 10, 0, 0, 0, tokyo.Zone()).Add(at.Sub(r.first)).Format("2006-01-02 15:04")
}

// note adds a row to the table.
func (r *replay) note(at time.Time, format string, args ...any) {
	r.told = append(r.told, r.date(at)+"  "+fmt.Sprintf(format, args...))
}

// strikes has people of town come until the fault makes one wrong paper; it is not printed.
func (r *replay) strikes() journal.Entry {
	r.t.Helper()
	s, _ := scenario.Find(string(scenario.Unheard))
	able := r.world.Applicants(s)
	for n := range 60 {
		before := r.sheets()
		v := r.visit(r.asks(able[n%len(able)], s))
		if v.Ending != nil && v.Ending.Outcome == protocol.Refused {
			if !s.MayRefuse(v.Ending.Code) || r.sheets() != before {
				r.t.Fatalf("refused for %s, %d sheets", v.Ending.Code, r.sheets()-before)
			}
			all := of(entries(r.t, r.place.journal), journal.Incident)
			return all[len(all)-1]
		}
	}
	r.t.Fatal("the fault never strikes")
	return journal.Entry{}
}

func (r *replay) asks(p practice.Person, s scenario.Scenario) script.Wish {
	w := r.wish(p.ID, s.Certificate)
	w.Municipality = s.Municipality
	return w
}

// passes lets time pass, and waits for the terminal to have looked.
func (r *replay) passes(d time.Duration, what string, so func([]journal.Entry) bool) {
	r.t.Helper()
	r.clock.forward(d)
	r.Ask()
	r.until(what, func() bool { return so(of(entries(r.t, r.place.journal), journal.Escalated)) })
}

// offered is what somebody gets who asks for the scenario's certificate now.
func (r *replay) offered() script.Visit {
	r.t.Helper()
	s, _ := scenario.Find(string(scenario.Unheard))
	return r.visit(r.asks(r.world.Applicants(s)[0], s))
}

// TestThreeNotices: the three notices of Adachi, on fake time, with a real terminal. Nobody acknowledges anything: the refusal of 17
// January stops the service at once, each contact is told in its turn, and on 22 March and 18 April nothing is issued that could go
// wrong. Neither a success, nor a mail that says so, nor time closes it; the signed closing of a person does, and then all is well.
func TestThreeNotices(t *testing.T) {
	r := newReplay(t)
	raised := r.strikes()
	r.note(raised.At.Time, "%s: %s, not printed; the service of %s stops on this terminal", notices[0].day, raised.Reason, raised.Municipality)
	for i, contact := range practice.Contacts() {
		wait := 30 * time.Minute
		if i == 0 {
			wait = 0
		}
		r.passes(wait, contact, func(all []journal.Entry) bool { return len(all) == i+1 && all[i].Contact == contact })
	}
	r.passes(3*time.Hour, "the end", func(all []journal.Entry) bool {
		return len(all) == 4 && all[3].Reason == journal.Unacknowledged && all[3].Contact == all[2].Contact
	})
	for _, e := range of(entries(t, r.place.journal), journal.Escalated) {
		what := "is told"
		if e.Reason != "" {
			what = "is told for the last time: nobody acknowledged it"
		}
		r.note(e.At.Time, "+%3.0f min  %s %s", e.At.Sub(raised.At.Time).Minutes(), e.Contact, what)
	}
	r.everythingDelivered()
	id := r.incidentOf(raised)
	if at := r.world.Escalations(r.place.name, id); len(at) != 4 || at[0].Data.Contact != practice.Contacts()[0] || !at[3].Data.Over || at[3].Data.Incident != id {
		t.Errorf("the centre knows of %+v", at)
	}
	r.successElsewhere()
	r.mail(id)
	for _, n := range notices[1:] {
		r.clock.forward(time.Duration(n.last)*24*time.Hour - r.clock.Now().Sub(r.first))
		r.Ask()
		before, issued := r.sheets(), r.world.Counts().Issued
		if v := r.offered(); v.Ending != nil && (v.Ending.Outcome == protocol.Printed || v.Ending.Outcome == protocol.Refused) || r.sheets() != before || r.world.Counts().Issued != issued {
			t.Errorf("%s: %+v, %d issued", n.day, v.Ending, r.world.Counts().Issued-issued)
		}
		r.note(r.clock.Now(), "%s: not offered, nothing issued, nothing printed", n.day)
	}
	if all := of(entries(t, r.place.journal), journal.Incident); len(all) != 1 || len(of(entries(t, r.place.journal), journal.Sending)) != r.sheets() {
		t.Errorf("%d incidents", len(all))
	}
	r.stillOpen(id)
	r.must(r.world.Play(""))
	r.settles()
	r.note(r.clock.Now(), "the municipality closes it with its cause, signed: the service is open again")
	if v := r.offered(); v.Ending == nil || v.Ending.Outcome != protocol.Printed {
		t.Errorf("after the closing: %+v", v.Ending)
	}
	t.Logf("when it would have been heard:\n%s", strings.Join(r.told, "\n"))
}

func (r *replay) incidentOf(e journal.Entry) protocol.IncidentID {
	r.t.Helper()
	head, err := e.Head()
	r.must(err)
	return protocol.NameIncident(r.place.name, head)
}

// successElsewhere: "the retry printed normally", on this terminal, for what is not stopped. It closes nothing.
func (r *replay) successElsewhere() {
	r.t.Helper()
	s, _ := scenario.Find(string(scenario.Unheard))
	for _, p := range r.world.People() {
		i := slices.IndexFunc(p.Asks, func(a practice.Ask) bool { return a.Municipality != s.Municipality })
		if !p.Ordinary || i < 0 {
			continue
		}
		w := r.wish(p.ID, p.Asks[i].Certificate)
		w.Municipality = p.Asks[i].Municipality
		if v := r.visit(w); v.Ending != nil && v.Ending.Outcome == protocol.Printed {
			r.note(r.clock.Now(), "an application at %s prints normally, and closes nothing", w.Municipality)
			return
		}
	}
	r.t.Error("nothing prints elsewhere")
}

// mail is what the vendor answered. It has a form, and no signature of anybody whom the policy names.
func (r *replay) mail(id protocol.IncidentID) {
	r.t.Helper()
	text, err := protocol.EncodeBody(protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + string(r.place.name),
		State: protocol.IncidentClosed, Cause: "after the error the application was made again and printing ended normally", At: protocol.At(r.clock.Now())})
	r.must(err)
	if r.world.BringState(text) == nil {
		r.t.Error("the centre took an unsigned mail for a closing")
	}
	r.note(r.clock.Now(), "the vendor's mail “printed normally” closes nothing")
}

// stillOpen: nobody has closed it, and the service is stopped by it.
func (r *replay) stillOpen(id protocol.IncidentID) {
	r.t.Helper()
	all, err := r.place.journal.Incidents(0, 0)
	r.must(err)
	latches, err := r.place.journal.Latches()
	r.must(err)
	if len(all) != 1 || protocol.NameIncident(r.place.name, all[0].JournalHead) != id || all[0].Acknowledged != 0 || !all[0].Over || len(latches) != 1 || latches[0].Of != all[0].Position ||
		reason.Code(latches[0].Reason).Class() != reason.MixedUp || !r.Stopped() {
		r.t.Errorf("%+v, %+v", all, latches)
	}
	if state, ok := r.world.Incident(r.place.name, id); !ok || state != protocol.IncidentOpen {
		r.t.Errorf("at the centre it is %q", state)
	}
}

// TestALesserErrorStopsItsService: a fee that differs takes nobody's paper, and stops nothing; but if nobody acknowledges it, in the end
// it stops its municipality's service. A sound visit meanwhile changes nothing of that; the signed closing does.
func TestALesserErrorStopsItsService(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	s.goesBy(s.revise(200))
	s.prints("p05")
	all := of(entries(t, s.place.journal), journal.Incident)
	if len(all) != 1 || all[0].Reason != protocol.IncidentFee || all[0].Municipality == "" || s.Stopped() {
		t.Fatalf("%+v", all)
	}
	s.clock.forward(4*time.Hour - 30*time.Minute - time.Since(all[0].At.Time))
	s.Ask()
	s.until("three were told", func() bool { return len(of(entries(t, s.place.journal), journal.Escalated)) == 3 })
	s.prints("p04")
	if s.Stopped() {
		t.Error("stopped before its time")
	}
	s.clock.forward(31 * time.Minute)
	s.Ask()
	s.until("a stopped service", s.Stopped)
	before := s.world.Counts().Issued
	if v := s.visit(s.wish("p05", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || s.world.Counts().Issued != before {
		t.Errorf("after four hours: %+v", v.Ending)
	}
	latched := of(entries(t, s.place.journal), journal.Latched)
	if len(latched) != 1 || uint64(latched[0].Of) != all[0].Seq || latched[0].Reason != journal.Unacknowledged || latched[0].Municipality != all[0].Municipality {
		t.Errorf("%+v", latched)
	}
	s.settles()
	s.prints("p05")
}

package practice_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/spool/document"
)

// tally is what came of many visits.
type tally struct {
	mu                             sync.Mutex
	visits, failed, offered        int // offered: wrong paper that the centre gave
	printed, wrongPrinted, refused int // by the check; refused: wrong paper
	rightRefused                   map[reason.Code]int
	reasons                        map[reason.Code]int // of wrong paper
}

func newTally() *tally {
	return &tally{rightRefused: map[reason.Code]int{}, reasons: map[reason.Code]int{}}
}

func (y *tally) count(wrong bool, said reason.Code) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.visits++
	switch {
	case said == "":
		y.printed++
		if wrong {
			y.wrongPrinted++
		}
	case wrong:
		y.refused++
		y.reasons[said]++
	default:
		y.rightRefused[said]++
	}
	if wrong {
		y.offered++
	}
}

func (y *tally) fail() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.visits++
	y.failed++
}

// stand is one terminal, naive or not: it applies, takes whatever the centre gives, and only then looks.
type stand struct {
	w        *practice.World
	c        *centre.Client
	name     protocol.Terminal
	verifier *document.Verifier // nil: a terminal that does not check
	channel  protocol.Channel
}

func (s stand) visit(t testing.TB, card hand, who string, kind protocol.Certificate, y *tally) {
	t.Helper()
	began := time.Now()
	v := visit{s.c, s.name, protocol.NewNonce(), protocol.Begun{}, card}
	var err error
	if v.begun, err = s.c.Begin(t.Context(), protocol.Begin{Terminal: s.name, Nonce: v.nonce, Channel: s.channel}); err != nil {
		t.Error(err)
		return
	}
	offers, err := v.applicant(t)
	if err != nil {
		t.Error(err)
		return
	}
	i := slices.IndexFunc(offers.Offers, func(o protocol.Offer) bool { return o.Certificate == kind && o.Available })
	if i < 0 {
		t.Error(who, "is not offered", kind)
		return
	}
	o := obtained{visit: v, offer: offers.Offers[i], at: began}
	o.order = v.order(t, o.offer)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if o.pkg, err = v.Package(ctx, v.begun.Transaction); err != nil {
		y.fail()
		return
	}
	pdf, _ := verified(t, o.pkg, issuers)
	said := s.judge(t, o, protocol.Fingerprint(pdf))
	paper, ok := s.w.Truth(protocol.Fingerprint(pdf))
	if !ok {
		t.Error("a document that the books do not know")
	}
	y.count(paper.Wrong(who), said)
	outcome := protocol.OutcomeReport{Outcome: protocol.Printed, Document: protocol.Fingerprint(pdf)}
	if said != "" {
		outcome.Outcome, outcome.Reason = protocol.Refused, string(said)
	} else if s.channel == protocol.Counter {
		outcome.Staff = practice.StaffID
	}
	if err := s.c.Outcome(t.Context(), v.begun.Transaction, outcome); err != nil {
		t.Error(err)
	}
}

// judge returns why a package is refused: by the check, or by the register's answer.
func (s stand) judge(t testing.TB, o obtained, d protocol.Digest) reason.Code {
	t.Helper()
	if s.verifier == nil {
		return ""
	}
	doc, err := s.verifier.Verify(t.Context(), o.pkg, o.expectation())
	var r *document.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		t.Error(err)
		return "?"
	}
	fresh := protocol.NewNonce()
	answer, err := s.c.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{Nonce: fresh, Document: d, Token: doc.Token()})
	if err != nil {
		t.Error(err)
		return "?"
	}
	_, err = s.verifier.InForce(doc, fresh, answer)
	return reason.Of(err)
}

// run has terminals serve a scenario's applicants, each its own, and counts.
func run(t *testing.T, w *practice.World, s scenario.Scenario, terminals, visits int, check bool) *tally {
	t.Helper()
	return more(t, w, s, terminals, visits, check, newTally())
}

// more is run, counting on.
func more(t *testing.T, w *practice.World, s scenario.Scenario, terminals, visits int, check bool, y *tally) *tally {
	t.Helper()
	hands := cards(t)
	people := w.Applicants(s)
	if len(people) < terminals {
		t.Fatal(s.ID, "has", len(people), "applicants")
	}
	var wg sync.WaitGroup
	for n := range terminals {
		name := protocol.Terminal(fmt.Sprintf("JP-99-0002%02d", n))
		st := stand{w: w, c: connect(t, w, name), name: name, channel: s.Channels[n%len(s.Channels)]}
		if check {
			st.verifier = verifier(t, w)
		}
		var own []practice.Person
		for i := n; i < len(people); i += terminals {
			own = append(own, people[i])
		}
		wg.Go(func() {
			for i := range visits / terminals {
				id := own[i%len(own)].ID
				st.visit(t, hands[id], id, s.Certificate, y)
			}
		})
	}
	wg.Wait()
	t.Logf("%s, %d terminals, check %t: %d visits, %d wrong offered, %d without a package, %d wrong printed, %v; right refused %v",
		s.ID, terminals, check, y.visits, y.offered, y.failed, y.wrongPrinted, y.reasons, y.rightRefused)
	return y
}

// play has a scenario played for the test's time.
func play(t *testing.T, w *practice.World, id scenario.ID) {
	t.Helper()
	if err := w.Play(id); err != nil || w.Playing() != id {
		t.Fatal(id, err)
	}
}

// held judges a run with the check: no wrong paper passed, and what refused it is what the scenario's row says.
func held(t *testing.T, s scenario.Scenario, y *tally) {
	t.Helper()
	if y.offered == 0 || y.wrongPrinted != 0 || y.refused != y.offered {
		t.Errorf("wrong paper: %d offered, %d refused, %d printed", y.offered, y.refused, y.wrongPrinted)
	}
	for code := range y.reasons {
		if !s.MayRefuse(code) {
			t.Errorf("wrong paper was refused as %s", code)
		}
	}
	if y.printed == 0 && s.ID != scenario.Repeat {
		t.Error("no right paper")
	}
	if n := y.rightRefused[reason.IssuerUnpatched]; s.Unpatched != (n > 0) {
		t.Error("right paper of unpatched software refused:", n)
	}
}

// complete reports whether all has been seen that a scenario must show; which visits meet is the machine's, so some more may be needed.
func complete(s scenario.Scenario, y *tally) bool {
	return y.offered > 0 && (y.printed > 0 || s.ID == scenario.Repeat) && (y.rightRefused[reason.IssuerUnpatched] > 0 || !s.Unpatched)
}

// Every scenario hands wrong paper to a terminal that does not check, alone as it may be, and none past several that do.
func TestScenarios(t *testing.T) {
	w := start(t, practice.Options{})
	for _, s := range scenario.All() {
		t.Run(string(s.ID), func(t *testing.T) {
			play(t, w, s.ID)
			naive, checked := newTally(), newTally()
			for range 10 {
				if more(t, w, s, 1, 20, false, naive).wrongPrinted > 0 {
					break
				}
			}
			if naive.wrongPrinted == 0 {
				t.Error("a naive terminal hands out no wrong paper")
			}
			for range 10 {
				if complete(s, more(t, w, s, 4, 16, true, checked)) {
					break
				}
			}
			held(t, s, checked)
		})
	}
	play(t, w, "")
	if sound := run(t, w, scenario.All()[0], 4, 12, true); sound.offered != 0 || sound.printed != 12 {
		t.Error("after the last scenario:", sound.offered, sound.printed)
	}
	if err := w.Play("nothing"); !errors.Is(err, practice.ErrScenario) {
		t.Error(err)
	}
}

// An error, an application made again that prints normally, and an incident that stays open: what nobody followed up.
func TestUnheard(t *testing.T) {
	w := start(t, practice.Options{})
	play(t, w, scenario.Unheard)
	s, _ := scenario.Find(string(scenario.Unheard))
	c, hands := connect(t, w, terminal), cards(t)
	st := stand{w: w, c: c, name: terminal, verifier: verifier(t, w), channel: protocol.Store}
	who := w.Applicants(s)[0].ID
	var incidents []protocol.IncidentID
	for n := range 40 {
		first, again := newTally(), newTally()
		if st.visit(t, hands[who], who, s.Certificate, first); first.refused == 0 {
			continue
		}
		id := protocol.IncidentID(fmt.Sprintf("i-%d", n))
		e := protocol.NewEvent(id, terminal, protocol.At(time.Now()), protocol.IncidentData{Code: string(slices.Collect(maps.Keys(first.reasons))[0]), Class: "mixed-up", Municipality: s.Municipality})
		if _, err := c.Incident(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		incidents = append(incidents, id)
		if st.visit(t, hands[who], who, s.Certificate, again); again.printed != 1 {
			t.Errorf("the application made again: %+v", again.reasons)
		}
		if len(incidents) == 3 {
			break
		}
	}
	if len(incidents) < 3 {
		t.Fatal("errors:", len(incidents))
	}
	for _, id := range incidents {
		signed, err := c.IncidentState(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := protocol.ParseIncidentState(signedByCentre(t, w, signed)); err != nil || s.State != protocol.IncidentOpen {
			t.Error(id, s.State, err)
		}
	}
}

// A change that comes after the drawing is not Munakata's fault, and the register knows of it.
func TestMunakataChangedLater(t *testing.T) {
	w := start(t, practice.Options{})
	play(t, w, scenario.Munakata)
	c, v := connect(t, w, terminal), verifier(t, w)
	for range 40 {
		o := obtain(t, c, terminal, cards(t)["p13"], protocol.ResidentRecord)
		d, err := v.Verify(t.Context(), o.pkg, o.expectation())
		if err != nil {
			continue // the previous applicant's
		}
		if err := w.Amend(protocol.ResidentRegister, "p13"); err != nil {
			t.Fatal(err)
		}
		fresh := protocol.NewNonce()
		answer, err := c.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{Nonce: fresh, Document: d.Document(), Token: d.Token()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.InForce(d, fresh, answer); reason.Of(err) != reason.RecordSuperseded {
			t.Error(err)
		}
		if p, ok := w.Truth(d.Document()); !ok || p != (practice.Paper{Of: "p13", Superseded: true}) || !p.Wrong("p13") {
			t.Errorf("%+v", p)
		}
		return
	}
	t.Error("never any right paper")
}

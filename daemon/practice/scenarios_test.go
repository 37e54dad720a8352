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
	hands, y := cards(t), newTally()
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

// Every scenario hands wrong paper to a terminal that does not check, and none past one that does; what refuses it is
// what its row says.
func TestScenarios(t *testing.T) {
	w := start(t, practice.Options{})
	for _, s := range scenario.All() {
		t.Run(string(s.ID), func(t *testing.T) {
			if err := w.Play(s.ID); err != nil || w.Playing() != s.ID {
				t.Fatal(err)
			}
			for _, terminals := range []int{1, 8} {
				naive := run(t, w, s, terminals, 24, false)
				if naive.wrongPrinted == 0 {
					t.Error("a naive terminal hands out no wrong paper")
				}
				checked := run(t, w, s, terminals, 24, true)
				if checked.offered == 0 || checked.wrongPrinted != 0 || checked.refused != checked.offered {
					t.Errorf("wrong paper: %d offered, %d refused, %d printed", checked.offered, checked.refused, checked.wrongPrinted)
				}
				for code := range maps.Keys(checked.reasons) {
					if !slices.Contains(s.Refused, code) {
						t.Errorf("wrong paper was refused as %s", code)
					}
				}
				if !s.Unpatched && checked.printed == 0 {
					t.Error("no right paper")
				}
				if n := checked.rightRefused[reason.IssuerUnpatched]; s.Unpatched != (n > 0) {
					t.Error("right paper of unpatched software refused:", n)
				}
			}
		})
	}
	if err := w.Play(""); err != nil || w.Playing() != "" {
		t.Fatal(err)
	}
	for _, s := range scenario.All()[:2] {
		if sound := run(t, w, s, 8, 24, true); sound.offered != 0 || sound.printed != 24 {
			t.Error("after the scenario:", sound.offered, sound.printed)
		}
	}
	if w.Play("nothing") == nil {
		t.Error("a scenario that does not exist plays")
	}
}

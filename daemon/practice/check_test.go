package practice_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
)

// here inspects in this process: what a practice issuer draws is no danger to a test.
type here struct{}

func (here) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) {
	return inspect.Document(pdf), nil
}

// terminals' own check, under the world's own policy.
func verifier(t testing.TB, w *practice.World) *document.Verifier {
	t.Helper()
	p, err := policy.Parse([]byte(w.Policy()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return document.NewVerifier(p, here{}, time.Now)
}

func (o obtained) expectation() document.Expectation {
	return document.Expectation{Terminal: o.terminal, Transaction: o.begun.Transaction, Nonce: o.nonce, Card: o.card.cert, Began: o.at,
		Application: &protocol.Application{Municipality: o.offer.Municipality, Certificate: o.offer.Certificate, Options: o.order.Options, Copies: o.order.Copies}}
}

// The check that terminals make takes every sheet of everybody, and no stranger's.
func TestTheCheckAcceptsThePracticeWorld(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands, v := connect(t, w, terminal), cards(t), verifier(t, w)
	accepted := 0
	for _, p := range w.People() {
		if !p.Ordinary {
			continue
		}
		for _, ask := range p.Asks {
			o := obtain(t, c, terminal, hands[p.ID], ask.Certificate)
			d, err := v.Verify(t.Context(), o.pkg, o.expectation())
			if err != nil {
				t.Error(p.ID, ask.Certificate, err)
				continue
			}
			signature, err := v.ReleaseSignature(d, o.card.sign(t, protocol.ReleaseMessage(terminal, o.begun.Transaction, d.Document())))
			if err != nil {
				t.Error(p.ID, "release:", err)
			}
			fresh := protocol.NewNonce()
			answer, err := c.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{Nonce: fresh, Document: d.Document(), Token: d.Token()})
			if err != nil {
				t.Fatal(err)
			}
			force, err := v.InForce(d, fresh, answer)
			if err != nil {
				t.Error(p.ID, ask.Certificate, "in force:", err)
			}
			if _, err := d.Spend(force, signature, time.Now()); err != nil {
				t.Error(err)
			}
			accepted++
		}
	}
	if accepted < 40 {
		t.Error("accepted:", accepted)
	}
}

func TestTheCheckRefusesAStranger(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands, v := connect(t, w, terminal), cards(t), verifier(t, w)
	for _, kind := range []protocol.Certificate{protocol.ResidentRecord, protocol.SealRegistration, protocol.FamilyRegister} {
		w.HandStranger(true)
		o := obtain(t, c, terminal, hands["p01"], kind)
		_, err := v.Verify(t.Context(), o.pkg, o.expectation())
		var r *document.Refusal
		if !errors.As(err, &r) || r.Code != reason.OtherTransaction || r.Class() != reason.MixedUp || !slices.Contains(r.Also, reason.SubjectMismatch) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestTheCheckSeesASupersededRecord(t *testing.T) {
	w := start(t, practice.Options{})
	c, v := connect(t, w, terminal), verifier(t, w)
	o := obtain(t, c, terminal, cards(t)["p07"], protocol.SealRegistration)
	d, err := v.Verify(t.Context(), o.pkg, o.expectation())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abolish(protocol.SealRegister, "p07"); err != nil {
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
}

func TestPolicyIsThePracticeWorlds(t *testing.T) {
	w := start(t, practice.Options{})
	p, err := policy.Parse([]byte(w.Policy()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Practice() || len(p.Municipalities()) != 3 || len(p.CardAnchors()) != 2 {
		t.Error(p.Practice(), p.Municipalities(), len(p.CardAnchors()))
	}
	for _, m := range p.Municipalities() {
		if err := p.CheckSoftware(m, practice.Software(m)); err != nil {
			t.Error(err)
		}
	}
	for _, person := range []string{"架空　太郎", "p01"} {
		if strings.Contains(w.Policy(), person) {
			t.Error("the policy names", person)
		}
	}
}

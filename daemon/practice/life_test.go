package practice_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/pki"
)

func TestCancelKillsTheWhole(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	o := obtain(t, c, terminal, hands["p01"], protocol.ResidentRecord)
	for range 2 {
		if err := c.Cancel(t.Context(), o.begun.Transaction); err != nil {
			t.Fatal(err)
		}
	}
	_, pkg := c.Package(t.Context(), o.begun.Transaction)
	_, ask := c.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{})
	_, again := o.applicant(t)
	for _, err := range []error{pkg, ask, again, c.Apply(t.Context(), o.begun.Transaction, protocol.Order{Offer: "x", Options: protocol.Options{}, Copies: 1})} {
		if !errors.Is(err, centre.ErrCancelled) {
			t.Error(err)
		}
	}
	if err := c.Outcome(t.Context(), o.begun.Transaction, protocol.OutcomeReport{Outcome: protocol.Abandoned}); err != nil {
		t.Error("the outcome of a dead transaction is still heard:", err)
	}
	if w.Counts().Cancelled != 1 {
		t.Error(w.Counts())
	}
}

func TestCancelWhileSomebodyWaits(t *testing.T) {
	w := start(t, practice.Options{Poll: 10 * time.Second})
	c := connect(t, w, terminal)
	v := begin(t, c, terminal, cards(t)["p04"])
	offers, err := v.applicant(t)
	if err != nil {
		t.Fatal(err)
	}
	v.order(t, choose(t, offers, protocol.ResidentRecord))
	if err := c.Cancel(t.Context(), v.begun.Transaction); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Package(t.Context(), v.begun.Transaction); !errors.Is(err, centre.ErrCancelled) {
		t.Error(err)
	}
}

func TestFromTheCommitNobodyCancels(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	o := obtain(t, c, terminal, cards(t)["p05"], protocol.ResidentRecord)
	token := statement(t, o.pdf).Record.Token
	o.inForce(t, token)
	problem(t, c.Cancel(t.Context(), o.begun.Transaction), protocol.ProblemOrder)
	if _, err := c.Package(t.Context(), o.begun.Transaction); err == nil {
		t.Error("the package is still handed out after the commit")
	}
	o.inForce(t, token) // asking again is fine
	if err := c.Outcome(t.Context(), o.begun.Transaction, report(o, t)); err != nil {
		t.Error(err)
	}
	_, err := c.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{})
	if !errors.Is(err, centre.ErrCancelled) {
		t.Error("after the outcome:", err)
	}
}

func TestTransactionsRunOut(t *testing.T) {
	w := start(t, practice.Options{Lifetime: time.Millisecond})
	c := connect(t, w, terminal)
	v := begin(t, c, terminal, cards(t)["p01"])
	for { // it dies by itself; until then it is only out of order
		_, err := c.Package(t.Context(), v.begun.Transaction)
		if errors.Is(err, centre.ErrCancelled) {
			break
		}
		problem(t, err, protocol.ProblemOrder)
		if t.Failed() {
			return
		}
	}
	if w.Counts().Expired != 1 {
		t.Error(w.Counts())
	}
}

func TestOutcomeIsRecordedOnce(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	o := obtain(t, c, terminal, cards(t)["p01"], protocol.ResidentRecord)
	o.inForce(t, statement(t, o.pdf).Record.Token)
	first := report(o, t)
	bare := first
	bare.ReleaseSignature = nil // as after a restart
	for _, r := range []protocol.OutcomeReport{first, first, bare} {
		if err := c.Outcome(t.Context(), o.begun.Transaction, r); err != nil {
			t.Error(err)
		}
	}
	other := bare
	other.Outcome = protocol.Unsure
	problem(t, c.Outcome(t.Context(), o.begun.Transaction, other), protocol.ProblemConflict)
	if n := w.Counts().Outcomes; n[protocol.Printed] != 1 || n[protocol.Unsure] != 0 {
		t.Error(n)
	}
	wrong := obtain(t, c, terminal, cards(t)["p02"], protocol.ResidentRecord)
	r := report(wrong, t)
	r.ReleaseSignature = first.ReleaseSignature
	if err := c.Outcome(t.Context(), wrong.begun.Transaction, r); err != nil || w.Counts().WrongRelease != 1 {
		t.Error("an outcome with another document's signature is heard, and counted:", err, w.Counts())
	}
}

// A POST whose answer was lost is the same POST.
func TestRepeatsAreTheSame(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	b := protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: protocol.Store}
	first, err := c.Begin(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if again, err := c.Begin(t.Context(), b); again != first || err != nil {
				t.Error("a second transaction for the same request", err)
			}
		})
	}
	wg.Wait()
	if w.Counts().Begun != 1 {
		t.Error(w.Counts())
	}
	v := visit{c, terminal, b.Nonce, first, cards(t)["p01"]}
	offers, err := v.applicant(t)
	if err != nil {
		t.Fatal(err)
	}
	o := choose(t, offers, protocol.SealRegistration)
	v.order(t, o)
	v.order(t, o)
	if _, err := c.Package(t.Context(), first.Transaction); err != nil || w.Counts().Issued != 1 {
		t.Error(err, w.Counts())
	}
}

func TestSupersededBetweenIssueAndCommit(t *testing.T) {
	for name, change := range map[string]func(*practice.World, protocol.Register, string) error{
		"amended":   (*practice.World).Amend,
		"abolished": (*practice.World).Abolish,
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, practice.Options{})
			c := connect(t, w, terminal)
			for kind, id := range map[protocol.Certificate]string{protocol.ResidentRecord: "p04", protocol.SealRegistration: "p07", protocol.FamilyRegister: "p03", protocol.IncomeTax: "p10"} {
				o := obtain(t, c, terminal, cards(t)[id], kind)
				s := statement(t, o.pdf)
				if err := change(w, kind.Register(), id); err != nil {
					t.Fatal(err)
				}
				a := o.inForce(t, s.Record.Token)
				if a.InForce || a.SupersededAt.IsZero() || a.SubjectHash != s.SubjectHash || a.Content != s.Record.Content {
					t.Errorf("%s: %+v", kind, a)
				}
			}
			if err := w.Abolish(protocol.TaxRegister, "p99"); !errors.Is(err, practice.ErrNobody) {
				t.Error(err)
			}
		})
	}
}

func TestRegisterIsAskedAboutAnotherRecord(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	mine := obtain(t, c, terminal, cards(t)["p01"], protocol.ResidentRecord)
	theirs := obtain(t, c, terminal, cards(t)["p03"], protocol.ResidentRecord)
	a := mine.inForce(t, statement(t, theirs.pdf).Record.Token)
	if s := statement(t, mine.pdf); a.SubjectHash == s.SubjectHash || a.Content == s.Record.Content {
		t.Error("the register vouches for a record of somebody else")
	}
	_, err := theirs.InForce(t.Context(), theirs.begun.Transaction, protocol.InForceQuestion{Token: protocol.NewToken()})
	problem(t, err, protocol.ProblemRegisterFailed)
}

func TestIncidents(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	e := protocol.NewEvent("i-1", terminal, protocol.At(time.Now()), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: "991015"})
	receipt, err := c.Incident(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	r, err := protocol.ParseReceipt(signedByCentre(t, w, receipt))
	body, _ := protocol.EncodeBody(e)
	if err != nil || r.Incident != "i-1" || r.Event != protocol.Fingerprint(body) {
		t.Error(r, err)
	}
	if again, err := c.Incident(t.Context(), e); !bytes.Equal(again, receipt) || err != nil {
		t.Error("another receipt for the same incident", err)
	}
	e.Data.Code = "tag-mismatch"
	_, err = c.Incident(t.Context(), e)
	problem(t, err, protocol.ProblemConflict)
	e = protocol.NewEvent("i-1", "JP-99-000002", e.Time, e.Data)
	_, err = c.Incident(t.Context(), e)
	problem(t, err, protocol.ProblemTerminal)
	for _, step := range []struct{ state, cause string }{{"open", ""}, {"acknowledged", ""}, {"closed", "fix 1.4.1 installed"}} {
		if step.state != "open" {
			if err := w.MoveIncident(terminal, "i-1", step.state, step.cause); err != nil {
				t.Fatal(err)
			}
		}
		signed, err := c.IncidentState(t.Context(), "i-1")
		if err != nil {
			t.Fatal(err)
		}
		s, err := protocol.ParseIncidentState(signedByCentre(t, w, signed))
		if err != nil || s.State != step.state || s.Cause != step.cause {
			t.Error(s, err)
		}
	}
	if w.MoveIncident(terminal, "i-1", "acknowledged", "") == nil || w.MoveIncident(terminal, "i-2", "acknowledged", "") == nil {
		t.Error("a closed incident moved, or one that does not exist")
	}
	_, err = c.IncidentState(t.Context(), "i-2")
	problem(t, err, protocol.ProblemUnknown)
}

func signedByCentre(t testing.TB, w *practice.World, der []byte) []byte {
	t.Helper()
	b, _ := verified(t, der, func() (*trust.Store, error) {
		return trust.NewStore(trust.Authority{Municipality: pki.CentreCode, Anchors: []*x509.Certificate{w.CentreAnchor()}})
	})
	return b
}

func TestCloseLetsWaitersGo(t *testing.T) {
	w, err := practice.Start(practice.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, w, terminal)
	v := begin(t, c, terminal, cards(t)["p01"])
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	if _, err := c.Package(ctx, v.begun.Transaction); err == nil {
		t.Error("a package from a closed world")
	}
}

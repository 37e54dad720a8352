package practice_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
)

// problem fails unless err is this problem.
func problem(t testing.TB, err error, word string) {
	t.Helper()
	var p *centre.Problem
	if !errors.As(err, &p) || p.Word != word {
		t.Errorf("got %v, want %s", err, word)
	}
}

func TestCardsThatAreDeclined(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	for id, word := range map[string]string{"p08": protocol.ProblemRevoked, "p09": protocol.ProblemSuspended, "p11": protocol.ProblemNotLinked} {
		_, err := begin(t, c, terminal, hands[id]).applicant(t)
		problem(t, err, word)
	}
	strange := strangeCard(t, nil)
	_, err := begin(t, c, terminal, strange).applicant(t)
	problem(t, err, protocol.ProblemUntrusted)
}

func strangeCard(t testing.TB, ca *sign.Pair) hand {
	t.Helper()
	now := time.Now()
	var err error
	if ca == nil {
		if ca, err = sign.NewCA(sign.Template{Name: "strange CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Practice: true}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := ca.NewCard(sign.Template{Name: "strange card", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return hand{p.Key, p.Certificate}
}

func TestExpiredCard(t *testing.T) {
	// The clock stands still in the far future for the centre; client and TLS certificates live as long as cards.
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	ca, err := sign.NewCA(sign.Template{Name: "strange CA", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ca.NewCard(sign.Template{Name: "old card", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	w2 := start(t, practice.Options{CardAnchors: []*x509.Certificate{ca.Certificate}})
	_, err = begin(t, connect(t, w2, terminal), terminal, hand{p.Key, p.Certificate}).applicant(t)
	problem(t, err, protocol.ProblemExpired)
	_, err = begin(t, c, terminal, hand{p.Key, p.Certificate}).applicant(t)
	problem(t, err, protocol.ProblemUntrusted)
}

func TestSignaturesThatAreNotThisCards(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	ask := func(v visit, cert hand, message []byte, by hand) error {
		_, err := v.Applicant(t.Context(), v.begun.Transaction, protocol.Applicant{Certificate: cert.cert.Raw, Signature: by.sign(t, message)})
		return err
	}
	for _, id := range []string{"p01", "p04", "p05"} {
		v, other := begin(t, c, terminal, hands[id]), begin(t, c, terminal, hands[id])
		right := protocol.AuthenticationMessage(terminal, v.begun.Transaction, v.nonce, v.begun.Challenge)
		for name, err := range map[string]error{
			"another key":         ask(v, hands[id], right, hands["p07"]),
			"another transaction": ask(v, hands[id], protocol.AuthenticationMessage(terminal, other.begun.Transaction, v.nonce, v.begun.Challenge), hands[id]),
			"another nonce":       ask(v, hands[id], protocol.AuthenticationMessage(terminal, v.begun.Transaction, other.nonce, v.begun.Challenge), hands[id]),
			"another challenge":   ask(v, hands[id], protocol.AuthenticationMessage(terminal, v.begun.Transaction, v.nonce, other.begun.Challenge), hands[id]),
			"another terminal":    ask(v, hands[id], protocol.AuthenticationMessage("JP-99-000002", v.begun.Transaction, v.nonce, v.begun.Challenge), hands[id]),
			"a release":           ask(v, hands[id], protocol.ReleaseMessage(terminal, v.begun.Transaction, protocol.Digest{}), hands[id]),
		} {
			t.Run(id+"/"+name, func(t *testing.T) { problem(t, err, protocol.ProblemUntrusted) })
		}
		if err := ask(v, hands[id], right, hands[id]); err != nil {
			t.Error("the right signature:", err)
		}
	}
}

func TestAnotherCardCannotTakeOver(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	v := begin(t, c, terminal, hands["p01"])
	if _, err := v.applicant(t); err != nil {
		t.Fatal(err)
	}
	if _, err := v.applicant(t); err != nil {
		t.Error("more time, the same card:", err)
	}
	v.card = hands["p04"]
	_, err := v.applicant(t)
	problem(t, err, protocol.ProblemOrder)
}

func TestOffersAndOrders(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	v := begin(t, c, terminal, hands["p04"])
	problem(t, v.Apply(t.Context(), v.begun.Transaction, protocol.Order{Offer: "x", Options: protocol.Options{}, Copies: 1}), protocol.ProblemOrder)
	offers, err := v.applicant(t)
	if err != nil {
		t.Fatal(err)
	}
	o := choose(t, offers, protocol.ResidentRecord)
	if o.Fee != 250 || o.Hours != "06:30-23:00" || !o.Available || o.Name.Ja != "架空市" {
		t.Errorf("%+v", o)
	}
	good := protocol.Options{"household": protocol.Text("all"), "head": protocol.Bool(true), "domicile": protocol.Bool(false), "my_number": protocol.Bool(false)}
	with := func(k string, v protocol.Option) protocol.Options {
		out := protocol.Options{}
		for n, x := range good {
			out[n] = x
		}
		out[k] = v
		return out
	}
	for name, bad := range map[string]protocol.Order{
		"offer":         {Offer: "991023-passport", Options: good, Copies: 1},
		"other town":    {Offer: "991015-resident-record", Options: good, Copies: 1},
		"value":         {Offer: o.ID, Options: with("household", protocol.Text("none")), Copies: 1},
		"type":          {Offer: o.ID, Options: with("head", protocol.Text("true")), Copies: 1},
		"extra option":  {Offer: o.ID, Options: with("extra", protocol.Bool(true)), Copies: 1},
		"none":          {Offer: o.ID, Options: protocol.Options{}, Copies: 1},
		"no copies":     {Offer: o.ID, Options: good, Copies: 0},
		"eleven copies": {Offer: o.ID, Options: good, Copies: 11},
	} {
		t.Run(name, func(t *testing.T) {
			problem(t, v.Apply(t.Context(), v.begun.Transaction, bad), protocol.ProblemNotAvailable)
		})
	}
	if err := v.Apply(t.Context(), v.begun.Transaction, protocol.Order{Offer: o.ID, Options: good, Copies: 10}); err != nil {
		t.Error(err)
	}
}

func TestUnregisteredSealAndClosingTime(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	if err := w.Abolish(protocol.SealRegister, "p07"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"p02", "p07"} { // never had one; abolished
		offers, err := begin(t, c, terminal, hands[id]).applicant(t)
		if err != nil {
			t.Fatal(err)
		}
		if o := choose(t, offers, protocol.SealRegistration); o.Available || o.Why != "not-registered" {
			t.Errorf("%s: %+v", id, o)
		}
	}
	night := start(t, practice.Options{Open: func(time.Time) bool { return false }})
	offers, err := begin(t, connect(t, night, terminal), terminal, hands["p01"]).applicant(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offers.Offers {
		if o.Available || o.Why != "closed" {
			t.Errorf("%+v", o)
		}
	}
}

func TestTokyoHours(t *testing.T) {
	for clock, open := range map[string]bool{"06:29": false, "06:30": true, "22:59": true, "23:00": false, "00:00": false} {
		at, err := time.Parse("2006-01-02 15:04 -0700", "2026-11-21 "+clock+" +0900")
		if err != nil {
			t.Fatal(err)
		}
		if practice.TokyoHours(at.UTC()) != open {
			t.Error(clock)
		}
	}
}

func TestStrangeCardIsEnrolled(t *testing.T) {
	now := time.Now()
	ca, err := sign.NewCA(sign.Template{Name: "strange CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, practice.Options{CardAnchors: []*x509.Certificate{ca.Certificate}})
	c, card := connect(t, w, terminal), strangeCard(t, ca)
	_, err = begin(t, c, terminal, card).applicant(t)
	problem(t, err, protocol.ProblemNotLinked)
	for range 2 {
		if id, err := w.Enrol(card.cert.Raw); id != "e01" || err != nil {
			t.Fatal(id, err)
		}
	}
	if id, err := w.Enrol(strangeCard(t, ca).cert.Raw); id != "e02" || err != nil {
		t.Error(id, err)
	}
	o := obtain(t, c, terminal, card, protocol.ResidentRecord)
	judge(t, o, statement(t, o.pdf))
	if paper, _ := w.PaperOf(protocol.Fingerprint(o.pdf)); paper != "e01" || o.offer.Municipality != people.Mihon {
		t.Error(paper, o.offer.Municipality)
	}
	hands := cards(t)
	if id, err := w.Enrol(hands["p01"].cert.Raw); id != "p01" || err != nil {
		t.Error("a card that is known:", id, err)
	}
	if _, err := w.Enrol(hands["p11"].cert.Raw); err == nil {
		t.Error("the card that is not linked on purpose was enrolled")
	}
}

func TestVirtualCards(t *testing.T) {
	w := start(t, practice.Options{})
	for _, p := range w.People() {
		if card, err := w.Card(p.ID); card == nil || err != nil {
			t.Error(p.ID, err)
		}
	}
	if _, err := w.Card("p99"); !errors.Is(err, practice.ErrNobody) {
		t.Error(err)
	}
}

func TestATransactionBelongsToItsTerminal(t *testing.T) {
	w := start(t, practice.Options{})
	a, b := connect(t, w, terminal), connect(t, w, "JP-99-000002")
	v := begin(t, a, terminal, cards(t)["p01"])
	v.Client = b
	_, err := v.applicant(t)
	problem(t, err, protocol.ProblemTerminal)
	problem(t, b.Cancel(t.Context(), v.begun.Transaction), protocol.ProblemTerminal)
	_, err = b.Begin(t.Context(), protocol.Begin{Terminal: terminal, Channel: protocol.Store})
	problem(t, err, protocol.ProblemTerminal)
	problem(t, a.Cancel(t.Context(), protocol.Transaction{9}), protocol.ProblemUnknown)
}

func TestATerminalWithoutCertificateIsNotHeard(t *testing.T) {
	w := start(t, practice.Options{})
	a, err := w.Access(terminal)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self, err := sign.NewCA(sign.Template{Name: string(terminal), Key: key, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	a.Certificate.Certificate, a.Certificate.PrivateKey, a.Certificate.Leaf = [][]byte{self.Certificate.Raw}, key, self.Certificate
	c, err := centre.New(centre.Config{URL: a.URL, Roots: a.Roots, Certificate: a.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := c.Cancel(ctx, protocol.Transaction{1}); !errors.Is(err, centre.ErrUnreachable) {
		t.Error(err)
	}
}

// With the option a strange card is enrolled by proving its key to the centre, and not before.
func TestStrangeCardIsEnrolledByItsProof(t *testing.T) {
	now := time.Now()
	ca, err := sign.NewCA(sign.Template{Name: "strange CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, practice.Options{CardAnchors: []*x509.Certificate{ca.Certificate}, Enrol: true})
	c, card, hands := connect(t, w, terminal), strangeCard(t, ca), cards(t)
	fingerprint := protocol.Fingerprint(card.cert.Raw)
	v := begin(t, c, terminal, card)
	if _, err := v.Applicant(t.Context(), v.begun.Transaction, protocol.Applicant{Certificate: card.cert.Raw, Signature: []byte{1}}); err == nil || w.Holder(fingerprint) != "" {
		t.Error("enrolled without a proof", err)
	}
	o := obtain(t, c, terminal, card, protocol.SealRegistration)
	if paper, _ := w.PaperOf(protocol.Fingerprint(o.pdf)); paper != "e01" || w.Holder(fingerprint) != "e01" {
		t.Error(paper, w.Holder(fingerprint))
	}
	if s := statement(t, o.pdf); s.SubjectHash != protocol.HashSubject(o.nonce, card.cert.Raw) {
		t.Error("another person's hash")
	}
	_, err = begin(t, c, terminal, hands["p11"]).applicant(t)
	problem(t, err, protocol.ProblemNotLinked)
	if got, ok := w.Outcome(o.begun.Transaction); ok {
		t.Error("an outcome before there is one:", got)
	}
	if err := c.Outcome(t.Context(), o.begun.Transaction, report(o, t)); err != nil {
		t.Error(err)
	}
	if got, ok := w.Outcome(o.begun.Transaction); got != protocol.Printed || !ok {
		t.Error(got, ok)
	}
}

package practice_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
)

// state is a directory of keys that all tests share, because RSA keys are slow to make.
var state string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "honnin-practice-")
	if err != nil {
		panic(err)
	}
	state = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const terminal protocol.Terminal = "JP-99-000001"

func start(t testing.TB, o practice.Options) *practice.World {
	t.Helper()
	o.State = state
	w, err := practice.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func connect(t testing.TB, w *practice.World, name protocol.Terminal) *centre.Client {
	t.Helper()
	a, err := w.Access(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := centre.New(centre.Config{URL: a.URL, Roots: a.Roots, Certificate: a.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// hand is a person's card without the reader: key and certificate.
type hand struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// keys are the worlds' keys, read once.
var keys = sync.OnceValues(func() (*pki.Keys, error) { return pki.Load(state, time.Now()) })

func cards(t testing.TB) map[string]hand {
	t.Helper()
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]hand{}
	for id, pairs := range k.Cards {
		out[id] = hand{pairs[0].Key, pairs[0].Certificate}
		for _, p := range pairs[1:] {
			out[id+"/old"] = hand{p.Key, p.Certificate}
		}
	}
	return out
}

func (h hand) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(message)
	switch k := h.key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
		sig, err := k.(crypto.Signer).Sign(nil, sum[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	t.Fatal("a key of an unknown kind")
	return nil
}

// visit is one transaction as a terminal sees it.
type visit struct {
	*centre.Client
	terminal protocol.Terminal
	nonce    protocol.Nonce
	begun    protocol.Begun
	card     hand
}

func begin(t testing.TB, c *centre.Client, at protocol.Terminal, card hand) visit {
	t.Helper()
	v := visit{Client: c, terminal: at, nonce: protocol.NewNonce(), card: card}
	var err error
	if v.begun, err = c.Begin(t.Context(), protocol.Begin{Terminal: at, Nonce: v.nonce, Channel: protocol.Store}); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v visit) applicant(t testing.TB) (protocol.Offers, error) {
	t.Helper()
	m := protocol.AuthenticationMessage(v.terminal, v.begun.Transaction, v.nonce, v.begun.Challenge)
	return v.Applicant(t.Context(), v.begun.Transaction, protocol.Applicant{Certificate: v.card.cert.Raw, Signature: v.card.sign(t, m)})
}

// order applies for an offer with its default options.
func (v visit) order(t testing.TB, o protocol.Offer) protocol.Order {
	t.Helper()
	options := protocol.Options{}
	for name, values := range o.Options {
		options[name] = values[0]
	}
	order := protocol.Order{Offer: o.ID, Options: options, Copies: 1}
	if err := v.Apply(t.Context(), v.begun.Transaction, order); err != nil {
		t.Fatal(o.ID, err)
	}
	return order
}

func choose(t testing.TB, offers protocol.Offers, c protocol.Certificate) protocol.Offer {
	t.Helper()
	for _, o := range offers.Offers {
		if o.Certificate == c {
			return o
		}
	}
	t.Fatal("not offered:", c)
	return protocol.Offer{}
}

func store(anchor func(pki.Town) *x509.Certificate) func() (*trust.Store, error) {
	return sync.OnceValues(func() (*trust.Store, error) {
		k, err := keys()
		if err != nil {
			return nil, err
		}
		var list []trust.Authority
		for code, town := range k.Towns {
			list = append(list, trust.Authority{Municipality: code, Anchors: []*x509.Certificate{anchor(town)}})
		}
		return trust.NewStore(list...)
	})
}

var (
	issuers    = store(func(k pki.Town) *x509.Certificate { return k.IssuingCA.Certificate })
	registrars = store(func(k pki.Town) *x509.Certificate { return k.RegisterCA.Certificate })
)

// verified judges a signature as a terminal would.
func verified(t testing.TB, der []byte, by func() (*trust.Store, error)) ([]byte, trust.Signer) {
	t.Helper()
	s, err := by()
	if err != nil {
		t.Fatal(err)
	}
	b, signer, err := trust.Verify(der, s, time.Now().Add(-time.Hour), time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return b, signer
}

// statement reads issuance.json out of a practice PDF: the one stream whose content is an object of that format.
func statement(t testing.TB, pdf []byte) protocol.Statement {
	t.Helper()
	for _, raw := range streams(pdf) {
		if bytes.HasPrefix(raw, []byte("{")) && bytes.Contains(raw, []byte(protocol.StatementFormat)) {
			s, err := protocol.ParseStatement(raw)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatal("no statement in the PDF")
	return protocol.Statement{}
}

// obtained is what a whole transaction up to the package gave.
type obtained struct {
	visit
	offer protocol.Offer
	order protocol.Order
	pkg   []byte
	pdf   []byte
	at    time.Time // when it began
}

func obtain(t testing.TB, c *centre.Client, at protocol.Terminal, card hand, kind protocol.Certificate) obtained {
	t.Helper()
	began := time.Now()
	v := begin(t, c, at, card)
	offers, err := v.applicant(t)
	if err != nil {
		t.Fatal(err)
	}
	offer := choose(t, offers, kind)
	order := v.order(t, offer)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	pkg, err := v.Package(ctx, v.begun.Transaction)
	if err != nil {
		t.Fatal(kind, err)
	}
	pdf, signer := verified(t, pkg, issuers)
	if signer.Municipality != offer.Municipality {
		t.Error("signed by", signer.Municipality, "for an offer of", offer.Municipality)
	}
	return obtained{v, offer, order, pkg, pdf, began}
}

// inForce asks the register and reads its answer.
func (o obtained) inForce(t testing.TB, token protocol.Token) protocol.InForceAnswer {
	t.Helper()
	fresh := protocol.NewNonce()
	signed, err := o.InForce(t.Context(), o.begun.Transaction, protocol.InForceQuestion{Nonce: fresh, Document: protocol.Fingerprint(o.pdf), Token: token})
	if err != nil {
		t.Fatal(err)
	}
	b, signer := verified(t, signed, registrars)
	a, err := protocol.ParseInForce(b)
	if err != nil {
		t.Fatal(err)
	}
	if a.Nonce != fresh || a.Document != protocol.Fingerprint(o.pdf) || a.Transaction != o.begun.Transaction || signer.Municipality != o.offer.Municipality {
		t.Errorf("the answer echoes another question: %v", signer.Municipality)
	}
	return a
}

func report(o obtained, t testing.TB) protocol.OutcomeReport {
	d := protocol.Fingerprint(o.pdf)
	return protocol.OutcomeReport{Outcome: protocol.Printed, Impressions: 1, Document: d,
		ReleaseSignature: o.card.sign(t, protocol.ReleaseMessage(o.terminal, o.begun.Transaction, d))}
}

// For every ordinary person and everything they may ask for, with both signatures: the whole conversation.
func TestWholeConversation(t *testing.T) {
	w := start(t, practice.Options{})
	c := connect(t, w, terminal)
	hands, n := cards(t), 0
	seen := map[protocol.Certificate]int{}
	for _, p := range w.People() {
		if !p.Ordinary {
			continue
		}
		for _, ask := range p.Asks {
			t.Run(fmt.Sprintf("%s/%s", p.ID, ask.Certificate), func(t *testing.T) {
				o := obtain(t, c, terminal, hands[p.ID], ask.Certificate)
				s := statement(t, o.pdf)
				judge(t, o, s)
				if paper, ok := w.PaperOf(protocol.Fingerprint(o.pdf)); paper != p.ID || !ok {
					t.Error("paper of", paper)
				}
				a := o.inForce(t, s.Record.Token)
				if !a.InForce || a.SubjectHash != s.SubjectHash || a.Content != s.Record.Content || a.Register != s.Record.Register || a.Municipality != s.Municipality {
					t.Errorf("the register disagrees: %+v", a)
				}
				if err := o.Outcome(t.Context(), o.begun.Transaction, report(o, t)); err != nil {
					t.Error(err)
				}
			})
			seen[ask.Certificate]++
			n++
		}
	}
	if len(seen) != len(protocol.Certificates()) || n < 40 {
		t.Error("certificates asked for:", seen)
	}
	if got := w.Counts(); got.Outcomes[protocol.Printed] != uint64(n) || got.WrongRelease != 0 || got.Late != 0 || got.Faults != 0 {
		t.Errorf("%+v", got)
	}
}

// judge compares a statement with what the terminal knows by itself.
func judge(t *testing.T, o obtained, s protocol.Statement) {
	t.Helper()
	if s.Transaction != o.begun.Transaction || s.Nonce != o.nonce || s.Terminal != o.terminal {
		t.Error("made for another transaction")
	}
	if s.SubjectHash != protocol.HashSubject(o.nonce, o.card.cert.Raw) {
		t.Error("made for another person")
	}
	if s.Certificate != o.offer.Certificate || s.Municipality != o.offer.Municipality || s.Copies != o.order.Copies || len(s.Options) != len(o.order.Options) {
		t.Error("another application")
	}
	if s.Pages < 1 || s.ExpiresAt.Sub(s.IssuedAt.Time) > 15*time.Minute || s.Software.Name == "" {
		t.Errorf("%+v", s)
	}
}

func TestHouseholdOfSixHasTwoPages(t *testing.T) {
	w := start(t, practice.Options{})
	o := obtain(t, connect(t, w, terminal), terminal, cards(t)["p04"], protocol.ResidentRecord)
	if s := statement(t, o.pdf); s.Pages != 2 {
		t.Error("pages:", s.Pages)
	}
}

func TestFamilyRegisterOfAnotherMunicipality(t *testing.T) {
	w := start(t, practice.Options{})
	o := obtain(t, connect(t, w, terminal), terminal, cards(t)["p03"], protocol.FamilyRegister)
	if o.offer.Municipality != people.Kaku {
		t.Error(o.offer.Municipality)
	}
}

func TestBothCardsOfOnePersonAreLinked(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	for _, which := range []string{"p10", "p10/old"} {
		o := obtain(t, c, terminal, hands[which], protocol.ResidentRecord)
		s := statement(t, o.pdf)
		judge(t, o, s)
		if a := o.inForce(t, s.Record.Token); a.SubjectHash != s.SubjectHash {
			t.Error(which, "the register hashes the other card")
		}
	}
}

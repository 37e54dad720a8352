// Package spooltest makes verified and released documents for tests, by the only road there is: throw-away keys, a
// policy, a signed package, the real check, the real queue. Only the inspection of the PDF is replaced, so that
// any bytes can be a document.
package spooltest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
	"honnin/spool/sheet"
)

// City is the municipality of a [World].
const City protocol.Municipality = "991015"

// World is one municipality, one card and one terminal, with throw-away keys.
type World struct {
	Policy                 *policy.Policy
	Verifier               *document.Verifier
	Card, Issuer, Register *sign.Pair
	Want                   document.Expectation
	Software               protocol.Software
	PolicyText             string // of Policy, with every anchor inline

	mu    sync.Mutex
	at    time.Time
	facts inspect.Facts
}

// New makes a world. Its clock stands still until [World.Pass].
func New(t testing.TB) *World {
	t.Helper()
	w := &World{at: time.Now().Truncate(time.Second), Software: protocol.Software{Name: "test-issuer", Version: "1.0.0", Fixes: []string{}}}
	life := sign.Template{Name: "Spool Test", NotBefore: w.at.Add(-24 * time.Hour), NotAfter: w.at.Add(24 * time.Hour)}
	issuing, register, cards := must(sign.NewCA(life))(t), must(sign.NewCA(life))(t), must(sign.NewCA(life))(t)
	w.Issuer, w.Register = must(issuing.NewSigner(City, life))(t), must(register.NewSigner(City, life))(t)
	w.Card = must(cards.NewCard(life))(t)
	w.PolicyText = fmt.Sprintf("version = 1\nclock_skew = \"5m\"\npackage_lifetime = \"15m\"\n[card]\nanchors = [%q]\n[[municipality]]\ncode = %q\nname = \"Test City\"\nissuing_anchors = [%q]\nregister_anchors = [%q]\n",
		armour(cards), City, armour(issuing), armour(register))
	w.Policy = must(policy.Parse([]byte(w.PolicyText), func(string) ([]byte, error) { return nil, fs.ErrNotExist }))(t)
	w.Verifier = document.NewVerifier(w.Policy, w, w.Now)
	w.Renew()
	return w
}

func armour(p *sign.Pair) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}))
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Now is the world's clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// Renew begins a new transaction.
func (w *World) Renew() {
	w.Want = document.Expectation{Terminal: "TEST-1", Transaction: protocol.NewTransaction(), Nonce: protocol.NewNonce(),
		Card: w.Card.Certificate, Began: w.Now(),
		Application: &protocol.Application{Municipality: City, Certificate: protocol.ResidentRecord, Options: protocol.Options{}, Copies: 1}}
}

// Inspect reports what the last [World.Package] was made with.
func (w *World) Inspect(context.Context, []byte) (inspect.Facts, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts, nil
}

// Statement is the true statement of the current transaction.
func (w *World) Statement(pages, copies int) protocol.Statement {
	now := protocol.At(w.Now())
	return protocol.Statement{
		Transaction: w.Want.Transaction, Terminal: w.Want.Terminal, Nonce: w.Want.Nonce,
		SubjectHash:  protocol.HashSubject(w.Want.Nonce, w.Card.Certificate.Raw),
		Municipality: City, Certificate: protocol.ResidentRecord, Options: protocol.Options{}, Copies: copies, Pages: pages,
		Serial:   "991015-1",
		Record:   protocol.Record{Register: protocol.ResidentRegister, Token: protocol.NewToken(), Content: protocol.Digest{7}, AsOf: now},
		IssuedAt: now, ExpiresAt: protocol.At(now.Add(5 * time.Minute)), Software: w.Software,
	}
}

// Facts is what an inspection of a document with this statement reports.
func Facts(t testing.TB, s protocol.Statement) inspect.Facts {
	t.Helper()
	f := inspect.Facts{PageCount: s.Pages, Statement: must(s.Encode())(t)}
	for n := range s.Pages {
		f.Tags = append(f.Tags, inspect.Tag{SubjectHash: s.SubjectHash, Transaction: s.Transaction, Page: n + 1, Pages: s.Pages})
	}
	return f
}

// Package signs pdf as the issuer; an inspection will report f.
func (w *World) Package(t testing.TB, pdf []byte, f inspect.Facts) []byte {
	t.Helper()
	w.mu.Lock()
	w.facts = f
	w.mu.Unlock()
	return must(sign.Sign(pdf, w.Issuer.Options(w.Now())))(t)
}

// Verified runs pdf through the real check.
func (w *World) Verified(t testing.TB, pdf []byte, pages, copies int) document.Verified {
	t.Helper()
	w.Want.Application.Copies = copies
	s := w.Statement(pages, copies)
	return must(w.Verifier.Verify(t.Context(), w.Package(t, pdf, Facts(t, s)), w.Want))(t)
}

// Sign has the card sign the release of d.
func (w *World) Sign(t testing.TB, d document.Verified) []byte {
	t.Helper()
	sum := sha256.Sum256(protocol.ReleaseMessage(w.Want.Terminal, w.Want.Transaction, d.Document()))
	return must(w.Card.Key.Sign(rand.Reader, sum[:], crypto.SHA256))(t)
}

// Signature is the checked release signature of d.
func (w *World) Signature(t testing.TB, d document.Verified) document.ReleaseSignature {
	t.Helper()
	return must(w.Verifier.ReleaseSignature(d, w.Sign(t, d)))(t)
}

// Answer is the register's true answer about d.
func (w *World) Answer(d document.Verified, fresh protocol.Nonce) protocol.InForceAnswer {
	now := w.Now()
	return protocol.InForceAnswer{Transaction: d.Transaction(), Nonce: fresh, Document: d.Document(), Municipality: City,
		Register: protocol.ResidentRegister, Token: d.Token(), SubjectHash: protocol.HashSubject(w.Want.Nonce, w.Card.Certificate.Raw),
		Content: protocol.Digest{7}, InForce: true, ThisUpdate: protocol.At(now), NextUpdate: protocol.At(now.Add(time.Minute))}
}

// SignAnswer signs an answer as the register.
func (w *World) SignAnswer(t testing.TB, a protocol.InForceAnswer) []byte {
	t.Helper()
	return must(sign.Sign(must(a.Encode())(t), w.Register.Options(w.Now())))(t)
}

// InForce is the checked answer of the register about d.
func (w *World) InForce(t testing.TB, d document.Verified) document.InForce {
	t.Helper()
	fresh := protocol.NewNonce()
	return must(w.Verifier.InForce(d, fresh, w.SignAnswer(t, w.Answer(d, fresh))))(t)
}

// Released brings pdf by the whole road to the point where a printer may open it.
func Released(t testing.TB, pdf []byte, pages, copies int) spool.Released {
	t.Helper()
	w := New(t)
	d := w.Verified(t, pdf, pages, copies)
	q, _, err := spool.NewQueue(t.Context(), &Memory{}, nil, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Accept(t.Context(), 1, d); err != nil {
		t.Fatal(err)
	}
	return must(q.Release(t.Context(), 1, d, w.InForce(t, d), w.Signature(t, d)))(t)
}

// Memory is a journal that forgets everything with the process. Fail, when set, is asked before every entry.
type Memory struct {
	Fail func(journal.Entry) error

	mu      sync.Mutex
	entries []journal.Entry
}

// Record keeps e and what goes with it.
func (m *Memory) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	all := append([]journal.Entry{e}, with...)
	for _, e := range all {
		if m.Fail != nil {
			if err := m.Fail(e); err != nil {
				return journal.Entry{}, err
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range all {
		all[i].Seq = uint64(len(m.entries) + 1)
		m.entries = append(m.entries, all[i])
	}
	return all[0], nil
}

// Unfinished returns nothing: a Memory is always new.
func (m *Memory) Unfinished() ([]journal.Entry, error) { return nil, nil }

// StaffCall returns nothing, for the same reason.
func (m *Memory) StaffCall() (journal.Entry, error) { return journal.Entry{}, nil }

// Sheet returns nothing, for the same reason.
func (m *Memory) Sheet() (journal.Entry, error) { return journal.Entry{}, nil }

// Entries returns what was recorded.
func (m *Memory) Entries() []journal.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]journal.Entry(nil), m.entries...)
}

// Sheet is a service sheet for a printer reached that way, "ipp", "usb" or "dir".
func Sheet(t testing.TB, way string) sheet.Service {
	t.Helper()
	s, err := sheet.New(sheet.Facts{Terminal: "T-1", At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Software: "honnind", Printer: way})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

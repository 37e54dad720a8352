package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

// The instant of all tests, a transaction that began two minutes before, and the allowed skew.
var (
	now   = time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)
	began = now.Add(-2 * time.Minute)
)

const (
	skew               = 5 * time.Minute
	city, otherCity    = protocol.Municipality("141003"), protocol.Municipality("131016")
	ok                 = reason.Code("")
	unjudged, accepted = "–", "✓"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Keys are costly and made once.
var (
	rsa2048 = lazy(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	rsa1024 = lazy(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) })
	p224    = lazy(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P224(), rand.Reader) })
	p256    = lazy(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })
	p384    = lazy(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) })
	p521    = lazy(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) })
	ed      = lazy(func() (crypto.Signer, error) {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	})
)

func lazy(make func() (crypto.Signer, error)) func() crypto.Signer {
	return sync.OnceValue(func() crypto.Signer {
		k, err := make()
		if err != nil {
			panic(err)
		}
		return k
	})
}

func template(name string, change ...func(*sign.Template)) sign.Template {
	t := sign.Template{Name: name, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour)}
	for _, c := range change {
		c(&t)
	}
	return t
}

func with(adjust func(*x509.Certificate)) func(*sign.Template) {
	return func(t *sign.Template) { t.Adjust = adjust }
}

func key(k crypto.Signer) func(*sign.Template) { return func(t *sign.Template) { t.Key = k } }

func valid(from, to time.Duration) func(*sign.Template) {
	return func(t *sign.Template) { t.NotBefore, t.NotAfter = now.Add(from), now.Add(to) }
}

// world is two cities: the one under test with a root, an intermediate and a signer; and another.
type world struct {
	t                         testing.TB
	root, mid, signer         *sign.Pair
	otherRoot, otherSigner    *sign.Pair
	authority, otherAuthority trust.Authority
	store                     *trust.Store
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	w.root = must[*sign.Pair](t)(sign.NewCA(template("Root", key(p384()))))
	w.mid = must[*sign.Pair](t)(w.root.NewCA(template("Intermediate")))
	w.signer = must[*sign.Pair](t)(w.mid.NewSigner(city, template("Signer")))
	w.otherRoot = must[*sign.Pair](t)(sign.NewCA(template("Other Root")))
	w.otherSigner = must[*sign.Pair](t)(w.otherRoot.NewSigner(otherCity, template("Other Signer")))
	w.authority = trust.Authority{Municipality: city, Anchors: []*x509.Certificate{w.root.Certificate}}
	w.otherAuthority = trust.Authority{Municipality: otherCity, Anchors: []*x509.Certificate{w.otherRoot.Certificate}}
	w.store = w.storeOf(w.authority, w.otherAuthority)
	return w
}

func (w *world) storeOf(a ...trust.Authority) *trust.Store {
	w.t.Helper()
	return must[*trust.Store](w.t)(trust.NewStore(a...))
}

// issue makes a signer under ca, whatever it takes.
func (w *world) issue(ca *sign.Pair, change ...func(*sign.Template)) *sign.Pair {
	w.t.Helper()
	return must[*sign.Pair](w.t)(ca.NewSigner(city, template("Strange Signer", change...)))
}

func (w *world) ca(under *sign.Pair, name string, change ...func(*sign.Template)) *sign.Pair {
	w.t.Helper()
	if under == nil {
		return must[*sign.Pair](w.t)(sign.NewCA(template(name, change...)))
	}
	return must[*sign.Pair](w.t)(under.NewCA(template(name, change...)))
}

var content = []byte("%PDF-1.7\nnot much of a document\n")

func (w *world) sign(p *sign.Pair) []byte {
	w.t.Helper()
	return must[[]byte](w.t)(sign.Sign(content, p.Options(now)))
}

// forge starts a message of p that is right, to be spoilt.
func (w *world) forge(p *sign.Pair) *forge.CMS {
	c := forge.New(content, p.Certificate, p.Key, crypto.SHA256, now)
	for _, ca := range p.Chain {
		c.Certificates = append(c.Certificates, ca.Raw)
	}
	return c
}

// rows runs every row, whatever the others say, and returns each one's code, accepted or unjudged.
func rows(t testing.TB, der []byte, s *trust.Store, at time.Time) (out []string) {
	t.Helper()
	m, err := trust.Parse(der)
	if err != nil {
		return []string{string(reason.Of(err))}
	}
	c := m.Against(s, at)
	for _, check := range []func() error{c.CheckSigners, c.CheckAlgorithms, c.CheckAttributes, c.CheckSignature, c.CheckChain,
		c.CheckValidity, c.CheckUse, c.CheckRevocation, c.CheckMunicipality, func() error { return c.CheckSigningTime(began, skew) }} {
		switch err := check(); {
		case err == nil:
			out = append(out, accepted)
		case reason.Of(err) == "":
			out = append(out, unjudged)
		default:
			out = append(out, string(reason.Of(err)))
		}
	}
	return out
}

// findings lists the codes of the rows that failed, each once, in order.
func findings(rows []string) (out []reason.Code) {
	for _, r := range rows {
		if r != accepted && r != unjudged && !slices.Contains(out, reason.Code(r)) {
			out = append(out, reason.Code(r))
		}
	}
	return out
}

// expect demands that der gives exactly these findings, the first of which names Verify's refusal; none: it is accepted.
func (w *world) expect(t *testing.T, der []byte, s *trust.Store, want ...reason.Code) {
	t.Helper()
	got := rows(t, der, s, now)
	if !slices.Equal(findings(got), want) {
		t.Errorf("rows say %v, want %v", got, want)
	}
	body, who, err := trust.Verify(der, s, began, now, skew)
	if len(want) == 0 {
		if err != nil || !slices.Equal(body, content) || who.Certificate == nil || !who.SigningTime.Equal(now) {
			t.Errorf("not accepted: %v", err)
		}
		return
	}
	if reason.Of(err) != want[0] || body != nil || who != (trust.Signer{}) {
		t.Errorf("Verify says %v, want %s", err, want[0])
	}
}

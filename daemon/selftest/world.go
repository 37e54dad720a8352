package selftest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/drivers/card/virtual"
)

// The two municipalities of a world, and what is applied for in the first. No real municipality has these codes.
const (
	here  protocol.Municipality = "991015"
	there protocol.Municipality = "992020"

	wanted = protocol.ResidentRecord
	pin    = "1234"
)

// content is the digest of the record that the register holds.
var content = protocol.Digest{7}

// world is one self-test's keys, made for it and forgotten after it. Its anchors bear the practice marker, so that no
// production policy can ever hold them.
type world struct {
	policy *policy.Policy
	turned atomic.Bool // the changing card has become another one

	signer, elsewhere                      *sign.Pair // of here and of there
	stranger, expired, revoked, weak       *sign.Pair // that must not sign
	useless, astray                        *sign.Pair // not for documents; under here's anchor, and speaks for there
	register, elsewhereRegister            *sign.Pair
	holder, neighbour, unknown, dead, fake *sign.Pair // cards: whose visit it is, somebody else's, of a strange CA, run out, with another's key
}

// maker makes pairs until one fails.
type maker struct {
	at  time.Time
	err error
}

func (m *maker) life() sign.Template {
	return sign.Template{Name: "self-test", NotBefore: m.at.Add(-time.Hour), NotAfter: m.at.Add(time.Hour), Practice: true}
}

func (m *maker) keep(p *sign.Pair, err error) *sign.Pair {
	m.err = errors.Join(m.err, err)
	if err != nil {
		return &sign.Pair{}
	}
	return p
}

func (m *maker) ca(name string) *sign.Pair {
	t := m.life()
	t.Name = "self-test " + name
	return m.keep(sign.NewCA(t))
}

func (m *maker) signer(ca *sign.Pair, who protocol.Municipality, change func(*sign.Template)) *sign.Pair {
	t := m.life()
	t.Practice = false
	if change != nil {
		change(&t)
	}
	if m.err != nil {
		return &sign.Pair{}
	}
	return m.keep(ca.NewSigner(who, t))
}

func (m *maker) card(ca *sign.Pair, change func(*sign.Template)) *sign.Pair {
	t := m.life()
	t.Practice = false
	if change != nil {
		change(&t)
	}
	if m.err != nil {
		return &sign.Pair{}
	}
	return m.keep(ca.NewCard(t))
}

func ranOut(t *sign.Template) { t.NotBefore, t.NotAfter = t.NotBefore.Add(-time.Hour), t.NotBefore }

func notForDocuments(t *sign.Template) {
	t.Adjust = func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }
}

// newWorld makes everything.
func newWorld(at time.Time) (*world, error) {
	short, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		return nil, err
	}
	m := &maker{at: at}
	cards, issuing, registers := m.ca("cards"), m.ca("issuing"), m.ca("registers")
	issuingThere, registersThere, strange := m.ca("issuing there"), m.ca("registers there"), m.ca("strange")
	w := &world{
		signer: m.signer(issuing, here, nil), elsewhere: m.signer(issuingThere, there, nil), stranger: m.signer(strange, here, nil),
		expired: m.signer(issuing, here, ranOut), revoked: m.signer(issuing, here, nil),
		weak:    m.signer(issuing, here, func(t *sign.Template) { t.Key = short }),
		useless: m.signer(issuing, here, notForDocuments), astray: m.signer(issuing, there, nil),
		register: m.signer(registers, here, nil), elsewhereRegister: m.signer(registersThere, there, nil),
		holder: m.card(cards, nil), neighbour: m.card(cards, nil), unknown: m.card(strange, nil), dead: m.card(cards, ranOut),
	}
	if m.err != nil {
		return nil, m.err
	}
	w.fake = &sign.Pair{Certificate: w.holder.Certificate, Key: w.neighbour.Key}
	text := fmt.Sprintf("version = 1\nclock_skew = %q\npackage_lifetime = %q\n[latch]\ndefective = 1000\n[card]\nanchors = [%s]\n", skew, lifetime, inline(cards)) +
		town(here, issuing, registers, w.revoked) + town(there, issuingThere, registersThere, nil)
	w.policy, err = policy.Parse([]byte(text), func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	return w, err
}

// Times of the world's policy.
const (
	skew     = 30 * time.Second
	lifetime = 5 * time.Minute
)

func town(code protocol.Municipality, issuing, registers, revoked *sign.Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[[municipality]]\ncode = %q\nname = \"self-test\"\nissuing_anchors = [%s]\nregister_anchors = [%s]\n", code, inline(issuing), inline(registers))
	if revoked != nil {
		fmt.Fprintf(&b, "revoked = [%q]\n", protocol.Fingerprint(revoked.Certificate.Raw))
	}
	fmt.Fprintf(&b, "[[municipality.software]]\nname = \"self-test\"\nfloor = \"1.0.0\"\n")
	return b.String()
}

func inline(p *sign.Pair) string {
	return fmt.Sprintf("%q", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}))
}

// onReader makes a card with a pair on it. With then, the key is that pair's as soon as the world says so: somebody
// changed the card, or what is in it.
func onReader(w *world, p, then *sign.Pair) (*virtual.Card, error) {
	key := p.Key
	if then != nil {
		key = &turning{p.Key, then.Key, &w.turned}
	}
	return virtual.New(virtual.Options{AuthKey: key, AuthCert: p.Certificate.Raw, PIN: pin, ShortFileIDs: true, Extended: true})
}

// turning is a key that becomes another one.
type turning struct {
	crypto.Signer
	then   crypto.Signer
	turned *atomic.Bool
}

func (t *turning) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if t.turned.Load() {
		return t.then.Sign(random, digest, o)
	}
	return t.Signer.Sign(random, digest, o)
}

// Package pki makes the practice world's keys and certificates once, and keeps them.
//
// Every party has its own: each municipality an issuing CA and a signer, a register CA and a register's signer, of
// different algorithms; the card authority two generations of one name, RSA and ECDSA, as in the field; the centre
// a TLS CA, a TLS certificate, a signer of receipts and those of two persons who acknowledge and close incidents; each person a card.
// All CAs bear the practice marker, so that a production terminal refuses them.
//
// They are one file of PEM blocks in the state directory, mode 0600, replaced as a whole (written, synced,
// renamed, directory synced). A file that does not hold exactly what this program needs, readable and valid for
// another month, is replaced: practice keys are worth nothing.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/identity"
	"honnin/daemon/practice/people"
)

// CentreCode stands in the organizationIdentifier of what the practice centre itself signs: a code that no
// municipality has.
const CentreCode protocol.Municipality = "990000"

// Town is one municipality's keys.
type Town struct {
	IssuingCA, Issuer, RegisterCA, Register *sign.Pair
}

// Keys is every key of the practice world but the terminals', which are made as they are asked for.
type Keys struct {
	TLSCA    *sign.Pair
	Centre   *sign.Pair   // TLS, for 127.0.0.1 and localhost
	Receipts *sign.Pair   // signs receipts, and the state of incidents that nobody has touched
	Taker    *sign.Pair   // of a person who acknowledges incidents
	Closer   *sign.Pair   // of one who closes them, too
	CentreCA *sign.Pair   // above Receipts, Taker and Closer
	CardCAs  []*sign.Pair // by generation, the first is 1
	Towns    map[protocol.Municipality]Town
	Cards    map[string][]*sign.Pair // by person; the first is in the person's hand, others were before
}

// Load reads the keys in dir, or makes them. With dir "" they are made and not kept.
func Load(dir string, now time.Time) (*Keys, error) {
	plan := plan()
	if dir != "" {
		if have, err := read(dir, plan, now); err == nil {
			return assemble(have), nil
		}
	}
	have, err := produce(plan, now)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := write(dir, plan, have); err != nil {
			return nil, err
		}
	}
	return assemble(have), nil
}

// item is one pair to be made: its name, its key, and what its issuer makes of it.
type item struct {
	name   string
	key    people.KeyKind
	under  string // the issuer's name, or "" for a CA of its own
	make   func(ca *sign.Pair, t sign.Template) (*sign.Pair, error)
	adjust func(*sign.Template)
}

const (
	tlsCA    = "tls/ca"
	centre   = "tls/centre"
	centreCA = "centre/ca"
	receipts = "centre/receipts"
	taker    = "centre/taker"
	closer   = "centre/closer"
)

func authority(name string, key people.KeyKind) item {
	return item{name: name, key: key, make: func(_ *sign.Pair, t sign.Template) (*sign.Pair, error) {
		t.Practice, t.PathLen = true, -1
		return sign.NewCA(t)
	}}
}

func signer(name string, key people.KeyKind, under string, m protocol.Municipality) item {
	return item{name: name, key: key, under: under, make: func(ca *sign.Pair, t sign.Template) (*sign.Pair, error) {
		return ca.NewSigner(m, t)
	}}
}

func card(name string, key people.KeyKind, generation int) item {
	return item{name: name, key: key, under: cardCA(generation), make: (*sign.Pair).NewCard}
}

func cardCA(generation int) string { return fmt.Sprintf("card/ca%d", generation) }

// plan lists everything, issuers first.
func plan() []item {
	p := []item{
		authority(tlsCA, people.P256), authority(centreCA, people.P256),
		{name: centre, key: people.P256, under: tlsCA, make: (*sign.Pair).NewCard, adjust: func(t *sign.Template) { t.Adjust = forServer }},
		signer(receipts, people.P256, centreCA, CentreCode), signer(taker, people.P256, centreCA, CentreCode),
		signer(closer, people.P256, centreCA, CentreCode),
	}
	for i, key := range []people.KeyKind{people.RSA2048, people.P256} {
		ca := authority(cardCA(i+1), key)
		ca.adjust = func(t *sign.Template) { t.Subject = cardAuthority() }
		p = append(p, ca)
	}
	algorithms := map[protocol.Municipality]people.KeyKind{people.Mihon: people.P256, people.Kaku: people.P384, people.Reiji: people.RSA2048}
	for _, t := range people.Towns() {
		c := string(t.Code)
		p = append(p, authority(c+"/issuing-ca", caKey(algorithms[t.Code])), signer(c+"/issuer", algorithms[t.Code], c+"/issuing-ca", t.Code),
			authority(c+"/register-ca", people.P256), signer(c+"/register", people.P256, c+"/register-ca", t.Code))
	}
	for _, who := range people.All() {
		p = append(p, card("card/"+who.ID, who.Key, who.Generation))
		if who.Renewed {
			p = append(p, card("card/"+who.ID+"/old", people.P256, 2))
		}
	}
	return p
}

// caKey is the key of the CA above a signer: an RSA signer's is ECDSA, since RSA keys are slow to make.
func caKey(signer people.KeyKind) people.KeyKind {
	if signer == people.RSA2048 {
		return people.P384
	}
	return signer
}

// cardAuthority is the name that both generations bear.
func cardAuthority() *pkix.Name {
	return &pkix.Name{Country: []string{"JP"}, Organization: []string{"Honnin practice"}, OrganizationalUnit: []string{"practice cards, user authentication"}}
}

func forServer(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, []string{"localhost"}
}

const (
	validFor = 5 * 365 * 24 * time.Hour
	early    = 24 * time.Hour
	renew    = 30 * 24 * time.Hour
)

// produce makes all keys at once, on every core, and then their certificates.
func produce(plan []item, now time.Time) (map[string]*sign.Pair, error) {
	keys, err := generate(plan)
	if err != nil {
		return nil, err
	}
	have := map[string]*sign.Pair{}
	for i, it := range plan {
		t := sign.Template{Name: "practice " + it.name, NotBefore: now.Add(-early), NotAfter: now.Add(validFor), Key: keys[i]}
		if it.adjust != nil {
			it.adjust(&t)
		}
		if have[it.name], err = it.make(have[it.under], t); err != nil {
			return nil, err
		}
	}
	return have, nil
}

func generate(plan []item) ([]crypto.Signer, error) {
	keys, errs := make([]crypto.Signer, len(plan)), make([]error, len(plan))
	var wg sync.WaitGroup
	for i, it := range plan {
		wg.Go(func() { keys[i], errs[i] = newKey(it.key) })
	}
	wg.Wait()
	return keys, errors.Join(errs...)
}

func newKey(k people.KeyKind) (crypto.Signer, error) {
	switch k {
	case people.RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case people.P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func assemble(have map[string]*sign.Pair) *Keys {
	k := &Keys{TLSCA: have[tlsCA], Centre: have[centre], Receipts: have[receipts], Taker: have[taker], Closer: have[closer], CentreCA: have[centreCA],
		CardCAs: []*sign.Pair{have[cardCA(1)], have[cardCA(2)]}, Towns: map[protocol.Municipality]Town{}, Cards: map[string][]*sign.Pair{}}
	for _, t := range people.Towns() {
		c := string(t.Code)
		k.Towns[t.Code] = Town{have[c+"/issuing-ca"], have[c+"/issuer"], have[c+"/register-ca"], have[c+"/register"]}
	}
	for _, who := range people.All() {
		k.Cards[who.ID] = []*sign.Pair{have["card/"+who.ID]}
		if old := have["card/"+who.ID+"/old"]; old != nil {
			k.Cards[who.ID] = append(k.Cards[who.ID], old)
		}
	}
	return k
}

// Terminal makes a client certificate for a terminal, valid for a year. Its common name is the terminal's name.
func (k *Keys) Terminal(name protocol.Terminal, now time.Time) (tls.Certificate, error) {
	p, err := k.TLSCA.NewCard(sign.Template{Name: string(name), NotBefore: now.Add(-early), NotAfter: now.Add(365 * 24 * time.Hour)})
	if err != nil {
		return tls.Certificate{}, err
	}
	return TLS(p), nil
}

// Enrol issues the certificate that a terminal asks for, valid for a year.
func (k *Keys) Enrol(a identity.Asked, now time.Time) (*x509.Certificate, error) {
	return identity.Issue(k.TLSCA, a, now.Add(-early), now.Add(365*24*time.Hour))
}

// TLS returns a pair in the form that crypto/tls takes.
func TLS(p *sign.Pair) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.Certificate.Raw}, PrivateKey: p.Key, Leaf: p.Certificate}
}

// Pool returns a pool of one anchor.
func Pool(p *sign.Pair) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate)
	return pool
}

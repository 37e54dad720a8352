package issuer_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
)

var now = time.Date(2026, 11, 20, 15, 30, 0, 0, time.UTC) // half past midnight of the 21st in Tokyo

func key(t testing.TB, kind people.KeyKind) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch kind {
	case people.RSA2048:
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case people.P384:
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kakus is the issuer of Kaku with a new key, over registers that hold everybody.
func kakus(t testing.TB, kind people.KeyKind) (*issuer.Issuer, *register.Primary, *trust.Store) {
	t.Helper()
	template := sign.Template{Name: "CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	ca, err := sign.NewCA(template)
	if err != nil {
		t.Fatal(err)
	}
	template.Name, template.Key = "issuer", key(t, kind)
	signer, err := ca.NewSigner(people.Kaku, template)
	if err != nil {
		t.Fatal(err)
	}
	store, err := trust.NewStore(trust.Authority{Municipality: people.Kaku, Anchors: []*x509.Certificate{ca.Certificate}})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	registers := people.Registers{}
	for _, town := range people.Towns() {
		registers[town.Code] = register.New(town.Code, clock)
	}
	people.Settle(registers)
	registers[people.Kaku].Link("p04", protocol.Digest{4})
	registers[people.Kaku].Link("p07", protocol.Digest{7})
	office, err := people.Towns()[1].Office()
	if err != nil {
		t.Fatal(err)
	}
	i, err := issuer.New(issuer.Config{Municipality: people.Kaku, Office: office, Source: registers[people.Kaku], Signer: signer,
		Software: protocol.Software{Name: "test", Version: "1.0.0", Fixes: []string{}}, Lifetime: time.Minute, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return i, registers[people.Kaku], store
}

func order(person string, fingerprint byte, c protocol.Certificate) issuer.Order {
	return issuer.Order{Transaction: protocol.NewTransaction(), Terminal: "JP-99-000001", Nonce: protocol.NewNonce(), Person: person,
		Applicant: protocol.Digest{fingerprint}, Certificate: c, Options: protocol.Options{"household": protocol.Text("all")}, Copies: 1}
}

func TestIssue(t *testing.T) {
	i, _, store := kakus(t, people.P256)
	o := order("p04", 4, protocol.ResidentRecord)
	p, err := i.Issue(o)
	if err != nil {
		t.Fatal(err)
	}
	pdf, signer, err := trust.Verify(p.Bytes, store, now, now, 0)
	if err != nil || signer.Municipality != people.Kaku || protocol.Fingerprint(pdf) != p.Document || p.Paper != "p04" {
		t.Error(signer.Municipality, p.Paper, err)
	}
	subject := protocol.HashFingerprint(o.Nonce, protocol.Digest{4})
	if n := bytes.Count(pdf, []byte(fmt.Sprintf("%X", subject[:]))) + bytes.Count(pdf, []byte(fmt.Sprintf("%x", subject[:]))); n != 2 {
		t.Error("page tags with the subject hash:", n)
	}
	second, err := i.Issue(o)
	if err != nil || second.Document == p.Document {
		t.Error("two issues share a serial number", err)
	}
}

func TestIssuerRefuses(t *testing.T) {
	i, primary, _ := kakus(t, people.P256)
	for name, c := range map[string]struct {
		order issuer.Order
		want  error
	}{
		"another's card":   {order("p04", 7, protocol.ResidentRecord), register.ErrNotLinked},
		"an unknown card":  {order("p04", 9, protocol.ResidentRecord), register.ErrNotLinked},
		"a stranger":       {order("p01", 4, protocol.ResidentRecord), register.ErrNotRegistered},
		"no seal":          {order("p05", 5, protocol.SealRegistration), register.ErrNotRegistered},
		"a year of no tax": {order("p04", 4, protocol.IncomeTax), register.ErrFacts},
	} {
		if p, err := i.Issue(c.order); !errors.Is(err, c.want) || p.Bytes != nil {
			t.Error(name, err)
		}
	}
	if err := primary.Abolish(protocol.SealRegister, "p07"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Issue(order("p07", 7, protocol.SealRegistration)); !errors.Is(err, register.ErrNotRegistered) {
		t.Error("an abolished registration:", err)
	}
}

// The hash is of what the register stored: a record that changed hands between two steps shows.
func TestTheHashTravelsWithTheRecord(t *testing.T) {
	i, _, _ := kakus(t, people.P256)
	mine, theirs := order("p04", 4, protocol.ResidentRecord), order("p07", 7, protocol.ResidentRecord)
	reading, err := i.Read(theirs)
	if err != nil {
		t.Fatal(err)
	}
	d, err := i.Render(mine, reading)
	if err != nil || d.Paper != "p07" {
		t.Fatal(d.Paper, err)
	}
	subject := protocol.HashFingerprint(mine.Nonce, protocol.Digest{7})
	if !bytes.Contains(bytes.ToLower(d.PDF), []byte(fmt.Sprintf("%x", subject[:]))) {
		t.Error("the tag is not that of the record's holder")
	}
}

// BenchmarkIssue measures one package, read, drawn and signed, by the signer's algorithm and the certificate.
func BenchmarkIssue(b *testing.B) {
	for _, kind := range []people.KeyKind{people.P256, people.P384, people.RSA2048} {
		i, _, _ := kakus(b, kind)
		for _, c := range []struct {
			name   string
			person string
			kind   protocol.Certificate
		}{{"1page", "p07", protocol.ResidentRecord}, {"2pages", "p04", protocol.ResidentRecord}, {"seal", "p07", protocol.SealRegistration}} {
			b.Run(string(kind)+"/"+c.name, func(b *testing.B) {
				var sizes []int
				for b.Loop() {
					p, err := i.Issue(order(c.person, c.person[2]-'0', c.kind))
					if err != nil {
						b.Fatal(err)
					}
					sizes = append(sizes, len(p.Bytes))
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packages/s")
				b.ReportMetric(float64(slices.Max(sizes)), "bytes")
			})
		}
	}
}

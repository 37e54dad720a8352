package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

// The instant of every vector but openssl's, and the life of every certificate that is not about time.
var (
	at   = time.Date(2026, 11, 21, 2, 4, 30, 0, time.UTC)
	from = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Three municipalities that do not exist: no prefecture is 99.
const (
	cityA = protocol.Municipality("991015") // a chain with an intermediate, P-256 and RSA; a software floor
	cityB = protocol.Municipality("992020") // its own anchor, any software
	cityC = protocol.Municipality("993034") // a pinned signer only
)

//go:embed keys/rsa2048.pem
var rsa2048PEM []byte

//go:embed keys/rsa1024.pem
var rsa1024PEM []byte

//go:embed keys/rsa4096.pem
var rsa4096PEM []byte

func check(err error) {
	if err != nil {
		panic(err) // the generator has nobody to hand an error to
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// key derives an elliptic-curve key from a label.
func key(curve elliptic.Curve, label string) crypto.Signer {
	d := sha512.Sum512([]byte("honnin vectors " + label))
	scalar := make([]byte, (curve.Params().BitSize+7)/8)
	copy(scalar, d[:])
	scalar[0] &= 1 // below the order of every curve
	return must(ecdsa.ParseRawPrivateKey(curve, scalar))
}

func p256(label string) crypto.Signer { return key(elliptic.P256(), label) }
func p384(label string) crypto.Signer { return key(elliptic.P384(), label) }

func edKey(label string) crypto.Signer {
	seed := sha256.Sum256([]byte("honnin vectors " + label))
	return ed25519.NewKeyFromSeed(seed[:])
}

func readKey(b []byte) crypto.Signer {
	block, _ := pem.Decode(b)
	return must(x509.ParsePKCS8PrivateKey(block.Bytes)).(crypto.Signer)
}

func template(name string, k crypto.Signer) sign.Template {
	return sign.Template{Name: name, NotBefore: from, NotAfter: to, Key: k, Practice: true}
}

// world is everyone who signs something, and the cards.
type world struct {
	rsa2048, rsa1024, rsa4096 crypto.Signer

	rootA, midA, rsaRootA  *sign.Pair
	signerA, rsaSignerA    *sign.Pair // P-256 under midA, RSA under rsaRootA
	p384SignerA, revokedA  *sign.Pair
	listedA                *sign.Pair // on the CRL
	revokedMidA            *sign.Pair
	listedMidA             *sign.Pair // on the root's CRL
	oldRootA               *sign.Pair // an anchor of A that ended a second ago
	midCRL                 []byte
	rootB, signerB         *sign.Pair
	pinC                   *sign.Pair
	oldPinC, revokedPinC   *sign.Pair
	weakPinC, caPinC       *sign.Pair
	agreementPinC, oddPinC *sign.Pair
	registerA, registrarA  *sign.Pair
	stranger               *sign.Pair // a CA that no policy names

	cardCA1, cardCA2    *sign.Pair
	oldCardCA, noCardCA *sign.Pair // anchors that may issue no card: one ended, one is no CA
	cards               map[string]*sign.Pair
}

func newWorld() *world {
	w := &world{rsa2048: readKey(rsa2048PEM), rsa1024: readKey(rsa1024PEM), rsa4096: readKey(rsa4096PEM)}
	w.rootA = must(sign.NewCA(template("Practice City A Root", p384("root A"))))
	w.midA = must(w.rootA.NewCA(template("Practice City A Issuing CA", p256("mid A"))))
	w.revokedMidA = must(w.rootA.NewCA(template("Practice City A Revoked CA", p256("revoked mid A"))))
	w.rsaRootA = must(sign.NewCA(template("Practice City A RSA Root", w.rsa2048)))
	w.signerA = w.signer(w.midA, cityA, "Certificate Issuer A", p256("signer A"))
	w.p384SignerA = w.signer(w.midA, cityA, "Certificate Issuer A, P-384", p384("p384 signer A"))
	w.revokedA = w.signer(w.midA, cityA, "Revoked Issuer A", p256("revoked A"))
	w.listedA = w.signer(w.midA, cityA, "Listed Issuer A", p256("listed A"))
	w.rsaSignerA = w.signer(w.rsaRootA, cityA, "Certificate Issuer A, RSA", w.rsa2048)
	w.rootB = must(sign.NewCA(template("Practice Town B Root", p256("root B"))))
	w.signerB = w.signer(w.rootB, cityB, "Certificate Issuer B", p256("signer B"))
	w.registerA = must(sign.NewCA(template("Practice City A Register CA", p256("register A"))))
	w.registrarA = w.signer(w.registerA, cityA, "Resident Register A", p256("registrar A"))
	w.stranger = must(sign.NewCA(template("Nobody's CA", p256("stranger"))))
	w.listedMidA = must(w.rootA.NewCA(template("Practice City A Listed CA", p256("listed mid A"))))
	w.oldRootA = must(sign.NewCA(adjusted("Practice City A Old Root", p256("old root A"), func(c *x509.Certificate) { c.NotAfter = at.Add(-time.Second) })))
	w.midCRL = must(w.midA.CRL(1, from, to, w.listedA.Certificate)).Raw
	w.addPins()
	w.addCards()
	return w
}

// addPins makes the pinned signers of C: one that is right, without all that a pin waives, and others.
func (w *world) addPins() {
	pin := func(name string, k crypto.Signer, adjust func(*x509.Certificate)) *sign.Pair {
		return must(w.stranger.NewSigner(cityC, adjusted(name, k, func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.Subject.ExtraNames = nil, nil
			adjust(c)
		})))
	}
	none := func(*x509.Certificate) {}
	w.pinC = pin("Village Hall C", p256("pin C"), none)
	w.oldPinC = pin("Old Village Hall C", p256("old pin C"), func(c *x509.Certificate) { c.NotAfter = at.Add(-time.Second) })
	w.revokedPinC = pin("Revoked Village Hall C", p256("revoked pin C"), none)
	w.weakPinC = pin("Weak Village Hall C", w.rsa1024, none)
	w.caPinC = pin("Authority of Village Hall C", p256("ca pin C"), func(c *x509.Certificate) { c.IsCA = true })
	w.oddPinC = pin("Odd Village Hall C", p256("odd pin C"), func(c *x509.Certificate) { c.ExtraExtensions = critical })
	w.agreementPinC = pin("Private Line of Village Hall C", p256("agreement pin C"), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })
}

func (w *world) signer(ca *sign.Pair, m protocol.Municipality, name string, k crypto.Signer) *sign.Pair {
	return must(ca.NewSigner(m, template(name, k)))
}

func adjusted(name string, k crypto.Signer, adjust func(*x509.Certificate)) sign.Template {
	t := template(name, k)
	t.Adjust = adjust
	return t
}

// addCards makes two generations of a card CA with one name, and cards.
func (w *world) addCards() {
	subject := pkix.Name{Country: []string{"JP"}, Organization: []string{"Practice JPKI"}, OrganizationalUnit: []string{"Practice JPKI for user authentication"}}
	generation := func(k crypto.Signer) *sign.Pair {
		t := template("", k)
		t.Subject = &subject
		return must(sign.NewCA(t))
	}
	w.cardCA1, w.cardCA2 = generation(w.rsa2048), generation(p384("card CA 2"))
	third := generation(p256("card CA 3"))
	card := func(ca *sign.Pair, name string, t sign.Template) { w.cards[name] = must(ca.NewCard(t)) }
	w.cards = map[string]*sign.Pair{}
	w.oldCardCA = must(sign.NewCA(adjusted("Old card CA", p256("old card CA"), func(c *x509.Certificate) { c.NotAfter = at.Add(-time.Second) })))
	w.noCardCA = must(sign.NewCA(adjusted("No card CA", p256("no card CA"), func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })))
	card(w.oldCardCA, "card-old-ca.pem", template("P12", p256("p12")))
	card(w.noCardCA, "card-no-ca.pem", template("P13", p256("p13")))
	card(w.cardCA1, "card-p01.pem", template("P01", w.rsa2048))
	card(w.cardCA2, "card-p02.pem", template("P02", p384("p02")))
	card(w.cardCA2, "card-p03.pem", template("P03", p256("p03")))
	card(third, "card-stranger.pem", template("P04", p256("p04")))
	expired, future := template("P05", p256("p05")), template("P06", p256("p06"))
	expired.NotAfter, future.NotBefore = at.Add(-time.Second), at.Add(time.Second)
	card(w.cardCA2, "card-expired.pem", expired)
	card(w.cardCA2, "card-future.pem", future)
	card(w.cardCA2, "card-agreement.pem", adjusted("P07", p256("p07"), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }))
	card(w.cardCA1, "card-rsa1024.pem", template("P08", w.rsa1024))
	card(w.cardCA2, "card-p521.pem", template("P09", p521("p09")))
	card(w.cardCA2, "card-ca.pem", adjusted("P10", p256("p10"), func(c *x509.Certificate) { c.IsCA = true }))
	card(w.cardCA2, "card-critical.pem", adjusted("P11", p256("p11"), func(c *x509.Certificate) { c.ExtraExtensions = critical }))
	w.cards["card-signer.pem"] = w.signerA
}

// critical is an extension that nobody knows.
var critical = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 25, 2}, Critical: true, Value: []byte{5, 0}}}

func certPEM(pairs ...*sign.Pair) []byte {
	var out []byte
	for _, p := range pairs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw})...)
	}
	return out
}

// files are the policy and what it names, and the cards.
func (w *world) files() map[string][]byte {
	crl := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}) }
	policy := fmt.Sprintf(policyText, fingerprint(w.revokedA), fingerprint(w.revokedMidA), fingerprint(w.revokedPinC))
	thief := &sign.Pair{Certificate: must(sign.NewCA(adjusted("Practice City A Issuing CA", p256("thief"), func(c *x509.Certificate) {
		c.Subject, c.SubjectKeyId = w.midA.Certificate.Subject, w.midA.Certificate.SubjectKeyId
	}))).Certificate, Key: p256("thief")}
	out := map[string][]byte{
		"policy.toml":     []byte(policy),
		"policy-crl.toml": []byte(strings.Replace(policy, `"issuing-a.crl"`, `"issuing-a-forged.crl"`, 1)),
		"card-cas.pem":    certPEM(w.cardCA1, w.cardCA2, w.oldCardCA, w.noCardCA),
		"issuing-a.pem":   certPEM(w.rootA, w.rsaRootA, w.oldRootA), "register-a.pem": certPEM(w.registerA),
		"issuing-b.pem": certPEM(w.rootB),
		"pin-c.pem":     certPEM(w.pinC, w.oldPinC, w.revokedPinC, w.weakPinC, w.caPinC, w.agreementPinC, w.oddPinC),
		"issuing-a.crl": crl(w.midCRL), "issuing-a-forged.crl": crl(must(thief.CRL(2, from, to)).Raw),
		"issuing-a-root.crl": crl(must(w.rootA.CRL(1, from, to, w.listedMidA.Certificate)).Raw),
	}
	for name, c := range w.cards {
		out[name] = certPEM(c)
	}
	return out
}

func fingerprint(p *sign.Pair) string { return protocol.Fingerprint(p.Certificate.Raw).String() }

const policyText = `# The policy of the vectors. Its anchors are practice ones: no production terminal takes it.
version = 1
clock_skew = "5m"
package_lifetime = "15m"
crl_max_age = "8784h"

[card]
anchors = ["card-cas.pem"] # two generations of one name

[[municipality]]
code = "991015"
name = "Practice City A"
issuing_anchors = ["issuing-a.pem"]
register_anchors = ["register-a.pem"]
revoked = [
  %q, # a signer
  %q, # an intermediate
]
crls = ["issuing-a.crl", "issuing-a-root.crl"]
  [[municipality.software]]
  name = "practice-issuer"
  floor = "1.4.0"
  fixes = ["one-transaction-one-file"]

[[municipality]]
code = "992020"
name = "Practice Town B"
issuing_anchors = ["issuing-b.pem"]
register_anchors = []

[[municipality]]
code = "993034"
name = "Practice Village C"
pinned_signers = ["pin-c.pem"]
register_anchors = []
revoked = [%q] # a pinned one
`

func p224(label string) crypto.Signer { return key(elliptic.P224(), label) }
func p521(label string) crypto.Signer { return key(elliptic.P521(), label) }

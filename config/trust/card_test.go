package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/sign"
)

// jpki is the subject of both generations of the real user-authentication CA.
var jpki = pkix.Name{Country: []string{"JP"}, Organization: []string{"JPKI"},
	OrganizationalUnit: []string{"JPKI for user authentication", "Japan Agency for Local Authority Information Systems"}}

func jpkiCA(t testing.TB, change ...func(*sign.Template)) *sign.Pair {
	return must[*sign.Pair](t)(sign.NewCA(template("", append(change, func(t *sign.Template) { t.Subject = &jpki })...)))
}

func TestCheckCard(t *testing.T) {
	first, second, third := jpkiCA(t, key(rsa2048())), jpkiCA(t), jpkiCA(t)
	old := jpkiCA(t, valid(-2*time.Hour, -time.Hour))
	renewed := jpkiCA(t, key(old.Key))
	weakCA := jpkiCA(t, key(rsa1024()))
	notCA := jpkiCA(t, with(func(c *x509.Certificate) { c.IsCA = false }))
	mute := jpkiCA(t, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }))
	card := func(ca *sign.Pair, change ...func(*sign.Template)) *x509.Certificate {
		return must[*sign.Pair](t)(ca.NewCard(template("P0", change...))).Certificate
	}
	both := []*sign.Pair{first, second}
	for name, c := range map[string]struct {
		card    *x509.Certificate
		anchors []*sign.Pair
		want    reason.Code
	}{
		"first generation":   {card(first), both, ok},
		"second generation":  {card(second), both, ok},
		"RSA":                {card(first, key(rsa2048())), both, ok},
		"P-384":              {card(second, key(p384())), both, ok},
		"no key identifiers": {card(second, with(noIdentifiers)), both, ok},
		"no key usage":       {card(second, with(func(c *x509.Certificate) { c.KeyUsage = 0 })), both, ok},
		"valid until now":    {card(second, valid(-time.Hour, 0)), both, ok},
		"third of the name":  {card(third), both, reason.CardUntrusted},
		"no anchors":         {card(first), nil, reason.CardUntrusted},
		"lying identifier": {card(third, with(func(c *x509.Certificate) { c.AuthorityKeyId = second.Certificate.SubjectKeyId })),
			both, reason.CardUntrusted},
		"expired":          {card(second, valid(-2*time.Hour, -time.Second)), both, reason.CardExpired},
		"not yet valid":    {card(second, valid(time.Second, time.Hour)), both, reason.CardExpired},
		"stranger expired": {card(third, valid(-2*time.Hour, -time.Second)), both, reason.CardUntrusted},
		"not for signing":  {card(second, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })), both, reason.CardUntrusted},
		"a CA":             {second.Certificate, both, reason.CardUntrusted},
		"secret":           {card(second, with(func(c *x509.Certificate) { c.ExtraExtensions = critical })), both, reason.CardUntrusted},
		"RSA-1024":         {card(second, key(rsa1024())), both, reason.CardUntrusted},
		"Ed25519":          {card(second, key(ed())), both, reason.CardUntrusted},
		"P-521":            {card(second, key(p521())), both, reason.CardUntrusted},
		"SHA-1":            {card(first, with(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA })), both, reason.CardUntrusted},
		"old CA":           {card(old), []*sign.Pair{old}, reason.CardUntrusted},
		"old CA, renewed":  {card(old), []*sign.Pair{old, renewed}, ok},
		"weak CA":          {card(weakCA), []*sign.Pair{weakCA}, reason.CardUntrusted},
		"anchor is no CA":  {card(notCA), []*sign.Pair{notCA}, reason.CardUntrusted},
		"anchor is mute":   {card(mute), []*sign.Pair{mute}, reason.CardUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			var anchors []*x509.Certificate
			for _, a := range c.anchors {
				anchors = append(anchors, a.Certificate)
			}
			if err := trust.CheckCard(c.card, anchors, now); reason.Of(err) != c.want || (err == nil) != (c.want == ok) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestVerifyCardSignature(t *testing.T) {
	ca := jpkiCA(t)
	message := []byte("honnin release v1\x00…")
	digest := sha256.Sum256(message)
	for name, c := range map[string]struct {
		key  crypto.Signer
		sign func(crypto.Signer) ([]byte, error)
		ok   bool
	}{
		"RSA":      {rsa2048(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, digest[:], crypto.SHA256) }, true},
		"P-256":    {p256(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, digest[:], crypto.SHA256) }, true},
		"P-384":    {p384(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, digest[:], crypto.SHA256) }, true},
		"P-521":    {p521(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, digest[:], crypto.SHA256) }, false},
		"RSA-1024": {rsa1024(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, digest[:], crypto.SHA256) }, false},
		"Ed25519":  {ed(), func(k crypto.Signer) ([]byte, error) { return k.Sign(rand.Reader, message, crypto.Hash(0)) }, false},
		"PSS": {rsa2048(), func(k crypto.Signer) ([]byte, error) {
			return k.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
		}, false},
		"another key":  {p256(), func(crypto.Signer) ([]byte, error) { return p384().Sign(rand.Reader, digest[:], crypto.SHA256) }, false},
		"empty":        {rsa2048(), func(crypto.Signer) ([]byte, error) { return nil, nil }, false},
		"empty, ECDSA": {p256(), func(crypto.Signer) ([]byte, error) { return nil, nil }, false},
		"behind it": {p256(), func(k crypto.Signer) ([]byte, error) {
			sig, err := ecdsa.SignASN1(rand.Reader, k.(*ecdsa.PrivateKey), digest[:])
			return append(sig, 0), err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			card := must[*sign.Pair](t)(ca.NewCard(template("P0", key(c.key)))).Certificate
			sig := must[[]byte](t)(c.sign(c.key))
			if err := trust.VerifyCardSignature(card, message, sig); (err == nil) != c.ok {
				t.Error(err)
			}
			if trust.VerifyCardSignature(card, append(slices.Clone(message), 0), sig) == nil {
				t.Error("another message verifies")
			}
		})
	}
}

func TestParseCertificates(t *testing.T) {
	a, b := jpkiCA(t).Certificate, jpkiCA(t).Certificate
	keyBlock := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})
	for name, c := range map[string]struct {
		in   []byte
		want []*x509.Certificate
	}{
		"DER":           {a.Raw, []*x509.Certificate{a}},
		"PEM":           {certPEM(a), []*x509.Certificate{a}},
		"two":           {certPEM(a, b), []*x509.Certificate{a, b}},
		"text around":   {slices.Concat([]byte("subject=x\n"), certPEM(a), []byte("between\n"), certPEM(b), []byte("after\n")), []*x509.Certificate{a, b}},
		"empty":         {nil, nil},
		"text":          {[]byte("hello"), nil},
		"trailing DER":  {append(slices.Clone(a.Raw), 0), nil},
		"a key too":     {append(certPEM(a), keyBlock...), nil},
		"broken block":  {append(certPEM(a), certPEM(b)[:200]...), nil},
		"broken base64": {slices.Concat(certPEM(a)[:64], []byte("!!!!"), certPEM(a)[64:]), nil},
		"broken DER":    {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Raw[1:]}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := trust.ParseCertificates(c.in)
			if (err == nil) != (c.want != nil) || !slices.EqualFunc(got, c.want, (*x509.Certificate).Equal) {
				t.Errorf("%d certificates, %v", len(got), err)
			}
		})
	}
}

func TestParseCRL(t *testing.T) {
	ca := jpkiCA(t)
	l := must[*x509.RevocationList](t)(ca.CRL(1, now, now.Add(time.Hour), ca.Certificate))
	armoured := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: l.Raw})
	for name, c := range map[string]struct {
		in []byte
		ok bool
	}{
		"DER": {l.Raw, true}, "PEM": {armoured, true}, "empty": {nil, false}, "a certificate": {certPEM(ca.Certificate), false},
		"two": {slices.Concat(armoured, armoured), false}, "garbage": {[]byte{0x30, 0}, false},
	} {
		if got, err := trust.ParseCRL(c.in); (err == nil) != c.ok || c.ok && len(got.RevokedCertificateEntries) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPracticeMark(t *testing.T) {
	mark := func(t *sign.Template) { t.Practice = true }
	ca := must[*sign.Pair](t)(sign.NewCA(template("Practice", mark)))
	if !trust.IsPractice(ca.Certificate) || trust.IsPractice(jpkiCA(t).Certificate) {
		t.Error("the mark is not where it belongs")
	}
	w := newWorld(t)
	s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{ca.Certificate}})
	w.expect(t, w.sign(w.issue(w.ca(ca, "Below", mark))), s) // the mark does not get in the way of paths
	w.expect(t, w.sign(w.issue(w.ca(ca, "Below"))), s)
}

package policy_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"honnin/config/policy"
	"honnin/config/protocol"
)

func spki(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	return must[[]byte](t)(x509.MarshalPKIXPublicKey(key))
}

// TestIncidentKey: a municipality's key is X25519 or P-256, alone in one PEM block, in its one form; any other file is refused by
// line and key. A municipality without one, or that nobody knows, has none.
func TestIncidentKey(t *testing.T) {
	w := fullWorld(t)
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p384 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	signing, _, _ := ed25519.GenerateKey(rand.Reader)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	good := block("PUBLIC KEY", spki(t, x.PublicKey()))
	private := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(x))
	low := spki(t, x.PublicKey())
	copy(low[len(low)-32:], make([]byte, 32))
	for name, c := range map[string]struct {
		pem   []byte
		taken bool
	}{
		"X25519": {good, true}, "P-256": {block("PUBLIC KEY", spki(t, p256.Public())), true},
		"with lines around it": {[]byte("\n" + string(good) + "\n\n"), true},
		"P-384":                {block("PUBLIC KEY", spki(t, p384.Public())), false}, "a key that signs": {block("PUBLIC KEY", spki(t, signing)), false},
		"a private key": {block("PRIVATE KEY", private), false}, "under another name": {block("CERTIFICATE", spki(t, x.PublicKey())), false},
		"a certificate": {w.files["signer.pem"], false}, "two": {append(append([]byte{}, good...), good...), false},
		"text before": {append([]byte("note\n"), good...), false}, "text behind": {append(append([]byte{}, good...), "note\n"...), false},
		"a point of low order": {block("PUBLIC KEY", low), false}, "cut": {block("PUBLIC KEY", spki(t, x.PublicKey())[:40]), false},
		"and a byte more": {block("PUBLIC KEY", append(spki(t, x.PublicKey()), 0)), false}, "nothing": {nil, false},
		"with a header": {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"A": "b"}, Bytes: spki(t, x.PublicKey())}), false},
	} {
		w.files["incident.pem"] = c.pem
		p, err := policy.Parse([]byte(full), w.load)
		if !c.taken {
			if p != nil || err == nil || !strings.Contains(err.Error(), "municipality[141003].incident_key: must be one PEM block") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		key, ok := p.IncidentKey("141003")
		if !ok || !strings.Contains(string(c.pem), strings.TrimSpace(string(block("PUBLIC KEY", spki(t, key))))) {
			t.Errorf("%s: %v", name, key)
		}
		for _, other := range []protocol.Municipality{"131016", "011002"} {
			if key, ok := p.IncidentKey(other); ok || key != nil {
				t.Errorf("%s has a key", other)
			}
		}
	}
}

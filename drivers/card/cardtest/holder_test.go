package cardtest_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"honnin/drivers/card/cardtest"
)

func TestCertificatesToSize(t *testing.T) {
	ca, err := cardtest.NewAuthority("user authentication")
	if err != nil {
		t.Fatal(err)
	}
	key, err := cardtest.GenerateKey(cardtest.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{900, 1266, 1500, 1900, 4000} {
		der, err := ca.Issue(key.Public(), 7, x509.KeyUsageDigitalSignature, size)
		if err != nil || len(der) != size {
			t.Errorf("%d bytes, want %d: %v", len(der), size, err)
		}
	}
	if _, err := ca.Issue(key.Public(), 7, x509.KeyUsageDigitalSignature, 300); err == nil {
		t.Error("a certificate of 300 bytes under a 2048-bit key")
	}
}

func TestHolder(t *testing.T) {
	for _, a := range []cardtest.Algorithm{cardtest.RSA2048, cardtest.ECDSAP256, cardtest.ECDSAP384} {
		o, err := cardtest.NewHolder(a, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][2][]byte{{o.AuthCert, o.AuthCA}, {o.SignCert, o.SignCA}} {
			checkChain(t, p[0], p[1])
		}
	}
	if _, err := cardtest.NewHolder("DSA", 0); err == nil {
		t.Error("an unknown algorithm made a card")
	}
}

func checkChain(t *testing.T, leaf, ca []byte) {
	t.Helper()
	cert, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := x509.ParseCertificate(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(anchor)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 || !strings.Contains(cert.Issuer.String(), "fictional") {
		t.Errorf("key usage %b, issuer %s", cert.KeyUsage, cert.Issuer)
	}
}

// witness notes what a test would have been told.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Helper()               {}
func (w *witness) Fatalf(string, ...any) { w.said = "failed" }
func (w *witness) Skipf(string, ...any)  { w.said = "skipped" }

func TestAnUnknownProgramIsMissing(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped", "true": "failed"} {
		t.Setenv("CI", ci)
		w := &witness{TB: t}
		if cardtest.Need(w, "no-such-program-anywhere"); w.said != want {
			t.Errorf("CI=%q: %q", ci, w.said)
		}
		w.said = ""
		if cardtest.Need(w, "sh"); w.said != "" {
			t.Errorf("CI=%q: sh is %s", ci, w.said)
		}
	}
}

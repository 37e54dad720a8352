package sign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

var now = time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func template(name string) sign.Template {
	return sign.Template{Name: name, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
}

func authority(t testing.TB) (ca, signer *sign.Pair, store *trust.Store) {
	t.Helper()
	ca = must[*sign.Pair](t)(sign.NewCA(template("CA")))
	signer = must[*sign.Pair](t)(ca.NewSigner("141003", template("Signer")))
	store = must[*trust.Store](t)(trust.NewStore(trust.Authority{Municipality: "141003", Anchors: []*x509.Certificate{ca.Certificate}}))
	return ca, signer, store
}

// Whatever the content, what Sign makes is accepted and gives the content back.
func TestSignedIsAccepted(t *testing.T) {
	_, signer, store := authority(t)
	rapid.Check(t, func(r *rapid.T) {
		content := rapid.SliceOf(rapid.Byte()).Draw(r, "content")
		o := signer.Options(now.Add(time.Duration(rapid.IntRange(0, 999).Draw(r, "ms")) * time.Millisecond))
		o.Hash = rapid.SampledFrom([]crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512}).Draw(r, "hash")
		der, err := sign.Sign(content, o)
		if err != nil {
			r.Fatal(err)
		}
		got, who, err := trust.Verify(der, store, now, now, 0)
		if err != nil || !bytes.Equal(got, content) || !who.SigningTime.Equal(now) || who.Municipality != "141003" {
			r.Fatalf("refused: %v", err)
		}
	})
}

// Same input, same bytes: vectors can be made again.
func TestDeterministic(t *testing.T) {
	_, signer, _ := authority(t)
	a := must[[]byte](t)(sign.Sign([]byte("x"), signer.Options(now)))
	b := must[[]byte](t)(sign.Sign([]byte("x"), signer.Options(now)))
	if !bytes.Equal(a, b) {
		t.Error("ECDSA signatures differ")
	}
	tm := template("Fixed")
	tm.Key = signer.Key
	c, d := must[*sign.Pair](t)(sign.NewCA(tm)), must[*sign.Pair](t)(sign.NewCA(tm))
	if !c.Certificate.Equal(d.Certificate) {
		t.Error("certificates differ")
	}
}

// The encoder and the forger's share no code; on the profile they agree to the byte, IssuerSerial aside.
func TestAgreesWithForge(t *testing.T) {
	_, signer, _ := authority(t)
	c := forge.New([]byte("x"), signer.Certificate, signer.Key, crypto.SHA256, now)
	id := signer.Certificate
	names := forge.Sequence(forge.Sequence(forge.TLV(0xa4, id.RawIssuer)), forge.TLV(2, id.SerialNumber.Bytes()))
	c.Signers[0].Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, id.Raw, names)))
	ours := must[[]byte](t)(sign.Sign([]byte("x"), signer.Options(now)))
	if !bytes.Equal(ours, c.DER()) {
		t.Error("two encoders, two encodings")
	}
}

func TestSignRefuses(t *testing.T) {
	_, signer, _ := authority(t)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for name, change := range map[string]func(*sign.Options){
		"SHA-1":       func(o *sign.Options) { o.Hash = crypto.SHA1 },
		"PSS, ECDSA":  func(o *sign.Options) { o.PSS = true },
		"Ed25519":     func(o *sign.Options) { o.Key = edKey },
		"year 2050":   func(o *sign.Options) { o.Time = time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC) },
		"year 1949":   func(o *sign.Options) { o.Time = time.Date(1949, 12, 31, 0, 0, 0, 0, time.UTC) },
		"broken key":  func(o *sign.Options) { o.Key = brokenKey{o.Key} },
		"SHA-512/256": func(o *sign.Options) { o.Hash = crypto.SHA512_256 },
	} {
		o := signer.Options(now)
		change(&o)
		if der, err := sign.Sign([]byte("x"), o); err == nil || der != nil {
			t.Errorf("%s: signed", name)
		}
	}
}

type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return nil, rsa.ErrVerification
}

// Signatures of an RSA authority, both paddings and all hashes, on certificates and on lists.
func TestAuthorities(t *testing.T) {
	rsaKey := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	p384 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for _, k := range []crypto.Signer{rsaKey, p384} {
		for _, h := range []crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			for _, pss := range []bool{false, true} {
				tm := template("CA")
				tm.Key, tm.Hash, tm.PSS = k, h, pss
				ca := must[*sign.Pair](t)(sign.NewCA(tm))
				tm.Key = nil
				card := must[*sign.Pair](t)(ca.NewCard(tm))
				if err := trust.CheckCard(card.Certificate, []*x509.Certificate{ca.Certificate}, now); err != nil {
					t.Errorf("%s, PSS %t: %v", h, pss, err)
				}
				list := must[*x509.RevocationList](t)(ca.CRL(3, now, now.Add(time.Hour), card.Certificate))
				if list.CheckSignatureFrom(ca.Certificate) != nil || len(list.RevokedCertificateEntries) != 1 {
					t.Error("CRL")
				}
			}
		}
	}
}

func TestChainsLeadToTheAnchor(t *testing.T) {
	root := must[*sign.Pair](t)(sign.NewCA(template("Root")))
	mid := must[*sign.Pair](t)(root.NewCA(template("Mid")))
	low := must[*sign.Pair](t)(mid.NewCA(template("Low")))
	signer := must[*sign.Pair](t)(low.NewSigner("141003", template("S")))
	want := []*x509.Certificate{low.Certificate, mid.Certificate}
	if !slices.EqualFunc(signer.Chain, want, (*x509.Certificate).Equal) {
		t.Errorf("%d certificates in the chain", len(signer.Chain))
	}
	for i, c := range append([]*x509.Certificate{signer.Certificate}, signer.Chain...) {
		above := append(signer.Chain, root.Certificate)[i]
		if err := c.CheckSignatureFrom(above); err != nil {
			t.Errorf("link %d: %v", i, err)
		}
	}
}

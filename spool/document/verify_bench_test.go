package document_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"
	"time"

	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/pdftest"
	"honnin/spool/spooltest"
)

// sample is a package of n pages and about size bytes under a P-256 chain, and what the terminal expects of it.
func sample(b *testing.B, pages, size int) (w *spooltest.World, pkg []byte) {
	b.Helper()
	w = spooltest.New(b)
	s := w.Statement(pages, 1)
	text, err := s.Encode()
	if err != nil {
		b.Fatal(err)
	}
	d := pdftest.Good(text, pdftest.Tags(s.SubjectHash, s.Transaction, pages))
	d.Weigh(size)
	if pkg, err = sign.Sign(d.Bytes(), w.Issuer.Options(w.Now())); err != nil {
		b.Fatal(err)
	}
	return w, pkg
}

var packages = []struct{ pages, size int }{{2, 150 << 10}, {10, 2 << 20}, {30, 10 << 20}}

func eachPackage(b *testing.B, f func(b *testing.B, w *spooltest.World, pkg []byte)) {
	for _, p := range packages {
		b.Run(fmt.Sprintf("%dpages-%dKB", p.pages, p.size>>10), func(b *testing.B) {
			w, pkg := sample(b, p.pages, p.size)
			b.SetBytes(int64(len(pkg)))
			f(b, w, pkg)
		})
	}
}

// BenchmarkVerify is the whole check as a visit waits for it: its child said hello long ago.
func BenchmarkVerify(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		pool := inspect.NewPool(inspect.Options{})
		defer pool.Close()
		v := document.NewVerifier(w.Policy, pool, w.Now)
		for b.Loop() {
			b.StopTimer()
			for pool.Waiting() == 0 {
				time.Sleep(time.Millisecond)
			}
			b.StartTimer()
			pass(b, v, w, pkg)
		}
	})
}

// BenchmarkVerifyHere is the same without a child: what the check costs but for the second process.
func BenchmarkVerifyHere(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		v := document.NewVerifier(w.Policy, inspects(inspect.Document), w.Now)
		for b.Loop() {
			pass(b, v, w, pkg)
		}
	})
}

// BenchmarkVerifyRest is the check without any inspection: CMS, the card's certificate, the statement and the copy.
func BenchmarkVerifyRest(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		m, err := trust.Parse(pkg)
		if err != nil {
			b.Fatal(err)
		}
		known := inspect.Document(m.Content())
		v := document.NewVerifier(w.Policy, inspects(func([]byte) inspect.Facts { return known }), w.Now)
		for b.Loop() {
			pass(b, v, w, pkg)
		}
	})
}

// inspects is an inspection in this process.
type inspects func(pdf []byte) inspect.Facts

func (f inspects) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) { return f(pdf), nil }

func pass(b *testing.B, v *document.Verifier, w *spooltest.World, pkg []byte) {
	if d, err := v.Verify(b.Context(), pkg, w.Want); err != nil || d.Pages() < 2 {
		b.Fatal(err)
	}
}

// BenchmarkCMS is the signed bytes alone: every row of the package table, the chain remembered; and its parts.
func BenchmarkCMS(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		for b.Loop() {
			if _, _, err := trust.Verify(pkg, w.Policy.IssuingStore(), w.Now(), w.Now(), time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParts(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		m, err := trust.Parse(pkg)
		if err != nil {
			b.Fatal(err)
		}
		c := m.Against(w.Policy.IssuingStore(), w.Now())
		fresh := func() *trust.Message { m, _ := trust.Parse(pkg); return m }
		for _, part := range []struct {
			name string
			do   func() error
		}{
			{"parse", func() error { _, err := trust.Parse(pkg); return err }},
			{"parse+digest", func() error { return fresh().CheckAttributes() }},
			{"path", func() error { m.Against(w.Policy.IssuingStore(), w.Now()); return nil }},
			{"algorithms", c.CheckAlgorithms}, {"chain", c.CheckChain}, {"validity", c.CheckValidity}, {"use", c.CheckUse},
			{"revocation", c.CheckRevocation}, {"municipality", c.CheckMunicipality}, {"signature", c.CheckSignature},
			{"card", func() error { return trust.CheckCard(w.Want.Card, w.Policy.CardAnchors(), w.Now()) }},
		} {
			b.Run(part.name, func(b *testing.B) {
				for b.Loop() {
					if err := part.do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkFloor is what no check can do without: the digest of the bytes and two signatures of P-256, the package's
// and the one on the card's certificate (the chain above the signer is remembered).
func BenchmarkFloor(b *testing.B) {
	eachPackage(b, func(b *testing.B, w *spooltest.World, pkg []byte) {
		key := w.Issuer.Key.Public().(*ecdsa.PublicKey)
		sum := sha256.Sum256(pkg)
		sig, err := w.Issuer.Key.Sign(cryptorand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			digest := sha256.Sum256(pkg)
			if !ecdsa.VerifyASN1(key, digest[:], sig) || !ecdsa.VerifyASN1(key, digest[:], sig) {
				b.Fatal("does not verify")
			}
			runtime.KeepAlive(digest)
		}
	})
}

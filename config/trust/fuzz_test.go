package trust_test

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
	"honnin/testdata/vectors"
)

func code(err error) string { return string(reason.Of(err)) }

// FuzzVerify mutates the vectors' packages: nothing panics, every refusal has a code, the rows one by one say what
// Verify says, and whatever is accepted holds the content of a vector as its signer signed it. What lies behind a good
// signature is fuzzed in testdata/openssl, where each mutant is signed anew.
func FuzzVerify(f *testing.F) {
	all := must[[]vectors.Vector](f)(vectors.All())
	at := must[vectors.Want](f)(all[0].Want()).At
	store := must[*policy.Policy](f)(all[0].Policy()).IssuingStore()
	signed := map[string]bool{}
	for _, v := range all {
		b := must[[]byte](f)(v.Package())
		if body, _, err := trust.Verify(b, store, began, at, skew); err == nil {
			signed[string(body)] = true
		}
		if i, j := bytes.Index(b, []byte("%PDF-")), bytes.LastIndex(b, []byte("%%EOF\n")); j > i && i >= 0 && !strings.HasPrefix(v.Name, "signature-") {
			signed[string(b[i:j+6])] = true // also of a package whose form alone is wrong: a mutant may put that right
		}
		if len(b) < 8<<10 {
			f.Add(b)
		}
	}
	if len(signed) < 50 {
		f.Fatalf("only %d contents", len(signed))
	}
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 1000))
	f.Fuzz(func(t *testing.T, der []byte) {
		body, who, err := trust.Verify(der, store, began, at, skew)
		found := findings(rows(t, der, store, at))
		if err != nil {
			if reason.Of(err) == "" || body != nil || len(found) == 0 || found[0] != reason.Of(err) {
				t.Fatalf("refused as %v, rows say %v", err, found)
			}
			return
		}
		if !signed[string(body)] || len(found) != 0 || who.Certificate == nil {
			t.Fatalf("accepted, rows say %v", found)
		}
	})
}

// PSS has parameters that must all agree; openssl cannot be brought to get some of them wrong.
func TestPSSParameters(t *testing.T) {
	w := newWorld(t)
	signer := w.issue(w.mid, key(rsa2048()))
	for name, c := range map[string]struct {
		spoil func(*forge.Signer)
		want  []reason.Code
	}{
		"good":           {func(s *forge.Signer) { s.SetPSS(crypto.SHA256, crypto.SHA256, 32) }, nil},
		"short salt":     {func(s *forge.Signer) { s.SetPSS(crypto.SHA256, crypto.SHA256, 20) }, []reason.Code{reason.SignatureWeak}},
		"other mask":     {func(s *forge.Signer) { s.SetPSS(crypto.SHA256, crypto.SHA1, 32) }, []reason.Code{reason.SignatureWeak}},
		"other hash":     {func(s *forge.Signer) { s.SetPSS(crypto.SHA384, crypto.SHA384, 48) }, []reason.Code{reason.SignatureWeak}},
		"salt is a lie":  {func(s *forge.Signer) { s.SetPSS(crypto.SHA256, crypto.SHA256, 32); s.PSS.SaltLength = 20 }, []reason.Code{reason.SignatureInvalid}},
		"no parameters":  {func(s *forge.Signer) { s.Algorithm = forge.Algorithm(forge.PSS) }, []reason.Code{reason.SignatureWeak}},
		"all default":    {func(s *forge.Signer) { s.Algorithm = forge.Algorithm(forge.PSS, forge.Sequence()) }, []reason.Code{reason.SignatureWeak}},
		"said, not done": {func(s *forge.Signer) { s.SetPSS(crypto.SHA256, crypto.SHA256, 32); s.PSS = nil }, []reason.Code{reason.SignatureInvalid}},
		"explicit trailer": {func(s *forge.Signer) {
			s.SetPSS(crypto.SHA256, crypto.SHA256, 32)
			h := forge.Algorithm(forge.HashOf[crypto.SHA256])
			s.Algorithm = forge.Algorithm(forge.PSS, forge.Sequence(forge.TLV(0xa0, h), forge.TLV(0xa1, forge.Algorithm(forge.MGF1, h)),
				forge.TLV(0xa2, forge.Integer(32)), forge.TLV(0xa3, forge.Integer(1))))
		}, []reason.Code{reason.SignatureWeak}},
		"without NULL": {func(s *forge.Signer) {
			s.SetPSS(crypto.SHA256, crypto.SHA256, 32)
			h := forge.Algorithm(forge.HashOf[crypto.SHA256])
			s.Algorithm = forge.Algorithm(forge.PSS, forge.Sequence(forge.TLV(0xa0, h), forge.TLV(0xa1, forge.Algorithm(forge.MGF1, h)), forge.TLV(0xa2, forge.Integer(32))))
		}, nil},
		"ECDSA with an RSA key": {func(s *forge.Signer) { s.Algorithm = w.forge(w.signer).Signers[0].Algorithm }, []reason.Code{reason.SignatureInvalid}},
		"shaNNNWithRSA":         {func(s *forge.Signer) { s.Algorithm = forge.Algorithm(sha256WithRSA, forge.Null()) }, nil},
		"sha1WithRSA":           {func(s *forge.Signer) { s.Algorithm = forge.Algorithm(sha1WithRSA, forge.Null()) }, []reason.Code{reason.SignatureWeak}},
		"RSA parameters":        {func(s *forge.Signer) { s.Algorithm = forge.Algorithm(forge.RSA, forge.Integer(1)) }, []reason.Code{reason.SignatureWeak}},
	} {
		t.Run(name, func(t *testing.T) {
			m := w.forge(signer)
			c.spoil(m.Signers[0])
			w.expect(t, m.DER(), w.store, c.want...)
		})
	}
}

var (
	sha256WithRSA = append(forge.RSA[:6:6], 11)
	sha1WithRSA   = append(forge.RSA[:6:6], 5)
)

// BenchmarkVerify is the whole CMS check of a 300 KB document, P-256 chain. Its floor is one SHA-256 over the content
// and one P-256 verification.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	root := w.ca(nil, "P-256 Root")
	signer := w.issue(w.ca(root, "P-256 CA"))
	anchors := w.authority
	anchors.Anchors = append(anchors.Anchors, root.Certificate)
	body := make([]byte, 300<<10)
	der := must[[]byte](b)(sign.Sign(body, signer.Options(now)))
	verify := func(b *testing.B, s *trust.Store) {
		if _, _, err := trust.Verify(der, s, began, now, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("warm", func(b *testing.B) {
		s := w.storeOf(anchors)
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			verify(b, s)
		}
	})
	b.Run("cold", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			verify(b, w.storeOf(anchors))
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		digest := crypto.SHA256.New()
		sum := make([]byte, 32)
		k := p256()
		sig := must[[]byte](b)(k.Sign(nil, sum, crypto.SHA256))
		cert := signer.Certificate
		for b.Loop() {
			digest.Reset()
			digest.Write(body)
			digest.Sum(sum[:0])
			trust.VerifyCardSignature(cert, sum, sig)
		}
	})
}

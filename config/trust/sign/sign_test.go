package sign_test

import (
	"bytes"
	"crypto"
	"testing"
	"time"

	"honnin/config/trust"
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

func TestQuick(t *testing.T) {
	ca := must[*sign.Pair](t)(sign.NewCA(sign.Template{Name: "CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Practice: true}))
	s := must[*sign.Pair](t)(ca.NewSigner("141003", sign.Template{Name: "Signer", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}))
	o := s.Options(now)
	o.Hash = crypto.SHA384
	pkg := must[[]byte](t)(sign.Sign([]byte("hello"), o))
	pkg2 := must[[]byte](t)(sign.Sign([]byte("hello"), o))
	t.Log(bytes.Equal(pkg, pkg2), trust.IsPractice(ca.Certificate))
	st := must[*trust.Store](t)(trust.NewStore(trust.Authority{Municipality: "141003", Anchors: s.Chain}))
	_ = st
	st = must[*trust.Store](t)(trust.NewStore(trust.Authority{Municipality: "141003", Anchors: append(s.Chain, ca.Certificate)}))
	b, who, err := trust.Verify(pkg, st, now, now, time.Minute)
	t.Log(string(b), who.Municipality, err)
}

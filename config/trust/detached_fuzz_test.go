package trust_test

import (
	"testing"

	"honnin/config/trust"
	"honnin/config/trust/sign"
)

// FuzzVerifyDetached: whatever the bytes, a signature that is accepted over a text is not accepted over another, and
// every refusal has its reason.
func FuzzVerifyDetached(f *testing.F) {
	self := must[*sign.Pair](f)(sign.NewCA(template("Policy Key", key(p256()))))
	o := self.Options(now)
	o.Detached = true
	good := must[[]byte](f)(sign.Sign(content, o))
	f.Add(good)
	f.Add(good[:len(good)-1])
	o.Detached = false
	f.Add(must[[]byte](f)(sign.Sign(content, o)))
	other := append([]byte("x"), content...)
	f.Fuzz(func(t *testing.T, der []byte) {
		signer, _, err := trust.VerifyDetached(der, content)
		if _, _, errOther := trust.VerifyDetached(der, other); err == nil && errOther == nil {
			t.Fatal("one signature of two texts")
		}
		if (err == nil) != (signer != nil) {
			t.Fatal(signer != nil, err)
		}
		if err != nil && code(err) == "" {
			t.Fatalf("no reason: %v", err)
		}
	})
}

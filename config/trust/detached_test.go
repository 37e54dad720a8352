package trust_test

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"honnin/config/trust"
	"honnin/config/trust/sign"
)

// What openssl and we sign without the content is believed of that content, by that key, and of nothing else.
func TestDetachedBothWays(t *testing.T) {
	at := time.Now().Truncate(time.Second) // openssl signs and verifies at its own clock
	for name, a := range algorithms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			self := must[*sign.Pair](t)(sign.NewCA(sign.Template{Name: "Policy Key", NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour), Key: a.key()}))
			dir := t.TempDir()
			write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must[[]byte](t)(x509.MarshalPKCS8PrivateKey(self.Key))}))
			write(t, dir, "cert.pem", certPEM(self.Certificate))
			write(t, dir, "content", content)
			args := []string{"cms", "-sign", "-binary", "-cades", "-outform", "DER", "-md", hashName[a.hash], "-signer", "cert.pem", "-inkey", "key.pem", "-in", "content"}
			if a.pss {
				args = append(args, "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest")
			}
			o := self.Options(at)
			o.Hash, o.PSS, o.Detached = a.hash, a.pss, true
			ours := must[[]byte](t)(sign.Sign(content, o))
			write(t, dir, "ours", ours)
			openssl(t, dir, "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", "ours", "-content", "content", "-CAfile", "cert.pem", "-purpose", "any")
			for who, der := range map[string][]byte{"openssl": openssl(t, dir, args...), "ours": ours} {
				signer, when, err := trust.VerifyDetached(der, content)
				if err != nil || !signer.Equal(self.Certificate) || when.Before(at) || when.After(time.Now()) {
					t.Errorf("%s: refused: %v", who, err)
				}
				if _, _, err := trust.VerifyDetached(der, append([]byte("x"), content...)); code(err) != "signature-invalid" {
					t.Errorf("%s: of another content: %v", who, err)
				}
			}
		})
	}
}

func TestDetachedForgeries(t *testing.T) {
	w := newWorld(t)
	o := w.signer.Options(now)
	attached := must[[]byte](t)(sign.Sign(content, o))
	o.Detached, o.Chain = true, nil
	good := must[[]byte](t)(sign.Sign(content, o))
	weak := must[*sign.Pair](t)(sign.NewCA(template("Weak", key(rsa1024()))))
	w1024 := weak.Options(now)
	w1024.Detached = true
	for name, c := range map[string]struct {
		der  []byte
		want string
	}{
		"good":      {good, ""},
		"attached":  {attached, "package-malformed"},
		"nothing":   {nil, "package-malformed"},
		"trailing":  {append(append([]byte{}, good...), 0), "package-malformed"},
		"too large": {make([]byte, trust.MaxDetached+1), "package-malformed"},
		"weak key":  {must[[]byte](t)(sign.Sign(content, w1024)), "signature-weak"},
	} {
		if _, _, err := trust.VerifyDetached(c.der, content); code(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := trust.Parse(good); code(err) != "package-malformed" {
		t.Errorf("a detached signature is taken for a package: %v", err)
	}
	for i := range good {
		bad := append([]byte{}, good...)
		bad[i] ^= 1
		if signer, _, err := trust.VerifyDetached(bad, content); err == nil && signer.Equal(w.signer.Certificate) {
			t.Errorf("byte %d does not matter", i)
		}
	}
}

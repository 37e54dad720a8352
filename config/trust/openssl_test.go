package trust_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

// openssl runs the tool in a directory; the test is skipped where it is missing, but not under CI.
func openssl(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing")
		}
		t.Skip("openssl is missing")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, problems.Bytes())
	}
	return out.Bytes()
}

func write(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func certPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// All that the profile allows.
func algorithms() map[string]struct {
	key  func() crypto.Signer
	hash crypto.Hash
	pss  bool
} {
	out := map[string]struct {
		key  func() crypto.Signer
		hash crypto.Hash
		pss  bool
	}{}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, k := range []struct {
			name string
			key  func() crypto.Signer
			pss  bool
		}{{"RSA", rsa2048, false}, {"PSS", rsa2048, true}, {"P-256", p256, false}, {"P-384", p384, false}} {
			out[fmt.Sprintf("%s with %s", k.name, h)] = struct {
				key  func() crypto.Signer
				hash crypto.Hash
				pss  bool
			}{k.key, h, k.pss}
		}
	}
	return out
}

func TestOpenSSLBothWays(t *testing.T) {
	w := newWorld(t)
	at := time.Now().Truncate(time.Second) // openssl signs and verifies at its own clock
	around := func(t *sign.Template) { t.NotBefore, t.NotAfter = at.Add(-time.Hour), at.Add(time.Hour) }
	root := w.ca(nil, "Root", around)
	mid := w.ca(root, "Intermediate", around)
	store := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{root.Certificate}})
	for name, a := range algorithms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := must[*sign.Pair](t)(mid.NewSigner(city, template(name, around, key(a.key()))))
			dir := t.TempDir()
			der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(signer.Key))
			write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
			write(t, dir, "signer.pem", certPEM(signer.Certificate))
			write(t, dir, "chain.pem", certPEM(signer.Chain...))
			write(t, dir, "root.pem", certPEM(root.Certificate))
			write(t, dir, "content", content)

			args := []string{"cms", "-sign", "-binary", "-cades", "-nodetach", "-outform", "DER", "-md", hashName[a.hash],
				"-signer", "signer.pem", "-inkey", "key.pem", "-certfile", "chain.pem", "-in", "content"}
			if a.pss {
				args = append(args, "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest")
			}
			theirs := openssl(t, dir, args...)
			body, who, err := trust.Verify(theirs, store, at, at, time.Minute)
			if err != nil || !bytes.Equal(body, content) || who.Municipality != city {
				t.Errorf("openssl's is refused: %v", err)
			}

			o := signer.Options(at)
			o.Hash, o.PSS = a.hash, a.pss
			ours := must[[]byte](t)(sign.Sign(content, o))
			write(t, dir, "ours", ours)
			out := openssl(t, dir, "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", "ours", "-CAfile", "root.pem", "-purpose", "any")
			if !bytes.Equal(out, content) {
				t.Error("openssl gives another content")
			}
			if body, _, err := trust.Verify(ours, store, at, at, 0); err != nil || !bytes.Equal(body, content) {
				t.Errorf("our own is refused: %v", err)
			}
		})
	}
}

var hashName = map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"}

// What openssl makes when asked for something else is refused.
func TestOpenSSLForgeries(t *testing.T) {
	w := newWorld(t)
	at := time.Now().Truncate(time.Second)
	around := func(t *sign.Template) { t.NotBefore, t.NotAfter = at.Add(-time.Hour), at.Add(time.Hour) }
	root := w.ca(nil, "Root", around)
	signer := must[*sign.Pair](t)(root.NewSigner(city, template("S", around, key(rsa2048()))))
	store := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{root.Certificate}})
	dir := t.TempDir()
	write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must[[]byte](t)(x509.MarshalPKCS8PrivateKey(signer.Key))}))
	second := must[*sign.Pair](t)(root.NewSigner(city, template("Second", around, key(signer.Key))))
	write(t, dir, "signer.pem", certPEM(signer.Certificate))
	write(t, dir, "second.pem", certPEM(second.Certificate))
	write(t, dir, "content", content)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"good":             {[]string{"-cades", "-nodetach"}, ""},
		"no capabilities":  {[]string{"-cades", "-nodetach", "-nosmimecap"}, ""},
		"detached":         {[]string{"-cades"}, "package-malformed"},
		"streamed (BER)":   {[]string{"-cades", "-nodetach", "-stream", "-indef"}, "package-malformed"},
		"key identifier":   {[]string{"-cades", "-nodetach", "-keyid"}, "package-malformed"},
		"without cades":    {[]string{"-nodetach"}, "signature-invalid"},
		"no attributes":    {[]string{"-nodetach", "-noattr"}, "signature-invalid"},
		"no certificates":  {[]string{"-cades", "-nodetach", "-nocerts"}, "signature-invalid"},
		"two signers":      {[]string{"-cades", "-nodetach", "-signer", "second.pem", "-inkey", "key.pem"}, "signature-invalid"},
		"SHA-1":            {[]string{"-cades", "-nodetach", "-md", "sha1"}, "signature-weak"},
		"MD5":              {[]string{"-cades", "-nodetach", "-md", "md5"}, "signature-weak"},
		"SHA3":             {[]string{"-cades", "-nodetach", "-md", "sha3-256"}, "signature-weak"},
		"PSS, longer salt": {[]string{"-cades", "-nodetach", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:64"}, "signature-weak"},
		"PSS, other mask": {[]string{"-cades", "-nodetach", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest",
			"-keyopt", "rsa_mgf1_md:sha512"}, "signature-weak"},
		"other content type": {[]string{"-cades", "-nodetach", "-econtent_type", "1.2.840.113549.1.9.16.1.4"}, "package-malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"cms", "-sign", "-binary", "-outform", "DER", "-signer", "signer.pem", "-inkey", "key.pem", "-in", "content"}, c.args...)
			_, _, err := trust.Verify(openssl(t, dir, args...), store, at, at, time.Minute)
			if got := code(err); got != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// A certificate chain made by openssl alone, from its own configuration.
func TestOpenSSLChain(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	write(t, dir, "ca.cnf", []byte(`[req]
distinguished_name = dn
prompt = no
[dn]
C = JP
O = Practice City
organizationIdentifier = GOVJP-141003
CN = Certificate Issuer
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = 1.3.6.1.5.5.7.3.36
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`))
	openssl(t, dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/C=JP/CN=Issuing CA", "-days", "3")
	openssl(t, dir, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "s.key", "-out", "s.csr", "-config", "ca.cnf")
	openssl(t, dir, "x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-out", "s.pem", "-extfile", "ca.cnf", "-extensions", "signer")
	write(t, dir, "content", content)
	der := openssl(t, dir, "cms", "-sign", "-binary", "-cades", "-nodetach", "-outform", "DER", "-signer", "s.pem", "-inkey", "s.key", "-in", "content")
	anchors := must[[]*x509.Certificate](t)(trust.ParseCertificates(must[[]byte](t)(os.ReadFile(filepath.Join(dir, "ca.pem")))))
	at := time.Now()
	body, who, err := trust.Verify(der, w.storeOf(trust.Authority{Municipality: city, Anchors: anchors}), at, at, time.Minute)
	if err != nil || !bytes.Equal(body, content) || who.Municipality != protocol.Municipality("141003") || who.Pinned {
		t.Errorf("refused: %v", err)
	}
}

// Whatever odd but right form we accept, openssl accepts too: nothing is good in our eyes alone.
func TestOddFormsOpenSSLAcceptsToo(t *testing.T) {
	w := newWorld(t)
	odd := map[string]func(*forge.Signer){
		"as usual":       func(*forge.Signer) {},
		"hash with NULL": func(s *forge.Signer) { s.Digest = forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Null()) },
		"capabilities":   func(s *forge.Signer) { s.Add(forge.SMIMECapabilities, forge.Sequence()) },
		"issuer and serial": func(s *forge.Signer) {
			s.Set(forge.SigningCertificate, w.essWithIssuer(w.signer.Certificate.RawIssuer, 0))
		},
		"default spelt out": func(s *forge.Signer) {
			digest := protocol.Fingerprint(w.signer.Certificate.Raw)
			s.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.Sequence(forge.Algorithm(forge.HashOf[crypto.SHA256]), forge.OctetString(digest[:]))))
		},
	}
	dir := t.TempDir()
	write(t, dir, "root.pem", certPEM(w.root.Certificate))
	for name, change := range odd {
		m := w.forge(w.signer)
		change(m.Signers[0])
		w.expect(t, m.DER(), w.store)
		write(t, dir, "package", m.DER())
		out := openssl(t, dir, "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", "package", "-CAfile", "root.pem", "-purpose", "any",
			"-attime", fmt.Sprint(now.Unix()))
		if !bytes.Equal(out, content) {
			t.Errorf("%s: openssl gives another content", name)
		}
	}
}

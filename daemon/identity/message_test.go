package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

func TestMessages(t *testing.T) {
	d := newDesk(t)
	for _, u := range Uses() {
		d.install(d.issue(d.request(u, First)))
	}
	d.now = start.Add(time.Hour)
	good, err := d.keys.Sign([]byte("content"), d.anchors())
	if err != nil {
		t.Fatal(err)
	}
	content, from, at, err := Verify(good, d.anchors())
	if err != nil || string(content) != "content" || from != here || !at.Equal(d.now) {
		t.Fatal(string(content), from, at, err)
	}
	other := authority(t, "Others")
	tlsKey, err := d.keys.use(TLS, nil)
	if err != nil {
		t.Fatal(err)
	}
	byTLS, err := sign.Sign([]byte("content"), sign.Options{Certificate: tlsKey.certificate, Key: tlsKey.key, Time: d.now})
	if err != nil {
		t.Fatal(err)
	}
	signing, err := d.keys.use(Signing, nil)
	if err != nil {
		t.Fatal(err)
	}
	late, err := sign.Sign([]byte("content"), sign.Options{Certificate: signing.certificate, Key: signing.key, Time: start.Add(2 * year)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		message []byte
		anchors []*x509.Certificate
		want    Code
	}{
		"nobody's anchors":    {good, nil, Untrusted},
		"another's anchors":   {good, []*x509.Certificate{other.Certificate}, Untrusted},
		"by the other key":    {byTLS, d.anchors(), OtherUse},
		"after the key's end": {late, d.anchors(), Expired},
		"nothing":             {nil, d.anchors(), Malformed},
		"cut":                 {good[:len(good)-1], d.anchors(), Malformed},
		"more":                {append(bytes.Clone(good), 0), d.anchors(), Malformed},
		"huge":                {append(bytes.Clone(good), make([]byte, MaxMessage)...), d.anchors(), Malformed},
		"another content":     {bytes.Replace(good, []byte("content"), []byte("CONTENT"), 1), d.anchors(), Forged},
		"another's signature": {append(bytes.Clone(good[:len(good)-4]), 1, 2, 3, 4), d.anchors(), Forged},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := Verify(c.message, c.anchors)
			(&desk{T: t}).refuses(err, c.want)
		})
	}
}

// Nothing that is said, and no request, holds a private key.
func TestPrivateKeysNeverLeave(t *testing.T) {
	d := newDesk(t)
	request := d.request(TLS, First)
	d.install(d.issue(request))
	g, err := d.keys.use(TLS, d.anchors())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(g.key)
	if err != nil {
		t.Fatal(err)
	}
	secret := der[36:68] // RFC 5915: the 32 octets of a P-256 key, behind its header
	places := 0
	err = filepath.Walk(d.keys.o.Dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if block, _ := pem.Decode(b); block != nil && bytes.Contains(block.Bytes, secret) {
			places++
			if filepath.Base(path) != keyFile || info.Mode() != 0o600 {
				t.Error(path, info.Mode())
			}
		}
		return err
	})
	block, _ := pem.Decode(request)
	if err != nil || places != 1 || bytes.Contains(block.Bytes, secret) {
		t.Error(places, "places", err)
	}
}

func FuzzVerify(f *testing.F) {
	ca := authority(f, "Terminals")
	key, err := sign.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	c, err := Issue(ca, Asked{here, Signing, key.Public()}, start, start.Add(year))
	if err != nil {
		f.Fatal(err)
	}
	good, err := sign.Sign([]byte("content"), sign.Options{Certificate: c, Key: key, Time: start})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		content, from, _, err := Verify(b, []*x509.Certificate{ca.Certificate})
		if err == nil && (string(content) != "content" || from != here) {
			t.Errorf("%q of %s was believed", content, from)
		}
		var r *Refusal
		if err != nil && !errors.As(err, &r) {
			t.Errorf("no code: %v", err)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	for _, u := range Uses() {
		key, err := sign.NewKey()
		if err != nil {
			f.Fatal(err)
		}
		r, err := requestFor(here, u, key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r)
		if a, err := ParseRequest(r); err != nil || a.Terminal != here || a.Use != u {
			f.Fatal(a, err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseRequest(b)
		if _, bad := protocol.ParseTerminal(string(a.Terminal)); (err == nil) != (bad == nil && a.Public != nil) {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/people"
)

// FileName is the file in the state directory.
const FileName = "practice-keys.pem"

var errUnusable = errors.New("pki: the practice keys cannot be used as they are")

const (
	nameHeader = "Honnin-Practice"
	keyType    = "PRIVATE KEY"
	certType   = "CERTIFICATE"
	maxFile    = 1 << 20
)

// read returns what the plan needs, or an error where anything is missing, left over, unreadable or out of date.
func read(dir string, plan []item, now time.Time) (map[string]*sign.Pair, error) {
	b, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || len(b) > maxFile {
		return nil, errUnusable
	}
	have := map[string]*sign.Pair{}
	for _, it := range plan {
		var p *sign.Pair
		if p, b, err = readPair(b, it); err != nil {
			return nil, err
		}
		if now.Before(p.Certificate.NotBefore) || now.Add(renew).After(p.Certificate.NotAfter) {
			return nil, errUnusable
		}
		have[it.name] = p
	}
	if len(bytes.TrimSpace(b)) > 0 {
		return nil, errUnusable
	}
	return have, nil
}

// readPair reads the next key and certificate, which have to be those of it.
func readPair(b []byte, it item) (*sign.Pair, []byte, error) {
	key, b := pem.Decode(b)
	if key == nil || key.Type != keyType || key.Headers[nameHeader] != it.name {
		return nil, nil, errUnusable
	}
	cert, b := pem.Decode(b)
	if cert == nil || cert.Type != certType || cert.Headers[nameHeader] != it.name {
		return nil, nil, errUnusable
	}
	k, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return nil, nil, errUnusable
	}
	signer, ok := k.(crypto.Signer)
	if !ok || kindOf(signer) != it.key {
		return nil, nil, errUnusable
	}
	c, err := x509.ParseCertificate(cert.Bytes)
	if err != nil || !samePublic(signer, c) || it.under == "" && !trust.IsPractice(c) {
		return nil, nil, errUnusable
	}
	return &sign.Pair{Certificate: c, Key: signer}, b, nil
}

func kindOf(k crypto.Signer) people.KeyKind {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return people.KeyKind(fmt.Sprintf("rsa-%d", k.N.BitLen()))
	case *ecdsa.PrivateKey:
		return people.KeyKind(fmt.Sprintf("p-%d", k.Curve.Params().BitSize))
	}
	return ""
}

func samePublic(k crypto.Signer, c *x509.Certificate) bool {
	public, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// write replaces the file in one step that survives a power loss.
func write(dir string, plan []item, have map[string]*sign.Pair) error {
	var b bytes.Buffer
	for _, it := range plan {
		der, err := x509.MarshalPKCS8PrivateKey(have[it.name].Key)
		if err != nil {
			return fmt.Errorf("pki: %w", err)
		}
		headers := map[string]string{nameHeader: it.name}
		_ = pem.Encode(&b, &pem.Block{Type: keyType, Headers: headers, Bytes: der}) // a bytes.Buffer takes everything
		_ = pem.Encode(&b, &pem.Block{Type: certType, Headers: headers, Bytes: have[it.name].Certificate.Raw})
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return replace(filepath.Join(dir, FileName), b.Bytes())
}

func replace(path string, b []byte) error {
	temporary, err := writeBeside(path, b)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("pki: %w", errors.Join(err, os.Remove(temporary)))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeBeside writes and syncs a new file next to path, mode 0600.
func writeBeside(path string, b []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	return f.Name(), errors.Join(err, f.Sync(), f.Close())
}

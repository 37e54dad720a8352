package policy

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"honnin/config/protocol"
)

// IncidentKey returns the public key to which a municipality wants refused packages sealed: X25519 or P-256. Without one they are
// destroyed.
func (p *Policy) IncidentKey(code protocol.Municipality) (key *ecdh.PublicKey, ok bool) {
	m, known := p.municipalities[code]
	if !known || m.incidentKey == nil {
		return nil, false
	}
	return m.incidentKey, true
}

var errIncidentKey = errors.New("must be one PEM block PUBLIC KEY with an X25519 or P-256 key, and nothing else: what is for the municipality alone is sealed to it")

// incidentKey reads a key; name is "" where there is none.
func (f *files) incidentKey(name string) (*ecdh.PublicKey, error) {
	if name == "" {
		return nil, nil
	}
	b, err := f.content(name)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode([]byte(strings.TrimSpace(string(b))))
	if block == nil || block.Type != "PUBLIC KEY" || len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(bytes.TrimSpace(b), []byte("-----BEGIN")) {
		return nil, errIncidentKey
	}
	return agreementKey(block.Bytes)
}

// agreementKey takes a SubjectPublicKeyInfo in the one form that crypto/x509 writes, of a key with which something secret can be
// agreed: not a point of low order (RFC 7748, section 6.1).
func agreementKey(der []byte) (*ecdh.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errIncidentKey
	}
	key, ok := public.(*ecdh.PublicKey)
	if k, is := public.(*ecdsa.PublicKey); is && k.Curve == elliptic.P256() {
		key, err = k.ECDH()
		ok = err == nil
	}
	if !ok || key.Curve() != ecdh.X25519() && key.Curve() != ecdh.P256() {
		return nil, errIncidentKey
	}
	if again, err := x509.MarshalPKIXPublicKey(public); err != nil || !bytes.Equal(again, der) {
		return nil, errIncidentKey
	}
	any, err := key.Curve().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		return nil, err
	}
	if _, err := any.ECDH(key); err != nil {
		return nil, errIncidentKey
	}
	return key, nil
}

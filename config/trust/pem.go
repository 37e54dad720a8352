package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParseCertificates reads one DER certificate, or any number (at least one) of PEM CERTIFICATE blocks. Text between
// blocks is allowed, as openssl writes it; other blocks and a block that does not decode are not.
func ParseCertificates(pemOrDER []byte) ([]*x509.Certificate, error) {
	blocks, err := unwrap(pemOrDER, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, b := range blocks {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			return nil, fmt.Errorf("trust: certificate: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// ParseCRL reads one CRL, DER or PEM (X509 CRL).
func ParseCRL(pemOrDER []byte) (*x509.RevocationList, error) {
	blocks, err := unwrap(pemOrDER, "X509 CRL")
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, errors.New("trust: more than one CRL in a file")
	}
	l, err := x509.ParseRevocationList(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("trust: CRL: %w", err)
	}
	return l, nil
}

var begin = []byte("-----BEGIN")

func unwrap(b []byte, kind string) (out [][]byte, err error) {
	if !bytes.Contains(b, begin) {
		return [][]byte{b}, nil
	}
	want := bytes.Count(b, begin)
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type != kind {
			return nil, fmt.Errorf("trust: PEM block %q, want %q", block.Type, kind)
		}
		out = append(out, block.Bytes)
	}
	if len(out) != want {
		return nil, errors.New("trust: a PEM block does not decode")
	}
	return out, nil
}

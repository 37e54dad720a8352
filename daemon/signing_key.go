package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/spf13/cobra"

	"honnin/config/trust"
)

// signingKey are the words with which a person names the key to sign with.
type signingKey struct{ key, certificate string }

func (k *signingKey) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.key, "key", "", "PEM file of the private key, without a passphrase")
	c.Flags().StringVar(&k.certificate, "certificate", "", "PEM or DER file of a certificate with its public key")
}

func (k signingKey) read() (*x509.Certificate, crypto.Signer, error) {
	cert, err := oneCertificate(k.certificate)
	if err != nil {
		return nil, nil, usage("--certificate: %w", err)
	}
	key, err := privateKey(k.key, cert)
	if err != nil {
		return nil, nil, usage("--key: %w", err)
	}
	return cert, key, nil
}

func oneCertificate(path string) (*x509.Certificate, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	certs, err := trust.ParseCertificates(b)
	if err != nil || len(certs) != 1 {
		return nil, errors.New("not one certificate in PEM or DER")
	}
	return certs[0], nil
}

// privateKey reads a key in PEM that fits a certificate.
func privateKey(path string, cert *x509.Certificate) (crypto.Signer, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			continue // parameters of a curve, as openssl writes them
		}
		if err != nil {
			return nil, errors.New("a private key that does not decode")
		}
		s, is := key.(crypto.Signer)
		public, comparable := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		if !is || !comparable || !public.Equal(s.Public()) {
			return nil, errors.New("the key is not that of the certificate")
		}
		return s, nil
	}
	return nil, errors.New("no private key in PEM without a passphrase")
}

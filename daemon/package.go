package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/spool/document/assemble"
	"honnin/spool/document/inspect"
)

func packageCommand() *cobra.Command {
	c := &cobra.Command{Use: "package", Short: "make signed certificate packages, for implementers",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(signCommand())
	return c
}

// signFlags are the words of "honnind package sign".
type signFlags struct {
	pdf, statement, certificate, key, chain, hash, at, out string
	pss                                                    bool
}

func signCommand() *cobra.Command {
	var f signFlags
	c := &cobra.Command{
		Use:   "sign --pdf F --statement F --certificate F --key F --out F",
		Short: "make a package from a PDF and a statement",
		Long: "sign embeds the statement as issuance.json and tags every page (unless the PDF has both already), looks at\n" +
			"the result as a terminal would, signs it and writes the package. A PDF that a terminal would refuse is not\n" +
			"signed: exit status 3, with the reason code.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run() },
	}
	c.Flags().StringVar(&f.pdf, "pdf", "", "the document")
	c.Flags().StringVar(&f.statement, "statement", "", "issuance.json")
	c.Flags().StringVar(&f.certificate, "certificate", "", "the signer's certificate (PEM or DER)")
	c.Flags().StringVar(&f.key, "key", "", "the signer's private key (PKCS #8, PEM)")
	c.Flags().StringVar(&f.chain, "chain", "", "intermediate CA certificates (PEM)")
	c.Flags().StringVar(&f.hash, "hash", "sha256", "sha256, sha384 or sha512")
	c.Flags().BoolVar(&f.pss, "pss", false, "RSASSA-PSS instead of PKCS #1 v1.5, for an RSA key")
	c.Flags().StringVar(&f.at, "at", "", "signing time (RFC 3339); default: now")
	c.Flags().StringVar(&f.out, "out", "", "the package to write")
	return c
}

func (f signFlags) run() error {
	at, err := parseInstant(f.at, time.Now())
	if err != nil {
		return usage("--at: %w", err)
	}
	o, err := f.options(at)
	if err != nil {
		return err
	}
	pdf, err := f.document(at)
	if err != nil {
		return err
	}
	pkg, err := sign.Sign(pdf, o)
	if err != nil {
		return err
	}
	if f.out == "" {
		return usage("--out is missing")
	}
	return os.WriteFile(filepath.Clean(f.out), pkg, 0o644)
}

// document returns the PDF with statement and tags, as a terminal would accept it.
func (f signFlags) document(at time.Time) ([]byte, error) {
	pdf, err := readBounded(f.pdf, trust.MaxPackage+1)
	if err != nil {
		return nil, usage("--pdf: %w", err)
	}
	text, err := readBounded(f.statement, protocol.MaxJSON+1)
	if err != nil {
		return nil, usage("--statement: %w", err)
	}
	s, err := protocol.ParseStatement(text)
	if err != nil {
		return nil, usage("--statement: %w", err)
	}
	if facts := inspect.Document(pdf); facts.Err() == nil && string(facts.Statement) == string(text) {
		return pdf, nil // complete already
	}
	made, err := assemble.Document(pdf, text, s, at)
	if err != nil {
		return nil, usage("--pdf: %w", err)
	}
	facts := inspect.Document(made)
	if err := facts.Err(); err != nil {
		return nil, &exitError{exitRefused, fmt.Errorf("a terminal would refuse this document: %w", err)}
	}
	return made, nil
}

func (f signFlags) options(at time.Time) (o sign.Options, err error) {
	certs, err := readCertificates(f.certificate)
	if err != nil || len(certs) != 1 {
		return o, usage("--certificate must name one certificate: %v", err)
	}
	o = sign.Options{Certificate: certs[0], PSS: f.pss, Time: at}
	if o.Key, err = readKey(f.key); err != nil {
		return o, usage("--key: %w", err)
	}
	if f.chain != "" {
		if o.Chain, err = readCertificates(f.chain); err != nil {
			return o, usage("--chain: %w", err)
		}
	}
	if _, isRSA := o.Key.(*rsa.PrivateKey); f.pss && !isRSA {
		return o, usage("--pss is for RSA keys")
	}
	hashes := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}
	if o.Hash = hashes[f.hash]; o.Hash == 0 {
		return o, usage("--hash must be sha256, sha384 or sha512")
	}
	return o, nil
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	return trust.ParseCertificates(b)
}

func readKey(path string) (crypto.Signer, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not an unencrypted PKCS #8 key (openssl pkcs8 -topk8 -nodes makes one)")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a key that cannot sign")
	}
	return signer, nil
}

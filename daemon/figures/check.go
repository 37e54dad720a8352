package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"honnin/config/trust"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
)

// checkFigures measures the whole check of four packages, its steps, its floor, and strangers' programs on the same
// bytes: one table, a column for each package.
func checkFigures(ctx context.Context, o options) ([]row, error) {
	t, err := newTable(time.Now)
	if err != nil {
		return nil, err
	}
	for _, c := range t.columns {
		if err := c.measure(ctx, max(1, o.checks*c.share/100), o.runs); err != nil {
			return nil, fmt.Errorf("%s: %w", c.head, err)
		}
	}
	return t.rows(), nil
}

func (s *sample) content() []byte {
	m, err := trust.Parse(s.pkg)
	if err != nil {
		return nil
	}
	return m.Content()
}

// warm waits until a child has said hello.
func warm(ctx context.Context, p *inspect.Pool) {
	for p.Waiting() == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

type inspects func(pdf []byte) inspect.Facts

func (f inspects) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) { return f(pdf), nil }

func (s *sample) verify(ctx context.Context, pdf document.Inspector) func() error {
	v := document.NewVerifier(s.policy, pdf, time.Now)
	return func() error {
		d, err := v.Verify(ctx, s.pkg, s.want)
		if err == nil && d.Pages() != s.pages {
			err = fmt.Errorf("%d pages", d.Pages())
		}
		return err
	}
}

// floor is what no check of these bytes can do without.
func (s *sample) floor() func() error {
	digest := sha256.Sum256(s.pkg)
	signer, ok := s.key.Certificate.PublicKey.(*ecdsa.PublicKey)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key.Key.(*ecdsa.PrivateKey), digest[:])
	return func() error {
		digest := sha256.Sum256(s.pkg)
		if err != nil || !ok || !ecdsa.VerifyASN1(signer, digest[:], sig) || !ecdsa.VerifyASN1(signer, digest[:], sig) {
			return errors.Join(err, errors.New("the floor does not verify"))
		}
		return nil
	}
}

// peers runs strangers' programs n times, each as a process of its own, on the very same package. One that is not
// here is left out.
func (s *sample) peers(ctx context.Context, n int, l ledger) (err error) {
	dir, err := os.MkdirTemp("", "honnin-figures-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, b := range map[string][]byte{"package.p7m": s.pkg, "anchor.pem": append(armour(s.anchor), '\n'), "document.pdf": s.content()} {
		if err := os.WriteFile(file(name), b, 0o600); err != nil {
			return err
		}
	}
	for _, c := range [][]string{
		{"openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", file("package.p7m"), "-CAfile", file("anchor.pem"), "-purpose", "any", "-out", file("content.pdf")},
		{"qpdf", "--check", file("document.pdf")},
		{"pdfdetach", "-saveall", "-o", dir, file("document.pdf")},
		{"pdfinfo", file("document.pdf")},
		{"mutool", "info", file("document.pdf")},
	} {
		took, err := timesOf(n, nothing, func() error { return exec.CommandContext(ctx, c[0], c[1:]...).Run() })
		if err == nil {
			l[peer+c[0]] = took
		}
	}
	return ctx.Err()
}

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

// checkFigures measures the whole check of the sample, its parts, its floor, and strangers' programs on the same
// package.
func checkFigures(ctx context.Context, o options) ([]row, error) {
	s, err := newSample(time.Now)
	if err != nil {
		return nil, err
	}
	m, err := trust.Parse(s.pkg)
	if err != nil {
		return nil, err
	}
	rows, err := s.ours(ctx, o.checks)
	if err != nil {
		return rows, err
	}
	s.want.Began = time.Now().Add(-time.Minute) // the peers' turn takes time
	theirs, err := s.peers(ctx, m.Content(), o.runs)
	intro := remark("%d pages, PDF of %d bytes, package of %d; P-256 throughout; chain of the signer remembered from the run before.",
		samplePages, len(m.Content()), len(s.pkg))
	return append(append([]row{intro}, rows...), theirs...), err
}

// ours measures the terminal's own check.
func (s *sample) ours(ctx context.Context, n int) (rows []row, err error) {
	pool := inspect.NewPool(inspect.Options{})
	defer func() { err = errors.Join(err, pool.Close()) }()
	known := inspect.Document(s.content())
	for _, m := range []struct {
		name, target, note string
		before             func()
		f                  func() error
	}{
		{"the whole check, its child waiting", "≤ 5 ms", "Verifier.Verify", func() { warm(ctx, pool) }, s.verify(ctx, pool)},
		{"  the same, the PDF inspected in this process", "", "without a child, as no terminal does it", nothing, s.verify(ctx, inspects(inspect.Document))},
		{"  the same without the PDF", "", "CMS, card's certificate, statement, copy", nothing, s.verify(ctx, inspects(func([]byte) inspect.Facts { return known }))},
		{"  the CMS part alone", "", "trust.Verify", nothing, s.cms},
		{"floor: SHA-256 of the package and 2 verifications", "", "the package's signature and the card's certificate", nothing, s.floor()},
	} {
		took, err := times(n, m.before, m.f)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", m.name, err)
		}
		rows = append(rows, took.row(m.name, m.target, m.note))
	}
	return rows, nil
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
		if err == nil && d.Pages() != samplePages {
			err = fmt.Errorf("%d pages", d.Pages())
		}
		return err
	}
}

func (s *sample) cms() error {
	_, _, err := trust.Verify(s.pkg, s.policy.IssuingStore(), s.want.Began, time.Now(), s.policy.ClockSkew())
	return err
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

// peers runs strangers' programs, each as a process of its own, on the very same package.
func (s *sample) peers(ctx context.Context, pdf []byte, n int) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "honnin-figures-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, b := range map[string][]byte{"package.p7m": s.pkg, "anchor.pem": append(armour(s.anchor), '\n'), "document.pdf": pdf} {
		if err := os.WriteFile(file(name), b, 0o600); err != nil {
			return nil, err
		}
	}
	var sum time.Duration
	all := true
	for _, c := range [][]string{
		{"openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", file("package.p7m"), "-CAfile", file("anchor.pem"), "-purpose", "any", "-out", file("content.pdf")},
		{"qpdf", "--check", file("document.pdf")},
		{"pdfdetach", "-saveall", "-o", dir, file("document.pdf")},
	} {
		took, err := times(n, nothing, func() error { return exec.CommandContext(ctx, c[0], c[1:]...).Run() })
		name := fmt.Sprintf("peer: %s %s", c[0], c[1])
		if err != nil {
			all = false
			rows = append(rows, row{name, "-", "", err.Error()})
			continue
		}
		sum += took.median
		rows = append(rows, took.row(name, "", "as a process"))
	}
	if all {
		rows = append(rows, row{"peers, one after the other", milliseconds(sum), "", "sum of medians; they check neither card, tags nor statement"})
	}
	return rows, nil
}

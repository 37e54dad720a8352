package main

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
)

// verifyFlags are the words of "honnind verify" as they were given.
type verifyFlags struct {
	policy, card, transaction, terminal, nonce string
	application, began, at                     string
	explain                                    bool
}

func verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify --policy F --card CERT --transaction HEX --terminal ID --nonce HEX PACKAGE",
		Short: "run the terminal's check on a package, offline",
		Long: "verify runs the very check of the terminal on one package and prints one JSON object.\n" +
			"What there is nothing to compare with is listed under \"unchecked\".\n\n" +
			"Exit status: 0 accepted, 3 refused, 2 wrong usage, 1 a failure of honnind itself.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("verify takes one package, not %d", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return verify(c.Context(), c.OutOrStdout(), f, args[0]) },
	}
	c.Flags().StringVar(&f.policy, "policy", "", "policy.toml")
	c.Flags().StringVar(&f.card, "card", "", "the user-authentication certificate on the card (PEM or DER)")
	c.Flags().StringVar(&f.transaction, "transaction", "", "the transaction, 32 hex digits")
	c.Flags().StringVar(&f.terminal, "terminal", "", "the terminal's name")
	c.Flags().StringVar(&f.nonce, "nonce", "", "the terminal's nonce, 64 hex digits (or base64url)")
	c.Flags().StringVar(&f.application, "application", "", "what was applied for: JSON, or @file")
	c.Flags().StringVar(&f.began, "transaction-began", "", "when the transaction began (RFC 3339); default: issued_at")
	c.Flags().StringVar(&f.at, "at", "", "the instant to check at (RFC 3339); default: now")
	c.Flags().BoolVar(&f.explain, "explain", false, "print every rule with its result to standard error")
	return c
}

func verify(ctx context.Context, out io.Writer, f verifyFlags, path string) error {
	want, pol, at, err := f.read()
	if err != nil {
		return err
	}
	pkg, err := readBounded(path, trust.MaxPackage+1)
	if err != nil && !errors.Is(err, errTooLong) { // the check itself says that it is
		return usage("package: %w", err)
	}
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	v, err := document.NewVerifier(pol, pool, func() time.Time { return at }).Examine(ctx, pkg, want)
	if err != nil {
		return err
	}
	if f.explain {
		explain(os.Stderr, v.Steps)
	}
	if err := json.NewEncoder(out).Encode(answerOf(v)); err != nil {
		return err
	}
	if v.Refusal != nil {
		return &exitError{exitRefused, nil}
	}
	return nil
}

// read turns the words into values. Every error here is wrong usage.
func (f verifyFlags) read() (want document.Expectation, pol *policy.Policy, at time.Time, err error) {
	fail := func(flag string, err error) (document.Expectation, *policy.Policy, time.Time, error) {
		return want, nil, at, usage("--%s: %w", flag, err)
	}
	if pol, err = policy.Load(f.policy); err != nil {
		return fail("policy", err)
	}
	if want.Card, err = readCard(f.card); err != nil {
		return fail("card", err)
	}
	if want.Transaction, err = protocol.ParseTransaction(f.transaction); err != nil {
		return fail("transaction", err)
	}
	if want.Terminal, err = protocol.ParseTerminal(f.terminal); err != nil {
		return fail("terminal", err)
	}
	if want.Nonce, err = parseNonce(f.nonce); err != nil {
		return fail("nonce", err)
	}
	if want.Application, err = readApplication(f.application); err != nil {
		return fail("application", err)
	}
	if want.Began, err = parseInstant(f.began, time.Time{}); err != nil {
		return fail("transaction-began", err)
	}
	if at, err = parseInstant(f.at, time.Now()); err != nil {
		return fail("at", err)
	}
	return want, pol, at, nil
}

func readCard(path string) (*x509.Certificate, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	certs, err := trust.ParseCertificates(b)
	if err != nil {
		return nil, errors.New("not a certificate in PEM or DER")
	}
	if len(certs) != 1 {
		return nil, fmt.Errorf("%d certificates; the card's own is wanted, and no other", len(certs))
	}
	return certs[0], nil
}

func parseNonce(s string) (n protocol.Nonce, err error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(n) {
		return protocol.Nonce(b), nil
	}
	return protocol.ParseNonce(s)
}

func readApplication(s string) (*protocol.Application, error) {
	if s == "" {
		return nil, nil
	}
	b := []byte(s)
	if name, ok := strings.CutPrefix(s, "@"); ok {
		var err error
		if b, err = readBounded(name, protocol.MaxJSON+1); err != nil {
			return nil, err
		}
		b = []byte(strings.TrimSpace(string(b))) // a file may end with a line end; a package's statement may not
	}
	a, err := protocol.ParseApplication(b)
	return &a, err
}

func parseInstant(s string, otherwise time.Time) (time.Time, error) {
	if s == "" {
		return otherwise, nil
	}
	return time.Parse(time.RFC3339, s)
}

// errTooLong is returned by readBounded with the beginning of what is longer.
var errTooLong = errors.New("larger than it may be")

// readBounded reads a regular file of at most so many bytes; it waits for nothing.
func readBounded(path string, limit int64) ([]byte, error) {
	if path == "" {
		return nil, fs.ErrNotExist
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		return b[:limit], fmt.Errorf("%s: %w: %d bytes", path, errTooLong, limit)
	}
	return b, err
}

// answer is what "verify" prints. Every member is always there.
type answer struct {
	Verdict   string        `json:"verdict"`
	Reason    reason.Code   `json:"reason"`
	Also      []reason.Code `json:"also"`
	Class     reason.Class  `json:"class"`
	Detail    string        `json:"detail"`
	Document  string        `json:"document_sha256"`
	Pages     int           `json:"pages"`
	Unchecked []string      `json:"unchecked"`
}

func answerOf(v document.Verdict) answer {
	a := answer{Verdict: "accepted", Also: []reason.Code{}, Pages: v.Pages, Unchecked: v.Unchecked}
	if v.Document != (protocol.Digest{}) {
		a.Document = v.Document.String()
	}
	if r := v.Refusal; r != nil {
		a.Verdict, a.Reason, a.Class, a.Detail = "refused", r.Code, r.Class(), r.Detail
		a.Also = append(a.Also, r.Also...)
	}
	return a
}

func explain(w io.Writer, steps []document.Step) {
	mark := map[document.Result]string{document.Holds: "✓", document.Broken: "✗", document.Unjudged: "–", document.Unchecked: "–"}
	for _, s := range steps {
		line := fmt.Sprintf("%s %-26s %s", mark[s.Result], s.Code, s.Rule)
		if s.Detail != "" {
			line += ": " + s.Detail
		}
		fmt.Fprintln(w, line)
	}
}

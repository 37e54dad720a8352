package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
)

// What the office does: policies are written, signed by each key on its own, and compared.

const policyText = "policy.toml"

func policyNewCommand() *cobra.Command {
	var after, out string
	var version uint64
	c := &cobra.Command{
		Use:   "new --out DIR [--after POLICY] [--version N] DRAFT",
		Short: "make the next policy from a draft, ready to be signed",
		Long: "new writes DIR/policy.toml: the draft, with the files that it names inside it, and the version and previous that\n" +
			"follow the policy after which it comes. Without --after it is version 1.",
		Args: oneArgument("a draft"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("new needs --out DIR")
			}
			text, err := draft(args[0], after, version)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := os.MkdirAll(out, 0o700); err != nil {
				return err
			}
			if err := writeNew(filepath.Join(out, policyText), text); err != nil {
				return err
			}
			p, err := policy.Parse(text, nil)
			if err != nil {
				return err
			}
			h, _ := p.Head()
			say(c.OutOrStdout(), "version %d: now %d of its keys' holders sign %s (honnind policy sign, or openssl)", h.Version, h.Keys.Threshold, filepath.Join(out, policyText))
			sayUnanswered(c.OutOrStdout(), p, "")
			return nil
		},
	}
	c.Flags().StringVar(&after, "after", "", "policy.toml of the version before")
	c.Flags().Uint64Var(&version, "version", 0, "another version than the next, a higher one")
	c.Flags().StringVar(&out, "out", "", "directory for the new policy.toml; it must not be there yet")
	return c
}

func draft(path, after string, version uint64) ([]byte, error) {
	text, err := readBounded(path, signed.MaxText)
	if err != nil {
		return nil, err
	}
	var before *policy.Policy
	var beforeText []byte
	if after != "" {
		if before, beforeText, err = readPolicy(after); err != nil {
			return nil, err
		}
	}
	return signed.Draft(text, func(name string) ([]byte, error) {
		if filepath.Base(name) != name || !filepath.IsLocal(name) {
			return nil, errors.New("not the name of a file beside the draft")
		}
		return readBounded(filepath.Join(filepath.Dir(path), name), signed.MaxText)
	}, before, beforeText, version)
}

// readPolicy reads a policy that stands alone, signed or not.
func readPolicy(path string) (*policy.Policy, []byte, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, policyText)
	}
	b, err := readBounded(path, signed.MaxText)
	if err != nil {
		return nil, nil, err
	}
	p, err := policy.Parse(b, nil)
	return p, b, err
}

// writeNew writes a file that is not there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func policyRootCommand() *cobra.Command {
	threshold := 2
	c := &cobra.Command{
		Use:   "root NAME=CERTIFICATE…",
		Short: "write the file with which a machine's trust in policies begins",
		Long: "root prints policy-root.toml: so many of these keys sign the first policy of a machine. Whoever sets the machine up\n" +
			"places it beside site.toml, as root, and compares the fingerprints with what the office says itself.",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			var names []string
			var certs []*x509.Certificate
			for _, a := range args {
				name, path, _ := strings.Cut(a, "=")
				cert, err := oneCertificate(path)
				if err != nil {
					return usage("%s: %w", name, err)
				}
				names, certs = append(names, name), append(certs, cert)
			}
			b, err := signed.FormatRoot(threshold, names, certs)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	}
	c.Flags().IntVar(&threshold, "threshold", threshold, "so many distinct keys are needed")
	return c
}

var keyName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// officeFlags are the words of "honnind policy sign" and "cosign".
type officeFlags struct {
	signingKey
	name, after string
	second      bool
}

func policySignCommand(second bool) *cobra.Command {
	f := officeFlags{second: second}
	c := &cobra.Command{
		Use:   "sign --as NAME --key KEY --certificate CERT [--after POLICY] POLICY",
		Short: "sign a policy with one policy key",
		Args:  oneArgument("a policy.toml"),
		RunE:  func(c *cobra.Command, args []string) error { return f.run(args[0], c.OutOrStdout()) },
	}
	c.Long = "sign shows what the policy changes and writes a detached CMS signature beside it, POLICY.NAME.p7s. It is what\n" +
		"openssl cms -sign -binary -cades -outform DER -signer CERT -inkey KEY -in POLICY -out POLICY.NAME.p7s\n" +
		"makes as well, with a key in hardware too."
	if second {
		c.Use = strings.Replace(c.Use, "sign", "cosign", 1)
		c.Short = "sign a policy that another key signed already"
		c.Long = "cosign is sign, for those who come second: the signatures that are there must be right, and by other keys."
	}
	c.Flags().StringVar(&f.name, "as", "", "the key's name, as in policy_keys")
	f.flags(c)
	c.Flags().StringVar(&f.after, "after", "", "policy.toml of the version before, whose keys sign this one")
	return c
}

func (f officeFlags) run(path string, out io.Writer) error {
	if !keyName.MatchString(f.name) {
		return usage("--as wants 1 to 64 of a-z, 0-9 and hyphen")
	}
	cert, key, err := f.read()
	if err != nil {
		return err
	}
	p, text, err := readPolicy(path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if err := f.may(p, text, path, cert, out); err != nil {
		return err
	}
	sayUnanswered(out, p, "")
	der, err := sign.Sign(text, sign.Options{Certificate: cert, Key: key, Time: time.Now(), Detached: true})
	if err != nil {
		return err
	}
	if _, _, err := trust.VerifyDetached(der, text); err != nil {
		return err
	}
	name := path + "." + f.name + ".p7s"
	if err := writeNew(name, der); err != nil {
		return err
	}
	h, _ := p.Head()
	say(out, "%s: %s signed version %d", name, f.name, h.Version)
	return nil
}

// may says what is about to be signed, and refuses what no terminal would count.
func (f officeFlags) may(p *policy.Policy, text []byte, path string, cert *x509.Certificate, out io.Writer) error {
	h, whole := p.Head()
	if !whole {
		return usage("the policy has no head: not_before, expires, terminals, policy_keys")
	}
	signers := h.Keys
	if f.after != "" {
		before, beforeText, err := readPolicy(f.after)
		if err != nil {
			return usage("--after: %w", err)
		}
		b, whole := before.Head()
		if !whole {
			return usage("--after: the policy has no head")
		}
		signers = b.Keys
		sayChanges(out, before, p)
		if err := follows(h, text, b, beforeText); err != nil {
			return &exitError{exitRefused, fmt.Errorf("no terminal would take it: %w", err)}
		}
	} else {
		say(out, "version %d, by its own keys; --after would show what it changes", h.Version)
	}
	spki, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	if err != nil {
		return usage("--certificate: %w", err)
	}
	for _, k := range signers.Keys {
		if bytes.Equal(k.SPKI, spki) && k.Name == f.name {
			return f.others(text, path, cert)
		}
	}
	return usage("--as, --certificate: no policy key of this name and key signs this policy")
}

// follows is what a terminal asks that has the policy before.
func follows(h policy.Head, text []byte, before policy.Head, beforeText []byte) error {
	p := signed.Policy{Head: h, Digest: sha256.Sum256(text)}
	return p.After(&signed.Policy{Head: before, Digest: sha256.Sum256(beforeText)})
}

// others looks at the signatures that are there already.
func (f officeFlags) others(text []byte, path string, cert *x509.Certificate) error {
	there, err := filepath.Glob(path + ".*.p7s")
	if err != nil || !f.second {
		return err
	}
	for _, name := range there {
		der, err := readBounded(name, trust.MaxDetached)
		if err != nil {
			return err
		}
		signer, _, err := trust.VerifyDetached(der, text)
		if err != nil {
			return &exitError{exitRefused, fmt.Errorf("%s: %w", name, err)}
		}
		if bytes.Equal(signer.RawSubjectPublicKeyInfo, cert.RawSubjectPublicKeyInfo) {
			return &exitError{exitRefused, fmt.Errorf("%s: by the same key", name)}
		}
	}
	if len(there) == 0 {
		return &exitError{exitRefused, errors.New("nobody signed it yet: honnind policy sign")}
	}
	return nil
}

func policyDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "say in words what a policy changes",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("diff takes two policies")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var p [2]*policy.Policy
			for i, a := range args {
				var err error
				if p[i], _, err = readPolicy(a); err != nil {
					return usage("%s: %w", a, err)
				}
			}
			sayChanges(c.OutOrStdout(), p[0], p[1])
			return nil
		},
	}
}

func sayChanges(out io.Writer, before, after *policy.Policy) {
	changes := policy.Diff(before, after)
	for _, c := range changes {
		say(out, "%s", printable(c.String())) // a draft is not yet anybody's word
	}
	if len(changes) == 0 {
		say(out, "nothing changes")
	}
}

// sayUnanswered warns of a policy that is valid, and under which nobody would answer for an incident.
func sayUnanswered(out io.Writer, p *policy.Policy, at protocol.Terminal) {
	now := time.Now()
	if h, whole := p.Head(); whole && h.NotBefore.After(now) {
		now = h.NotBefore
	}
	for _, lack := range p.Unanswered(at, now) {
		say(out, "  注意 warning: %s", lack)
	}
}

func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("%s takes %s", c.CommandPath(), what)
		}
		return nil
	}
}

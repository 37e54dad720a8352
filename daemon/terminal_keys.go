package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/practice"
	"honnin/daemon/provision"
)

// The terminal's own keys: enrolled, renewed, and watched.

// keysOf opens a configured terminal's keys.
func keysOf(s site.Site) (*identity.Keys, error) {
	return identity.Open(identity.Options{Dir: s.Keys, Terminal: s.Terminal, Now: time.Now})
}

// keysEnd is how many whole days are left until the first of a terminal's certificates ends, and whether that is soon, as
// the policy has it. A key without a certificate ends never here: what needs it fails by itself.
func keysEnd(k *identity.Keys, p *policy.Policy) (days int, soon bool, err error) {
	states, err := k.Show()
	if err != nil {
		return 0, false, err
	}
	states = slices.DeleteFunc(states, func(s identity.State) bool { return s.Until.IsZero() })
	if len(states) == 0 {
		return 0, false, errors.New("no certificate was installed yet")
	}
	first := slices.MinFunc(states, func(a, b identity.State) int { return a.Days - b.Days })
	return first.Days, time.Duration(first.Days)*24*time.Hour < p.TerminalWarning(), nil
}

// watchKeys warns now and every day while certificates are about to end by the policy in force, until ctx ends.
func watchKeys(ctx context.Context, k *identity.Keys, inForce func() *policy.Policy, log logrus.FieldLogger) {
	look := time.NewTicker(24 * time.Hour)
	defer look.Stop()
	for {
		switch days, soon, err := keysEnd(k, inForce()); {
		case err != nil:
			log.WithError(err).Warn("the terminal's keys cannot be looked at")
		case soon:
			log.Warnf("a certificate of this terminal ends in %d days: honnind keys renew", days)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// enrolled are a practice terminal's keys, with certificates of the world's.
func enrolled(w *practice.World, dir string, t protocol.Terminal) (*identity.Keys, error) {
	k, err := identity.Open(identity.Options{Dir: dir, Terminal: t, Now: time.Now})
	if err != nil {
		return nil, err
	}
	for _, u := range identity.Uses() {
		if k.Good(u, []*x509.Certificate{w.TerminalAnchor()}) == nil {
			continue
		}
		request, err := k.Request(u, identity.Anew) // another world may have issued the one that is here
		if err != nil {
			return nil, err
		}
		c, err := w.EnrolTerminal(request)
		if err != nil {
			return nil, err
		}
		if _, err := k.Install(c, nil); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func keysCommand() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "the terminal's own keys: enrol, renew, install, show",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(keysShowCommand(), keysRequestCommand(identity.First), keysRequestCommand(identity.Renew), keysInstallCommand())
	return c
}

// keysFlags are the words of "honnind keys".
type keysFlags struct {
	config, out, use string
	json, anew       bool
}

func (f *keysFlags) open() (*identity.Keys, site.Site, error) {
	if f.config == "" {
		return nil, site.Site{}, usage("--config DIR is needed")
	}
	s, err := site.Load(f.config)
	if err != nil {
		return nil, s, &exitError{exitUsage, err}
	}
	k, err := keysOf(s)
	if err != nil {
		return nil, s, &exitError{exitUsage, err}
	}
	return k, s, nil
}

func (f *keysFlags) command(use, short, long string, args cobra.PositionalArgs, run func(k *identity.Keys, s site.Site, out io.Writer, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: args, RunE: func(c *cobra.Command, args []string) error {
		k, s, err := f.open()
		if err != nil {
			return err
		}
		if err := run(k, s, c.OutOrStdout(), args); err != nil {
			return &exitError{exitRefused, err}
		}
		return nil
	}}
	c.Flags().StringVar(&f.config, "config", "", "directory of site.toml")
	return c
}

func keysShowCommand() *cobra.Command {
	var f keysFlags
	c := f.command("show --config DIR [--json]", "say how the keys stand: days left, and what is awaited",
		"show says of each key how many days its certificate has still, its fingerprint (SHA-256 of the SubjectPublicKeyInfo,\n"+
			"to be compared by telephone), and whether a certificate is awaited.",
		noArguments, func(k *identity.Keys, s site.Site, out io.Writer, _ []string) error {
			states, err := k.Show()
			switch {
			case err != nil:
				return err
			case f.json:
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				return e.Encode(struct {
					Terminal protocol.Terminal `json:"terminal"`
					Keys     []identity.State  `json:"keys"`
				}{s.Terminal, states})
			}
			for _, state := range states {
				say(out, "%s", stateLine(state))
			}
			return nil
		})
	c.Flags().BoolVar(&f.json, "json", false, "for machines")
	return c
}

func stateLine(s identity.State) string {
	line := fmt.Sprintf("%-8s 証明書なし。 No certificate.", s.Use)
	if !s.Until.IsZero() {
		line = fmt.Sprintf("%-8s あと%d日。 %d days left, until %s. Key %s.", s.Use, s.Days, s.Days, day(s.Until), s.Key)
	}
	if s.Awaited != (protocol.Digest{}) {
		line += fmt.Sprintf(" 証明書待ち。 A certificate is awaited for key %s.", s.Awaited)
	}
	if s.Damaged {
		line += " 待っていた鍵が壊れています。 The key that waited is damaged: request another."
	}
	return line
}

func keysRequestCommand(how identity.How) *cobra.Command {
	var f keysFlags
	name, short := "enrol", "make the terminal's keys, and requests for their certificates"
	if how == identity.Renew {
		name, short = "renew", "make new keys beside those in force, and requests for their certificates"
	}
	c := f.command(name+" --config DIR --out DIR", short,
		name+" makes keys that never leave this machine, and writes a PKCS #10 request for each into a directory, such as a\n"+
			"stick's. The office issues a certificate for each (openssl x509 -req -copy_extensions copyall), which install takes.\n"+
			"Where a request waits already it is written again, unless --anew throws it and its key away. What is in force stays\n"+
			"in force until the certificate has come.",
		noArguments, func(k *identity.Keys, s site.Site, out io.Writer, _ []string) error {
			if f.out == "" {
				return errors.New("--out DIR is needed")
			}
			return f.requests(k, s, how, out)
		})
	c.Flags().StringVar(&f.out, "out", "", "directory in which the requests are written")
	c.Flags().StringVar(&f.use, "use", "", "only this key: tls or signing")
	c.Flags().BoolVar(&f.anew, "anew", false, "throw a request that waits away")
	return c
}

func (f *keysFlags) requests(k *identity.Keys, s site.Site, how identity.How, out io.Writer) error {
	uses := identity.Uses()
	if f.use != "" {
		uses = slices.DeleteFunc(uses, func(u identity.Use) bool { return string(u) != f.use })
	}
	if len(uses) == 0 {
		return errors.New("--use wants tls or signing")
	}
	if f.anew {
		how = identity.Anew
	}
	for _, u := range uses {
		request, err := k.Request(u, how)
		if r := new(identity.Refusal); errors.As(err, &r) && r.Code == identity.Waiting {
			request, err = k.Awaiting(u)
		}
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%s.csr.pem", s.Terminal, u)
		if err := provision.WriteOut(f.out, name, request); err != nil {
			return err
		}
		say(out, "%s", filepath.Join(f.out, name))
	}
	states, err := k.Show()
	for _, state := range states {
		say(out, "%s", stateLine(state))
	}
	return err
}

func keysInstallCommand() *cobra.Command {
	var f keysFlags
	return f.command("install --config DIR CERTIFICATE…", "put the keys in force whose certificates have come",
		"install takes certificates that fit a key which waits, this terminal's name, one use, this day, and the\n"+
			"terminal_keys.anchors of the policy in force. A running terminal uses the new TLS key at its next connection.",
		func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("install takes the files of certificates")
			}
			return nil
		},
		func(k *identity.Keys, s site.Site, out io.Writer, args []string) error {
			p, err := policyInForce(f.config)
			if err != nil {
				return fmt.Errorf("a certificate is held against the policy in force: %w", err)
			}
			for _, path := range args {
				b, err := readBounded(path, 1<<20)
				if err != nil {
					return err
				}
				c, err := identity.ParseCertificate(b)
				if err != nil {
					return fmt.Errorf("%s: %w", filepath.Base(path), err)
				}
				use, err := k.Install(c, p.TerminalAnchors())
				if err != nil {
					return fmt.Errorf("%s: %w", filepath.Base(path), err)
				}
				say(out, "有効: %s の証明書を使います。 In force: the %s key of %s, until %s.%s", use, use, s.Terminal, day(c.NotAfter), unanchored(p))
			}
			return nil
		})
}

func unanchored(p *policy.Policy) string {
	if len(p.TerminalAnchors()) > 0 {
		return ""
	}
	return " Nothing was said of who issued it: the policy has no terminal_keys.anchors."
}

// policyInForce is the policy of a configured terminal.
func policyInForce(dir string) (*policy.Policy, error) {
	store, _, err := policyStore(dir)
	if err != nil {
		return nil, err
	}
	p, err := store.Load()
	if err != nil {
		return nil, err
	}
	return p.Policy, nil
}

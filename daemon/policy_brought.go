package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/policy/signed"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
)

// What is brought to a terminal, on a stick or in a directory: does it fit, what does it change, and what came of it.

func policyCheckCommand() *cobra.Command {
	var f fieldFlags
	return f.bring(&cobra.Command{Use: "check --config DIR STICK|--device /dev/sdX1|--line /dev/ttyS0", Short: "say whether a stick fits this terminal, and do nothing",
		Long: "check says in one line whether the policies in STICK (a mounted stick, a directory, a policy.toml, a pack) fit this\n" +
			"terminal, and then in words what would change. " + deviceHelp + lineHelp},
		func(store *provision.Store, b []signed.Bundle) (provision.Answer, error) { return store.Check(b) })
}

func policyReceiveCommand() *cobra.Command {
	var f fieldFlags
	c := f.bring(&cobra.Command{Use: "receive --config DIR STICK|--device /dev/sdX1|--line /dev/ttyS0", Short: "take in the policies on a stick, or from a serial line",
		Long: "receive does what check does, and keeps what fits. A terminal that runs applies it between visits, within a\n" +
			"minute of its time; apply does where none runs. " + deviceHelp + lineHelp},
		func(store *provision.Store, b []signed.Bundle) (provision.Answer, error) {
			return store.Receive(b, f.way())
		})
	c.Flags().StringVar(&f.result, "result", "", "directory in which a result file for the office is written, signed with the terminal's key")
	c.Flags().BoolVar(&f.back, "result-back", false, "with --device: write the result file onto the stick; with --line: send it back, to rz")
	return c
}

const deviceHelp = "With --device, as root, the stick's partition is\n" +
	"mounted for this command alone: read-only, nosuid, nodev, noexec, and only if it is FAT, exFAT or ext4. A stick that\n" +
	"is mounted already wants the same options."

func (f *fieldFlags) way() provision.Way {
	if f.line != "" {
		return provision.ByLine
	}
	if st, err := os.Stat(f.path); f.device == "" && err == nil && !st.IsDir() {
		return provision.ByFile
	}
	return provision.ByStick
}

type doing func(*provision.Store, []signed.Bundle) (provision.Answer, error)

// bring completes a command that reads a stick and does something with it.
func (f *fieldFlags) bring(c *cobra.Command, do doing) *cobra.Command {
	c.Args = func(_ *cobra.Command, args []string) error {
		ways := len(args)
		for _, other := range []string{f.device, f.line} {
			if other != "" {
				ways++
			}
		}
		if ways != 1 || f.back && (len(args) == 1 || f.result != "") || f.baud != 0 && f.line == "" {
			return usage("either a stick, a directory, a policy.toml or a pack, or --device, or --line with --baud; --result-back is for those two, and --result for another directory")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			f.path = args[0]
		}
		return f.brought(c.Context(), c.OutOrStdout(), do)
	}
	c.Flags().StringVar(&f.config, "config", "", "directory of site.toml and policy-root.toml")
	f.lineWords(c)
	c.Flags().StringVar(&f.device, "device", "", "the stick's partition, such as /dev/sdb1, instead of a directory")
	return c
}

// brought reads a stick or waits at a line, does something with what comes, says what came of it, and writes it for the office
// where asked.
func (f *fieldFlags) brought(ctx context.Context, out io.Writer, do doing) error {
	if f.config == "" {
		return usage("--config DIR is needed")
	}
	s, err := site.Load(f.config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if f.line != "" {
		return f.overLine(ctx, s, out, do)
	}
	bundles, passed, unread := f.read()
	if errors.Is(unread, provision.ErrSilent) { // no result is signed: the key is the daemon's user's
		say(out, "%s", answerLine(provision.Answer{Terminal: s.Terminal}, unread))
		if f.result != "" || f.back {
			say(out, "  結果ファイルは書かれていません。 No result file was written.")
		}
		return &exitError{code: exitRefused}
	}
	return f.came(s, bundles, unread, out, do, func() {
		for _, name := range passed {
			say(out, "  passed over: directory %s has no policy.toml", name)
		}
	}, f.write)
}

// came does something with what came.
func (f *fieldFlags) came(s site.Site, bundles []signed.Bundle, unread error, out io.Writer, do doing, then func(), write func(site.Site, []byte) error) error {
	var sealed []byte
	err := f.asOwner(s.Policy, func() (err error) {
		sealed, err = f.judged(s, bundles, unread, out, do)
		return err
	})
	then()
	if sealed != nil {
		if wrote := write(s, sealed); wrote != nil {
			err = &exitError{exitRefused, wrote}
		}
	}
	return err
}

func (f *fieldFlags) read() (bundles []signed.Bundle, passed []string, err error) {
	if f.device != "" {
		return provision.ReadDevice(f.device)
	}
	return provision.Read(f.path)
}

// write writes the result file to where it was asked for.
func (f *fieldFlags) write(s site.Site, sealed []byte) error {
	if f.back {
		return provision.WriteDevice(f.device, s.Terminal, sealed)
	}
	return provision.WriteResult(f.result, s.Terminal, sealed)
}

// judged is what is done as the user whose policies these are. sealed is what came of it, where that was asked for.
func (f *fieldFlags) judged(s site.Site, bundles []signed.Bundle, unread error, out io.Writer, do doing) (sealed []byte, err error) {
	store, _, err := policyStore(f.config)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	asked := f.result != "" || f.back
	if asked {
		if err := canSeal(s, store); err != nil {
			return nil, &exitError{exitRefused, fmt.Errorf("nothing was taken in: the result file cannot be signed: %w", err)}
		}
	}
	a, err := provision.Answer{Terminal: store.Terminal()}, unread
	if unread == nil {
		a, err = do(store, bundles)
	}
	good := sayAnswer(out, a, err)
	if asked {
		var unsealed error
		if sealed, unsealed = seal(s, a, err); unsealed != nil {
			return nil, &exitError{exitRefused, unsealed}
		}
	}
	if !good {
		return sealed, &exitError{code: exitRefused} // why was said
	}
	return sealed, nil
}

// sayAnswer says what came of it, and reports whether nothing is left to be done about it: what was brought is here, and what
// was left out is old.
func sayAnswer(out io.Writer, a provision.Answer, err error) (good bool) {
	say(out, "%s", answerLine(a, err))
	var r *signed.Refusal
	good = err == nil || errors.As(err, &r) && r.Code == signed.Here
	for _, left := range a.Left {
		if left.Error() == fmt.Sprint(err) {
			continue
		}
		say(out, "  left out: %v", left)
		good = good && signed.Old(left)
	}
	if err != nil {
		return good
	}
	if a.Before != nil {
		sayChanges(out, a.Before.Policy, a.Last().Policy)
	}
	sayUnanswered(out, a.Last().Policy, a.Terminal)
	return good
}

// canSeal says before anything is taken in whether a result could be signed afterwards.
func canSeal(s site.Site, store *provision.Store) error {
	k, err := keysOf(s)
	if err != nil {
		return err
	}
	var anchors []*x509.Certificate
	if p, _ := store.Load(); p != nil {
		anchors = p.TerminalAnchors()
	}
	return k.Good(identity.Signing, anchors)
}

// seal signs what came of it with the terminal's key.
func seal(s site.Site, a provision.Answer, came error) ([]byte, error) {
	k, err := keysOf(s)
	if err != nil {
		return nil, err
	}
	var anchors []*x509.Certificate
	if a.Before != nil {
		anchors = a.Before.TerminalAnchors()
	}
	return provision.NewResult(a, came, time.Now()).Seal(func(content []byte) ([]byte, error) { return k.Sign(content, anchors) })
}

// asOwner does something as the user to whom a directory belongs, where root mounts a stick or opens a line and the daemon's user keeps the
// policies.
func (f *fieldFlags) asOwner(dir string, do func() error) (err error) {
	st, there := os.Stat(dir)
	if f.device == "" && f.line == "" || os.Geteuid() != 0 || there != nil {
		return do()
	}
	owner, is := st.Sys().(*syscall.Stat_t)
	if !is || owner.Uid == 0 {
		return do()
	}
	groups, err := syscall.Getgroups()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, syscall.Setresuid(-1, 0, -1), syscall.Setresgid(-1, 0, -1), syscall.Setgroups(groups))
	}()
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(-1, int(owner.Gid), -1), syscall.Setresuid(-1, int(owner.Uid), -1)); err != nil {
		return err
	}
	return do()
}

// answerLine is whether what was brought fits this terminal, in one line.
func answerLine(a provision.Answer, err error) string {
	var r *signed.Refusal
	switch {
	case errors.As(err, &r) && r.Code == signed.Here:
		return fmt.Sprintf("済み: この端末は受け取り済みです。 Already here: terminal %s has this policy (%s).", a.Terminal, r.Err)
	case err != nil:
		return fmt.Sprintf("不一致: この端末には使えません。 Does not fit terminal %s: %v", a.Terminal, err)
	}
	before := "none"
	if a.Before != nil {
		before = fmt.Sprint(a.Before.Head.Version)
	}
	p := a.Last()
	return fmt.Sprintf("一致: この端末用です。 Fits terminal %s: version %s → %d, signed by %s, in force from %s to %s.", a.Terminal, before, p.Head.Version,
		strings.Join(p.Signers, " and "), day(p.Head.NotBefore), day(p.Head.Expires))
}

package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"honnin/config/policy/signed"
	"honnin/config/site"
	"honnin/config/tokyo"
	"honnin/daemon/provision"
)

// What is done at a terminal: a policy is looked at, received, applied.

// rootOwner must own the root file.
const rootOwner = 0

// policyStore opens the policies of a configured terminal.
func policyStore(dir string) (*provision.Store, site.Site, error) {
	s, err := site.Load(dir)
	if err != nil {
		return nil, s, err
	}
	if st, err := os.Stat(s.Policy); err == nil && !st.IsDir() {
		return nil, s, errors.New("site.toml: policy: is a file: a terminal takes signed policies only, from the directory that " +
			"honnind policy receive fills")
	}
	root, err := provision.LoadRoot(dir, rootOwner)
	if err != nil {
		return nil, s, err
	}
	store, err := provision.Open(provision.Options{Dir: s.Policy, Root: root, Terminal: s.Terminal, Now: time.Now})
	return store, s, err
}

// enforce puts what was received in force before the first visit, and holds the store while the terminal runs. A policy whose
// time is over, or that is for others, is returned too: the terminal starts, opens for nobody, and takes the next one.
func enforce(store *provision.Store, log logrus.FieldLogger) (*signed.Policy, error) {
	if err := store.Use(); err != nil {
		return nil, err
	}
	p, fresh, err := store.Apply()
	if p == nil {
		return nil, err
	}
	if err != nil {
		log.WithField("why", err).Error("this policy lets no visit begin: the terminal waits for another, out of service")
		return p, nil
	}
	log = log.WithFields(logrus.Fields{"version": p.Head.Version, "sha256": p.Digest.String(), "until": p.Head.Expires.Format(time.RFC3339)})
	if fresh {
		log.Info("a new policy is in force")
	} else {
		log.Info("the policy in force")
	}
	return p, nil
}

// fieldFlags are the words of the commands at a terminal.
type fieldFlags struct {
	config, path, result, device, line string
	baud                               int
	wait                               time.Duration
	back                               bool
}

func (f *fieldFlags) store() (*provision.Store, site.Site, error) {
	if f.config == "" {
		return nil, site.Site{}, usage("--config DIR is needed")
	}
	store, s, err := policyStore(f.config)
	if err != nil {
		return nil, s, &exitError{exitUsage, err}
	}
	return store, s, nil
}

func (f *fieldFlags) command(use, short, long string, args cobra.PositionalArgs, run func(store *provision.Store, out io.Writer, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: args, RunE: func(c *cobra.Command, args []string) error {
		store, _, err := f.store()
		if err != nil {
			return err
		}
		return run(store, c.OutOrStdout(), args)
	}}
	c.Flags().StringVar(&f.config, "config", "", "directory of site.toml and policy-root.toml")
	return c
}

// day is a day and a minute in Japan.
func day(t time.Time) string { return t.In(tokyo.Zone()).Format("2006-01-02 15:04") }

func policyApplyCommand() *cobra.Command {
	var f fieldFlags
	return f.command("apply --config DIR", "put what was received in force",
		"apply puts the highest policy in force that was received, is for this terminal and whose time has come. It does\n"+
			"nothing while the terminal runs: that applies it by itself, between visits. There is no way back: going\n"+
			"back means a newly signed, higher version.",
		noArguments,
		func(store *provision.Store, out io.Writer, _ []string) error {
			p, fresh, err := store.Apply()
			if err != nil {
				return &exitError{exitRefused, err}
			}
			word := map[bool]string{true: "now in force", false: "in force already; nothing newer is due"}[fresh]
			say(out, "version %d, digest %s, is %s, until %s", p.Head.Version, p.Digest, word, day(p.Head.Expires))
			return nil
		})
}

func policyHistoryCommand() *cobra.Command {
	var f fieldFlags
	return f.command("history --config DIR", "list the policies that this terminal keeps", "", noArguments,
		func(store *provision.Store, out io.Writer, _ []string) error {
			slots, err := store.History()
			if err != nil {
				return &exitError{exitRefused, err}
			}
			for _, s := range slots {
				applied := "not applied"
				if s.Applied != nil {
					applied = "applied " + day(s.Applied.At)
				}
				say(out, "%6d  %s  received %s by %s  %s  valid %s to %s  signed by %s", s.Head.Version, s.Digest.String()[:16], day(s.Received.At), s.Received.By,
					applied, day(s.Head.NotBefore), day(s.Head.Expires), strings.Join(s.Signers, ", "))
			}
			return nil
		})
}

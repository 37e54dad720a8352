package main

import (
	"bytes"
	"cmp"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/config/tokyo"
	"honnin/daemon/durable"
	"honnin/daemon/sealed"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// sealedDir is the directory of sealed packages in a terminal's state directory.
const sealedDir = "sealed"

// sealedAt is a terminal's store of sealed packages.
func sealedAt(state string, j *journal.Journal, t protocol.Terminal) terminal.Sealed {
	return sealed.New(filepath.Join(state, sealedDir), durable.Real{}, terminal.OpenIncidents(j, t), time.Now)
}

// owingAt is where a terminal keeps what its journal would not take.
func owingAt(state string) terminal.Owing {
	return terminal.Owing{Path: filepath.Join(state, terminal.OwedFile), Disk: durable.Real{}}
}

// What field staff do with sealed packages, and what the municipality does.

func incidentSealedCommand() *cobra.Command {
	c := &cobra.Command{Use: "sealed", Short: "the refused packages that a terminal keeps for municipalities, and cannot open",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	var list, export sealedFlags
	l := &cobra.Command{Use: "list --config DIR", Short: "list them, the oldest first", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return list.list(c.OutOrStdout()) }}
	e := &cobra.Command{Use: "export --config DIR TARGET", Short: "copy them to a directory, such as a stick's, durably",
		Long: "export copies every sealed package, or those of --municipality, into TARGET, and syncs it. What lies there already in the\n" +
			"same form stays. Whoever carries it cannot open it. The terminal's own stay until they are 90 days old, or others need their room.",
		Args: oneArgument("a directory"),
		RunE: func(c *cobra.Command, args []string) error { return export.export(args[0], c.OutOrStdout()) }}
	list.flags(l)
	export.flags(e)
	c.AddCommand(l, e)
	return c
}

// sealedFlags say whose packages.
type sealedFlags struct{ config, dir, municipality string }

func (f *sealedFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", "", "directory of the terminal's site.toml")
	c.Flags().StringVar(&f.dir, "dir", "", "or the directory of sealed packages itself")
	c.Flags().StringVar(&f.municipality, "municipality", "", "only those of this one, by its code")
}

func (f *sealedFlags) kept() (all []sealed.Kept, err error) {
	dir := f.dir
	if (f.config == "") == (f.dir == "") {
		return nil, usage("--config DIR or --dir DIR is wanted")
	}
	if f.config != "" {
		s, err := site.Load(f.config)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		dir = filepath.Join(s.State, sealedDir)
	}
	all, err = sealed.List(dir)
	return slices.DeleteFunc(all, func(k sealed.Kept) bool {
		return f.municipality != "" && string(k.Municipality) != f.municipality
	}), err
}

func (f *sealedFlags) list(out io.Writer) error {
	all, err := f.kept()
	if err != nil {
		return err
	}
	for _, k := range all {
		say(out, "%s  %s  %s  %d bytes", k.At.In(tokyo.Zone()).Format("2006-01-02 15:04"), k.Incident, k.Municipality, k.Size)
	}
	say(out, "%d sealed packages", len(all))
	return nil
}

func (f *sealedFlags) export(to string, out io.Writer) error {
	all, err := f.kept()
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := carry(durable.Real{}, k, to); err != nil {
			return fmt.Errorf("%s: %w", k.Incident, err)
		}
		say(out, "%s", filepath.Join(to, sealed.FileName(k.Incident)))
	}
	say(out, "%d sealed packages", len(all))
	return nil
}

// carry copies one file durably. One that is there already is no error if it is the same.
func carry(disk durable.Disk, k sealed.Kept, to string) error {
	b, err := readBounded(k.File, sealed.MaxFile)
	if err != nil {
		return err
	}
	path := filepath.Join(to, sealed.FileName(k.Incident))
	if have, err := readBounded(path, sealed.MaxFile); err == nil {
		if bytes.Equal(have, b) {
			return disk.Sync(to)
		}
		return errors.New("another file of this name is there")
	}
	return durable.Replace(disk, path, b)
}

// openFlags are the words of "honnind incident open".
type openFlags struct{ key, out string }

func incidentOpenCommand() *cobra.Command {
	var f openFlags
	c := &cobra.Command{
		Use: "open --key KEY FILE [--out PACKAGE]", Short: "open a sealed package with the municipality's key",
		Long: "open writes the refused package that a terminal sealed to the municipality's key. It holds somebody's certificate: keep it as\n" +
			"what it is. Nobody vouches for it but its own signature; honnind verify gives the terminal's verdict on it.\n\n" +
			"Exit status: 0 opened, 3 not a sealed package, altered, or sealed to another key, 2 wrong usage.",
		Args: oneArgument("a sealed package"),
		RunE: func(c *cobra.Command, args []string) error { return f.open(args[0], c.OutOrStdout()) },
	}
	c.Flags().StringVar(&f.key, "key", "", "PEM file of the private key, X25519 or P-256, without a passphrase")
	c.Flags().StringVar(&f.out, "out", "", "file for the package; default: the incident's name with .p7m, here")
	return c
}

func (f openFlags) open(path string, out io.Writer) error {
	key, err := municipalityKey(f.key)
	if err != nil {
		return usage("--key: %w", err)
	}
	b, err := readBounded(path, sealed.MaxFile)
	if err != nil {
		return &exitError{exitRefused, err}
	}
	n, pkg, err := sealed.Open(key, b)
	if err != nil {
		return &exitError{exitRefused, err}
	}
	defer clear(pkg)
	to := f.out
	if to == "" {
		to = string(n.Incident) + ".p7m"
	}
	if err := writeNew(to, pkg); err != nil {
		return err
	}
	say(out, "%s: what terminal %s refused, applied for at municipality %s, incident %s\nhonnind verify tells the terminal's verdict on it.", to, n.Terminal, n.Municipality, n.Incident)
	return nil
}

// municipalityKey reads a private key of X25519 or P-256 (PKCS #8, RFC 5958), one PEM block and nothing else.
func municipalityKey(path string) (*ecdh.PrivateKey, error) {
	b, err := readBounded(path, 1<<16)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	text := bytes.TrimSpace(b)
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(block.Headers) > 0 || len(rest) > 0 || !bytes.HasPrefix(text, []byte("-----BEGIN")) {
		return nil, errors.New("not one private key in PEM (PRIVATE KEY, without a passphrase), and nothing else")
	}
	defer clear(block.Bytes)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("a private key that does not decode")
	}
	switch k := key.(type) {
	case *ecdh.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k.ECDH()
	}
	return nil, errors.New("not a key of X25519 or P-256")
}

// keptFor tells where the sealed package of an incident is, beside a terminal's journal, or "".
func keptFor(journalFile string, id protocol.IncidentID) string {
	path := filepath.Join(filepath.Dir(journalFile), sealedDir, sealed.FileName(id))
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// witnesses are lines about what is known of the package that an incident is about, and of the terminal then.
func (n noticed) witnesses() (lines []string) {
	e := n.Evidence
	if e.Serial != "" {
		lines = append(lines, fmt.Sprintf("issued as %s at %s by %s %s", e.Serial, when(e.IssuedAt), cmp.Or(e.Software.Name, "a program of another name"), e.Software.Version))
	}
	if (e.SignedBy != protocol.Digest{}) {
		lines = append(lines, fmt.Sprintf("signed at %s with the certificate %s (SHA-256)", when(e.SignedAt), e.SignedBy))
	}
	if e.Program != "" {
		lines = append(lines, fmt.Sprintf("the terminal: %s, policy %d", e.Program, e.Policy.Version))
	}
	if n.Sealed != "" {
		lines = append(lines, "its package, which its municipality alone can open: "+n.Sealed)
	}
	return lines
}

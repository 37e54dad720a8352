package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/daemon/fleet"
	"honnin/daemon/identity"
)

// What the office asks of all its terminals.

func fleetCommand() *cobra.Command {
	c := &cobra.Command{Use: "fleet", Short: "which of an office's terminals are behind",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(fleetLagCommand())
	return c
}

// lagFlags are the words of "honnind fleet lag".
type lagFlags struct {
	policy, terminals string
	oldFrom           time.Duration
	json              bool
}

func fleetLagCommand() *cobra.Command {
	var f lagFlags
	c := &cobra.Command{
		Use:   "lag --policy LATEST FILE…",
		Short: "list from result files which terminals are behind, and which never answered",
		Long: "lag reads the result files that terminals signed (honnind policy receive --result) and says of each terminal which\n" +
			"policy it has, how far that is behind LATEST, since when, and when it was heard. A file that is forged, too old or of\n" +
			"an unknown terminal counts for nobody and is listed. Exit status 3 unless every terminal has the latest.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.run(args, c.OutOrStdout()) },
	}
	c.Flags().StringVar(&f.policy, "policy", "", "policy.toml that all should have")
	c.Flags().StringVar(&f.terminals, "terminals", "", "file with the names of all terminals, one a line; without it those that the policy names")
	c.Flags().DurationVar(&f.oldFrom, "older", 31*24*time.Hour, "a result is too old from here on")
	c.Flags().BoolVar(&f.json, "json", false, "for machines")
	return c
}

func (f lagFlags) run(paths []string, out io.Writer) error {
	q, err := f.question()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var files []fleet.File
	for _, p := range paths {
		b, err := readBounded(p, identity.MaxMessage+1)
		if err != nil && !errors.Is(err, errTooLong) { // that one is not believed
			return &exitError{exitUsage, err}
		}
		files = append(files, fleet.File{Name: filepath.Base(p), DER: b})
	}
	r := q.Lag(files)
	if f.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		sayLag(out, r)
	}
	if err == nil && !r.Good() {
		err = &exitError{code: exitRefused}
	}
	return err
}

func (f lagFlags) question() (q fleet.Question, err error) {
	p, text, err := readPolicy(f.policy)
	if err != nil {
		return q, fmt.Errorf("--policy: %w", err)
	}
	if _, whole := p.Head(); !whole || len(p.TerminalAnchors()) == 0 {
		return q, fmt.Errorf("--policy: it has no head, or no terminal_keys.anchors: no result could be believed")
	}
	q = fleet.Question{Latest: p, Digest: sha256.Sum256(text), Now: time.Now(), OldFrom: f.oldFrom}
	if f.terminals == "" {
		return q, nil
	}
	b, err := readBounded(f.terminals, 1<<20)
	if err != nil {
		return q, fmt.Errorf("--terminals: %w", err)
	}
	n := 0
	for line := range bytes.Lines(b) {
		n++
		t, err := protocol.ParseTerminal(strings.TrimSpace(string(line)))
		if err != nil {
			return q, fmt.Errorf("--terminals: line %d is not a terminal's name", n)
		}
		q.Known = append(q.Known, t)
	}
	if n == 0 {
		return q, fmt.Errorf("--terminals: no terminal is in it")
	}
	return q, nil
}

var lagWords = map[fleet.State]string{
	fleet.Current: "最新 current", fleet.Behind: "遅れ behind", fleet.Ahead: "より新しい ahead", fleet.Fork: "別の規定 fork", fleet.Silent: "返答なし silent",
}

func sayLag(out io.Writer, r fleet.Report) {
	count := map[fleet.State]int{}
	for _, row := range r.Rows {
		count[row.State]++
		say(out, "%s", lagLine(row))
	}
	for _, o := range r.Odd {
		say(out, "%s  信用しない not believed: %s: %s", printable(o.File), o.Code, o.Why)
	}
	if r.Open {
		say(out, "The policy is for more terminals than it names: give --terminals to learn who else is silent.")
	}
	say(out, "version %d: %d current, %d behind, %d ahead, %d fork, %d silent; %d files not believed", r.Latest.Version,
		count[fleet.Current], count[fleet.Behind], count[fleet.Ahead], count[fleet.Fork], count[fleet.Silent], len(r.Odd))
}

func lagLine(r fleet.Row) string {
	line := fmt.Sprintf("%s  %s", r.Terminal, lagWords[r.State])
	if r.Has != nil {
		line += fmt.Sprintf("  version %d", r.Has.Version)
	}
	if r.By > 0 {
		line += fmt.Sprintf(", %d behind", r.By)
	}
	if !r.Since.IsZero() {
		line += ", since " + day(r.Since)
	}
	if !r.Heard.IsZero() {
		line += ", heard " + day(r.Heard)
	}
	if r.Fault != "" {
		line += ": " + printable(r.Fault)
	}
	return line
}

// printable leaves out what could move a cursor: words of a terminal, and names on a stick, are others' words.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if keys.Moves(r) {
			return '?'
		}
		return r
	}, s)
}

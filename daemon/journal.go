package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/config/tokyo"
	"honnin/spool/journal"
)

func journalCommand() *cobra.Command {
	c := &cobra.Command{Use: "journal", Short: "read a terminal's journal, while it runs or not",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(journalShowCommand(), journalVerifyCommand())
	return c
}

// journalFlags are the words of "honnind journal".
type journalFlags struct {
	config, file string
	json         bool
	visit        uint64
	number       string
	last         int
	heads        []string
	headsFile    string
}

func (f *journalFlags) common(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", "", "directory of site.toml, of the terminal whose journal is read")
	c.Flags().StringVar(&f.file, "journal", "", "or the journal's file itself: journal.db in a state directory, or a copy kept as evidence")
	c.Flags().BoolVar(&f.json, "json", false, "JSON instead of words")
}

// open reads the journal into memory; a terminal that writes it is not disturbed.
func (f *journalFlags) open() (*journal.Journal, error) {
	path := f.file
	switch {
	case (f.file == "") == (f.config == ""):
		return nil, usage("--config DIR or --journal FILE is wanted, and not both")
	case f.config != "":
		s, err := site.Load(f.config)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		path = filepath.Join(s.State, journalFile)
	}
	j, err := journal.Copy(path)
	if errors.Is(err, journal.ErrDamaged) || errors.Is(err, journal.ErrFormat) {
		err = &exitError{exitRefused, err}
	}
	return j, err
}

func journalShowCommand() *cobra.Command {
	var f journalFlags
	c := &cobra.Command{
		Use:   "show --config DIR [--visit N | --number QUOTED] [--last N]",
		Short: "say what happened, entry by entry",
		Long: "show prints what the journal holds, oldest first: one visit with everything that belongs to it, or the last\n" +
			"entries. --number takes what a person quotes from the screen. There is nothing personal in it. With --json each line is an entry as it is stored; its SHA-256 is\n" +
			"\"prev\" of the next one.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.quoted(); err != nil {
				return err
			}
			j, err := f.open()
			if err != nil {
				return err
			}
			return errors.Join(f.show(j, c.OutOrStdout()), j.Close())
		},
	}
	f.common(c)
	c.Flags().Uint64Var(&f.visit, "visit", 0, "one visit, by its number")
	c.Flags().StringVar(&f.number, "number", "", "one visit, by the number to quote that its screen showed: 0042-1122-7")
	c.Flags().IntVar(&f.last, "last", 50, "so many of the last entries; 0: all (without --visit)")
	return c
}

func (f *journalFlags) show(j *journal.Journal, out io.Writer) error {
	wanted, err := f.wanted(j)
	if err != nil {
		return err
	}
	shown := 0
	err = j.Each(func(e journal.Entry) error {
		if !wanted(e) {
			return nil
		}
		shown++
		if !f.json {
			_, err := fmt.Fprintln(out, sentence(e))
			return err
		}
		b, err := json.Marshal(e, json.Deterministic(true))
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", b)
		}
		return err
	})
	if err == nil && shown == 0 && f.visit > 0 {
		err = fmt.Errorf("the journal knows no visit %d", f.visit)
	}
	return err
}

// wanted returns which entries are shown: asked of each, oldest first.
func (f *journalFlags) wanted(j *journal.Journal) (func(journal.Entry) bool, error) {
	if f.visit > 0 {
		return f.visitOf(j)
	}
	first, left := uint64(0), f.last
	err := j.Back(func(e journal.Entry) (bool, error) {
		first, left = e.Seq, left-1
		return f.last > 0 && left > 0, nil
	})
	if f.last == 0 {
		first = 0
	}
	return func(e journal.Entry) bool { return e.Seq >= first }, err
}

// visitOf picks the entries of one visit: those with its number, those of its transactions, and what became of them at
// the centre.
func (f *journalFlags) visitOf(j *journal.Journal) (func(journal.Entry) bool, error) {
	transactions, entries, visit := map[protocol.Transaction]bool{{}: false}, map[uint64]bool{}, f.visit
	err := j.Back(func(e journal.Entry) (bool, error) {
		if e.Kind == journal.VisitBegun && e.Visit == visit && !f.onDay(e) {
			return false, fmt.Errorf("visit %d was not on that day: is %s of another terminal?", visit, f.number)
		}
		if e.Visit == visit && !e.Transaction.IsZero() {
			transactions[e.Transaction] = true
		}
		return e.Kind != journal.VisitBegun || e.Visit != visit, nil
	})
	return func(e journal.Entry) bool {
		delivery := e.Kind == journal.Gathered || e.Kind == journal.Delivered || e.Kind == journal.Undelivered
		mine := e.Visit == visit || transactions[e.Transaction] || delivery && entries[uint64(e.Of)]
		entries[e.Seq] = mine
		return mine
	}, err
}

// quoted reads the number to quote: the end of the terminal's name, month and day in Tokyo, the visit.
func (f *journalFlags) quoted() (err error) {
	if f.number == "" {
		return nil
	}
	parts := strings.Split(f.number, "-")
	n, visit := len(parts), uint64(0)
	if n >= 3 && len(parts[n-2]) == 4 && f.visit == 0 {
		visit, err = strconv.ParseUint(parts[n-1], 10, 64)
	}
	if f.visit = visit; visit == 0 || err != nil {
		return usage("--number is what a screen shows, such as 0042-1122-7, and not given with --visit")
	}
	return nil
}

// onDay reports whether a visit that began so has the number that is asked for. The number is made a moment after the entry.
func (f *journalFlags) onDay(e journal.Entry) bool {
	day := func(d time.Duration) string {
		return fmt.Sprintf("-%s-%d", e.At.Add(d).In(tokyo.Zone()).Format("0102"), e.Visit)
	}
	return f.number == "" || strings.HasSuffix(f.number, day(0)) || strings.HasSuffix(f.number, day(time.Minute))
}

func journalVerifyCommand() *cobra.Command {
	var f journalFlags
	c := &cobra.Command{
		Use:   "verify --config DIR [--head POSITION:HASH …] [--heads FILE]",
		Short: "say whether the journal is whole, and extends the heads that the centre has",
		Long: "verify reads every entry and holds it against the one before, and holds what the terminal goes by (open\n" +
			"transactions, money, latches, outbox) against the entries. A journal that was cut at its end, or put back from\n" +
			"an older copy, is whole in itself: it shows against the heads that came to the centre with the outcomes.\n\n" +
			"Exit status: 0 whole, 3 not, 2 wrong usage, 1 a failure of honnind itself.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			heads, err := f.known()
			if err != nil {
				return err
			}
			j, err := f.open()
			if err != nil {
				return err
			}
			return errors.Join(f.verify(j, heads, c.OutOrStdout()), j.Close())
		},
	}
	f.common(c)
	c.Flags().StringArrayVar(&f.heads, "head", nil, "a head that the centre has, POSITION:HASH (64 hex digits, or base64url); may be repeated")
	c.Flags().StringVar(&f.headsFile, "heads", "", "a file of such heads, one a line")
	return c
}

// known reads the centre's heads.
func (f *journalFlags) known() (heads []protocol.JournalHead, err error) {
	lines := f.heads
	if f.headsFile != "" {
		b, err := readBounded(f.headsFile, 64<<20)
		if err != nil {
			return nil, usage("--heads: %w", err)
		}
		lines = append(slices.Clone(lines), strings.Fields(string(b))...)
		if len(lines) == len(f.heads) {
			return nil, usage("--heads: no head in this file")
		}
	}
	for _, l := range lines {
		h, err := parseHead(l)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func parseHead(s string) (h protocol.JournalHead, err error) {
	position, hash, _ := strings.Cut(s, ":")
	h.Position, err = strconv.ParseUint(position, 10, 63)
	if err != nil || h.Position == 0 {
		return h, usage("a head is POSITION:HASH, and the first position is 1")
	}
	if h.Head, err = protocol.ParseDigest(hash); err != nil && h.Head.UnmarshalText([]byte(hash)) != nil {
		return h, usage("a head is POSITION:HASH, and the hash is 64 hex digits, or base64url")
	}
	return h, nil
}

// soundness is what "journal verify" found. Every member is always there.
type soundness struct {
	Verdict string   `json:"verdict"` // "whole" or "broken"
	Entries int      `json:"entries"` // that hold, from the first
	Head    string   `json:"head"`    // the last of them, POSITION:HASH
	Detail  string   `json:"detail"`  // where it first does not hold
	Missing []string `json:"missing"` // heads of the centre's that this journal does not have
}

func (f *journalFlags) verify(j *journal.Journal, heads []protocol.JournalHead, out io.Writer) error {
	s := soundness{Verdict: "whole", Missing: []string{}}
	n, head, broken := j.Verify()
	s.Entries, s.Head = n, fmt.Sprintf("%d:%s", n, head)
	if broken != nil {
		s.Detail = broken.Error()
	}
	for _, h := range heads {
		if held, err := j.Holds(h); err != nil || !held {
			s.Missing = append(s.Missing, fmt.Sprintf("%d:%s", h.Position, h.Head))
		}
	}
	if broken != nil || len(s.Missing) > 0 {
		s.Verdict = "broken"
	}
	if err := f.say(s, len(heads), out); err != nil || s.Verdict == "whole" {
		return err
	}
	return &exitError{exitRefused, nil}
}

func (f *journalFlags) say(s soundness, heads int, out io.Writer) error {
	if f.json {
		b, err := json.Marshal(s)
		say(out, "%s", b)
		return err
	}
	say(out, "%s: %d entries hold, head %s", s.Verdict, s.Entries, s.Head)
	if s.Detail != "" {
		say(out, "%s", s.Detail)
	}
	for _, h := range s.Missing {
		say(out, "the centre knows entry %s, and this journal does not have it: cut, edited, or another journal", h)
	}
	if heads == 0 {
		say(out, "no head of the centre's to hold it against: a cut at the end, or an older copy, would not show")
	}
	return nil
}

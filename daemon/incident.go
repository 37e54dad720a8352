package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/config/tokyo"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// What the people need who must act on incidents: what is open at any number of terminals, what it means, and a state signed
// with their own key.

func incidentCommand() *cobra.Command {
	c := &cobra.Command{Use: "incident", Short: "what is open at terminals, and who took it on",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(incidentListCommand(), incidentShowCommand(), incidentSignCommand(false), incidentSignCommand(true), incidentSealedCommand(), incidentOpenCommand())
	return c
}

// incidentFlags are the words of "honnind incident list" and "show".
type incidentFlags struct {
	configs, journals []string
	policy, centre    string
	json, all         bool
}

func (f *incidentFlags) common(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.configs, "config", nil, "directory of a terminal's site.toml; may be repeated")
	c.Flags().StringArrayVar(&f.journals, "journal", nil, "or the journal itself, NAME=FILE; without NAME= the terminal is called as the file's directory; may be repeated")
	c.Flags().StringVar(&f.policy, "policy", "", "policy.toml: says when an incident is told further, and when it stops a service; with --config, the one in force says so")
	c.Flags().StringVar(&f.centre, "centre", "", "or "+centreUsage)
	c.Flags().BoolVar(&f.json, "json", false, "for machines: one object a line")
	c.MarkFlagsMutuallyExclusive("policy", "centre") // a centre does not tell by which policy a terminal goes
}

func incidentListCommand() *cobra.Command {
	var f incidentFlags
	c := &cobra.Command{
		Use:   "list --journal FILE … | --centre ADDRESS [--all] [--json]",
		Short: "list the incidents that nobody has closed, the gravest first",
		Long: "list reads journals, while their terminals run or not, and lists the incidents that are open: the gravest first, then\n" +
			"the oldest. Nothing else closes one than a person's signed state. There is nothing personal in it.\n\n" +
			"Exit status: 0 read, 3 a journal is not whole (what it still tells is listed), 2 wrong usage.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.each(c.Context(), c.OutOrStdout(), func(out io.Writer, all []noticed) error {
				for _, n := range all {
					if f.all || n.State != protocol.IncidentClosed && n.Under == "" {
						if err := f.say(out, n, n.line()); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
	}
	f.common(c)
	c.Flags().BoolVar(&f.all, "all", false, "those that are closed, too")
	return c
}

func incidentShowCommand() *cobra.Command {
	var f incidentFlags
	c := &cobra.Command{
		Use:   "show ID --journal FILE … | --centre ADDRESS [--json]",
		Short: "say what an incident means, who does what, and where it stands",
		Args:  oneArgument("an incident's id, or its end"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.each(c.Context(), c.OutOrStdout(), func(out io.Writer, all []noticed) error {
				all = named(all, args[0])
				if len(all) != 1 {
					return &exitError{exitFailure, fmt.Errorf("%d incidents of this name in these journals", len(all))}
				}
				return f.say(out, all[0], all[0].text())
			})
		},
	}
	f.common(c)
	return c
}

// named are the incidents of a name, or those whose names end so.
func named(all []noticed, name string) (out []noticed) {
	for _, fits := range []func(id string) bool{func(id string) bool { return id == name }, func(id string) bool { return name != "" && strings.HasSuffix(id, name) }} {
		for _, n := range all {
			if fits(string(n.ID)) {
				out = append(out, n)
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// noticed is an incident as a journal tells of it.
type noticed struct {
	ID           protocol.IncidentID   `json:"id"`
	Terminal     protocol.Terminal     `json:"terminal"`
	Code         string                `json:"code"`
	Class        string                `json:"class"`
	Severity     incident.Severity     `json:"severity"`
	State        string                `json:"state"`
	Since        protocol.Time         `json:"since"`
	Municipality protocol.Municipality `json:"municipality,omitzero"`
	Transaction  protocol.Transaction  `json:"transaction,omitzero"`
	Document     protocol.Digest       `json:"document,omitzero"`
	Also         []string              `json:"also,omitzero"`
	Where        string                `json:"where,omitzero"`
	Visit        uint64                `json:"visit,omitzero"`
	Position     uint64                `json:"position"` // in the terminal's journal
	Evidence     protocol.Evidence     `json:"evidence,omitzero"`
	Sealed       string                `json:"sealed,omitzero"` // the file of its package, which its municipality can open
	Delivered    protocol.Time         `json:"delivered,omitzero"`
	Refused      string                `json:"refused,omitzero"` // the centre's word; an earlier version of this program gave the incident up for it
	Taken        *moved                `json:"acknowledged,omitzero"`
	Closed       *moved                `json:"closed,omitzero"`
	Disbelieved  []string              `json:"disbelieved,omitzero"` // what the centre gave and the terminal did not believe
	Told         []telling             `json:"told,omitzero"`        // the policy's contacts that were to be told, since nobody acknowledged it
	Stopped      bool                  `json:"stopped,omitzero"`     // a service is stopped by it, until it is closed; no centre is told
	Suspends     []protocol.Suspension `json:"suspends,omitzero"`    // for all terminals, until it is closed; only centres know
	Plan         *plan                 `json:"plan,omitzero"`        // what comes if nobody acknowledges it; absent where no policy is known
	Storm        protocol.Storm        `json:"storm,omitzero"`       // of those that are alike, for which it speaks
	Under        protocol.IncidentID   `json:"under,omitzero"`       // the one that speaks for it

	word  incident.Word
	event protocol.Digest // of the event that the centre has; zero from a journal
}

// moved is who moved an incident on.
type moved struct {
	By    string          `json:"by"`
	At    protocol.Time   `json:"at"`             // by the person's clock
	Proof protocol.Digest `json:"state"`          // SHA-256 of the signed state, which has the cause
	Cause string          `json:"cause,omitzero"` // the centre has it, and no journal
}

// each reads every journal and passes on what all of them tell. One that is not whole is said to be so, at the end.
func (f *incidentFlags) each(ctx context.Context, out io.Writer, do func(io.Writer, []noticed) error) error {
	places, err := f.places()
	if err != nil {
		return err
	}
	catalogue, err := incident.Load()
	if err != nil {
		return err
	}
	all, err := f.atCentre(ctx, catalogue)
	if err != nil {
		return err
	}
	var broken error
	for _, p := range places {
		some, err := p.read(catalogue)
		if err != nil {
			broken = errors.Join(broken, fmt.Errorf("%s: %w", p.file, err))
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b noticed) int {
		switch {
		case b.Severity.Less(a.Severity):
			return -1
		case a.Severity.Less(b.Severity):
			return 1
		}
		return a.Since.Compare(b.Since.Time)
	})
	if err := do(out, all); err != nil || broken == nil {
		return err
	}
	return &exitError{exitRefused, broken}
}

// journalOf is a terminal's journal.
type journalOf struct {
	terminal protocol.Terminal
	file     string
	policy   *policy.Policy // nil: not known
}

func (f *incidentFlags) places() (out []journalOf, err error) {
	for _, dir := range f.configs {
		s, err := site.Load(dir)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		in, err := f.inForce(dir)
		if err != nil {
			return nil, err
		}
		out = append(out, journalOf{s.Terminal, filepath.Join(s.State, "journal.db"), in})
	}
	for _, given := range f.journals {
		name, file, named := strings.Cut(given, "=")
		if !named {
			file = given
			path, err := filepath.Abs(file)
			if err != nil {
				return nil, err
			}
			name = filepath.Base(filepath.Dir(path))
		}
		t, err := protocol.ParseTerminal(name)
		if err != nil {
			return nil, usage("--journal %s: whose is it? NAME=FILE", given)
		}
		in, err := f.inForce("")
		if err != nil {
			return nil, err
		}
		out = append(out, journalOf{t, file, in})
	}
	if len(out) == 0 && f.centre == "" {
		return nil, usage("--config DIR, --journal FILE or --centre ADDRESS is wanted")
	}
	return out, nil
}

// read tells every incident of a journal, oldest first, as far as it can be read.
func (p journalOf) read(c incident.Catalogue) (all []noticed, err error) {
	j, err := journal.Copy(p.file)
	if err != nil {
		return nil, err
	}
	at := map[uint64]int{}
	err = j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Incident {
			n, err := p.begin(c, e)
			at[e.Seq], all = len(all), append(all, n)
			return err
		}
		if i, is := at[uint64(e.Of)]; is {
			all[i].follow(e)
		}
		return nil
	})
	err = errors.Join(err, latching(j, at, all), spoken(j, at, all))
	for i := range all {
		all[i].plans(p.policy, c)
	}
	_, _, broken := j.Verify()
	return all, errors.Join(err, broken, j.Close())
}

func (p journalOf) begin(c incident.Catalogue, e journal.Entry) (n noticed, err error) {
	head, err := e.Head()
	word := wordOf(c, e.Reason)
	n = noticed{ID: protocol.NameIncident(p.terminal, head), Terminal: p.terminal, Code: e.Reason, Class: word.Class, Severity: word.Severity, State: protocol.IncidentOpen,
		Since: e.At, Municipality: e.Municipality, Transaction: e.Transaction, Document: e.Document, Where: e.Where, Visit: e.Visit, Position: e.Seq, word: word}
	for _, also := range e.Also {
		n.Also = append(n.Also, string(also))
	}
	n.Evidence, n.Sealed = e.Facts, keptFor(p.file, n.ID)
	n.Evidence.Policy, n.Evidence.Journal = e.Policy, head
	return n, err
}

func (n *noticed) follow(e journal.Entry) {
	by := &moved{By: e.Staff, At: e.Signed, Proof: e.Proof}
	switch e.Kind {
	case journal.Gathered:
		n.gathered(e)
	case journal.Delivered:
		n.Delivered = e.At
	case journal.Undelivered:
		n.Refused = e.Reason
	case journal.Acknowledged:
		n.State, n.Taken = protocol.IncidentAcknowledged, by
	case journal.Closed:
		n.State, n.Closed = protocol.IncidentClosed, by
	case journal.Escalated:
		n.Told = append(n.Told, telling{e.Contact, e.At, e.Reason != ""})
	case journal.Disbelieved:
		n.Disbelieved = append(n.Disbelieved, e.Reason)
	}
}

func (f *incidentFlags) say(out io.Writer, n noticed, words string) error {
	if !f.json {
		say(out, "%s", words)
		return nil
	}
	b, err := json.Marshal(n, json.Deterministic(true))
	say(out, "%s", b)
	return err
}

// line is an incident in one line.
func (n noticed) line() string {
	return fmt.Sprintf("%-7s  %s  %s  %-12s  %s%s%s: %s", n.Severity, when(n.Since), n.ID, n.State, n.Code, n.times(), n.of(), n.word.Means.En)
}

func when(t protocol.Time) string { return t.In(tokyo.Zone()).Format("2006-01-02 15:04") }

func (n noticed) of() string {
	if n.Municipality == "" {
		return ""
	}
	return " (" + string(n.Municipality) + ")"
}

// text is all that is known of an incident, and what the catalogue says to do: Japanese first.
func (n noticed) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", n.line(), n.facts())
	for _, lang := range []string{"ja", "en"} {
		who := map[string][4]string{"ja": {"意味", "利用者に", "保守員は", "市区町村は"}, "en": {"it means", "the applicant", "the technician", "the municipality"}}[lang]
		for i, t := range []incident.Text{n.word.Means, n.word.Applicant, n.word.Technician, n.word.Municipality} {
			fmt.Fprintf(&b, "\n%s: %s", who[i], t.In(lang))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (n noticed) facts() string {
	visit := ""
	if n.Visit > 0 { // a centre is not told of visits
		visit = fmt.Sprintf(" visit %d,", n.Visit)
	}
	lines := []string{fmt.Sprintf("terminal %s,%s entry %d of its journal %s", n.Terminal, visit, n.Position, n.Where)}
	lines = append(lines, n.storms()...)
	if !n.Transaction.IsZero() {
		lines = append(lines, fmt.Sprintf("transaction %s, document %s %s", n.Transaction, n.Document, strings.Join(n.Also, " ")))
	}
	lines = append(lines, n.witnesses()...)
	switch {
	case n.Refused != "":
		lines = append(lines, "the centre never took it ("+n.Refused+"): tell it by other means")
	case n.Delivered.IsZero():
		lines = append(lines, "the centre has not got it yet")
	default:
		lines = append(lines, "the centre has it since "+when(n.Delivered))
	}
	for _, step := range []struct {
		verb string
		by   *moved
	}{{"acknowledged", n.Taken}, {"closed", n.Closed}} {
		if step.by != nil {
			lines = append(lines, fmt.Sprintf("%s by %s, signed %s, state %s", step.verb, step.by.By, when(step.by.At), step.by.Proof))
			if step.by.Cause != "" {
				lines = append(lines, "the cause: "+strconv.Quote(step.by.Cause))
			}
		}
	}
	lines = append(lines, n.heard()...)
	if len(n.Disbelieved) > 0 {
		lines = append(lines, "not believed of what the centre gave: "+strings.Join(n.Disbelieved, ", "))
	}
	return strings.Join(lines, "\n")
}

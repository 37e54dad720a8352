package script

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// books is a practice world's, written out.
type books struct {
	papers    map[protocol.Digest]practice.Paper
	outcomes  map[protocol.Transaction]protocol.Outcome
	incidents map[protocol.IncidentID]string
}

func (b books) Truth(d protocol.Digest) (practice.Paper, bool) { p, ok := b.papers[d]; return p, ok }
func (b books) Outcome(t protocol.Transaction) (protocol.Outcome, bool) {
	o, ok := b.outcomes[t]
	return o, ok
}
func (b books) Incident(_ protocol.Terminal, id protocol.IncidentID) (string, bool) {
	s, ok := b.incidents[id]
	return s, ok
}

func clock() time.Time { return time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) }

var mine, other, both, old, unknown = protocol.Digest{1}, protocol.Digest{2}, protocol.Digest{3}, protocol.Digest{4}, protocol.Digest{5}

func papers() books {
	return books{papers: map[protocol.Digest]practice.Paper{mine: {Of: "p01"}, other: {Of: "p02"}, both: {Of: "p01+p02"}, old: {Of: "p01", Superseded: true}}}
}

// TestLinesAndSums: each visit is in exactly one of the sums, and what is wrong is called so.
func TestLinesAndSums(t *testing.T) {
	at := Stand{Terminal: "T-1", Channel: protocol.Counter, Scenario: scenario.Scenario{ID: scenario.Adachi, Refused: []reason.Code{reason.SubjectMismatch, reason.TagMismatch, reason.RecordSuperseded}}}
	tally := NewTally(papers())
	for name, c := range map[string]struct {
		end     *session.Ending
		paper   string
		verdict string
		class   reason.Class
		sum     func(Summary) int
	}{
		"printed":         {&session.Ending{Outcome: protocol.Printed, Document: mine, Impressions: 1, Reason: "printed"}, "p01", "accepted", "", func(s Summary) int { return s.RightPrinted }},
		"refused":         {&session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.SubjectMismatch}, "p02", "refused", reason.MixedUp, func(s Summary) int { return s.WrongRefused }},
		"mixed pages":     {&session.Ending{Outcome: protocol.Refused, Document: both, Code: reason.TagMismatch}, "p01+p02", "refused", reason.MixedUp, func(s Summary) int { return s.WrongRefused }},
		"superseded":      {&session.Ending{Outcome: protocol.Refused, Document: old, Code: reason.RecordSuperseded}, "p01", "refused", reason.Late, func(s Summary) int { return s.WrongRefused }},
		"refused wrongly": {&session.Ending{Outcome: protocol.Refused, Document: mine, Code: reason.PDFFont}, "p01", "refused", reason.Defective, func(s Summary) int { return s.RightRefused }},
		"wrong on paper":  {&session.Ending{Outcome: protocol.Unsure, Document: other}, "p02", "accepted", "", func(s Summary) int { return s.WrongPrinted }},
		"wrong, no paper": {&session.Ending{Outcome: protocol.Abandoned, Document: other}, "p02", "accepted", "", func(s Summary) int { return s.WrongEnded }},
		"right, no paper": {&session.Ending{Outcome: protocol.Failed, Document: mine}, "p01", "accepted", "", func(s Summary) int { return s.RightEnded }},
		"unreadable":      {&session.Ending{Outcome: protocol.Refused, Code: reason.PackageMalformed}, "", "refused", reason.Defective, func(s Summary) int { return s.Unread }},
		"nothing offered": {&session.Ending{Outcome: protocol.Abandoned, Reason: "cancel"}, "", "", "", func(s Summary) int { return s.NothingOffered }},
		"no transaction":  {nil, "", "", "", func(s Summary) int { return s.NothingOffered }},
	} {
		before := c.sum(tally.Summary())
		l := tally.Add(at, Wish{Applicant: "p01"}, Visit{Number: 7, Ending: c.end})
		if l.PaperOf != c.paper || l.Verdict != c.verdict || l.Class != c.class || l.Visit != 7 || l.Scenario != scenario.Adachi || l.Channel != protocol.Counter {
			t.Errorf("%s: %+v", name, l)
		}
		if after := c.sum(tally.Summary()); after != before+1 {
			t.Errorf("%s: %d after %d", name, after, before)
		}
	}
	got := tally.Summary()
	if sum := got.WrongOffered + got.RightPrinted + got.RightRefused + got.RightEnded + got.Unread + got.NothingOffered; got.Visits != 11 || sum != 11 || got.WrongOffered != 5 || got.Sound() {
		t.Errorf("%+v", got)
	}
	if of := got.Scenarios[scenario.Adachi]; of.Visits != 11 || of.RightRefusedFor[string(reason.PDFFont)] != 1 || of.Refused[string(reason.SubjectMismatch)] != 1 {
		t.Errorf("%+v", of)
	}
}

// TestSound: what a summary must be, and each way in which it is not.
func TestSound(t *testing.T) {
	refused := &session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.SubjectMismatch}
	printed := &session.Ending{Outcome: protocol.Printed, Document: mine}
	kawasaki, _ := scenario.Find(string(scenario.Kawasaki))
	repeat, _ := scenario.Find(string(scenario.Repeat))
	lost := &session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.OtherTransaction}
	for name, c := range map[string]struct {
		at    scenario.Scenario
		ends  []*session.Ending
		sound bool
	}{
		"no scenario":            {scenario.Scenario{}, []*session.Ending{printed}, true},
		"it struck":              {kawasaki, []*session.Ending{printed, refused}, true},
		"it did not strike":      {kawasaki, []*session.Ending{printed}, false},
		"another reason":         {kawasaki, []*session.Ending{refused, {Outcome: protocol.Refused, Document: other, Code: reason.PDFFont}}, false},
		"on paper":               {kawasaki, []*session.Ending{refused, {Outcome: protocol.Printed, Document: other}}, false},
		"perhaps on paper":       {kawasaki, []*session.Ending{refused, {Outcome: protocol.Unsure, Document: other}}, false},
		"everybody is refused":   {kawasaki, []*session.Ending{refused}, false},
		"below the floor":        {repeat, []*session.Ending{lost, {Outcome: protocol.Refused, Document: other, Code: reason.IssuerUnpatched}}, true},
		"a paper that none drew": {kawasaki, []*session.Ending{refused, {Outcome: protocol.Printed, Document: unknown}}, false},
	} {
		tally := NewTally(papers())
		for _, e := range c.ends {
			tally.Add(Stand{Terminal: "T-1", Scenario: c.at}, Wish{Applicant: "p01"}, Visit{Ending: e})
		}
		if s := tally.Summary(); s.Sound() != c.sound {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestDifferences: each way in which journal, centre and tray can disagree is said, and agreement says nothing.
func TestDifferences(t *testing.T) {
	tx := protocol.Transaction{9}
	printed := []journal.Entry{{Kind: journal.Accepted, Transaction: tx, Document: mine}, {Kind: journal.Sending, Transaction: tx, Document: mine},
		{Kind: journal.Ended, Transaction: tx, Document: mine, Outcome: protocol.Printed}}
	refused := []journal.Entry{{Kind: journal.Ended, Transaction: tx, Document: mine, Outcome: protocol.Refused}}
	paid := func(kinds ...journal.Kind) []journal.Entry {
		all := slices.Clone(printed)
		for _, k := range kinds {
			all = append(all, journal.Entry{Kind: k, Transaction: tx, Yen: 300})
		}
		return all
	}
	raised := append(slices.Clone(refused), journal.Entry{Kind: journal.Incident, Transaction: tx, Document: mine, Reason: "subject-mismatch"})
	for name, c := range map[string]struct {
		entries  []journal.Entry
		centre   protocol.Outcome
		tray     []protocol.Digest
		incident string
		want     string
	}{
		"all agree":               {printed, protocol.Printed, []protocol.Digest{mine}, "", ""},
		"refused, and no paper":   {refused, protocol.Refused, nil, "", ""},
		"the centre says another": {printed, protocol.Void, []protocol.Digest{mine}, "", "at the centre"},
		"the centre says nothing": {printed, "", []protocol.Digest{mine}, "", "at the centre"},
		"paper nobody printed":    {refused, protocol.Refused, []protocol.Digest{mine}, "", "in the tray 1 times, and 0"},
		"a stranger's paper":      {printed, protocol.Printed, []protocol.Digest{mine, other}, "", "in the tray 1 times, and 0"},
		"printed twice":           {printed, protocol.Printed, []protocol.Digest{mine, mine}, "", "in the tray 2 times, and 1"},
		"printed, and no paper":   {printed, protocol.Printed, nil, "", "not in the tray"},
		"paid and kept":           {paid(journal.Held, journal.Kept), protocol.Printed, []protocol.Digest{mine}, "", ""},
		"paid and returned":       {paid(journal.Held, journal.Returned), protocol.Printed, []protocol.Digest{mine}, "", "returned 1"},
		"paid and forgotten":      {paid(journal.Held), protocol.Printed, []protocol.Digest{mine}, "", "held 1 times, kept 0"},
		"an open incident":        {raised, protocol.Refused, nil, protocol.IncidentOpen, ""},
		"one that was closed":     {raised, protocol.Refused, nil, protocol.IncidentClosed, "and not open"},
		"one that never arrived":  {raised, protocol.Refused, nil, "", "and not open"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t)
			b := papers()
			b.outcomes, b.incidents = map[protocol.Transaction]protocol.Outcome{}, map[protocol.IncidentID]string{}
			if c.centre != "" {
				b.outcomes[tx] = c.centre
			}
			for _, e := range c.entries {
				e, err := j.Record(e)
				if err != nil {
					t.Fatal(err)
				}
				if head, err := e.Head(); err == nil && e.Kind == journal.Incident && c.incident != "" {
					b.incidents[protocol.NameIncident("T-1", head)] = c.incident
				}
			}
			tally := NewTally(b)
			if last, err := tally.Reconcile("T-1", j, 0); err != nil || last != uint64(len(c.entries)) {
				t.Fatal(last, err)
			}
			tally.Tray(c.tray)
			got := strings.Join(tally.Summary().Difference, "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestCentreKnowsMore: an outcome at the centre that no journal knows of.
func TestCentreKnowsMore(t *testing.T) {
	j, b := newJournal(t), papers()
	if _, err := j.Record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{9}, Document: mine, Outcome: protocol.Refused}); err != nil {
		t.Fatal(err)
	}
	b.outcomes = map[protocol.Transaction]protocol.Outcome{{9}: protocol.Refused}
	tally := NewTally(b)
	if _, err := tally.Reconcile("T-1", j, 0); err != nil {
		t.Fatal(err)
	}
	if tally.Centre(map[protocol.Outcome]uint64{protocol.Refused: 1}); len(tally.Summary().Difference) != 0 {
		t.Error(tally.Summary().Difference)
	}
	if tally.Centre(map[protocol.Outcome]uint64{protocol.Printed: 1}); len(tally.Summary().Difference) != 1 {
		t.Error(tally.Summary().Difference)
	}
}

// TestOneDocumentTwoPeople: somebody is handed the very file that its right holder prints elsewhere. That is no difference, and
// it is refused once and printed once.
func TestOneDocumentTwoPeople(t *testing.T) {
	for name, c := range map[string]struct {
		tray []protocol.Digest
		want int
	}{"once": {[]protocol.Digest{mine}, 0}, "twice": {[]protocol.Digest{mine, mine}, 1}, "never": {nil, 1}} {
		j, b := newJournal(t), papers()
		b.outcomes = map[protocol.Transaction]protocol.Outcome{{8}: protocol.Printed, {9}: protocol.Refused}
		tally := NewTally(b)
		for _, e := range []journal.Entry{{Kind: journal.Accepted, Transaction: protocol.Transaction{8}, Document: mine}, {Kind: journal.Sending, Transaction: protocol.Transaction{8}, Document: mine},
			{Kind: journal.Ended, Transaction: protocol.Transaction{8}, Document: mine, Outcome: protocol.Printed}, {Kind: journal.Ended, Transaction: protocol.Transaction{9}, Document: mine, Outcome: protocol.Refused}} {
			if _, err := j.Record(e); err != nil {
				t.Fatal(err)
			}
		}
		tally.Add(Stand{}, Wish{Applicant: "p01"}, Visit{Ending: &session.Ending{Outcome: protocol.Printed, Document: mine}})
		tally.Add(Stand{}, Wish{Applicant: "p02"}, Visit{Ending: &session.Ending{Outcome: protocol.Refused, Document: mine, Code: reason.OtherTransaction}})
		if _, err := tally.Reconcile("T-1", j, 0); err != nil {
			t.Fatal(err)
		}
		tally.Tray(c.tray)
		if s := tally.Summary(); s.WrongOffered != 1 || s.RightPrinted != 1 || len(s.Difference) != c.want {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestAStrangersPaperInTheTray: paper that no visit owned up to is wrong paper on the street.
func TestAStrangersPaperInTheTray(t *testing.T) {
	tally := NewTally(papers())
	tally.Add(Stand{Terminal: "T-1"}, Wish{Applicant: "p01"}, Visit{Ending: &session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.SubjectMismatch}})
	tally.Tray([]protocol.Digest{other})
	if s := tally.Summary(); s.WrongPrinted != 1 || s.Sound() {
		t.Errorf("%+v", s)
	}
}

func newJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(filepath.Join(t.TempDir(), "j"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func TestEarlierRunsAreLeftAlone(t *testing.T) {
	j := newJournal(t)
	e, err := j.Record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{1}, Outcome: protocol.Refused})
	if err != nil {
		t.Fatal(err)
	}
	tally := NewTally(books{})
	if last, err := tally.Reconcile("T-1", j, e.Seq); err != nil || last != e.Seq || len(tally.Summary().Difference) != 0 {
		t.Errorf("%d %v %v", last, err, tally.Summary().Difference)
	}
}

// TestSummariesAddUp: scenarios of a run are told one by one and together, in time and room too.
func TestSummariesAddUp(t *testing.T) {
	tally := NewTally(papers())
	for _, id := range []scenario.ID{scenario.Kawasaki, scenario.Adachi} {
		s, _ := scenario.Find(string(id))
		tally.Turn(id)
		tally.Add(Stand{Terminal: "T-1", Scenario: s}, Wish{Applicant: "p01"}, Visit{Ending: &session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.SubjectMismatch}})
		tally.Add(Stand{Terminal: "T-1", Scenario: s}, Wish{Applicant: "p01", Again: true}, Visit{Ending: &session.Ending{Outcome: protocol.Printed, Document: mine}})
		tally.Spent(id, 2*time.Second, 800)
	}
	s := tally.Summary()
	if s.Visits != 4 || s.Again != 2 || s.AgainPrinted != 2 || s.Seconds != 4 || s.RatePerS != 1 || s.JournalBytes != 1600 || len(s.Scenarios) != 2 || s.Scenarios[scenario.Adachi].Seconds != 2 || !s.Sound() {
		t.Errorf("%+v", s)
	}
}

func TestSummaryIsOneObjectUnderItsName(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, NewTally(books{}).Summary()); err != nil {
		t.Fatal(err)
	}
	want := `{"summary":{"visits":0,"wrong_offered":0,"wrong_refused":0,"wrong_printed":0,"wrong_ended":0,"right_printed":0,"right_refused":0,"right_ended":0,"unread":0,` +
		`"nothing_offered":0,"refused":{},"right_refused_for":{},"again":0,"again_printed":0,"incidents":0,"difference":[],"journal_bytes":0,"seconds":0,"rate_per_s":0}}`
	if strings.TrimSpace(b.String()) != want {
		t.Error(b.String())
	}
}

// TestATerminalThatDoesNotOpen: nobody stands for ever before a terminal that failed its self-test.
func TestATerminalThatDoesNotOpen(t *testing.T) {
	a := NewApplicant(clock)
	a.Show(session.View{State: session.Unready, Word: "selftest-failed"})
	if _, err := a.Visit(t.Context(), Wish{}); !errors.Is(err, ErrShut) {
		t.Error(err)
	}
}

package script

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// books is a practice world's, written out.
type books struct {
	papers   map[protocol.Digest]string
	outcomes map[protocol.Transaction]protocol.Outcome
}

func (b books) PaperOf(d protocol.Digest) (string, bool) { s, ok := b.papers[d]; return s, ok }
func (b books) Outcome(t protocol.Transaction) (protocol.Outcome, bool) {
	o, ok := b.outcomes[t]
	return o, ok
}

func clock() time.Time { return time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) }

var mine, other = protocol.Digest{1}, protocol.Digest{2}

func TestLinesAndSums(t *testing.T) {
	tally := NewTally(books{papers: map[protocol.Digest]string{mine: "p01", other: "p02"}}, clock)
	for name, c := range map[string]struct {
		end     *session.Ending
		paper   string
		verdict string
		class   reason.Class
	}{
		"printed":         {&session.Ending{Outcome: protocol.Printed, Document: mine, Impressions: 1, Reason: "printed"}, "p01", "accepted", ""},
		"refused":         {&session.Ending{Outcome: protocol.Refused, Document: other, Code: reason.SubjectMismatch}, "p02", "refused", reason.MixedUp},
		"refused wrongly": {&session.Ending{Outcome: protocol.Refused, Document: mine, Code: reason.PDFFont}, "p01", "refused", reason.Defective},
		"wrong on paper":  {&session.Ending{Outcome: protocol.Unsure, Document: other}, "p02", "accepted", ""},
		"nothing offered": {&session.Ending{Outcome: protocol.Abandoned, Reason: "cancel"}, "", "", ""},
		"no transaction":  {nil, "", "", ""},
	} {
		l := tally.Add("T-1", Wish{Applicant: "p01"}, Visit{Number: 7, Ending: c.end})
		if l.PaperOf != c.paper || l.Verdict != c.verdict || l.Class != c.class || l.Visit != 7 {
			t.Errorf("%s: %+v", name, l)
		}
	}
	got := tally.Summary()
	want := Summary{Visits: 6, WrongOffered: 2, WrongPrinted: 1, RightPrinted: 1, RightRefused: 1}
	got.Refused, got.Difference, got.RatePerS = nil, nil, 0
	if b, _ := json.Marshal(got); !bytes.Equal(b, must(json.Marshal(want))) {
		t.Errorf("%+v", got)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// TestDifferences: each way in which journal, centre and tray can disagree is said, and agreement says nothing.
func TestDifferences(t *testing.T) {
	tx := protocol.Transaction{9}
	printed := []journal.Entry{{Kind: journal.Accepted, Transaction: tx, Document: mine}, {Kind: journal.Sending, Transaction: tx, Document: mine},
		{Kind: journal.Ended, Transaction: tx, Document: mine, Outcome: protocol.Printed}}
	refused := []journal.Entry{{Kind: journal.Ended, Transaction: tx, Document: mine, Outcome: protocol.Refused}}
	for name, c := range map[string]struct {
		entries []journal.Entry
		centre  protocol.Outcome
		tray    []protocol.Digest
		want    string
	}{
		"all agree":               {printed, protocol.Printed, []protocol.Digest{mine}, ""},
		"refused, and no paper":   {refused, protocol.Refused, nil, ""},
		"the centre says another": {printed, protocol.Void, []protocol.Digest{mine}, "at the centre"},
		"the centre says nothing": {printed, "", []protocol.Digest{mine}, "at the centre"},
		"paper nobody printed":    {refused, protocol.Refused, []protocol.Digest{mine}, "in the tray and"},
		"a stranger's paper":      {printed, protocol.Printed, []protocol.Digest{mine, other}, "in the tray and"},
		"printed twice":           {printed, protocol.Printed, []protocol.Digest{mine, mine}, "in the tray and"},
		"printed, and no paper":   {printed, protocol.Printed, nil, "not in the tray"},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := journal.Open(filepath.Join(t.TempDir(), "j"), clock)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			for _, e := range c.entries {
				if _, err := j.Record(e); err != nil {
					t.Fatal(err)
				}
			}
			b := books{outcomes: map[protocol.Transaction]protocol.Outcome{}}
			if c.centre != "" {
				b.outcomes[tx] = c.centre
			}
			tally := NewTally(b, clock)
			if err := tally.Reconcile("T-1", j, 0); err != nil {
				t.Fatal(err)
			}
			tally.Tray(c.tray)
			got := strings.Join(tally.Summary().Difference, "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestEarlierRunsAreLeftAlone(t *testing.T) {
	j, err := journal.Open(filepath.Join(t.TempDir(), "j"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	e, err := j.Record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{1}, Outcome: protocol.Refused})
	if err != nil {
		t.Fatal(err)
	}
	tally := NewTally(books{}, clock)
	if err := tally.Reconcile("T-1", j, e.Seq); err != nil || len(tally.Summary().Difference) != 0 {
		t.Errorf("%v %v", err, tally.Summary().Difference)
	}
}

func TestSummaryIsOneObjectUnderItsName(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, NewTally(books{}, clock).Summary()); err != nil {
		t.Fatal(err)
	}
	want := `{"summary":{"visits":0,"wrong_offered":0,"wrong_printed":0,"right_printed":0,"right_refused":0,"refused":{},"difference":[],"rate_per_s":0}}`
	if strings.TrimSpace(b.String()) != want {
		t.Error(b.String())
	}
}

package script

import (
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// TestWitness: whatever but a person closes an incident, or acknowledges it, at the centre or at the terminal, is said.
func TestWitness(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string       // its state at the centre, when a person comes and in the end; "": the centre has not heard of it
		kind          journal.Kind // what came over it at the terminal before anybody came
		late          bool         // it is closed at the terminal after a person came
		old           bool         // it is of an earlier run
		may           bool         // the person may close it
		want          string
	}{
		"a person closes it":             {before: protocol.IncidentOpen, after: protocol.IncidentClosed, late: true, may: true},
		"nobody closes it":               {before: protocol.IncidentOpen, after: protocol.IncidentOpen, may: true},
		"the centre closes it":           {before: protocol.IncidentClosed, after: protocol.IncidentClosed, late: true, want: "no person had come to it"},
		"the centre acknowledges it":     {before: protocol.IncidentAcknowledged, after: protocol.IncidentClosed, late: true, want: "no person had come to it"},
		"the terminal closes it":         {before: protocol.IncidentOpen, kind: journal.Closed, after: protocol.IncidentClosed, want: "is closed, and no person had come to it"},
		"the terminal acknowledges it":   {before: protocol.IncidentOpen, kind: journal.Acknowledged, after: protocol.IncidentAcknowledged, want: "no person had come to it"},
		"closed before it was heard of":  {late: true, after: protocol.IncidentClosed, want: "is closed, and no person had come to it"},
		"of an earlier run, closed then": {before: protocol.IncidentClosed, after: protocol.IncidentClosed, late: true, old: true, may: true},
	} {
		t.Run(name, func(t *testing.T) {
			j, b := newJournal(t), papers()
			b.incidents = map[protocol.IncidentID]string{}
			record := func(e journal.Entry) journal.Entry {
				t.Helper()
				e, err := j.Record(e)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			raised := record(journal.Entry{Kind: journal.Incident, Reason: "subject-mismatch"})
			moves := func(k journal.Kind) {
				record(journal.Entry{Kind: k, Of: int(raised.Seq), Staff: "somebody", Proof: mine, Signed: protocol.At(clock())})
			}
			head, err := raised.Head()
			if err != nil {
				t.Fatal(err)
			}
			id, since := protocol.NameIncident("T-1", head), uint64(0)
			if c.old {
				since = raised.Seq
			}
			if c.kind != "" {
				moves(c.kind)
			}
			if c.before != "" {
				b.incidents[id] = c.before
			}
			tally := NewTally(b)
			if may, err := tally.Witness("T-1", j, since); err != nil || may[id] != c.may || len(may) > 1 {
				t.Fatal(may, err)
			}
			if c.late {
				moves(journal.Closed)
			}
			b.incidents[id] = c.after
			if _, err := tally.Reconcile("T-1", j, since); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(tally.Summary().Difference, "; "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

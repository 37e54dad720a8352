package journal

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"honnin/config/protocol"
)

func step(of Entry, n int, contact, why string) Entry {
	return Entry{Kind: Escalated, Of: int(of.Seq), Step: n, Contact: contact, Reason: why}
}

// TestEscalated: each contact once, the end once, in order; nothing after an acknowledgement or a closing; known after a restart and a
// seal; and each step waits in the outbox behind its incident.
func TestEscalated(t *testing.T) {
	j, path := open(t)
	first := must(t, j, Entry{Kind: Incident, Reason: "subject-mismatch", Municipality: "991015"})
	taken := must(t, j, Entry{Kind: Incident, Reason: "fault"})
	must(t, j, moved(Acknowledged, taken.Seq))
	must(t, j, Entry{Kind: Disbelieved, Of: int(first.Seq), Reason: "state-unsigned"})
	must(t, j, step(first, 1, "desk", ""))
	must(t, j, step(first, 2, "office", ""))
	refused := func(all map[string]Entry) {
		t.Helper()
		for name, e := range all {
			if _, err := j.Record(e); !errors.Is(err, ErrState) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	refused(map[string]Entry{
		"the same step":  step(first, 2, "chief", ""),
		"a step too far": step(first, 4, "chief", ""),
		"told twice":     step(first, 3, "desk", ""),
		"told nobody":    step(first, 3, "", ""),
		"another reason": step(first, 3, "chief", "fault"),
		"two words":      step(first, 3, "chief office", ""),
		"a mark":         step(first, 3, "!", ""),
		"acknowledged":   step(taken, 1, "desk", ""),
		"no incident":    step(Entry{Seq: 3}, 1, "desk", ""),
	})
	end, err := j.Record(step(first, 3, "office", Unacknowledged), Entry{Kind: Latched, Of: int(first.Seq), Municipality: "991015", Reason: Unacknowledged})
	if err != nil {
		t.Fatal(err)
	}
	must(t, j, step(first, 4, "chief", "")) // of a policy that came later
	refused(map[string]Entry{"the end twice": step(first, 5, "office", Unacknowledged)})
	var waiting []uint64
	for _, e := range must1(t)(j.Outbox()) {
		waiting = append(waiting, e.Seq)
	}
	if !slices.Equal(waiting, []uint64{first.Seq, taken.Seq, 5, 6, end.Seq, end.Seq + 2}) {
		t.Error(waiting)
	}
	must(t, j, Entry{Kind: Delivered, Of: int(end.Seq), Proof: protocol.Digest{1}})
	grow(t, j, 250)
	j = reopen(t, j, path)
	all, err := j.Incidents(0, 0)
	if err != nil || len(all) != 2 || !slices.Equal(all[0].Told, []string{"desk", "office", "chief"}) || !all[0].Over || all[0].Steps() != 4 ||
		!slices.Equal(all[0].Disbelieved, []string{"state-unsigned"}) || all[1].Steps() != 0 {
		t.Fatalf("%+v %v", all, err)
	}
	if latches, err := j.Latches(); err != nil || len(latches) != 1 || latches[0].Of != first.Seq || latches[0].Reason != Unacknowledged {
		t.Errorf("%+v %v", latches, err)
	}
	must(t, j, moved(Closed, first.Seq))
	refused(map[string]Entry{"closed": step(first, 5, "last", "")})
	if latches, err := j.Latches(); err != nil || len(latches) != 0 {
		t.Errorf("%+v %v", latches, err)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
}

func must1(t *testing.T) func([]Entry, error) []Entry {
	return func(all []Entry, err error) []Entry {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
}

// TestEscalationIsBounded: whatever policies follow one another, so much is kept of one incident and no more; the end has its place.
func TestEscalationIsBounded(t *testing.T) {
	j, _ := open(t)
	of := must(t, j, Entry{Kind: Incident, Reason: "fault"})
	for i := range maxTold {
		must(t, j, step(of, i+1, fmt.Sprint("office-", i), ""))
	}
	if _, err := j.Record(step(of, maxTold+1, "one-more", "")); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	must(t, j, step(of, maxTold+1, "", Unacknowledged))
}

// TestEscalatedInAStorm: who was told of first among those that are alike still speaks for the others; who was told of behind it
// speaks for itself from then on, so that no step is lost with it.
func TestEscalatedInAStorm(t *testing.T) {
	j, _ := open(t)
	var all []Entry
	for range 4 {
		all = append(all, must(t, j, Entry{Kind: Incident, Reason: "fault"}))
	}
	must(t, j, step(all[0], 1, "desk", ""))
	must(t, j, step(all[2], 1, "desk", ""))
	e, gathered, err := j.Gather(all[0].Seq, nil)
	if err != nil || !gathered || e.Storm.Count != 3 {
		t.Errorf("%+v %t %v", e.Storm, gathered, err)
	}
	left, err := j.Incidents(0, 0)
	if err != nil || len(left) != 2 || left[0].Position != all[0].Seq || left[0].Count != 3 || left[1].Position != all[2].Seq || left[0].Steps() != 1 || left[1].Steps() != 1 {
		t.Errorf("%+v %v", left, err)
	}
	must(t, j, step(all[0], 2, "office", ""))
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
}

package terminal

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

func (d *desk) alike(n int) {
	d.Helper()
	for range n {
		d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "tag-missing", Municipality: city}))
	}
}

// next is what the deliverer takes next; it is the same however often it does.
func (d *desk) next() centre.Item {
	d.Helper()
	item, ok, err := d.box.Next(d.Context(), 0)
	if !ok || err != nil {
		d.Fatal(ok, err)
	}
	return item
}

// states has the centre answer with a state that names an event, signed at an instant.
func (d *desk) states(id protocol.IncidentID, event protocol.Digest, at time.Time) {
	d.Helper()
	d.answers[id] = d.signed("closer", protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + "TEST-0001", Event: event,
		State: protocol.IncidentClosed, Cause: "a vendor's update", At: protocol.At(at)})
}

// TestStormIsToldOnce: what an event says is fixed when it is made for the first time, whatever comes after that; a receipt for
// another number is none; one closing closes those that were counted, and no others.
func TestStormIsToldOnce(t *testing.T) {
	d := newDesk(t)
	d.alike(3)
	first := d.next()
	if s := first.Event.Data.Storm; s.Count != 3 || s.Through != 3 || s.Last.IsZero() {
		t.Fatalf("%+v", s)
	}
	d.alike(2)
	if again := d.next(); again.Key != first.Key || eventBytes(t, *again.Event) != eventBytes(t, *first.Event) {
		t.Errorf("it was %+v, and is %+v", first.Event, again.Event)
	}
	behind, ok, err := d.box.Next(t.Context(), first.Key) // the centre refuses the first for ever: what is behind it goes on
	if err != nil || !ok || behind.Key != 5 || behind.Event.Data.Storm.Count != 2 {
		t.Errorf("behind it: %+v %v", behind.Event, err)
	}
	grown := *first.Event
	grown.Data.Storm.Count, grown.Data.Storm.Through = 5, 5
	if err := d.box.Settle(t.Context(), first.Key, centre.Settlement{Receipt: d.receipt("centre", grown)}); !errors.Is(err, centre.ErrReceipt) {
		t.Fatalf("a receipt for five: %v", err)
	}
	d.must(d.box.Settle(t.Context(), first.Key, centre.Settlement{Receipt: d.receipt("centre", *first.Event)}))
	if second := d.next(); second.Event.Data.Storm.Count != 2 || second.Key != 5 {
		t.Errorf("what came after that: %+v", second.Event)
	}
	if left := d.open(); len(left) != 2 || left[0].Count != 3 || left[0].Delivered == 0 || left[1].Count != 2 || left[1].Delivered != 0 {
		t.Fatalf("%+v", left)
	}
	d.states(first.Event.ID, protocol.Digest{}, d.now)
	d.must(d.f.follow(t.Context(), d))
	if left := d.open(); len(left) != 1 || left[0].Position != 5 || len(d.entries(journal.Closed)) != 1 {
		t.Errorf("closed: %+v", left)
	}
}

func eventBytes(t *testing.T, e protocol.Event) string {
	t.Helper()
	b, err := protocol.EncodeBody(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// noRoom is a journal in which nothing more is gathered.
type noRoom struct{ *journal.Journal }

func (noRoom) Gather(uint64, journal.Event) (journal.Entry, bool, error) {
	return journal.Entry{}, false, errFull
}

// TestWhatCannotBeCountedHoldsNothingUp: where there is no room to fix for how many an incident speaks, what was fixed before and
// outcomes go on; and what waits says why, where nothing else is there.
func TestWhatCannotBeCountedHoldsNothingUp(t *testing.T) {
	d := newDesk(t)
	d.alike(3)
	fixed := d.next()
	d.alike(2)
	d.must(d.l.record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{1}, Outcome: protocol.Void, Reason: "timeout"}))
	d.box.journal = noRoom{d.j}
	if first := d.next(); first.Key != fixed.Key || first.Event.Data.Storm.Count != 3 {
		t.Errorf("%+v", first)
	}
	behind, ok, err := d.box.Next(t.Context(), fixed.Key)
	if err != nil || !ok || behind.Report == nil {
		t.Errorf("%+v %v", behind, err)
	}
	if _, ok, err := d.box.Next(t.Context(), behind.Key); ok || err != nil {
		t.Error("nothing is behind it", err)
	}
	d.must(d.box.Settle(t.Context(), fixed.Key, centre.Settlement{Receipt: d.receipt("centre", *fixed.Event)}))
	d.must(d.box.Settle(t.Context(), behind.Key, centre.Settlement{}))
	if _, ok, err := d.box.Next(t.Context(), 0); ok || !errors.Is(err, errFull) {
		t.Errorf("what waits: %t %v", ok, err)
	}
}

// TestAnotherProgramsEvent: what another program wrote down as an incident's event, a person may close by that; and by what this one
// sends, to whom it is new. Nothing else will do.
func TestAnotherProgramsEvent(t *testing.T) {
	older := protocol.Digest{7}
	for name, c := range map[string]struct {
		names  func(sent protocol.Digest) protocol.Digest
		closes bool
	}{
		"as it was written down": {func(protocol.Digest) protocol.Digest { return older }, true},
		"as it was sent":         {func(sent protocol.Digest) protocol.Digest { return sent }, true},
		"another":                {func(protocol.Digest) protocol.Digest { return protocol.Digest{8} }, false},
	} {
		d := newDesk(t)
		d.alike(1)
		if _, now, err := d.j.Gather(1, func(journal.Entry, protocol.JournalHead) (protocol.Digest, error) { return older, nil }); !now || err != nil {
			t.Fatal(now, err)
		}
		item := d.next()
		d.must(d.box.Settle(t.Context(), item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
		d.states(item.Event.ID, c.names(protocol.Fingerprint([]byte(eventBytes(t, *item.Event)))), d.now)
		d.must(d.f.follow(t.Context(), d))
		if closed := len(d.open()) == 0; closed != c.closes {
			t.Errorf("%s: closed: %t", name, closed)
		}
	}
}

// TestEachEventIsWrittenDown: also of one whose escalation came before anybody heard of it, and that speaks for itself since.
func TestEachEventIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	d.alike(2)
	d.must(d.l.record(journal.Entry{Kind: journal.Escalated, Of: 2, Step: 1, Contact: "desk"}))
	for n := range 2 {
		item := d.next()
		all := d.entries(journal.Gathered)
		if len(all) != n+1 || all[n].Of != n+1 || all[n].Proof != protocol.Fingerprint([]byte(eventBytes(t, *item.Event))) {
			t.Fatalf("%+v", all)
		}
		d.must(d.box.Settle(t.Context(), item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
	}
}

// TestClosedBeforeItWasCounted: who knew of the first only, and signed before it was fixed for how many it speaks, closes nothing,
// unless the event that was seen is named.
func TestClosedBeforeItWasCounted(t *testing.T) {
	d := newDesk(t)
	d.alike(3)
	item := d.next()
	d.must(d.box.Settle(t.Context(), item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
	fixed := d.entries(journal.Gathered)[0].At.Time
	event := protocol.Fingerprint([]byte(eventBytes(t, *item.Event)))
	d.states(item.Event.ID, protocol.Digest{}, fixed.Add(-time.Second))
	d.must(d.f.follow(t.Context(), d))
	d.states(item.Event.ID, protocol.Digest{1}, d.now)
	d.must(d.f.follow(t.Context(), d))
	left := d.open()
	if want := []string{string(incident.StateReplayed), string(incident.StateOther)}; len(left) != 1 || !slices.Equal(left[0].Disbelieved, want) {
		t.Fatalf("%+v", left)
	}
	d.states(item.Event.ID, event, fixed.Add(-time.Second))
	d.must(d.f.follow(t.Context(), d))
	if left := d.open(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

// TestNamedIsAskedFirst: with hundreds open, what the centre names is asked about at the next heartbeat, once, before the others'
// turn; what it may not name, or is not there, is not asked about.
func TestNamedIsAskedFirst(t *testing.T) {
	d := newDesk(t)
	var all []protocol.IncidentID
	for i := range 40 * askedPerBeat {
		d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "tag-missing", Where: fmt.Sprint(i)}))
		item := d.next()
		d.must(d.box.Settle(t.Context(), item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
		d.says(item.Event.ID, protocol.IncidentOpen, "centre")
		all = append(all, item.Event.ID)
	}
	d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "fault"}))
	waits := d.next().Event.ID
	closed := all[len(all)-1]
	d.now = d.now.Add(time.Minute)
	d.says(closed, protocol.IncidentClosed, "closer")
	otherHash := protocol.NameIncident("TEST-0001", protocol.JournalHead{Position: 1})
	otherTerminal := protocol.NameIncident("TEST-0002", protocol.JournalHead{Position: 1})
	d.f.named = []protocol.IncidentID{"no-name", otherHash, otherTerminal, waits, closed, all[1]}
	d.must(d.f.follow(t.Context(), d))
	want := append([]protocol.IncidentID{closed, all[1], all[0]}, all[2:askedPerBeat+1]...)
	if !slices.Equal(d.asked, want) {
		t.Errorf("asked about %v", d.asked)
	}
	if left := d.open(); len(left) != len(all) || len(d.entries(journal.Closed)) != 1 {
		t.Errorf("%d are open", len(left))
	}
	d.asked, d.down = nil, centre.ErrUnreachable
	d.f.named = all[5:20]
	if err := d.f.follow(t.Context(), d); !errors.Is(err, centre.ErrUnreachable) || len(d.asked) != 1 {
		t.Errorf("%d questions to a centre that is away: %v", len(d.asked), err)
	}
}

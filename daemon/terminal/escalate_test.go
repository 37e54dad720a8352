package terminal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/provision"
	"honnin/daemon/session"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// bell is an escalation beside a follower's desk.
type bell struct {
	*desk
	e       *escalation
	stopped []journal.Entry
}

// offices are contacts in a policy's text, in this order.
func offices(names ...string) (text string) {
	for _, n := range names {
		text += fmt.Sprintf("[[contact]]\nid = %q\nreach = \"tel:+81-3-0000-0000\"\n", n)
	}
	return text
}

func rules(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte("version = 1\n"+signedtest.New(t, noon).Body+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const deadlines = "[deadlines]\nacknowledge = \"30m\"\nstop = \"4h\"\n"

func newBell(t *testing.T) *bell {
	b := &bell{desk: newDesk(t)}
	c, err := incident.Load()
	b.must(err)
	p := rules(t, deadlines+offices("desk", "office", "chief"))
	b.e = &escalation{journal: b.j, terminal: "TEST-0001", policy: func() *policy.Policy { return p }, catalogue: c,
		stop: func(all ...journal.Entry) error {
			b.stopped = append(b.stopped, all...)
			return b.l.record(all[0], all[1:]...)
		}, written: func() {}, now: func() time.Time { return b.memory.now }, log: b.f.log}
	return b
}

// pass lets time go by, minute after minute, and says what came of it.
func (b *bell) pass(d time.Duration) {
	b.Helper()
	for end := b.memory.now.Add(d); b.memory.now.Before(end); {
		b.memory.now = b.memory.now.Add(time.Minute)
		b.e.minutes++
		b.must(b.e.look(b.Context()))
	}
}

// told returns the steps with an incident: after how many minutes, whom.
func (b *bell) told(of journal.Entry) (out []string) {
	b.Helper()
	for _, e := range b.entries(journal.Escalated) {
		if uint64(e.Of) == of.Seq {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%.0f %s %s", e.At.Sub(of.At.Time).Minutes(), e.Contact, e.Reason)))
		}
	}
	return out
}

func (b *bell) incident(word string, m protocol.Municipality) journal.Entry {
	b.Helper()
	e, err := b.j.Record(journal.Entry{Kind: journal.Incident, Reason: word, Municipality: m})
	b.must(err)
	return e
}

var wholeWay = []string{"1 desk", "30 office", "60 chief", "240 chief unacknowledged"}

// TestNobodyAcknowledges: one contact after the other hears of it, and in the end the service stops, even for a lesser error; without a
// municipality, the terminal does, but not for what is of no weight, and nothing does for what anybody may say. A restart in the middle repeats nothing.
func TestNobodyAcknowledges(t *testing.T) {
	b := newBell(t)
	lesser, grave, jam := b.incident("fee-differs", city), b.incident("journal-rewound", ""), b.incident("spoiled", "")
	said := b.incident("not-mine-unproven", city) // by anybody
	b.pass(45 * time.Minute)
	b.restart(t)
	b.f.journal, b.f.ledger, b.box.journal = b.j, b.l, b.j
	b.e.journal, b.e.stand, b.e.minutes = b.j, nil, 0
	b.pass(24 * time.Hour)
	for _, of := range []journal.Entry{lesser, grave, jam, said} {
		if got := b.told(of); !slices.Equal(got, wholeWay) {
			t.Errorf("%s: %q", of.Reason, got)
		}
	}
	latches, err := b.j.Latches()
	b.must(err)
	want := []journal.Latch{{Of: lesser.Seq, Municipality: city, Reason: journal.Unacknowledged}, {Of: grave.Seq, Reason: journal.Unacknowledged}}
	if !slices.Equal(latches, want) {
		t.Errorf("%+v", latches)
	}
	n := 0
	for _, e := range b.stopped {
		if e.Kind == journal.Latched {
			n++
		}
	}
	if n != 2 || len(b.open()) != 4 {
		t.Error(n, "were stopped,", len(b.open()), "are open")
	}
}

// TestAcknowledgedInTime: whoever acknowledges ends it, at any step.
func TestAcknowledgedInTime(t *testing.T) {
	for steps, after := range []time.Duration{0, 10 * time.Minute, 40 * time.Minute, 70 * time.Minute} {
		b := newBell(t)
		of := b.incident("subject-mismatch", city)
		b.pass(after)
		b.must(b.l.record(journal.Entry{Kind: journal.Acknowledged, Of: int(of.Seq), Staff: "taker", Proof: protocol.Digest{1}, Signed: protocol.At(b.memory.now)}))
		b.pass(24 * time.Hour)
		if got := b.told(of); len(got) != steps || len(b.stopped) != steps {
			t.Errorf("after %s: %q, %d", after, got, len(b.stopped))
		}
	}
}

// TestAClockThatGoesBack repeats nothing, undoes nothing, and silences nobody.
func TestAClockThatGoesBack(t *testing.T) {
	b := newBell(t)
	of := b.incident("subject-mismatch", city)
	b.pass(31 * time.Minute)
	before := b.told(of)
	b.memory.now = b.memory.now.Add(-5 * 365 * 24 * time.Hour)
	b.must(b.e.look(t.Context()))
	if got := b.told(of); !slices.Equal(got, before) || len(got) != 2 {
		t.Errorf("%q, before %q", got, before)
	}
	b.pass(4 * time.Hour)
	if all := b.entries(journal.Escalated); len(all) != 4 || all[3].Reason != journal.Unacknowledged {
		t.Errorf("%+v", all)
	}
}

// TestOffForANight: what came due meanwhile is done at the first look, in order.
func TestOffForANight(t *testing.T) {
	b := newBell(t)
	of := b.incident("subject-mismatch", city)
	b.memory.now = b.memory.now.Add(10 * time.Hour)
	b.must(b.e.look(t.Context()))
	if got := b.told(of); !slices.Equal(got, []string{"600 desk", "600 office", "600 chief", "600 chief unacknowledged"}) {
		t.Errorf("%q", got)
	}
}

// TestAnotherPolicyCounts from the moment it is in force: its contacts, and its deadlines.
func TestAnotherPolicyCounts(t *testing.T) {
	b := newBell(t)
	of := b.incident("subject-mismatch", city)
	b.pass(31 * time.Minute)
	p := rules(t, "[deadlines]\nacknowledge = \"1h\"\nstop = \"2h\"\n"+offices("desk", "night"))
	b.e.policy = func() *policy.Policy { return p }
	b.pass(24 * time.Hour)
	if got := b.told(of); !slices.Equal(got, []string{"1 desk", "30 office", "120 night", "120 night unacknowledged"}) {
		t.Errorf("%q", got)
	}
}

// TestOneOfAStormIsTold: what is alike and comes at once is told once, and stops all the same; what comes later, or is otherwise in
// anything, is told by itself; and when the one that is told is acknowledged, the next is.
func TestOneOfAStormIsTold(t *testing.T) {
	b := newBell(t)
	first := b.incident("tag-missing", city)
	b.pass(time.Minute)
	rides, other, elsewhere := b.incident("tag-missing", city), b.incident("pdf-pages", city), b.incident("tag-missing", "131016")
	b.pass(30 * time.Minute)
	later := b.incident("tag-missing", city)
	b.pass(2 * time.Minute)
	for of, want := range map[*journal.Entry]int{&first: 2, &rides: 0, &other: 2, &elsewhere: 2, &later: 1} {
		if got := b.told(*of); len(got) != want {
			t.Errorf("%d: %q", of.Seq, got)
		}
	}
	b.must(b.l.record(journal.Entry{Kind: journal.Acknowledged, Of: int(first.Seq), Staff: "taker", Proof: protocol.Digest{1}, Signed: protocol.At(b.memory.now)}))
	b.pass(time.Minute)
	if got := b.told(rides); !slices.Equal(got, []string{"33 desk", "33 office"}) {
		t.Errorf("and then: %q", got)
	}
	riding := b.incident("tag-missing", city)
	b.pass(5 * time.Hour)
	var held []uint64
	latches, err := b.j.Latches()
	b.must(err)
	for _, l := range latches {
		held = append(held, l.Of)
	}
	if !slices.Equal(held, []uint64{rides.Seq, other.Seq, elsewhere.Seq, later.Seq, riding.Seq}) || len(b.told(riding)) != 0 {
		t.Errorf("%d hold a service; the last was told %q", held, b.told(riding))
	}
}

// TestAnotherHoldIsEnough: what stopped its service when it was raised is told to the end, and stops nothing twice.
func TestAnotherHoldIsEnough(t *testing.T) {
	b := newBell(t)
	of, err := b.j.Record(journal.Entry{Kind: journal.Incident, Reason: "subject-mismatch", Municipality: city}, journal.Entry{Kind: journal.Latched, Municipality: city, Reason: "subject-mismatch"})
	b.must(err)
	b.pass(5 * time.Hour)
	if got := b.told(of); !slices.Equal(got, wholeWay) || len(b.entries(journal.Latched)) != 1 {
		t.Errorf("%q, %+v", got, b.entries(journal.Latched))
	}
}

// TestToTheCentreAfterItsIncident: a step waits until the incident has its receipt, is the same bytes each time, and is delivered by a
// receipt for that very event.
func TestToTheCentreAfterItsIncident(t *testing.T) {
	b, ctx := newBell(t), context.Background()
	of := b.incident("subject-mismatch", city)
	b.pass(31 * time.Minute)
	b.desk.now = b.memory.now
	first, ok, err := b.box.Next(ctx, 0)
	if b.must(err); !ok || first.Event == nil {
		t.Fatalf("%+v", first)
	}
	if early, ok, err := b.box.Next(ctx, first.Key); ok || err != nil {
		t.Errorf("before its incident: %+v %v", early, err)
	}
	b.must(b.box.Settle(ctx, first.Key, centre.Settlement{Receipt: b.receipt("centre", *first.Event)}))
	item, ok, err := b.box.Next(ctx, 0)
	if b.must(err); !ok || item.Escalation == nil {
		t.Fatalf("%+v", item)
	}
	e := *item.Escalation
	want := protocol.EscalationData{Incident: first.Event.ID, Since: of.At, Step: 1, Contact: "desk", Municipality: city}
	if again, _, _ := b.box.Next(ctx, 0); e.Data != want || *again.Escalation != e || e.ID == first.Event.ID {
		t.Errorf("%+v", e)
	}
	text, err := protocol.EncodeBody(e)
	b.must(err)
	receipt := protocol.Receipt{Format: protocol.ReceiptFormat, Incident: e.ID, Source: e.Source, Event: protocol.Fingerprint(text), ReceivedAt: protocol.At(b.memory.now)}
	other := receipt
	other.Event = protocol.Digest{7}
	for name, der := range map[string][]byte{"none": nil, "of a stranger": b.signed("stranger", receipt), "for another event": b.signed("centre", other)} {
		if err := b.box.Settle(ctx, item.Key, centre.Settlement{Receipt: der}); !errors.Is(err, centre.ErrReceipt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.box.Settle(ctx, item.Key, centre.Settlement{Problem: "unknown"}); !errors.Is(err, errKept) {
		t.Errorf("given up: %v", err)
	}
	if s := b.open()[0]; len(s.Disbelieved) != 3 {
		t.Errorf("%+v", s)
	}
	b.must(b.box.Settle(ctx, item.Key, centre.Settlement{Receipt: b.signed("centre", receipt)}))
	if next, ok, err := b.box.Next(ctx, 0); !ok || err != nil || next.Escalation == nil || next.Escalation.Data.Contact != "office" {
		t.Errorf("%+v %v", next, err)
	}
	if all := b.entries(journal.Delivered); len(all) != 2 || all[1].Proof == (protocol.Digest{}) {
		t.Errorf("%+v", all)
	}
}

// TestAJournalThatCannotBeWritten leaves no service open, nor any where every one is to stop; and what is written later stops no more
// than it says.
func TestAJournalThatCannotBeWritten(t *testing.T) {
	b := newBell(t)
	b.incident("subject-mismatch", city)
	b.pass(time.Hour)
	every := b.incident("journal-rewound", "")
	b.pass(179 * time.Minute)
	disk := &filling{Journal: b.j, full: true}
	ls := latchesAt(&ledger{journal: disk, wake: func() {}}, b.e.now)
	b.e.stop, b.e.written = ls.stop, ls.written
	b.memory.now = b.memory.now.Add(time.Minute)
	if err := b.e.look(t.Context()); !errors.Is(err, errFull) || !ls.Closed(city) || ls.Closed(town) || ls.stopped() != nil {
		t.Error(err, ls.Closed(city), ls.Closed(town), ls.stopped())
	}
	b.memory.now = b.memory.now.Add(time.Hour)
	if err := b.e.look(t.Context()); !errors.Is(err, errFull) || !ls.Closed(town) || !errors.Is(ls.stopped(), session.ErrStopped) {
		t.Error(err, ls.Closed(town), ls.stopped())
	}
	disk.full = false
	b.memory.now = b.memory.now.Add(-365 * 24 * time.Hour) // no clock takes it back
	b.must(b.e.look(t.Context()))
	if latches, err := b.j.Latches(); err != nil || len(latches) != 2 || ls.stopped() == nil {
		t.Error(latches, err, ls.stopped())
	}
	b.close(t, every.Seq)
	if ls.stopped() != nil || !ls.Closed(city) || ls.Closed(town) {
		t.Error(ls.stopped(), ls.Closed(city), ls.Closed(town))
	}
}

// TestBehindWhatFails: a disk that has room for little takes that, and what it does not take stops all the same, as does what stands
// behind one that was closed meanwhile.
func TestBehindWhatFails(t *testing.T) {
	for name, of := range map[string]struct {
		most    int
		closes  bool
		latched int
	}{"little room": {most: 5, latched: 3}, "no room": {most: 0}, "one is closed": {most: 1 << 20, closes: true, latched: 2}} {
		t.Run(name, func(t *testing.T) {
			b := newBell(t)
			first := b.incident("subject-mismatch", city)
			b.incident("subject-mismatch", town)
			b.incident("subject-mismatch", village)
			disk := &filling{Journal: b.j, most: of.most, full: of.most == 0}
			ls := latchesAt(&ledger{journal: disk, wake: func() {}}, b.e.now)
			ls.limit.All = 10
			b.e.written = ls.written
			b.e.stop = func(steps ...journal.Entry) error {
				if of.closes {
					b.close(t, first.Seq)
					of.closes = false
				}
				return ls.stop(steps...)
			}
			b.memory.now = b.memory.now.Add(5 * time.Hour)
			if err := b.e.look(t.Context()); (err == nil) != (name == "little room") {
				t.Error(err)
			}
			if latches, err := b.j.Latches(); err != nil || len(latches) != of.latched {
				t.Error(latches, err)
			}
			if ls.Closed(city) == (name == "one is closed") || !ls.Closed(town) || !ls.Closed(village) || ls.stopped() != nil {
				t.Error(ls.Closed(city), ls.Closed(town), ls.Closed(village), ls.stopped())
			}
		})
	}
}

var errFull = errors.New("the disk is full")

// filling is a disk with room for so many entries at once; 0: for any.
type filling struct {
	*journal.Journal
	most int
	full bool
}

func (f *filling) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if f.full || f.most > 0 && len(with) >= f.most {
		return journal.Entry{}, errFull
	}
	return f.Journal.Record(e, with...)
}

// TestClosedMeanwhile: what a person closes between a look and its entry stops nothing.
func TestClosedMeanwhile(t *testing.T) {
	b := newBell(t)
	of := b.incident("pdf-pages", city)
	ls := newLatches(b.l, policy.Latch{Defective: 3, Within: time.Hour, All: 3}, func() time.Time { return b.memory.now }, b.f.log)
	stop := b.e.stop
	b.e.stop = func(steps ...journal.Entry) error {
		b.must(b.l.record(journal.Entry{Kind: journal.Closed, Of: int(of.Seq), Staff: "closer", Proof: protocol.Digest{1}, Signed: protocol.At(b.memory.now)}))
		b.e.stop = stop
		return ls.stop(steps...)
	}
	b.memory.now = b.memory.now.Add(5 * time.Hour)
	if err := b.e.look(t.Context()); !errors.Is(err, journal.ErrState) || ls.Closed(city) {
		t.Error(err, ls.Closed(city))
	}
	if err := b.e.look(t.Context()); err != nil || len(b.entries(journal.Escalated)) != 0 {
		t.Error(err)
	}
}

// BenchmarkLook is a look at many incidents that wait, most of them sealed: the first of a process, and every other.
func BenchmarkLook(b *testing.B) {
	const n = 10_000
	j, err := journal.Open(b.TempDir()+"/journal", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for i := range n / 100 {
		var all []journal.Entry
		for k := range 100 {
			all = append(all, journal.Entry{Kind: journal.Incident, Reason: "fault", Where: fmt.Sprint(i*100 + k)})
		}
		if _, err := j.Record(journal.Entry{Kind: journal.Started}, all...); err != nil {
			b.Fatal(err)
		}
	}
	c, err := incident.Load()
	if err != nil {
		b.Fatal(err)
	}
	p := &policy.Policy{}
	e := &escalation{journal: j, policy: func() *policy.Policy { return p }, catalogue: c, stop: func(...journal.Entry) error { return nil }, now: time.Now}
	for name, first := range map[string]bool{"first": true, "other": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if first {
					e.stand = nil
				}
				if _, err := e.waiting(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// stuck is a store of policies that does not come back; its caller ends with it.
type stuck struct {
	Policies
	until chan struct{}
}

func (s stuck) Due() (*provision.Slot, error) {
	<-s.until
	runtime.Goexit()
	return nil, nil
}

// TestNothingHoldsEscalationUp: whatever keeping up with the centre and with policies waits for, those who are to be told are told, and
// services stop, on the minute.
func TestNothingHoldsEscalationUp(t *testing.T) {
	law, b := newBench(t), newBell(t)
	law.start(versions(t, signedtest.Head{})...)
	of := b.incident("subject-mismatch", city)
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Parts{Policy: new(policy.Policy), Now: time.Now, Log: b.f.log}, b.l)
		busy := stuck{until: make(chan struct{})}
		at := &Terminal{law: law.law, journal: b.j, ledger: b.l, now: time.Now, log: b.f.log, policies: busy, said: map[string]string{}, unheard: b.e,
			open: &opened{plugged: &plugged{latches: b.latches(t), noticed: &noticed{}}, gate: g}}
		b.e.stop, b.e.written = at.stop, at.written
		ctx, end := context.WithCancel(t.Context())
		var all sync.WaitGroup
		at.keeps(ctx, &all)
		time.Sleep(4*time.Hour + time.Minute)
		synctest.Wait()
		if got := b.told(of); len(got) != 4 || !at.plugged().latches.Closed(city) {
			t.Errorf("%q", got)
		}
		end()
		close(busy.until)
		all.Wait()
	})
}

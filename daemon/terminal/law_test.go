package terminal

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/daemon/provision"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// bench is a law with a journal that it can be started on anew, and a clock that a test sets.
type bench struct {
	*testing.T
	*law
	journal *journal.Journal
	path    string
	now     time.Time
	log     *logrus.Logger
	said    *logtest.Hook
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, path: filepath.Join(t.TempDir(), "journal.db"), now: time.Now()}
	b.log, b.said = logtest.NewNullLogger()
	return b
}

// shelf are the policies of a store.
type shelf struct {
	Policies
	kept []provision.Slot
}

func (s shelf) History() ([]provision.Slot, error) { return s.kept, nil }

func slots(kept ...*signed.Policy) (out []provision.Slot) {
	for _, p := range kept {
		out = append(out, provision.SlotOf(p))
	}
	return out
}

// start is a restart, with these policies in the store, of which the last is in force.
func (b *bench) start(kept ...*signed.Policy) {
	b.Helper()
	p := kept[len(kept)-1]
	if b.journal != nil {
		if err := b.journal.Close(); err != nil {
			b.Fatal(err)
		}
	}
	var err error
	if b.journal, err = journal.Open(b.path, time.Now); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = b.journal.Close() })
	now := func() time.Time { return b.now }
	b.law, err = newLaw(Parts{Terminal: "JP-99-000001", Journal: b.journal, Signed: p, Policies: shelf{kept: slots(kept...)}, Now: now, Log: b.log}, &ledger{journal: b.journal, wake: func() {}})
	if err != nil {
		b.Fatal(err)
	}
}

// expect looks for words in why no visit may begin; "" is that one may.
func (b *bench) expect(why string) {
	b.Helper()
	err := b.judge()
	if (err == nil) != (why == "") || err != nil && (!errors.Is(err, session.ErrPolicy) || !strings.Contains(err.Error(), why)) {
		b.Errorf("%v, want %q", err, why)
	}
}

// versions are policies one after the other, each signed by two keys.
func versions(t *testing.T, heads ...signedtest.Head) (out []*signed.Policy) {
	t.Helper()
	o := signedtest.New(t, time.Now())
	for i, h := range heads {
		if h.Version = uint64(i + 1); i > 0 {
			h.After = out[i-1].Bundle.Text
		}
		p, err := o.Root().Open(o.Bundle(o.Text(h)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestLawOfTime(t *testing.T) {
	b := newBench(t)
	p := versions(t, signedtest.Head{Expires: b.now.Add(48 * time.Hour)})[0]
	b.start(p)
	b.expect("")
	at := &Terminal{law: b.law, open: &opened{parts: Parts{Now: func() time.Time { return b.now }}}}
	if _, err := at.judge(); err != nil {
		t.Errorf("nobody is believed: %v", err)
	}
	b.now = b.now.Add(48*time.Hour - time.Second)
	b.expect("")
	b.now = b.now.Add(2 * time.Second)
	b.expect(string(signed.Expired))
	if _, err := at.judge(); !errors.Is(err, session.ErrPolicy) {
		t.Errorf("those whom it names are believed still: %v", err)
	}
	b.start(p) // nor after a restart
	b.expect(string(signed.Expired))
	b.now = p.Head.NotBefore.Add(-time.Second) // a clock that was put back
	b.expect(string(signed.Early))
}

// TestLawRemembers: what was in force, and what the centre wants, survive a restart, whatever the store says then.
func TestLawRemembers(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{}, signedtest.Head{})
	fork := versions(t, signedtest.Head{}, signedtest.Head{})[1]
	b.start(v[1])
	b.expect("")
	b.start(v[0])
	b.expect("lacks what was in force")
	b.start(fork)
	b.expect("lacks what was in force")
	b.start(v[1])
	b.expect("")
	if err := b.demand(3, 3); err != nil {
		t.Fatal(err)
	}
	b.expect("version 3")
	if err := errors.Join(b.demand(1, 3), b.demand(0, 3)); err != nil {
		t.Fatal(err)
	}
	b.start(v[1])
	b.expect("version 3")
	if err := b.adopt(v[2], slots(v...)); err != nil {
		t.Fatal(err)
	}
	b.expect("")
	if err := b.demand(3+leap+1, 3); !errors.Is(err, errLeap) {
		t.Error(err)
	}
	b.expect("")
	b.breaks(errors.New("a printer that is forbidden"))
	b.expect("a printer")
	if highest, least, err := b.journal.Policy(); highest.Version != 3 || least != 3 || err != nil {
		t.Errorf("%v %d %v", highest, least, err)
	}
	b.incidents(2)
}

func (b *bench) incidents(want int) {
	b.Helper()
	n := 0
	if err := b.journal.Each(func(e journal.Entry) error {
		if e.Kind == journal.Incident && e.Reason == protocol.IncidentPolicyRewound {
			n++
		}
		return nil
	}); err != nil || n != want {
		b.Errorf("%d incidents, %v", n, err)
	}
}

// TestLawOfOthers: a policy for others, or past, is gone by so that nothing begins, and is not remembered as one that was in force.
func TestLawOfOthers(t *testing.T) {
	for why, h := range map[signed.Code]signedtest.Head{
		signed.OtherTerminal: {Terminals: []string{"YOKOHAMA-*"}},
		signed.Expired:       {NotBefore: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(-time.Hour)},
	} {
		b := newBench(t)
		b.start(versions(t, h)[0])
		b.expect(string(why))
		if highest, _, err := b.journal.Policy(); highest.Version != 0 || err != nil {
			t.Errorf("%s: %v %v", why, highest, err)
		}
	}
}

// TestLawWithoutAJournal: a minimum that cannot be journalled closes the terminal all the same.
func TestLawWithoutAJournal(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{})[0]
	b.start(v)
	if err := b.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.demand(2, 2); err == nil {
		t.Error("journalled on a closed file")
	}
	b.expect("version 2")
	b.start(v)
	b.expect("")
}

// TestLawJournalsAgain: what could not be written at once is written as soon as it can be.
func TestLawJournalsAgain(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{})
	b.start(v[0])
	full := &refusing{Journal: b.journal, times: 1}
	b.ledger = &ledger{journal: full, wake: func() {}}
	if err := b.demand(2, 2); err == nil {
		t.Fatal("journalled nowhere")
	}
	b.expect("version 2")
	if err := b.demand(2, 2); err != nil {
		t.Fatal(err)
	}
	if _, least, err := b.journal.Policy(); least != 2 || err != nil {
		t.Errorf("%d %v", least, err)
	}
	full.times = 1
	if err := b.adopt(v[1], slots(v...)); err == nil {
		t.Fatal("journalled nowhere")
	}
	b.expect("")
	if highest, _, err := b.journal.Policy(); highest.Version != 2 || err != nil {
		t.Errorf("%v %v", highest, err)
	}
}

// refusing is a journal that cannot be written so many times.
type refusing struct {
	Journal
	times int
}

func (r *refusing) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if r.times--; r.times >= 0 {
		return e, errors.New("no space left")
	}
	return r.Journal.Record(e, with...)
}

// TestLawAfterAWrongClock: a store that lost its newest opens for nobody, whatever the clock said at the start; and what was in
// force only after the clock had been set is remembered, too.
func TestLawAfterAWrongClock(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{})
	right := b.now
	b.now = time.Unix(0, 0)
	b.start(v...)
	b.expect(string(signed.Early))
	if highest, _, err := b.journal.Policy(); highest.Version != 0 || err != nil {
		t.Errorf("%v %v", highest, err)
	}
	b.now = right
	b.expect("")
	if highest, _, err := b.journal.Policy(); highest.Version != 2 || err != nil {
		t.Errorf("%v %v", highest, err)
	}
	b.now = time.Unix(0, 0)
	b.start(v[0])
	b.expect("lacks what was in force")
	b.now = right
	b.expect("lacks what was in force")
	b.incidents(1)
}

// TestLawOfRetiredKeys: what does not come after the policy that was in force is not gone by, however high it is.
func TestLawOfRetiredKeys(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{}, signedtest.Head{})
	b.start(v[:2]...)
	b.expect("")
	b.start(v[0], v[2])
	b.expect("lacks what was in force")
	b.incidents(1)
	b.start(v...)
	b.expect("")
}

// TestLawOfTheCentreAlone: what the centre wants beyond what the policy keys signed is wanted as long as it says so.
func TestLawOfTheCentreAlone(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{}, signedtest.Head{})
	b.start(v[0])
	for _, least := range []uint64{leap, 3} {
		if err := b.demand(least, 2); err != nil {
			t.Fatal(err)
		}
		b.expect("the centre wants version")
	}
	if err := b.demand(0, 2); err != nil {
		t.Fatal(err)
	}
	b.expect("version 2")
	b.start(v[0])
	b.expect("version 2")
	if err := b.adopt(v[1], slots(v[:2]...)); err != nil {
		t.Fatal(err)
	}
	b.expect("")
}

// TestExpiryWarning: staff hear of the end as long before as the policy itself says.
func TestExpiryWarning(t *testing.T) {
	b := newBench(t)
	o := signedtest.New(t, b.now)
	o.Body = "expiry_warning = \"48h\"\n" + o.Body
	p, err := o.Root().Open(o.Bundle(o.Text(signedtest.Head{Expires: b.now.Add(72 * time.Hour)})))
	if err != nil {
		t.Fatal(err)
	}
	b.start(p)
	at := &Terminal{law: b.law, now: b.law.now}
	for passed, want := range map[time.Duration]string{0: "", 23 * time.Hour: "", 25 * time.Hour: "expires in 1 days", 71 * time.Hour: "expires in 0 days"} {
		b.now = p.Head.Expires.Add(passed - 72*time.Hour)
		if said := at.Warning(); !strings.Contains(said, want) || (said == "") != (want == "") {
			t.Errorf("after %s: %q, want %q", passed, said, want)
		}
	}
}

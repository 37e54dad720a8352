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

// start is a restart, with this policy in the store.
func (b *bench) start(p *signed.Policy) {
	b.Helper()
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
	b.law, err = newLaw(Parts{Terminal: "JP-99-000001", Journal: b.journal, Signed: p, Now: now, Log: b.log}, &ledger{b.journal, func() {}})
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
	b.now = b.now.Add(48*time.Hour - time.Second)
	b.expect("")
	b.now = b.now.Add(2 * time.Second)
	b.expect(string(signed.Expired))
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
	if err := b.demand(3); err != nil {
		t.Fatal(err)
	}
	b.expect("version 3")
	if err := errors.Join(b.demand(1), b.demand(0)); err != nil {
		t.Fatal(err)
	}
	b.start(v[1])
	b.expect("version 3")
	if err := b.adopt(v[2]); err != nil {
		t.Fatal(err)
	}
	b.expect("")
	if err := b.demand(3 + leap + 1); !errors.Is(err, errLeap) {
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
	b.start(versions(t, signedtest.Head{})[0])
	if err := b.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.demand(2); err == nil {
		t.Error("journalled on a closed file")
	}
	b.expect("version 2")
}

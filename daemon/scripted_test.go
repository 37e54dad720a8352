package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
	"honnin/spool/journal"

	"github.com/sirupsen/logrus"
)

// newUnheard is a scripted run of one terminal where errors go unheard.
func newUnheard(t *testing.T) (*crew, turn) {
	t.Helper()
	f := practiceFlags{reader: "virtual", state: withKeys(t, t.TempDir()), terminals: 1, certificate: "resident-record", scenario: string(scenario.Unheard), visits: 1}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.check())
	s, err := openStage(f, newLog(io.Discard, true))
	must(err)
	c, err := newCrew(context.Background(), s, io.Discard)
	must(err)
	t.Cleanup(func() { must(errors.Join(c.close(), s.close())) })
	turns, err := c.turns()
	must(err)
	must(c.world.Play(turns[0].ID))
	return c, turns[0]
}

// TestASettledRunWasOpen: what a person closed when all visits were made is in order; what the centre had closed before is said.
func TestASettledRunWasOpen(t *testing.T) {
	for name, early := range map[string]bool{"by the person who comes in the end": false, "at the centre, before": true} {
		t.Run(name, func(t *testing.T) {
			c, played := newUnheard(t)
			p, err := c.post(0, played.channels[0])
			if err != nil {
				t.Fatal(err)
			}
			var open []protocol.IncidentID
			for n := 0; len(open) == 0 && n < 60; n++ {
				var left atomic.Int64
				left.Store(1)
				if err := c.visits(p, played, &left); err != nil {
					t.Fatal(err)
				}
				if open, err = p.terminal.Open(); err != nil {
					t.Fatal(err)
				}
			}
			if err := delivered(c.ctx, p.terminal); err != nil || len(open) != 1 {
				t.Fatal(open, err)
			}
			if early {
				if err := c.world.MoveIncident(p.name, open[0], protocol.IncidentClosed, practice.Cause); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(c.settle([]*post{p}), c.reconcile([]*post{p})); err != nil {
				t.Fatal(err)
			}
			sum := c.tally.Summary()
			if said := strings.Join(sum.Difference, "; "); sum.Incidents != 1 || strings.Contains(said, "no person had come to it") != early || (said != "") != early {
				t.Errorf("%d incidents, %q", sum.Incidents, said)
			}
		})
	}
}

// TestWhoHeard: each way in which something became of an incident other than has to is said, of every incident, and also where there
// is none though people were refused.
func TestWhoHeard(t *testing.T) {
	c, played := newUnheard(t)
	p, err := c.post(1, played.channels[0]) // another place's name, and a journal of its own
	if err != nil {
		t.Fatal(err)
	}
	all := append(practice.Contacts(), practice.Contacts()[len(practice.Contacts())-1])
	one := []string{"991015"}
	for name, w := range map[string]struct {
		towns   []string // an incident in each, that stops it
		open    []string // incidents that stop nothing
		told    int      // steps of each
		riding  int      // more in the first town, of which nobody is told
		refused uint64
		want    string
	}{
		"nobody was refused":                {},
		"as it has to be":                   {towns: one, told: len(all), refused: 1},
		"two, and one was told of the pair": {towns: one, told: len(all), riding: 1, refused: 2},
		"in two towns":                      {towns: []string{"991015", "991023"}, told: len(all), refused: 2},
		"somebody was not told":             {towns: one, told: len(all) - 1, refused: 1, want: "nobody acknowledged"},
		"a later one is not told of":        {towns: []string{"991015", "991023"}, told: -1, refused: 2, want: "nobody acknowledged"},
		"it stops nothing":                  {open: one, told: len(all), refused: 1, want: "nobody acknowledged"},
		"another's latch stops it":          {towns: one, open: one, told: len(all), refused: 2, want: "nobody acknowledged"},
		"refused, and no incident":          {refused: 1, want: "1 were refused, and 0 incidents are open"},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := journal.Open(filepath.Join(t.TempDir(), "j"), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = j.Close() }()
			raise := func(town string, steps int, with ...journal.Entry) {
				t.Helper()
				m := protocol.Municipality(town)
				e, err := j.Record(journal.Entry{Kind: journal.Incident, Reason: string(reason.SubjectMismatch), Municipality: m}, with...)
				if err != nil {
					t.Fatal(err)
				}
				for n := range steps {
					step := journal.Entry{Kind: journal.Escalated, Of: int(e.Seq), Step: n + 1, Contact: all[n], Municipality: m}
					if n == len(all)-1 {
						step.Reason = journal.Unacknowledged
					}
					if _, err := j.Record(step); err != nil {
						t.Fatal(err)
					}
				}
			}
			stops := func(town string) journal.Entry {
				return journal.Entry{Kind: journal.Latched, Municipality: protocol.Municipality(town), Reason: string(reason.SubjectMismatch)}
			}
			for n, town := range w.towns {
				steps := w.told
				if steps < 0 { // of the first alone
					steps = len(all) * max(0, 1-n)
				}
				raise(town, steps, stops(town))
			}
			for range w.riding {
				raise(w.towns[0], 0, stops(w.towns[0]))
			}
			for _, town := range w.open {
				raise(town, w.told)
			}
			at := *p.place
			at.journal = j
			c.tally = script.NewTally(c.world)
			if err := c.heard(&post{place: &at, refused: w.refused}); err != nil {
				t.Fatal(err)
			}
			sum := c.tally.Summary()
			if got := strings.Join(sum.Difference, "; "); (got == "") != (w.want == "") || !strings.Contains(got, w.want) {
				t.Errorf("%q, want %q", got, w.want)
			}
			for _, h := range sum.Heard {
				if h.State != protocol.IncidentOpen {
					t.Errorf("%+v", h)
				}
			}
			if n := len(w.towns) + w.riding + len(w.open); len(sum.Heard) != n {
				t.Errorf("%d of %d are told of", len(sum.Heard), n)
			}
		})
	}
}

// TestClockPutForward: a practice terminal whose world's clock was put forward, past the next opening too, passes its self-test.
func TestClockPutForward(t *testing.T) {
	f := practiceFlags{reader: "virtual", state: withKeys(t, t.TempDir()), terminals: 1, visits: 1, certificate: string(protocol.ResidentRecord)}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	s, err := openStage(f, logrus.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, ahead := range []time.Duration{0, 4 * time.Hour, 48 * time.Hour} {
		s.clock.forward(ahead)
		if wrong := (byThisMachine{s.tester, s.clock}).Run(t.Context(), terminal.Parts{Policy: s.policy, Inspector: s.pool, Now: s.clock.Now}); wrong != "" {
			t.Errorf("%s later: %s", ahead, wrong)
		}
	}
}

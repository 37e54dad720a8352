package terminal

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// notes is a journal of which the gate needs one method.
type notes struct {
	Journal
	mu   sync.Mutex
	all  []string
	full error
}

func (n *notes) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range append([]journal.Entry{e}, with...) {
		n.all = append(n.all, string(e.Kind)+" "+e.Reason+" "+e.Where)
	}
	return e, n.full
}

func (n *notes) taken() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// told is a self-test that answers as it is told.
type told struct {
	mu     sync.Mutex
	answer func(context.Context) string
	runs   int
}

func (s *told) Run(ctx context.Context, _ Parts) string {
	s.mu.Lock()
	s.runs++
	f := s.answer
	s.mu.Unlock()
	return f(ctx)
}

func (s *told) says(answer string) { s.does(func(context.Context) string { return answer }) }

func (s *told) does(f func(context.Context) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func (s *told) ran() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// door is a gate with its parts, in a bubble: the bubble's clock begins at nine in the morning in Tokyo.
type door struct {
	t *testing.T
	*gate
	test  *told
	notes *notes
	said  bytes.Buffer // by the log
	back  atomic.Int64 // nanoseconds that the terminal's clock was put back
}

func (d *door) logger() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(&d.said)
	return log
}

func bubble(t *testing.T, answer string, f func(d *door)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &door{t: t, test: new(told), notes: new(notes)}
		d.test.says(answer)
		d.gate = newGate(Parts{SelfTest: d.test, Policy: new(policy.Policy), Now: func() time.Time { return time.Now().Add(-time.Duration(d.back.Load())) }, Log: d.logger()}, &ledger{journal: d.notes, wake: func() {}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.run(ctx) }()
		synctest.Wait()
		f(d)
		stop()
		<-ended
	})
}

// expect asks the gate at once.
func (d *door) expect(want error, runs int) {
	d.t.Helper()
	synctest.Wait()
	ctx, stop := context.WithTimeout(d.t.Context(), time.Nanosecond)
	defer stop()
	if err := d.wait(ctx); !errors.Is(err, want) || want == nil && err != nil {
		d.t.Errorf("the gate says %v, not %v", err, want)
	}
	if n := d.test.ran(); n != runs {
		d.t.Errorf("%d tests, not %d", n, runs)
	}
}

func TestGateTestsAtTheStartAndDailyBeforeOpening(t *testing.T) {
	bubble(t, "", func(d *door) {
		d.expect(nil, 1)
		time.Sleep(15 * time.Hour) // midnight in Tokyo
		d.expect(nil, 1)
		time.Sleep(5*time.Hour + 59*time.Minute)
		d.expect(nil, 1)
		time.Sleep(2 * time.Minute) // past six
		d.expect(nil, 2)
		time.Sleep(24 * time.Hour)
		d.expect(nil, 3)
		if got := d.notes.taken(); !slices.Equal(got, []string{"self-test passed ", "self-test passed ", "self-test passed "}) {
			t.Errorf("%q", got)
		}
	})
}

func TestGateStaysShutAfterAFailure(t *testing.T) {
	bubble(t, "swapped", func(d *door) {
		d.expect(session.ErrSelfTestFailed, 1)
		if !strings.Contains(d.said.String(), "case=swapped") {
			t.Errorf("the log says %q", d.said.String())
		}
		want := []string{"self-test failed swapped", "incident " + protocol.IncidentSelfTest + " selftest/swapped"}
		if got := d.notes.taken(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		d.test.says("")
		time.Sleep(time.Hour)
		d.expect(session.ErrSelfTestFailed, 1) // nobody said anything
		d.test.says("late")
		d.heard()
		d.expect(session.ErrSelfTestFailed, 2) // a word alone opens nothing
		d.test.says("")
		d.heard()
		d.expect(nil, 3)
		d.heard() // nothing to be tried again
		d.expect(nil, 3)
	})
}

// TestGateAgain: a test that somebody wants counts: nothing begins while it goes on, and its answer takes the place of the one before, if
// that was good; after a failure staff have their say.
func TestGateAgain(t *testing.T) {
	bubble(t, "", func(d *door) {
		d.expect(nil, 1)
		d.test.does(func(context.Context) string { time.Sleep(2 * time.Second); return "" })
		d.again()
		synctest.Wait()
		if d.passed() != "" {
			t.Error("passed while it is tested")
		}
		d.expect(session.ErrSelfTest, 2)
		time.Sleep(3 * time.Second)
		d.expect(nil, 2)
		d.test.says("swapped")
		d.again()
		d.expect(session.ErrSelfTestFailed, 3)
		d.test.says("")
		if d.again() {
			t.Error("whoever is not staff has a failed one tested")
		}
		d.expect(session.ErrSelfTestFailed, 3)
		d.heard()
		d.expect(nil, 4)
	})
}

// TestGateAskedMeanwhile: a word that is said, or a test that is wanted, while one goes on has another one follow, and that one counts.
func TestGateAskedMeanwhile(t *testing.T) {
	bubble(t, "", func(d *door) {
		slowly := func(answer string) func(context.Context) string {
			return func(context.Context) string { time.Sleep(2 * time.Second); return answer }
		}
		d.test.does(slowly(""))
		d.again()
		synctest.Wait()
		d.test.says("swapped")
		d.again()
		time.Sleep(3 * time.Second)
		d.expect(session.ErrSelfTestFailed, 3)
		d.test.does(slowly("swapped"))
		d.heard()
		synctest.Wait()
		d.test.says("")
		d.heard()
		time.Sleep(3 * time.Second)
		d.expect(nil, 5)
	})
}

func TestGateOpensOnTheNextDay(t *testing.T) {
	bubble(t, "swapped", func(d *door) {
		d.test.says("")
		time.Sleep(21*time.Hour + time.Minute)
		d.expect(nil, 2)
	})
}

func TestGateThatFailsLaterShutsAgain(t *testing.T) {
	bubble(t, "", func(d *door) {
		slam := d.slam()
		d.test.says("late")
		time.Sleep(21*time.Hour + time.Minute)
		d.expect(session.ErrSelfTestFailed, 2)
		select {
		case <-slam:
		default:
			t.Error("a terminal that welcomes people is not told")
		}
	})
}

func TestGateDoesNotDisturbAVisit(t *testing.T) {
	bubble(t, "", func(d *door) {
		step := d.observe(nil)
		step(session.Step{To: session.Choosing})
		time.Sleep(21*time.Hour + time.Minute)
		synctest.Wait()
		if d.test.ran() != 1 {
			t.Fatal("tested with a visit in hand")
		}
		step(session.Step{To: session.Done})
		d.expect(nil, 2)
	})
}

func TestGateLetsACardWaitForATest(t *testing.T) {
	bubble(t, "", func(d *door) {
		d.test.does(func(context.Context) string { time.Sleep(2 * time.Second); return "" })
		time.Sleep(21*time.Hour + time.Second/2)
		d.change(func() {}) // whatever wakes it
		synctest.Wait()
		d.expect(session.ErrSelfTest, 2)
		ctx, stop := context.WithTimeout(d.t.Context(), 10*time.Second)
		defer stop()
		if err := d.wait(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestGateClockPutBack(t *testing.T) {
	bubble(t, "", func(d *door) {
		d.back.Store(int64(24 * time.Hour))
		time.Sleep(2 * time.Minute)
		d.expect(nil, 2)
		d.back.Store(0)
		time.Sleep(2 * time.Minute)
		d.expect(nil, 3) // what passed on another day does not count
	})
}

func TestGateBrokenTests(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(ctx context.Context, end <-chan struct{}) string
		want   string
	}{
		"hangs":           {func(_ context.Context, end <-chan struct{}) string { <-end; return "" }, caseHang},
		"panics":          {func(context.Context, <-chan struct{}) string { panic("x") }, casePanic},
		"comes too late":  {func(ctx context.Context, _ <-chan struct{}) string { <-ctx.Done(); return "" }, caseHang},
		"is late and red": {func(ctx context.Context, _ <-chan struct{}) string { <-ctx.Done(); return "good" }, "good"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "", func(d *door) {
				end := make(chan struct{})
				defer close(end)
				d.test.does(func(ctx context.Context) string { return c.answer(ctx, end) })
				d.change(func() { d.day = "" })
				time.Sleep(testLimit + testGrace + time.Second)
				d.expect(session.ErrSelfTestFailed, 2)
				if got := d.notes.taken(); !slices.Contains(got, "self-test failed "+c.want) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestGateThatCannotBeJournalledStaysShut(t *testing.T) {
	bubble(t, "", func(d *door) {
		d.notes.mu.Lock()
		d.notes.full = errors.New("no room")
		d.notes.mu.Unlock()
		d.change(func() { d.day = "" })
		d.expect(session.ErrSelfTestFailed, 2)
	})
}

func TestAnUntestedTerminalIsRefused(t *testing.T) {
	if _, err := New(t.Context(), Parts{Policy: new(policy.Policy)}); !errors.Is(err, ErrUntested) {
		t.Error(err)
	}
}

// Package selftest is a known-answer test of a terminal: before it opens, its own check, session, queue and child
// processes are given packages of which it is known what must become of them.
//
// For every run a world of throw-away keys is made: two municipalities, their registers, cards, and a policy that trusts
// them. The terminal's parts are plugged together by the terminal's own constructor ([terminal.Rehearse]) around that
// policy, a software card, a scratch journal on the terminal's own disk, and a printer whose door stays shut. Then come
// the cases, a table: most by whole visits or through the very check and queue, each with one thing wrong, and a good
// one, which must come as far as the printer's door. A case names the answer that must come, the reason and all that is
// listed with it: the wrong reason is a wrong answer too. Every row of the check, every check of the register's answer,
// the release signature and the refusals of the queue have a case that fails when that row is taken out ([TestMutants]).
//
// One wrong answer, or none in time, and the gate of daemon/terminal stays closed. Nothing here asks the centre or the
// municipalities, nothing is printed, and nothing of it is left on the disk.
//
// What it cannot show: that the policy's anchors are the right ones, that paper is put out by the printer, and that at a counter
// a member of staff is asked; that visit ends before paper.
package selftest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/daemon/terminal"
)

// Line is what became of one case.
type Line struct {
	ID       string        `json:"case"`
	Ja       string        `json:"ja"`
	En       string        `json:"en"`
	Expected string        `json:"expected"`
	Got      string        `json:"got"`
	Took     time.Duration `json:"ns"`
}

// Right reports whether the answer was the known one. No case, no answer.
func (l Line) Right() bool { return l.ID != "" && l.Got == l.Expected }

// Tester makes self-tests. One Tester may serve the terminals of a process that share policy, inspection and disk: a test
// of one that is under way counts for the others too.
type Tester struct {
	scratch string

	mu      sync.Mutex
	running *running
}

type running struct {
	policy *policy.Policy
	done   chan struct{}
	failed string
}

var _ terminal.SelfTest = (*Tester)(nil)

// New returns a tester that puts its scratch journal into a directory of the terminal's disk. It is gone from there as
// soon as it is open.
func New(scratch string) *Tester { return &Tester{scratch: scratch} }

// Run tests p and returns the first case that failed, or "".
func (t *Tester) Run(ctx context.Context, p terminal.Parts) string {
	r, mine := t.join(p.Policy)
	if mine {
		defer t.leave(r)
		lines := Test(ctx, p, t.scratch)
		if !errors.Is(ctx.Err(), context.Canceled) { // nobody waits for the answers any more
			tell(p.Log, lines)
		}
		r.failed = Failed(lines)
		return r.failed
	}
	select {
	case <-r.done:
		return r.failed
	case <-ctx.Done():
		return caseTime
	}
}

// tell has the log say what was answered wrongly: codes and words of this program, nobody's data.
func tell(log logrus.FieldLogger, lines []Line) {
	for _, l := range lines {
		if !l.Right() && l.Got != notTried {
			log.WithFields(logrus.Fields{"case": l.ID, "expected": l.Expected, "got": l.Got, "took": l.Took.String()}).Error("the self-test got a wrong answer")
		}
	}
}

// join returns the test of this policy that is under way, or a new one, which is the caller's to make.
func (t *Tester) join(p *policy.Policy) (r *running, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running != nil && t.running.policy == p {
		return t.running, false
	}
	r = &running{policy: p, done: make(chan struct{}), failed: casePanic} // until it is known better
	t.running = r
	return r, true
}

func (t *Tester) leave(r *running) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == r {
		t.running = nil
	}
	close(r.done)
}

// What failed where it is no case's own answer.
const (
	caseTime  = "time"
	casePanic = "panic"
)

// Policy is that of a world of its own, whose keys are gone: for a test by hand where no terminal is configured.
func Policy(now time.Time) (*policy.Policy, error) {
	w, err := newWorld(now)
	if err != nil {
		return nil, err
	}
	return w.policy, nil
}

// Failed returns the first line that is not right, or "". No line at all is a failure.
func Failed(lines []Line) string {
	if len(lines) == 0 {
		return "none"
	}
	if i := slices.IndexFunc(lines, func(l Line) bool { return !l.Right() }); i >= 0 {
		return lines[i].ID
	}
	return ""
}

// Test gives p every case and returns a line for each, in the order of the table.
func Test(ctx context.Context, p terminal.Parts, scratch string) []Line {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := &run{own: p, scratch: scratch}
	defer r.close()
	lines := make([]Line, len(cases))
	r.lane(ctx, lines, prepared)
	if Failed(lines[:count(prepared)]) != "" { // nothing else can be tried
		r.skip(lines, func(c testCase) bool { return c.lane != prepared })
		return lines
	}
	var wg sync.WaitGroup
	for _, l := range []lane{visits, direct} {
		wg.Go(func() { r.lane(ctx, lines, l) })
	}
	wg.Wait()
	return lines
}

// lane gives the cases of one lane, one after the other. The lanes run beside each other.
func (r *run) lane(ctx context.Context, lines []Line, l lane) {
	for i, c := range cases {
		if c.lane == l {
			begin := time.Now()
			lines[i] = c.line(r.ask(ctx, c))
			lines[i].Took = time.Since(begin)
		}
	}
}

const notTried = "not tried"

func (r *run) skip(lines []Line, which func(testCase) bool) {
	for i, c := range cases {
		if which(c) {
			lines[i] = c.line(notTried)
		}
	}
}

// ask tries one case. A part that panics or does not come back has given no answer.
func (r *run) ask(ctx context.Context, c testCase) string {
	if ctx.Err() != nil {
		return "none in time"
	}
	got := make(chan string, 1)
	go func() {
		defer func() {
			if recover() != nil {
				got <- casePanic
			}
		}()
		got <- c.try(ctx, r)
	}()
	select {
	case s := <-got:
		return s
	case <-ctx.Done():
		return "none in time"
	}
}

func (c testCase) line(got string) Line {
	return Line{ID: c.id, Ja: c.ja, En: c.en, Expected: c.expected, Got: got}
}

func count(l lane) (n int) {
	for _, c := range cases {
		if c.lane == l {
			n++
		}
	}
	return n
}

// quiet is a log for parts that rehearse.
func quiet() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/journal"
)

// The crash tests run a terminal as a process of its own, this test binary again, and kill it (SIGKILL) at one step of
// its work: before or after an entry in its journal, a command to its card, a call to its centre, a movement of money, a
// write to its printer or the answer to one. Centre, cash box and printer live in this process (and in ippeveprinter),
// and know the truth. The terminal asks at each step whether to go on; an answer never comes where it ends.
//
// A step's name is the journal's last word, what is about to happen or has happened, and how often that has
// been under that word. What SIGKILL cannot show, a disk that loses what it was not asked to sync, is tested in package journal.

// comesTo is what each kind of visit comes to: paper, also with the PIN typed at the reader; somebody else's; the applicant changes her mind; the card stays
// where it is until the document is void; the printer gives up before a sheet; at a counter, staff confirm the name, or do not;
// the sheet is said to be another's, within the visit, or after it by whoever has no card.
var comesTo = map[string]protocol.Outcome{"printed": protocol.Printed, "keys": protocol.Printed, "stranger": protocol.Refused, "cancelled": protocol.Abandoned,
	"forgotten": protocol.Void, "spoiled": protocol.Failed, "counter": protocol.Printed, "differs": protocol.Refused, "disowned": protocol.Printed, "unproven": protocol.Printed}

// crashOrder is what the terminal's process is told.
type crashOrder struct{ Socket, State, Centre, Printer, Visit string }

const crashEnv = "HONNIN_TEST_CRASH"

// Movement is money on its way between the process and the cash box.
type Movement struct {
	Transaction protocol.Transaction
	Yen         int
	To          string
}

// director knows all steps, and at which one the process ends.
type director struct {
	mu    sync.Mutex
	phase string         // the journal's last word on a visit
	seen  map[string]int // by phase and step
	steps []string
	at    string // the step that is the last; "": none
	kill  func()
	dead  chan struct{}
}

var errDead = errors.New("the power is gone")

// step returns nil when the process may go on, and never while it lives and may not.
func (d *director) step(what string) error {
	last, kill, dead := d.named(what)
	if !last {
		return nil
	}
	kill()
	<-dead
	return errDead
}

// named enters a step under its name.
func (d *director) named(what string) (last bool, kill func(), dead <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	phase := d.phase
	if what == "journal delivered" || what == "journalled delivered" || what == "journal closed" || what == "journalled closed" || strings.HasSuffix(what, "/outcome") || strings.HasSuffix(what, "/incidents") {
		phase = "delivery" // goes on beside the visit
	}
	d.seen[phase+what]++
	name := fmt.Sprintf("%s: %s %d", phase, what, d.seen[phase+what])
	d.steps = append(d.steps, name)
	if word, ok := strings.CutPrefix(what, "journalled "); ok && phase != "delivery" {
		d.phase = word
	}
	return name == d.at, d.kill, d.dead
}

// begin is a new process, which ends at a step.
func (d *director) begin(at string, kill func()) (dead chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.phase, d.seen, d.steps, d.at, d.kill, d.dead = "", map[string]int{}, nil, at, kill, make(chan struct{})
	return d.dead
}

func (d *director) told() (phase string, steps []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.phase, slices.Clone(d.steps)
}

// crashWorld is everything that a power cut at the terminal does not reach.
type crashWorld struct {
	*testing.T
	director *director
	world    *practice.World
	money    *practice.Payment
	device   *ippevetest.Device
	order    crashOrder
}

// Outside is what the process can reach of it.
type Outside struct {
	director *director
	money    *practice.Payment
	world    *practice.World
}

// Close closes an incident, signed.
func (o *Outside) Close(id protocol.IncidentID, _ *bool) error {
	return o.world.MoveIncident("PRACTICE-01", id, protocol.IncidentClosed, practice.Cause)
}

// Step asks whether the process may go on.
func (o *Outside) Step(what string, _ *bool) error { return o.director.step(what) }

// Move moves money.
func (o *Outside) Move(m Movement, _ *bool) (err error) {
	if err := o.director.step("money to be " + m.To); err != nil {
		return err
	}
	switch ctx := context.Background(); m.To {
	case "held":
		err = o.money.Hold(ctx, m.Transaction, m.Yen)
	case "kept":
		err = o.money.Keep(ctx, m.Transaction)
	case "returned":
		err = o.money.Return(ctx, m.Transaction)
	}
	return errors.Join(err, o.director.step("money "+m.To))
}

func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	c := &crashWorld{T: t, director: &director{seen: map[string]int{}}, money: practice.NewPayment(), device: ippevetest.Start(t)}
	state, err := os.MkdirTemp("", "crash") // a socket's path is short
	c.must(err)
	t.Cleanup(func() { _ = os.RemoveAll(state) })
	withKeys(t, state)
	c.world, err = practice.Start(practice.Options{State: filepath.Join(state, "keys"), Trace: func(route string, status int) {
		asides := strings.Contains(route, "ready") || strings.Contains(route, "heartbeats") || strings.HasPrefix(route, "GET /v1/incidents") // beside every step, at a time of their own
		if status < 300 && status != 202 && !asides {
			_ = c.director.step("centre did " + route)
		}
	}})
	c.must(err)
	access, err := c.world.Access("PRACTICE-01")
	c.must(err)
	c.order = crashOrder{Socket: filepath.Join(state, "s"), State: state, Centre: access.URL, Printer: c.device.URI()}
	l, err := net.Listen("unix", c.order.Socket)
	c.must(err)
	s := rpc.NewServer()
	c.must(s.Register(&Outside{c.director, c.money, c.world}))
	go s.Accept(l)
	t.Cleanup(func() { _ = errors.Join(l.Close(), c.world.Close()) })
	c.device.AwaitClock()
	c.run("settle", "")
	return c
}

func (c *crashWorld) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func ippAt(t *testing.T, address string, dial func(context.Context, string, string) (net.Conn, error)) *ipp.Printer {
	t.Helper()
	a, err := printer.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ipp.New(a, ipp.Options{Timing: quick, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a process that makes one visit, or only settles, and ends it at a step. It reports whether that came.
func (c *crashWorld) run(visit, at string) bool {
	c.Helper()
	mode := "print"
	if visit == "spoiled" {
		mode = "abort"
	}
	c.device.Behave(ippevetest.Behaviour{Mode: mode})
	c.world.HandStranger(visit == "stranger")
	o := c.order
	o.Visit = visit
	b, err := json.Marshal(o)
	c.must(err)
	ctx, cancel := context.WithTimeout(c.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run", "^TestCrash$", "-test.count", "1")
	cmd.Env = append(os.Environ(), crashEnv+"="+string(b))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	var killed atomic.Bool
	started := make(chan struct{})
	died := c.director.begin(at, func() {
		<-started
		killed.Store(true)
		_ = cmd.Process.Kill()
	})
	c.must(cmd.Start())
	close(started)
	err = cmd.Wait()
	close(died)
	if err != nil && !killed.Load() {
		c.Fatalf("%s up to %q: %v\n%s", visit, at, err, said.Bytes())
	}
	return killed.Load()
}

func (c *crashWorld) journal() *journal.Journal {
	c.Helper()
	j, err := journal.Open(filepath.Join(c.order.State, "terminals", "PRACTICE-01", "journal.db"), time.Now)
	c.must(err)
	return j
}

// expected is what a transaction may come to that was open when the process ended, by the journal's last word on it. It
// must be absent where there is no such word.
var expected = map[string][]protocol.Outcome{
	"accepted": {protocol.Void},
	"held":     {protocol.Void},
	"sending":  {protocol.Failed, protocol.Unsure},
	"handed":   {protocol.Printed},
}

// unread is what else a counter's may come to: nothing is printed there that nobody has read.
var unread = map[string][]protocol.Outcome{"handed": {protocol.Unsure}, "out": {protocol.Unsure}}

func atCounter(visit string) bool { return visit == "counter" || visit == "differs" }

// cutAt ends a visit at a step, and every start after it at one of again; then it starts the terminal once more and
// holds all books against each other. It returns the steps of that last start.
func (c *crashWorld) cutAt(visit, at string, again ...string) []string {
	c.Helper()
	j := c.journal()
	since, _, err := j.Verify()
	c.must(errors.Join(err, j.Close()))
	before, out, lines := c.world.Counts(), len(c.device.Tray()), len(c.money.Lines())
	c.cut(visit, at)
	phase, _ := c.director.told()
	if phase == "handed" && (visit == "printed" || visit == "keys" || atCounter(visit)) {
		c.device.AwaitTray(out + 1)
	}
	for _, at := range again {
		c.cut("settle", at)
	}
	c.run("settle", "")
	steps := c.steps()
	c.accounted(int64(since), phase, visit, before.Outcomes, c.money.Lines()[lines:])
	return steps
}

func (c *crashWorld) cut(visit, at string) {
	c.Helper()
	if !c.run(visit, at) {
		c.Fatalf("%s: %q did not come: %q", visit, at, c.steps())
	}
}

// whole makes a visit of a kind that nothing cuts short, and returns its steps that come each time.
func (c *crashWorld) whole(kind string) (out []string) {
	c.Helper()
	c.run("printed", "") // staff have come, if the last cut needed them
	before := c.world.Counts().Outcomes[comesTo[kind]]
	c.run(kind, "")
	if n := c.world.Counts().Outcomes[comesTo[kind]]; n != before+1 {
		c.Fatalf("%s: no %s at the centre", kind, comesTo[kind])
	}
	began := false
	for _, s := range c.steps() {
		began = began || strings.Contains(s, ": journal visit-begun")
		if began && !asksAgain.MatchString(s) {
			out = append(out, s)
		}
	}
	c.run("settle", "")
	return out
}

// asksAgain is what is asked as often as it takes, and what the outcome may overtake.
var asksAgain = regexp.MustCompile(`DELETE|(Attributes?|Get-Jobs|more of the document) ([2-9]|..+)$|^visit-ended: printer`)

func (c *crashWorld) steps() []string { _, s := c.director.told(); return s }

// accounted holds journal, centre, cash box and tray against each other.
func (c *crashWorld) accounted(since int64, phase, visit string, before map[protocol.Outcome]uint64, money []practice.Line) {
	c.Helper()
	j := c.journal()
	defer j.Close()
	all := balanced(c.T, j)
	closed(c.T, j, all)
	all = slices.DeleteFunc(all, func(e journal.Entry) bool { return int64(e.Seq) <= since })
	raised(c.T, all)
	ends := of(all, journal.Ended)
	want := expected[phase]
	if atCounter(visit) && unread[phase] != nil {
		want = unread[phase]
	}
	if want != nil && visit != "spoiled" && (len(ends) != 1 || !slices.Contains(want, ends[0].Outcome)) {
		c.Errorf("the last word was %s, and the outcome %+v", phase, ends)
	}
	c.atTheCentre(ends, before)
	if out, err := j.Outbox(); err != nil || len(out)+len(of(all, journal.Undelivered)) != 0 {
		c.Errorf("not delivered: %+v %v", out, err)
	}
	for _, e := range ends {
		c.paper(e)
	}
	c.cash(all, money)
}

// atTheCentre: each outcome once, and no other.
func (c *crashWorld) atTheCentre(ends []journal.Entry, before map[protocol.Outcome]uint64) {
	c.Helper()
	now := c.world.Counts()
	n := -len(ends)
	for o, k := range now.Outcomes {
		n += int(k - before[o])
	}
	if n != 0 || now.Rewound+now.Faults+now.WrongRelease != 0 {
		c.Errorf("%d outcomes too many at the centre; %+v", n, now)
	}
	for _, e := range ends {
		if o, _ := c.world.Outcome(e.Transaction); o != e.Outcome {
			c.Errorf("%q at the centre, %q in the journal", o, e.Outcome)
		}
	}
}

// paper: one at most, and as the journal says.
func (c *crashWorld) paper(e journal.Entry) {
	c.Helper()
	out := 0
	for _, s := range c.device.Tray() {
		if s.Name == e.Transaction.String() {
			out++
		}
	}
	sent := c.device.Documents(e.Transaction.String())
	begun := e.Outcome == protocol.Printed || e.Outcome == protocol.Unsure || e.Outcome == protocol.Failed || e.Staff != ""
	if sent > 1 || out > 1 || !begun && sent != 0 || e.Outcome == protocol.Printed && out != 1 || e.Outcome == protocol.Failed && out != 0 {
		c.Errorf("%s (%s, %s), but %d were sent and %d came out", e.Outcome, e.Reason, e.Evidence, sent, out)
	}
}

// cash: every yen is where the journal says, kept for paper and returned for all else.
func (c *crashWorld) cash(all []journal.Entry, money []practice.Line) {
	c.Helper()
	says, ends := map[protocol.Transaction][]practice.MoneyState{}, map[protocol.Transaction]protocol.Outcome{}
	for _, e := range all {
		switch e.Kind {
		case journal.Kept:
			says[e.Transaction] = append(says[e.Transaction], practice.MoneyKept)
		case journal.Returned:
			says[e.Transaction] = append(says[e.Transaction], practice.MoneyReturned)
		case journal.Ended:
			ends[e.Transaction] = e.Outcome
		}
	}
	for _, l := range money {
		want := practice.MoneyReturned
		if ends[l.Transaction] == protocol.Printed {
			want = practice.MoneyKept
		}
		if l.State != want || !slices.Equal(says[l.Transaction], []practice.MoneyState{want}) {
			c.Errorf("%s: %d yen are %s, and %s in the journal", ends[l.Transaction], l.Yen, l.State, says[l.Transaction])
		}
	}
}

// closed: what shuts a terminal stays so, over restarts, until staff have said their word; what stops a service, until its incident is
// closed by a person.
func closed(t *testing.T, j *journal.Journal, all []journal.Entry) {
	t.Helper()
	needed, latched := false, map[int]bool{}
	for _, e := range all {
		switch e.Kind {
		case journal.StaffNeeded:
			needed = true
		case journal.StaffReady:
			needed = false
		case journal.Latched:
			latched[e.Of] = true
		case journal.Closed:
			delete(latched, e.Of)
			if e.Staff != practice.CloserID {
				t.Errorf("closed by %q", e.Staff)
			}
		case journal.VisitBegun:
			if needed {
				t.Error("a visit began without the word of staff")
			}
		}
	}
	why, err := j.StaffNeeded()
	holds, failed := j.Latches()
	if err := errors.Join(err, failed); err != nil || (why != "") != needed || len(holds) != len(latched) {
		t.Errorf("staff are needed for %q, and were called: %v; %d hold, not %d; %v", why, needed, len(holds), len(latched), err)
	}
}

// raised: nothing was refused and nothing closed, whenever the power went, without an incident of that transaction. Where nothing was
// on paper yet, incident, latch and outcome stand behind one another.
func raised(t *testing.T, all []journal.Entry) {
	t.Helper()
	said, onPaper := map[protocol.Transaction]bool{}, map[protocol.Transaction]bool{}
	for i, e := range all {
		if onPaper[e.Transaction] = onPaper[e.Transaction] || e.Kind == journal.Sending; e.Kind != journal.Incident || !reason.Code(e.Reason).Known() || onPaper[e.Transaction] {
			continue
		}
		rest := all[i+1:]
		if len(rest) > 0 && rest[0].Kind == journal.Latched {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0].Kind != journal.Ended || rest[0].Outcome != protocol.Refused || rest[0].Transaction != e.Transaction {
			t.Errorf("entry %d, incident %s, and its outcome is not behind it", e.Seq, e.Reason)
		}
	}
	for _, e := range of(all, journal.Incident) {
		said[e.Transaction] = true
	}
	for _, e := range all {
		closes := e.Kind == journal.Latched || e.Kind == journal.StaffNeeded
		refused := e.Kind == journal.Ended && e.Outcome == protocol.Refused && reason.Code(e.Reason).Class().RaisesIncident()
		if (closes || refused) && !said[e.Transaction] {
			t.Errorf("entry %d, %s (%s), and no incident", e.Seq, e.Kind, e.Reason)
		}
	}
}

// sample is what most hangs on.
var sample = []struct{ visit, at string }{
	{"printed", "held: money held 1"},
	{"printed", "held: journal sending 1"},
	{"printed", "sending: printer did Create-Job 1"},
	{"printed", "sending: printer did Send-Document 1"},
	{"printed", "handed: journal ended 1"},
	{"printed", "kept: money to be kept 1"},
	{"printed", "delivery: centre did POST /v1/transactions/{t}/outcome 1"},
	{"stranger", "visit-begun: journalled incident 1"}, // with its outcome
	{"forgotten", "returned: money to be returned 1"},
	{"counter", "handed: journalled out 1"},
	{"counter", "out: journal ended 1"},
	{"counter", "ended: journalled kept 1"},
	{"differs", "incident: journal ended 1"},
	{"disowned", "kept: journal incident 1"},
	{"disowned", "incident: journalled visit-ended 1"},
	{"disowned", "kept: journalled incident 1"},
	{"unproven", "visit-ended: journalled incident 1"},
}

// TestCrash kills the terminal at the steps that matter most; the others are in TestCrashEverywhere.
func TestCrash(t *testing.T) {
	if told := os.Getenv(crashEnv); told != "" {
		crashingTerminal(t, told)
		return
	}
	c := newCrashWorld(t)
	for _, p := range sample {
		t.Run(p.visit+"/"+p.at, func(t *testing.T) {
			c.T = t
			c.cutAt(p.visit, p.at)
		})
	}
}

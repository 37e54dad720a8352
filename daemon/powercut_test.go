package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
	"honnin/spool/journal"
)

// gate stands in front of a printer and holds one request back, so that the power can be cut at that very moment.
type gate struct {
	*httptest.Server
	reached chan struct{} // the request is there

	open  <-chan struct{} // closed when nothing is held back any more
	leave func()

	mu   sync.Mutex
	op   goipp.Op
	nth  int         // this one of its kind; 0: none
	from func() bool // and not before this; nil: from the start
}

func newGate(t *testing.T, d *ippevetest.Device) *gate {
	t.Helper()
	target, err := url.Parse("http://" + d.HostPort())
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	g := &gate{reached: make(chan struct{}), open: open, leave: sync.OnceFunc(func() { close(open) })}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var m goipp.Message
		if m.Decode(bytes.NewReader(b)) == nil && g.holds(goipp.Op(m.Code)) {
			close(g.reached)
			<-g.open
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.leave(); g.Close() })
	return g
}

func (g *gate) holds(op goipp.Op) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if op == g.op && (g.from == nil || g.from()) {
		g.nth--
		return g.nth == 0
	}
	return false
}

// hold says which request is held back.
func (g *gate) hold(op goipp.Op, nth int, from func() bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.op, g.nth, g.from = op, nth, from
}

func (g *gate) uri() string {
	return strings.Replace(g.URL, "http://", "ipp://", 1) + "/ipp/print"
}

// cut is a place at which the power is cut.
type cut struct {
	*testing.T
	device *ippevetest.Device
	gate   *gate
	state  string
	args   []string
	env    []string
}

func newCut(t *testing.T) *cut {
	t.Helper()
	d := ippevetest.Start(t)
	c := &cut{T: t, device: d, gate: newGate(t, d), state: withKeys(t, t.TempDir()), env: os.Environ()}
	c.args = []string{"practice", "--state", c.state, "--printer", c.gate.uri(), "--visits", "1", "--json"}
	return c
}

// killedAt runs honnind up to a moment and kills it there.
func (c *cut) killedAt(moment <-chan struct{}) {
	c.Helper()
	cmd := exec.Command(built(c.T), c.args...)
	cmd.Env = c.env
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-moment:
	case <-time.After(patience / 4):
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		<-ended
		c.Fatalf("the moment did not come\n%s", said.Bytes())
	case err := <-ended:
		c.Fatalf("it ended before that: %v\n%s", err, said.Bytes())
	}
	if err := cmd.Process.Kill(); err != nil {
		c.Fatal(err)
	}
	<-ended
	c.gate.leave()
}

// again runs honnind on the same state: it must make its one visit and account for it.
func (c *cut) again() {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience/4)
	defer cancel()
	cmd := exec.CommandContext(ctx, built(c.T), c.args...)
	cmd.Env = c.env
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		c.Fatalf("%v\n%s\n%s", err, out, said.Bytes())
	}
	lines, sum := visits(c.T, out)
	if len(lines) != 1 || lines[0].Outcome != protocol.Printed || sum.RightPrinted != 1 {
		c.Errorf("%s", out)
	}
}

func (c *cut) journal() *journal.Journal {
	c.Helper()
	j, err := journal.Open(c.file(), time.Now)
	if err != nil {
		c.Fatal(err)
	}
	return j
}

func (c *cut) file() string { return filepath.Join(c.state, "terminals", "PRACTICE-01", "journal.db") }

// checked reports whether the terminal that runs has a document that passed the check.
func (c *cut) checked() bool {
	j, err := journal.Copy(c.file())
	if err != nil {
		return false // there is none yet
	}
	defer j.Close()
	open, err := j.Unfinished()
	return err == nil && len(open) == 1 && open[0].Kind == journal.Accepted
}

// lastWord is what the journal held of the one open transaction when the power went.
func (c *cut) lastWord() journal.Entry {
	c.Helper()
	j := c.journal()
	defer j.Close()
	open, err := j.Unfinished()
	if err != nil || len(open) != 1 {
		c.Fatalf("unfinished: %+v %v", open, err)
	}
	if held, err := j.Unsettled(); err != nil || len(held) != 1 || held[0].Transaction != open[0].Transaction {
		c.Fatalf("held: %+v %v", held, err)
	}
	return open[0]
}

// accounted looks at what became of a transaction: its one outcome, the money back, staff after unsure, and the word
// of a centre that had never heard of it.
func (c *cut) accounted(tx protocol.Transaction, want protocol.Outcome) {
	c.Helper()
	j := c.journal()
	defer j.Close()
	all := balanced(c.T, j)
	var end journal.Entry
	sent, returned, kept := 0, 0, 0
	for _, e := range all {
		switch {
		case e.Transaction == tx && e.Kind == journal.Ended:
			end = e
		case e.Transaction == tx && e.Kind == journal.Sending:
			sent++
		case e.Transaction == tx && e.Kind == journal.Returned:
			returned++
		case e.Transaction == tx && e.Kind == journal.Kept:
			kept++
		}
	}
	begun := map[protocol.Outcome]int{protocol.Unsure: 1, protocol.Printed: 1, protocol.Failed: 1}[want]
	out := map[protocol.Outcome]int{protocol.Printed: 1}[want]
	if evidence := map[protocol.Outcome]string{protocol.Unsure: spool.NoEvidence, protocol.Printed: spool.JobCounters, protocol.Failed: spool.NeverProcessed}[want]; end.Evidence != evidence {
		c.Errorf("%s by %q, not by %q", end.Outcome, end.Evidence, evidence)
	}
	if end.Outcome != want || sent != begun || returned != 1-out || kept != out || len(of(all, journal.StaffNeeded)) != begun || staffCame(all) != (begun == 1) {
		c.Errorf("outcome %q (%s), sent %d, returned %d, staff needed %d ready %d times", end.Outcome, end.Reason, sent, returned,
			len(of(all, journal.StaffNeeded)), len(of(all, journal.StaffReady)))
	}
	if lost := of(all, journal.Undelivered); len(lost) != 1 || lost[0].Of != int(end.Seq) {
		c.Errorf("undelivered: %+v", lost)
	}
	if out, err := j.Outbox(); err != nil || len(out) != 0 {
		c.Errorf("left in the outbox: %+v %v", out, err)
	}
}

// staffCame reports whether staff were needed, and said their word before the next visit began.
func staffCame(all []journal.Entry) bool {
	needed, came := false, false
	for _, e := range all {
		switch e.Kind {
		case journal.StaffNeeded:
			needed, came = true, false
		case journal.StaffReady:
			came = needed && e.Staff == script.Staff
		case journal.VisitBegun:
			if needed && !came {
				return false
			}
		}
	}
	return came
}

// TestPowerCut kills honnind at the moments that matter and starts it again: nothing is printed twice, the journal says
// what is known, money goes back, and after unsure nothing begins without staff.
func TestPowerCut(t *testing.T) {
	for name, m := range map[string]struct {
		mode    string   // of the printer
		op      goipp.Op // held back, at its nth request
		nth     int
		from    func(*cut) bool // and not before that; nil: from the start
		paper   func(*cut)      // what the printer does when the power is gone
		last    journal.Kind
		outcome protocol.Outcome
		out     int // documents of the first visit in the tray
	}{
		// How often it is asked before that is not said: at the start once more when the reader is heard of.
		"before the commit":                          {mode: "print", op: goipp.OpGetPrinterAttributes, nth: 1, from: (*cut).checked, last: journal.Accepted, outcome: protocol.Void},
		"before the first byte":                      {mode: "print", op: goipp.OpValidateJob, nth: 1, last: journal.Sending, outcome: protocol.Unsure},
		"before the document":                        {mode: "print", op: goipp.OpSendDocument, nth: 1, paper: (*cut).newPrinter, last: journal.Sending, outcome: protocol.Unsure},
		"before the document, and the printer waits": {mode: "print", op: goipp.OpSendDocument, nth: 1, last: journal.Sending, outcome: protocol.Failed},
		"while it prints":                            {mode: "slow", op: goipp.OpGetJobAttributes, nth: 2, paper: (*cut).finishes, last: journal.Handed, outcome: protocol.Printed, out: 1},
		"printed and not yet known":                  {mode: "print", op: goipp.OpGetJobAttributes, nth: 2, paper: (*cut).comesOut, last: journal.Handed, outcome: protocol.Printed, out: 1},
		"printed, and a new printer": {mode: "print", op: goipp.OpGetJobAttributes, nth: 2, paper: func(c *cut) { c.comesOut(); c.newPrinter() },
			last: journal.Handed, outcome: protocol.Unsure, out: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCut(t)
			c.device.Behave(ippevetest.Behaviour{Mode: m.mode})
			var from func() bool
			if m.from != nil {
				from = func() bool { return m.from(c) }
			}
			c.gate.hold(m.op, m.nth, from)
			if m.outcome == protocol.Printed || m.outcome == protocol.Failed {
				c.device.AwaitClock()
			}
			c.killedAt(c.gate.reached)
			if m.paper != nil {
				m.paper(c)
			}
			last := c.lastWord()
			if n := len(c.device.Tray()); last.Kind != m.last || n != m.out {
				t.Fatalf("the journal's last word is %s, %d documents came out", last.Kind, n)
			}
			c.device.Behave(ippevetest.Behaviour{Mode: "print"})
			c.again()
			if n := len(c.device.Tray()); n != m.out+1 {
				t.Errorf("%d documents came out after one more visit", n)
			}
			c.accounted(last.Transaction, m.outcome)
		})
	}
}

// newPrinter is what staff do with a printer that waits for the rest of a job: off and on.
func (c *cut) newPrinter() { c.device.Kill(); c.device.Restart() }

func (c *cut) finishes() { c.device.Go(); c.comesOut() }

// comesOut waits for the paper of a job that the printer has whole.
func (c *cut) comesOut() { c.Helper(); c.device.AwaitTray(1) }

// hold is a card that stops at one of its commands.
type hold struct {
	*virtual.Card
	nth     int
	reached chan struct{}
	gone    <-chan struct{} // closed when the power is gone
}

func (h *hold) Process(command []byte) []byte {
	if signs(command) {
		if h.nth--; h.nth == 0 {
			close(h.reached)
			<-h.gone
		}
	}
	return h.Card.Process(command)
}

// TestPowerCutAtTheCard: the power goes while the card signs the release, with the fee in the box and the document
// checked. It was never printed, and never will be.
func TestPowerCutAtTheCard(t *testing.T) {
	world := cardtest.NewWorld(t)
	c := newCut(t)
	w, err := practice.Start(practice.Options{State: filepath.Join(c.state, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	own, err := w.Card("p03")
	if err != nil {
		t.Fatal(err)
	}
	pin := filepath.Join(t.TempDir(), "pin")
	write(t, pin, []byte("3456\n"))
	c.args, c.env = append(c.args, "--reader", "pcsc", "--pin-file", pin), append(c.env, world.Env())
	gone := make(chan struct{})
	stops := &hold{own, 2, make(chan struct{}), gone}
	if err := world.Place(stops); err != nil {
		t.Fatal(err)
	}
	c.killedAt(stops.reached)
	close(gone) // the card answers into the void, and stays where it is
	last := c.lastWord()
	if last.Kind != journal.Accepted || len(c.device.Tray()) != 0 {
		t.Fatalf("the journal's last word is %s", last.Kind)
	}
	c.again() // with the card still lying there
	if n := len(c.device.Tray()); n != 1 {
		t.Errorf("%d documents came out", n)
	}
	c.accounted(last.Transaction, protocol.Void)
}

// TestPowerCutBeforeTheMoneyIsKept: the sheet is out and journalled, the fee is still held. A restart keeps it, and
// neither an empty practice till nor a centre that forgot stops it.
func TestPowerCutBeforeTheMoneyIsKept(t *testing.T) {
	c := newCut(t)
	c.args[4] = "dir:" + filepath.Join(c.state, "sheets")
	dir := filepath.Join(c.state, "terminals", "PRACTICE-01")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, tx := c.journal(), protocol.NewTransaction()
	for _, e := range []journal.Entry{{Kind: journal.Accepted}, {Kind: journal.Held, Yen: 200}, {Kind: journal.Sending}, {Kind: journal.Ended, Outcome: protocol.Printed}} {
		e.Transaction = tx
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	c.again()
	j = c.journal()
	defer j.Close()
	kept := 0
	for _, e := range of(balanced(t, j), journal.Kept) {
		if e.Transaction == tx {
			kept += e.Yen
		}
	}
	if kept != 200 {
		t.Errorf("%d yen kept", kept)
	}
}

// cutting is a printer at which the power goes: what the terminal remembers is saved at the first byte, and nothing that
// happens afterwards reaches anybody.
type cutting struct {
	spool.Printer
	at func()
}

func (p cutting) Print(ctx context.Context, doc spool.Released, told spool.Progress) (spool.Result, error) {
	p.at()
	return p.Printer.Print(ctx, doc, told)
}

// TestPowerCutAndTheCentre: a centre that was there all the time gets one outcome of the transaction, however often the
// terminal starts again.
func TestPowerCutAndTheCentre(t *testing.T) {
	saved := t.TempDir()
	const name = "terminals/PRACTICE-01/journal.db"
	first := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		p.Printer = cutting{p.Printer, func() {
			s.line.sever()
			b, err := os.ReadFile(filepath.Join(s.flags.state, name))
			if err != nil {
				t.Error(err)
			}
			write(t, filepath.Join(saved, name), b)
		}}
	})
	v := first.visit(first.wish("p04", protocol.ResidentRecord))
	access, err := first.world.Access(first.place.name)
	first.must(err)
	for range 2 {
		next := newStand(t, saved, func(s *stand, _ *terminal.Parts) { s.line.lead(t, access.URL) })
		next.everythingDelivered()
		why, err := next.StaffNeeded()
		if o, _ := first.world.Outcome(v.Ending.Transaction); o != protocol.Unsure || why == "" || err != nil {
			t.Errorf("%q at the centre, staff are needed for %q %v", o, why, err)
		}
		if n := first.world.Counts().Outcomes[protocol.Unsure]; n != 1 {
			t.Errorf("%d times unsure at the centre", n)
		}
		if next.sheets() != 0 {
			t.Error("a restart printed something")
		}
		next.quitAndBalance()
	}
	again := newStand(t, saved, func(s *stand, _ *terminal.Parts) { s.line.lead(t, access.URL) })
	if got := again.visit(again.wish("p05", protocol.ResidentRecord)); got.Ending == nil || got.Ending.Outcome != protocol.Printed {
		t.Fatalf("%+v", got.Ending)
	}
	if !staffCame(again.quitAndBalance()) {
		t.Error("a visit began without the word of staff")
	}
}

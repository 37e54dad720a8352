package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/pki/pkitest"
	"honnin/daemon/practice/script"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
	"honnin/drivers/card/virtual"
	"honnin/spool/journal"
)

// stand is one whole terminal in this process, plugged together as [stage.terminal] does it, with seams at which a
// test can look or break something: the line to the centre, the card's commands, what a finger presses.
type stand struct {
	*stage
	*terminal.Terminal
	t      *testing.T
	place  *place
	who    *script.Applicant
	log    *noise
	screen *glance
	line   *line
	hand   *fingers
	quit   func()
}

// practiceKeys are the practice world's keys, for all stands.
var practiceKeys = pkitest.Keys

// withKeys puts the shared keys into a state directory.
func withKeys(t *testing.T, state string) string {
	t.Helper()
	b, err := practiceKeys()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "keys", pki.FileName), b)
	return state
}

// newStand puts a terminal up in state; change may replace parts before it starts.
func newStand(t *testing.T, state string, change func(*stand, *terminal.Parts)) *stand {
	t.Helper()
	s := &stand{t: t, log: new(noise), who: script.NewApplicant(time.Now), line: new(line)}
	f := practiceFlags{reader: "virtual", state: withKeys(t, state), terminals: 1, certificate: string(protocol.ResidentRecord)}
	s.must(f.check())
	log := logrus.New()
	log.SetOutput(s.log)
	log.SetLevel(logrus.TraceLevel)
	var err error
	s.stage, err = openStage(f, log)
	s.must(err)
	s.place, err = s.stage.place(0)
	s.must(err)
	s.screen = &glance{to: s.who, fresh: make(chan struct{})}
	parts := s.parts()
	if change != nil {
		change(s, &parts)
	}
	s.Terminal, err = terminal.New(t.Context(), parts)
	s.must(err)
	s.hand = &fingers{Terminal: s.Terminal, instead: map[session.InputKind]func() bool{}}
	s.who.At(s.hand)
	s.run()
	return s
}

func (s *stand) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) parts() terminal.Parts {
	access, err := s.world.Access(s.place.name)
	s.must(err)
	s.line.lead(s.t, access.URL)
	client, err := centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate, Dial: s.line.dial})
	s.must(err)
	return terminal.Parts{
		Terminal: s.place.name, Channel: protocol.Store, Reader: s.place.reader, Printer: s.place.printer, Tray: s.place.tray,
		Policy: s.place.signed.Policy, Signed: s.place.signed, Policies: s.place.policies, Beat: 50 * time.Millisecond, Inspector: s.pool, Centre: client, Payment: s.money, Journal: s.place.journal, Sealed: sealedAt(filepath.Dir(s.place.file), s.place.journal, s.place.name), Screen: s.screen,
		Now: s.stage.clock.Now, Log: s.stage.log, Observe: s.screen.observe, Limits: session.Limits{LookAgain: 20 * time.Millisecond},
		SelfTest: untested{},
	}
}

// untested is the self-test of terminals whose tests are about something else.
type untested struct{}

func (untested) Run(context.Context, terminal.Parts) string { return "" }

func (s *stand) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.quit = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, s.place.journal.Close(), s.place.policies.Close(), s.stage.close()); err != nil {
			s.t.Errorf("the terminal ended with %v", err)
		}
	})
	s.t.Cleanup(s.quit)
}

// wish is what a person of the practice world comes for, a new card in hand.
func (s *stand) wish(id string, c protocol.Certificate) script.Wish {
	s.t.Helper()
	all := s.world.People()
	i := slices.IndexFunc(all, func(p practice.Person) bool { return p.ID == id })
	made, err := s.world.Card(id)
	s.must(err)
	return script.Wish{Applicant: id, PIN: all[i].PIN, Certificate: c, Hands: &holding{s, made, nil}}
}

// visit makes one visit.
func (s *stand) visit(w script.Wish) script.Visit {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v, err := s.who.Visit(ctx, w)
	if err != nil {
		shown, _ := s.screen.now()
		why, _ := s.StaffNeeded()
		s.t.Fatalf("%v; the screen shows %s %q, staff are needed for %q", err, shown.State, shown.Word, why)
	}
	return v
}

// prints makes one visit that must end with the right paper.
func (s *stand) prints(id string) {
	s.t.Helper()
	v := s.visit(s.wish(id, protocol.ResidentRecord))
	if v.Ending == nil || v.Ending.Outcome != protocol.Printed {
		s.t.Fatalf("the visit ended with %+v", v.Ending)
	}
	if paper, _ := s.world.PaperOf(v.Ending.Document); paper != id {
		s.t.Errorf("paper of %q for %s", paper, id)
	}
}

// sheets returns how many documents lie in the directory printer's tray.
func (s *stand) sheets() int {
	s.t.Helper()
	d, err := (&trays{dir: s.place.sheets, seen: map[string]bool{}}).fresh()
	s.must(err)
	return len(d)
}

// everythingDelivered waits until the centre has every outcome and incident.
func (s *stand) everythingDelivered() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.must(delivered(ctx, s.Terminal))
}

// visitsEnded waits until the journal has the end of each visit: the welcome is shown before.
func (s *stand) visitsEnded() {
	s.t.Helper()
	s.until("the end of each visit in the journal", func() bool {
		all := entries(s.t, s.place.journal)
		return len(of(all, journal.VisitEnded)) == len(of(all, journal.VisitBegun))
	})
}

// settles has the municipality close what the terminal raised: no service is stopped any more.
func (s *stand) settles() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.must(s.world.CloseAll(ctx, s.Terminal))
	if s.Stopped() {
		s.t.Error("a service is stopped, and every incident is closed")
	}
}

// entries reads the journal.
func entries(t *testing.T, j *journal.Journal) (out []journal.Entry) {
	t.Helper()
	if _, _, err := j.Verify(); err != nil {
		t.Fatal(err)
	}
	if err := j.Each(func(e journal.Entry) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// of returns the entries of one kind.
func of(all []journal.Entry, k journal.Kind) []journal.Entry {
	return slices.DeleteFunc(slices.Clone(all), func(e journal.Entry) bool { return e.Kind != k })
}

// balanced fails the test unless the journal's chain is whole, every transaction has one outcome and no money is held.
func balanced(t *testing.T, j *journal.Journal) (all []journal.Entry) {
	t.Helper()
	all = entries(t, j)
	ends := map[protocol.Transaction]int{}
	for _, e := range all {
		if e.Kind == journal.Ended {
			ends[e.Transaction]++
		}
	}
	for _, e := range all {
		if (e.Kind == journal.Accepted || e.Kind == journal.Sending || e.Kind == journal.Held) && ends[e.Transaction] != 1 {
			t.Errorf("%s has %d outcomes", e.Transaction, ends[e.Transaction])
		}
	}
	if left, err := j.Unsettled(); err != nil || len(left) != 0 {
		t.Errorf("money left: %+v %v", left, err)
	}
	if open, err := j.Unfinished(); err != nil || len(open) != 0 {
		t.Errorf("unfinished: %+v %v", open, err)
	}
	return all
}

// noise is a log, safe for concurrent use.
type noise struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *noise) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(b)
}

func (n *noise) Bytes() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bytes.Clone(n.b.Bytes())
}

// glance is the screen: the scripted applicant looks at it, and so does the test.
type glance struct {
	to *script.Applicant

	mu    sync.Mutex
	views []session.View
	steps []session.Step
	fresh chan struct{}
}

func (g *glance) Show(v session.View) {
	g.mu.Lock()
	g.views = append(g.views, v)
	close(g.fresh)
	g.fresh = make(chan struct{})
	g.mu.Unlock()
	g.to.Show(v)
}

func (g *glance) observe(s session.Step) {
	g.mu.Lock()
	g.steps = append(g.steps, s)
	g.mu.Unlock()
	g.to.Observe(s)
}

// seen returns every picture up to now.
func (g *glance) seen() []session.View {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.views)
}

func (g *glance) now() (v session.View, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.views) > 0 {
		v = g.views[len(g.views)-1]
	}
	return v, g.fresh
}

// await waits until the screen shows what is asked for.
func (s *stand) await(what string, is func(session.View) bool) session.View {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		v, changed := s.screen.now()
		if is(v) {
			return v
		}
		select {
		case <-changed:
		case <-late.C:
			s.t.Fatalf("waited in vain for %s; the screen shows %s %q", what, v.State, v.Word)
		}
	}
}

func (s *stand) awaitState(want session.State) session.View {
	s.t.Helper()
	return s.await(want.String(), func(v session.View) bool { return v.State == want })
}

// holding is a person with one card, which keeps its tries from visit to visit.
type holding struct {
	s      *stand
	card   *virtual.Card
	forget func(session.View) bool // the card is left where it lies; may be nil
}

func (h *holding) Place() error { h.s.place.virtual.Place(h.card); return nil }

func (h *holding) Pull() error {
	if v, _ := h.s.screen.now(); h.forget == nil || !h.forget(v) {
		h.s.place.virtual.Pull()
	}
	return nil
}

func (h *holding) Type(ctx context.Context, pin string) error {
	return h.s.place.virtual.Type(ctx, pin)
}

func (h *holding) TakePaper() { h.s.place.takePaper() }

// fingers are between the applicant and the screen: a test may do something else instead of a press (and return true).
type fingers struct {
	script.Terminal
	instead map[session.InputKind]func() bool
}

func (f *fingers) Press(visit uint64, in session.Input) {
	if do := f.instead[in.Kind]; do != nil && do() {
		return
	}
	f.Terminal.Press(visit, in)
}

// line is the wire to the centre. It can be cut, mended and led elsewhere.
type line struct {
	mu    sync.Mutex
	to    string
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("the line is cut")

func (l *line) lead(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.cut = u.Host, false
}

func (l *line) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errCut
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, l.to)
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// tapped is a reader whose card's commands pass by a test.
type tapped struct {
	terminal.Reader
	before func(command []byte)
	after  func(command, answer []byte)
}

func (r *tapped) Connect(ctx context.Context) (card.Connection, error) {
	c, err := r.Reader.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &tappedCard{c, r}, nil
}

type tappedCard struct {
	card.Connection
	tap *tapped
}

func (c *tappedCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.tap.before != nil {
		c.tap.before(command)
	}
	answer, err := c.Connection.Transmit(ctx, command)
	if c.tap.after != nil && err == nil {
		c.tap.after(command, answer)
	}
	return answer, err
}

// HasPad tells whether the reader has keys.
func (c *tappedCard) HasPad() bool {
	p, ok := c.Connection.(card.PINPad)
	return ok && p.HasPad()
}

// onKeys stands for the command that the reader makes of what is typed there.
var onKeys = []byte{0x00, 0x00}

// VerifyOnPad lets the test see that the PIN is asked for, and what the card says: the PIN is not seen here.
func (c *tappedCard) VerifyOnPad(ctx context.Context, header [4]byte) ([]byte, error) {
	if c.tap.before != nil {
		c.tap.before(onKeys)
	}
	answer, err := c.Connection.(card.PINPad).VerifyOnPad(ctx, header)
	if c.tap.after != nil && err == nil {
		c.tap.after(onKeys, answer)
	}
	return answer, err
}

// withReaderKeys gives the place a reader that takes the PIN on its own keys.
func (s *stand) withReaderKeys() *virtual.Reader {
	s.place.virtual = virtual.NewReaderWithKeys(keysPatience)
	return s.place.virtual
}

// signs reports whether a command asks the card for a signature.
func signs(command []byte) bool { return len(command) > 2 && command[1] == 0x2A }

// verifies reports whether a command sends a PIN (an empty one only asks for the tries left).
func verifies(command []byte) bool { return len(command) > 4 && command[1] == 0x20 }

// socketDir is where this process's pcscd listens, always: libpcsclite reads its socket's name once.
func socketDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pcscd%d", os.Getpid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

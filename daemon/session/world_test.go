package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool"
)

// world is every part of a terminal at once, made by hand: it writes down who was asked for what, and does
// something else where a test says so.
type world struct {
	t      *testing.T
	runner *Runner
	stop   func()

	channel protocol.Channel
	code    string // of the staff at the counter
	differs bool   // what they find
	pad     Pad
	other   []byte      // the certificate of the card on the reader; nil: [cardDER]
	fingers chan string // at the reader: what was typed, or redKey

	mu        sync.Mutex
	calls     []string                               // in order
	hooks     map[string]func(context.Context) error // run inside a call, by its name
	views     []View
	steps     []Step
	notify    func(bool)
	lose      chan error // makes Watch return
	tries     int
	pin       string
	pins      [][]byte // every buffer that a PIN came in
	packages  [][]byte // every buffer that a package went out in
	result    spool.Result
	verify    error
	register  error
	ready     spool.Readiness
	offers    []protocol.Offer
	visits    uint64
	open      int // visits begun and not ended
	cards     int // cards connected and not closed
	deals     map[protocol.Transaction]*account
	begun     []protocol.Transaction
	latched   bool
	latches   []string
	closed    map[protocol.Municipality]bool
	refusals  []Refusal
	judged    []reason.Code
	incident  []Incident
	unwritten []Incident // that the journal would not take; nothing begins before it does
	lates     []string
	wrong     []string // whose code was wrong
	progress  spool.Progress
	gates     []chan struct{} // of deaf parts
	renewed   int             // runners that gave way
	yieldedIn map[State]bool  // and where
	seconds   int             // second outcomes, all refused
	broken    map[string]bool // what a test broke for good: the accounts cannot balance there
}

// account is what became of one transaction.
type account struct {
	staff string // who confirmed it

	journal, centre []protocol.Outcome
	held            bool
	kept, returned  int
	prints          int
}

var cardDER = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Sample card"}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
})

const rightCode, staffID = "482913", "1207"

// atCounter puts a world at a counter.
func atCounter(w *world) { w.channel = protocol.Counter }

// atPad has the PIN typed at the reader.
func atPad(w *world) { w.pad = UsedPad }

const (
	padPatience = 30 * time.Second
	redKey      = "red"
)

const town = protocol.Municipality("141003")

func newWorld(t *testing.T) *world {
	w := &world{t: t, channel: protocol.Store, code: rightCode, hooks: map[string]func(context.Context) error{}, lose: make(chan error), fingers: make(chan string), tries: 3, pin: "1234",
		result: spool.Result{Outcome: protocol.Printed, Impressions: 2}, ready: spool.Readiness{Ready: true},
		deals: map[protocol.Transaction]*account{}, yieldedIn: map[State]bool{}, closed: map[protocol.Municipality]bool{}}
	w.offers = []protocol.Offer{{ID: "o1", Municipality: town, Certificate: protocol.ResidentRecord, Fee: 200, Available: true,
		Options: map[string][]protocol.Option{"household": {protocol.Text("all"), protocol.Text("one")}}},
		{ID: "o2", Municipality: town, Certificate: protocol.SealRegistration, Fee: 200, Why: "closed"}}
	return w
}

// inBubble runs a test in a synctest bubble with a running terminal, and checks the accounts at its end.
func inBubble(t *testing.T, prepare func(*world), f func(w *world)) {
	t.Helper()
	cardDER()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if prepare != nil {
			prepare(w)
		}
		w.begin()
		f(w)
		w.end()
		w.audit()
	})
}

func (w *world) begin() {
	p := Parts{Terminal: "JP-13-000042", Channel: w.channel, Reader: w, Centre: centre{w}, Verifier: verifier{w}, Queue: queue{w},
		Payment: payment{w}, Ledger: ledger{w}, Latches: latches{w}, Screen: w, Observe: w.observe, Recall: new(Recall)}
	if w.channel == protocol.Counter {
		p.Staff = staff{w}
	}
	r, err := New(p)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	w.runner, w.stop = r, func() { cancel(); <-done }
	go func() {
		defer close(done)
		for {
			if err := w.runner.Run(ctx); err != nil {
				w.t.Error(err)
			}
			if ctx.Err() != nil {
				return
			}
			w.yielded()
			if w.runner, err = New(p); err != nil {
				w.t.Error(err)
				return
			}
		}
	}()
	synctest.Wait()
}

// yielded is called where a runner gave way: no visit may be in hand.
func (w *world) yielded() {
	w.renewed++
	w.yieldedIn[w.runner.state] = true
	if !slices.Contains([]State{Idle, Unready, OutOfService}, w.runner.state) {
		w.t.Errorf("it gave way in %v", w.runner.state)
	}
	if len(w.gates) == 0 { // a part that does not come back has what it has
		w.audit()
	}
}

func (w *world) end() { w.stop(); synctest.Wait() }

// asked writes a call down, and does what the test wants to happen in it.
func (w *world) asked(ctx context.Context, call string) error {
	w.mu.Lock()
	w.calls = append(w.calls, call)
	hook := w.hooks[call]
	w.mu.Unlock()
	if hook != nil {
		return hook(ctx)
	}
	return ctx.Err()
}

func (w *world) hook(call string, f func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks[call] = f
}

// blocks makes a call wait for the test, or for its context.
func (w *world) blocks(call string) (release func()) {
	gate := make(chan struct{})
	w.hook(call, func(ctx context.Context) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return sync.OnceFunc(func() { close(gate) })
}

// deaf makes a call wait for the test and ignore its context.
func (w *world) deaf(call string) (release func()) {
	gate := make(chan struct{})
	w.hook(call, func(context.Context) error { <-gate; return nil })
	return sync.OnceFunc(func() { close(gate) })
}

func fails(err error) func(context.Context) error { return func(context.Context) error { return err } }

var errBroken = errors.New("broken")

func (w *world) with(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

func (w *world) count(call string) (n int) {
	w.with(func() {
		for _, c := range w.calls {
			if c == call {
				n++
			}
		}
	})
	return n
}

// Screen and observer.

func (w *world) Show(v View) {
	w.with(func() { w.views = append(w.views, v) })
	_ = w.asked(context.Background(), "show")
}

func (w *world) observe(s Step) { w.with(func() { w.steps = append(w.steps, s) }) }

func (w *world) view() View {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.views[len(w.views)-1]
}

func (w *world) state() State { return w.view().State }

func (w *world) want(s State) View {
	w.t.Helper()
	v := w.view()
	if v.State != s {
		w.t.Fatalf("state is %v, want %v (calls %v)", v.State, s, strings.Join(w.calls, " "))
	}
	return v
}

func (w *world) wantNotice(s State, n Notice) View {
	w.t.Helper()
	v := w.want(s)
	if v.Notice != n {
		w.t.Fatalf("notice is %q, want %q", v.Notice, n)
	}
	return v
}

// What people do.

func (w *world) card(here bool) { w.notify(here); synctest.Wait() }

func (w *world) press(in Input) {
	w.runner.Press(w.view().Visit, in)
	synctest.Wait()
}

func (w *world) key(k InputKind) { w.press(Input{Kind: k, Of: w.view().Disowns}) }

func (w *world) enter(pin string) {
	b := []byte(pin)
	w.with(func() { w.pins = append(w.pins, b) })
	w.press(Input{Kind: PressPIN, PIN: b})
}

// types is what fingers do at the reader. It reports whether the reader listened.
func (w *world) types(pin string) bool {
	defer synctest.Wait()
	select {
	case w.fingers <- pin:
		return true
	default:
		return false
	}
}

// vouch is what staff do at a counter: they say what they found, with their code.
func (w *world) vouch(id, code string, same bool) {
	b := []byte(code)
	w.with(func() { w.pins = append(w.pins, b) })
	w.press(Input{Kind: PressCode, Staff: id, PIN: b, Same: same})
}

func (w *world) choose() { w.press(Input{Kind: PressChoose, Offer: "o1", Copies: 2}) }

// act does what a reasonable person does next. It reports whether there is something to do.
func (w *world) act() bool {
	switch v := w.view(); v.State {
	case Idle, PlaceAgain:
		w.card(true)
	case LastTry, LastTryAtPad, Confirming, MoreTime, AskedAtTray, AskedAtEnd, AskedLater:
		w.key(PressYes)
	case AtPad:
		return w.types(w.pin)
	case EnterPIN:
		w.enter(w.pin)
	case Choosing:
		w.choose()
	case TakeCard:
		w.card(false)
	case ConfirmName:
		w.vouch(staffID, w.code, !w.differs)
	case TakePaper, Done:
		w.key(PressFinish)
	case Ended, CardForgotten:
		w.card(false)
	default:
		return false
	}
	return true
}

// to goes on until the terminal is in s.
func (w *world) to(s State) View {
	w.t.Helper()
	for range 40 {
		if w.state() == s {
			return w.view()
		}
		if !w.act() {
			break
		}
	}
	return w.want(s)
}

// audit holds at the end of every story, whatever happened in it.
func (w *world) audit() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != 0 || w.cards != 0 {
		w.t.Errorf("%d visits and %d cards left open", w.open, w.cards)
	}
	for _, p := range w.pins {
		if slices.ContainsFunc(p, func(b byte) bool { return b != 0 }) {
			w.t.Error("a PIN was not overwritten")
		}
	}
	for _, p := range w.packages {
		if slices.ContainsFunc(p, func(b byte) bool { return b != 0 }) {
			w.t.Error("a package was not overwritten")
		}
	}
	ended := map[protocol.Transaction]int{}
	for _, s := range w.steps {
		if s.End != nil {
			ended[s.End.Transaction]++
		}
	}
	for _, tx := range w.begun {
		w.auditOne(w.deals[tx], ended[tx])
	}
}

func (w *world) auditOne(a *account, ended int) {
	w.t.Helper()
	if len(a.journal) > 1 || len(a.centre) > 1 || ended != 1 {
		w.t.Errorf("outcomes: journal %v, centre %v, observed %d", a.journal, a.centre, ended)
		return
	}
	if !w.broken["journal"] && (len(a.journal) != 1 || len(a.centre) != 1 || a.journal[0] != a.centre[0]) {
		w.t.Errorf("outcomes: journal %v, centre %v", a.journal, a.centre)
		return
	}
	printed := slices.Contains(append(a.centre, a.journal...), protocol.Printed)
	if w.channel == protocol.Counter && slices.Contains(a.journal, protocol.Printed) && a.staff == "" {
		w.t.Error("printed, and nobody confirmed the name")
	}
	if a.prints > 1 || printed && a.prints != 1 {
		w.t.Errorf("printed %d times, outcome %v", a.prints, a.centre)
	}
	if a.held && !w.broken["money"] && (printed != (a.kept == 1) || printed == (a.returned > 0)) || a.kept > 1 {
		w.t.Errorf("%v: kept %d, returned %d", a.centre, a.kept, a.returned)
	}
}

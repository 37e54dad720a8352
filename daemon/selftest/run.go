package selftest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/card/virtual"
	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/journal"
)

// run is one self-test on its way. Each lane's goroutine has its own fields.
type run struct {
	own     terminal.Parts // the terminal's
	scratch string
	*world

	journal *journal.Journal
	door    *door
	live    *rehearsal // of the lane of visits

	verifier *document.Verifier // of the direct lane, and all below
	queue    *spool.Queue
	ahead    atomic.Int64 // nanoseconds that the queue's clock goes before the terminal's
	papers   [2]*accepted
	onWay    spool.Released // released, and not yet printed
}

// open makes what the cases need: keys, a journal on the terminal's disk, and the terminal's own parts around them.
func (r *run) open(ctx context.Context) (err error) {
	if r.world, err = newWorld(r.own.Now()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(r.scratch, "selftest-")
	if err != nil {
		return err
	}
	r.journal, err = journal.Open(filepath.Join(dir, "journal.db"), r.own.Now)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	if _, err := r.journal.BeginVisit(); err != nil {
		return err
	}
	r.door = new(door)
	r.verifier = document.NewVerifier(r.policy, r.own.Inspector, r.own.Now)
	if r.queue, _, err = spool.NewQueue(ctx, r.journal, new(door), r.before); err != nil {
		return err
	}
	r.live, err = r.rehearse(ctx)
	return err
}

// before is the queue's clock.
func (r *run) before() time.Time { return r.own.Now().Add(time.Duration(r.ahead.Load())) }

func (r *run) close() {
	if r.live != nil {
		r.live.close()
	}
	if r.journal != nil {
		_ = r.journal.Close() // nothing of it is kept
	}
}

func (r *run) name() protocol.Terminal {
	if r.own.Terminal == "" {
		return "SELF-TEST"
	}
	return r.own.Terminal
}

// door is the printer: ready, and shut. It counts who came as far.
type door struct{ came atomic.Int64 }

var errShut = errors.New("selftest: no paper is put out")

func (d *door) Ready(context.Context) (spool.Readiness, error) {
	return spool.Readiness{Ready: true}, nil
}

func (d *door) Print(context.Context, spool.Released, spool.Progress) (spool.Result, error) {
	d.came.Add(1)
	return spool.Result{}, errShut
}

// purse is the till: what is held must have been given back when a visit has ended.
type purse struct {
	mu         sync.Mutex
	held, kept map[protocol.Transaction]int
}

func (p *purse) Hold(_ context.Context, t protocol.Transaction, yen int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[t] = yen
	return nil
}

func (p *purse) Keep(_ context.Context, t protocol.Transaction) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[t] = p.held[t]
	return nil
}

func (p *purse) Return(_ context.Context, t protocol.Transaction) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, t)
	return nil
}

func (p *purse) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)+len(p.kept) == 0
}

// rehearsal is the terminal's session with everything around it, and who makes its visits.
type rehearsal struct {
	*terminal.Rehearsal
	reader *virtual.Reader
	office *office
	money  *purse
	views  *views
	ended  atomic.Pointer[session.Ending]
	stop   func()
	done   chan struct{}
}

func (r *run) rehearse(ctx context.Context) (*rehearsal, error) {
	l := &rehearsal{reader: virtual.NewReader(), office: &office{world: r.world, name: r.name(), now: r.own.Now},
		money: &purse{held: map[protocol.Transaction]int{}, kept: map[protocol.Transaction]int{}}, views: newViews(), done: make(chan struct{})}
	p := terminal.Parts{Terminal: r.name(), Channel: protocol.Store, Reader: l.reader, Printer: r.door, Policy: r.policy,
		Inspector: r.own.Inspector, Payment: l.money, Journal: r.journal, Screen: l.views, Now: r.own.Now, Log: quiet(), Observe: l.observe,
		Limits: session.Limits{LookAgain: 10 * time.Millisecond, End: 5 * time.Second, Grace: time.Second}}
	var err error
	if l.Rehearsal, err = terminal.Rehearse(ctx, p, l.office); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	l.stop = stop
	go func() {
		defer close(l.done)
		_ = l.Rehearsal.Run(running) // it has nothing to say but that it ran once
	}()
	return l, nil
}

// close ends the rehearsal; one that hangs is left behind.
func (l *rehearsal) close() {
	l.stop()
	late := time.NewTimer(time.Second)
	defer late.Stop()
	select {
	case <-l.done:
	case <-late.C:
	}
}

func (l *rehearsal) observe(s session.Step) {
	if s.End != nil {
		l.ended.Store(s.End)
	}
}

// views keeps the pictures until somebody looks.
type views struct {
	mu   sync.Mutex
	all  []session.View
	news chan struct{}
}

func newViews() *views { return &views{news: make(chan struct{}, 1)} }

// Show keeps v.
func (s *views) Show(v session.View) {
	s.mu.Lock()
	s.all = append(s.all, v)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// forget drops what nobody looked at.
func (s *views) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
}

func (s *views) next(ctx context.Context) (session.View, error) {
	for {
		s.mu.Lock()
		if len(s.all) > 0 {
			v := s.all[0]
			s.all = s.all[1:]
			s.mu.Unlock()
			return v, nil
		}
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-ctx.Done():
			return session.View{}, ctx.Err()
		}
	}
}

// visit makes one visit with a card, in which the centre hands over what p made of it, and says what became of it.
func (r *run) visit(ctx context.Context, p poison, c *virtual.Card) string {
	l, before := r.live, r.door.came.Load()
	l.office.serve(p)
	l.ended.Store(nil)
	l.views.forget()
	l.reader.Place(c)
	last, err := l.act(ctx)
	if err != nil {
		return err.Error()
	}
	got := last.became(l.ended.Load())
	if r.door.came.Load() > before {
		got = strings.TrimSpace(got + " printer")
	}
	if !l.money.empty() {
		got += " money"
	}
	if l.Stopped() != l.closes() {
		got += " service"
	}
	if r.settle() != nil || l.Stopped() {
		got += " journal"
	}
	return got
}

// settle closes what a visit raised, so that the next one finds its service open. This journal is the self-test's own: no
// person's signature is on anything in it, and nobody is told.
func (r *run) settle() error {
	all, err := r.journal.Incidents(0, 0)
	for _, s := range all {
		_, failed := r.journal.Record(journal.Entry{Kind: journal.Closed, Of: int(s.Position), Staff: "self-test", Proof: s.Head, Signed: protocol.At(r.own.Now())})
		err = errors.Join(err, failed)
	}
	return err
}

// closes reports whether the visit's end must close the municipality's service.
func (l *rehearsal) closes() bool {
	e := l.ended.Load()
	return e != nil && e.Outcome == protocol.Refused && e.Code.Class().StopsService()
}

// last is the last word of a visit.
type last struct {
	code   reason.Code
	notice session.Notice
}

// became says what became of a visit: the codes of a refusal, or why it was not gone on with.
func (w last) became(e *session.Ending) string {
	switch {
	case e != nil && e.Outcome == protocol.Refused:
		return codes(append([]reason.Code{e.Code}, e.Also...))
	case w.code != "":
		return string(w.code)
	}
	return string(w.notice)
}

// errOut is what a visit ends with that could not be made.
type errOut string

func (e errOut) Error() string { return string(e) }

// welcome waits until the terminal asks for a card. Its session may have looked at everything before its reader said a first
// word: then it looks again.
func (l *rehearsal) welcome(ctx context.Context) error {
	for {
		v, err := l.views.next(ctx)
		switch {
		case err != nil:
			return errOut("none in time")
		case v.State == session.Idle:
			return nil
		case v.State != session.Unready, v.Word != "" && v.Word != "reader":
			return errOut("not ready: " + v.Word)
		}
	}
}

// act does what a person would do, once in each state, until the visit is over.
func (l *rehearsal) act(ctx context.Context) (w last, err error) {
	state, begun := session.Unready, false
	for {
		v, err := l.views.next(ctx)
		switch {
		case err != nil:
			return w, errOut("none in time")
		case v.State == session.OutOfService, v.State == session.Stranded:
			return w, errOut("out of service: " + v.Word)
		case v.State == session.Unready && v.Word != "":
			return w, errOut("not ready: " + v.Word)
		case v.State == session.Done && begun:
			return w, nil
		case v.State == state:
			continue
		}
		state, begun = v.State, begun || v.State == session.Opening
		if v.Notice != session.NoNotice {
			w = last{v.Code, v.Notice}
		}
		l.press(v)
	}
}

func (l *rehearsal) press(v session.View) {
	switch v.State {
	case session.EnterPIN:
		l.Press(v.Visit, session.Input{Kind: session.PressPIN, PIN: []byte(pin)})
	case session.Choosing:
		l.Press(v.Visit, session.Input{Kind: session.PressChoose, Offer: offer, Copies: 1})
	case session.Confirming:
		l.Press(v.Visit, session.Input{Kind: session.PressYes})
	case session.TakeCard, session.Ended:
		l.reader.Pull()
	}
}

func codes(all []reason.Code) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c)
	}
	return strings.Join(words, " ")
}

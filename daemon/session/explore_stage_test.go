package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
)

// stage is where nodes are brought to life: one real runner, put into the node's place for one move, with hands that only
// note down what is to be done. Where the world may go several ways, the oracle goes one, and is asked again for the next.
type stage struct {
	r      *Runner
	n      *node
	flaw   string // a planted fault, by name
	stops  bool   // the daemon may be told to end
	pad    bool   // the PIN is typed at the reader
	claims bool   // which may have no keys

	t        *task    // the job whose code runs
	finishes *custody // what the ending that runs is about
	why      cause    // and why it was begun
	at       int      // how many calls the job's code has made
	answers  bool     // the next call that has no reply gets one; then the job goes on until it makes another
	stands   bool     // the job's code is being left, in a call that has no reply yet
	lives    bool     // the job's code is past all that it has done before
	live     contents // what the job's custody holds now
	tooLate  bool     // a package came for a dead transaction, and is not counted yet

	picks, ways []int
	said        []string
	broken      string // the first law that was broken
}

func newStage() *stage {
	s := &stage{}
	r, err := New(Parts{Terminal: "JP-13-000042", Channel: protocol.Store, Reader: smallReader{s}, Centre: smallCentre{s}, Verifier: smallVerifier{s},
		Queue: smallQueue{s}, Payment: smallPayment{s}, Ledger: smallLedger{s}, Latches: smallRest{s}, Screen: smallRest{s}, Staff: smallRest{s}, Tray: smallRest{s},
		Observe: func(step Step) {
			if step.End != nil {
				s.n.books[step.Transaction[0]].observed++
			}
		}})
	if err != nil {
		panic(err)
	}
	r.hands, r.base, r.mail, r.timer, r.fading = s, context.Background(), make(chan func(), 16), quiet(), quiet()
	r.limit.LookAgain, r.limit.Pause = 1, 1
	s.r = r
	return s
}

// law notes the first law that is broken.
func (s *stage) law(kept bool, broken string, args ...any) {
	if !kept && s.broken == "" {
		s.broken = fmt.Sprintf(broken, args...)
	}
}

func (s *stage) book(h *custody) *book { return &s.n.books[h.deal()] }

// clear reports whether no paper lies in tray or path, in truth.
func (n *node) clear() bool { return !n.dirty && !n.tray }

// each does move m from n in every way that the world may go, and calls f with what each leads to.
func (s *stage) each(n *node, m func(), f func(*node)) {
	s.picks = s.picks[:0]
	for {
		s.enter(n.clone())
		m()
		s.leave()
		f(s.n)
		for i := len(s.ways) - 1; i >= 0; i-- {
			if s.picks[i]++; s.picks[i] < s.ways[i] {
				break
			}
			s.picks = s.picks[:i]
		}
		if len(s.picks) == 0 {
			return
		}
	}
}

// pick goes one of several ways.
func (s *stage) pick(ways int) int {
	s.ways = append(s.ways, ways)
	if len(s.picks) < len(s.ways) {
		s.picks = append(s.picks, 0)
	}
	return s.picks[len(s.ways)-1]
}

func (s *stage) enter(n *node) {
	s.n, s.t, s.finishes, s.ways, s.said, s.broken, s.tooLate = n, nil, nil, s.ways[:0], s.said[:0], "", false
	r := s.r
	r.state, r.visit, r.presence, r.stay, r.soon, r.fault, r.work = n.state, n.visit, n.presence, n.stay, nil, "", nil
	r.tally.n, r.tail, r.alarms = Counts{}, closedChannel, 0
	if n.awaited != nil {
		r.work = n.awaited.work
	}
	r.timer.Stop()
	if n.armed {
		r.timer.Reset(time.Hour)
	}
	r.recall.last, r.recall.nonce, r.recall.subject = n.kept.last, n.kept.nonce, n.kept.subject
	if r.fading.Stop(); n.fading {
		r.fading.Reset(time.Hour)
	}
}

func (s *stage) leave() {
	for len(s.r.mail) > 0 {
		s.r.do(<-s.r.mail)
	}
	s.idle()
	n, r := s.n, s.r
	n.state, n.visit, n.presence, n.stay, n.awaited = r.state, r.visit, r.presence, r.stay, nil
	for _, t := range n.tasks {
		if t.work == r.work {
			n.awaited = t
		}
	}
	n.kept, n.fading = memory{r.recall.last, r.recall.nonce, r.recall.subject}, r.fading.Stop()
	n.armed, n.unseen = r.timer.Stop(), n.staff != silent && (n.unseen || r.alarms > 0)
}

// The hands.

func (s *stage) work(j job) {
	t := &task{kind: doing, job: j, work: j.work}
	j.work.cancel() // the true context: there is no clock here
	j.work.cancel, j.work.done, t.job.ctx = func() { t.cancelled = true }, openChannel, nil
	if j.after != nil {
		t.after = s.lastEnding()
	}
	s.n.tasks = append(s.n.tasks, t)
}

func (s *stage) finish(e ending) {
	if s.flaw == noLatch || s.flaw == noEnd {
		e.effects = slices.DeleteFunc(e.effects, func(f Effect) bool { return f == Latch && s.flaw == noLatch || f == End && s.flaw == noEnd })
	}
	t := &task{kind: finishing, ending: e, work: e.work, after: s.lastEnding()}
	t.before = s.undone(e.before)
	e.work.done = openChannel
	s.n.tasks = append(s.n.tasks, t)
}

func (s *stage) destroy(before *work, l holdings) {
	t := &task{kind: destroying, list: l, work: &work{}, before: s.undone(before)}
	s.n.tasks = append(s.n.tasks, t)
}

func (s *stage) lastEnding() (last *task) {
	for _, t := range s.n.tasks {
		if t.kind == finishing && !t.done {
			last = t
		}
	}
	return last
}

func (s *stage) undone(w *work) *task {
	for _, t := range s.n.tasks {
		if t.work == w && !t.done {
			return t
		}
	}
	return nil
}

// done lets go whoever waited for t.
func (s *stage) done(t *task, a answer) {
	t.done, t.answer, t.work.done = true, a, closedChannel
	for _, o := range s.n.tasks {
		if o.before == t {
			o.before = nil
		}
		if o.after == t {
			o.after = nil
		}
	}
	if t.kind == finishing && s.n.endings > 0 {
		s.n.endings--
	}
	switch {
	case t.mute || t.kind == destroying:
		s.forget(t)
	case s.r.work != t.work && a.event != Fault && s.flaw != oldAnswers:
		s.deliver(t) // it does not matter when
	}
}

// idle forgets looks that were cancelled: they ask, and change nothing, and nobody hears what they learn.
func (s *stage) idle() {
	s.n.tasks = slices.DeleteFunc(s.n.tasks, func(t *task) bool {
		return t.kind == doing && t.cancelled && t.work != s.r.work && slices.Contains([]Effect{Look, LookLater, AwaitPaper}, t.job.effect) && s.flaw != oldAnswers
	})
}

func (s *stage) forget(t *task) {
	s.n.tasks = slices.DeleteFunc(s.n.tasks, func(o *task) bool { return o == t })
}

// A job's code runs until it makes a call that has no reply yet.

type standing struct{}

type panicking struct{}

// goOn lets the call return in which the job stands, or begins the job.
func (s *stage) goOn(t *task) {
	s.t, s.at, s.answers, s.lives = t, 0, t.begun, !t.begun
	h := t.job.visit.hand
	switch {
	case h != nil && t.begun:
		s.live = h.contents()
		h.fill(t.origin)
	case h != nil:
		t.origin = h.contents()
	}
	t.begun = true
	a, ended := s.code(t)
	s.t, s.stands = nil, false
	s.law(!s.tooLate, "a late package is not counted")
	if ended {
		s.done(t, a)
	}
}

func (s *stage) code(t *task) (a answer, ended bool) {
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case standing:
			a, ended = answer{}, false
		case panicking:
			a, ended = broken(t.job.effect, "panic"), true
		default:
			s.law(false, "%v panics: %v", t.job.effect, p)
			a, ended = broken(t.job.effect, "panic"), true
		}
	}()
	return steps(t.job.effect)(s.r, taskContext{context.Background(), t}, t.job.visit), true
}

// issues reports whether the job's code makes this call now, and has not made it before.
func (s *stage) issues() bool { return s.at == len(s.t.past) && !s.answers }

// asks is a job's call of a part. It returns the reply, and whether it comes now; or it does not return.
func (s *stage) asks(call string, may ...reply) (reply, bool) {
	t := s.t
	if s.at < len(t.past) {
		s.at++
		return t.past[s.at-1], false
	}
	if !s.answers {
		s.stands = true
		panic(standing{})
	}
	s.answers = false
	if h := t.job.visit.hand; h != nil && !s.lives {
		h.fill(s.live)
	}
	s.lives = true
	switch {
	case t.cancelled && may[0] == fine:
		may = []reply{cancelled, fine}
	case !t.cancelled && t.job.limit > 0:
		may = append(may, panics, timesOut)
	case !t.cancelled:
		may = append(may, panics)
	}
	got := s.atOnce(call, may...)
	if got == timesOut {
		got, t.cancelled, t.expired = cancelled, true, true
	}
	t.past = append(t.past, got)
	s.at++
	if got == panics {
		panic(panicking{})
	}
	return got, true
}

// asksOn is a call that nothing can come before, since the last one returned: fewer nodes, and none of them is missed where
// the order of the two does not matter.
func (s *stage) asksOn(call string, may ...reply) (reply, bool) {
	s.answers = s.answers || s.at == len(s.t.past)
	return s.asks(call, may...)
}

// atOnce is a call whose reply comes at once. Faults have their price.
func (s *stage) atOnce(call string, may ...reply) reply {
	if s.n.faults == 0 {
		may = slices.DeleteFunc(may, func(r reply) bool { return r >= errs })
	}
	got := may[s.pick(len(may))]
	if got >= errs {
		s.n.faults--
	}
	s.said = append(s.said, call+replyNames[got])
	return got
}

func (s *stage) saying() string { return strings.Join(s.said, ", ") }

func cardNamed(name string) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
}

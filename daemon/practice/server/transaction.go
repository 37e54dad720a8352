package server

import (
	"crypto/x509"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
)

// state is where a transaction stands.
type state int

const (
	begun state = iota
	identified
	ordered   // the issuer is at work
	ready     // the package, or the issuer's failure, is there
	committed // the register answered; from here on only an outcome ends it
	ended     // an outcome was recorded
	dead      // cancelled, or out of time
)

// transaction is one document from application to outcome. Everything below the lock dies with it.
type transaction struct {
	id        protocol.Transaction
	terminal  protocol.Terminal
	channel   protocol.Channel
	nonce     protocol.Nonce
	challenge protocol.Challenge

	mu      sync.Mutex
	state   state
	timer   *time.Timer
	card    *x509.Certificate
	offers  []offer
	order   issuer.Order
	at      *Municipality
	pkg     []byte
	failure error
	settled chan struct{} // closed when the package, its failure, or the end is there
	report  *protocol.OutcomeReport
}

// open makes a transaction, and pushes the oldest out where there are too many.
func (s *Server) open(b protocol.Begin) (*transaction, time.Time) {
	t := &transaction{id: protocol.NewTransaction(), terminal: b.Terminal, channel: b.Channel, nonce: b.Nonce, challenge: protocol.NewChallenge(), settled: make(chan struct{})}
	expires := s.Now().Add(s.Lifetime)
	t.mu.Lock()
	t.timer = time.AfterFunc(s.Lifetime, func() { _ = t.cancel(&s.counts.expired) }) // or it has ended, or is committed
	t.mu.Unlock()
	s.counts.begun.Add(1)
	if old := s.enter(t); old != nil {
		old.die()
	}
	return t, expires
}

func (s *Server) enter(t *transaction) (old *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transactions[t.id] = t
	if s.oldest = append(s.oldest, t.id); len(s.oldest) > maxTransactions {
		old = s.transactions[s.oldest[0]]
		delete(s.transactions, s.oldest[0])
		s.oldest = s.oldest[1:]
	}
	return old
}

// find returns the transaction that a call names, if it is this terminal's.
func (s *Server) find(c *call) (*transaction, error) {
	id, err := protocol.ParseTransaction(c.request.PathValue("t"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	s.mu.Lock()
	t := s.transactions[id]
	s.mu.Unlock()
	switch {
	case t == nil:
		return nil, refuse(http.StatusNotFound, protocol.ProblemUnknown)
	case t.terminal != c.terminal:
		return nil, refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	return t, nil
}

var (
	errGone  = refuse(http.StatusGone, protocol.ProblemCancelled)
	errOrder = refuse(http.StatusConflict, protocol.ProblemOrder)
)

// in runs f under the lock if the transaction is in one of these states; a dead or ended one is gone.
func (t *transaction) in(f func() error, states ...state) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range states {
		if t.state == s {
			return f()
		}
	}
	if t.state >= ended {
		return errGone
	}
	return errOrder
}

// alive refuses a call of a transaction that is over.
func (s *Server) alive(c *call) error {
	t, err := s.find(c)
	if err != nil {
		return err
	}
	return t.in(func() error { return nil }, begun, identified, ordered, ready, committed)
}

// cancel ends the whole transaction before the commit, and counts that before anybody can see it. It is refused from the commit on.
func (t *transaction) cancel(count *atomic.Uint64) error {
	return t.in(func() error { count.Add(1); t.drop(dead); return nil }, begun, identified, ordered, ready)
}

// die ends it whatever its state.
func (t *transaction) die() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state < ended {
		t.drop(dead)
	}
}

// drop enters a last state and forgets everything. The lock is held.
func (t *transaction) drop(last state) {
	t.state = last
	t.timer.Stop()
	clear(t.pkg)
	t.pkg, t.card, t.offers = nil, nil, nil
	t.order = issuer.Order{}
	t.settle()
}

// settle lets whoever waits for the package look again. The lock is held.
func (t *transaction) settle() {
	select {
	case <-t.settled:
	default:
		close(t.settled)
	}
}

// deliver puts the issuer's result in, unless the transaction is over: then the package is destroyed, and late.
func (t *transaction) deliver(p issuer.Package, failure error) (late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != ordered {
		clear(p.Bytes)
		return failure == nil
	}
	t.pkg, t.failure, t.state = p.Bytes, failure, ready
	t.settle()
	return false
}

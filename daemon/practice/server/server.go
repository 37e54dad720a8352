// Package server is the practice issuing centre: the calls of PROTOCOL.md's "Centre", over TLS 1.3 and HTTP/2,
// for terminals with a client certificate.
//
// It knows transactions, offers and incidents; people, records and keys it is given. A transaction has one state
// and one lock. It dies as a whole: cancelled or out of time, everything it held is overwritten, and a package
// that comes late is destroyed and counted. From the commit (the register's in-force answer) it can no longer be
// cancelled or run out; only an outcome ends it, and the first outcome stands.
//
// Nothing personal is logged, because nothing is: the one thing that leaves this package beside the answers is
// [Config.Trace], a route and a status. The TLS server's own error log is discarded.
package server

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
)

// Municipality is one municipality as the centre reaches it.
type Municipality struct {
	people.Town
	Primary *register.Primary
	Issue   func(issuer.Order) (issuer.Package, error)
	InForce func(register.Question) ([]byte, error) // signed by the register
}

// Config is what the centre is given.
type Config struct {
	Municipalities []Municipality
	CardAnchors    []*x509.Certificate
	CardStatus     func(fingerprint protocol.Digest) people.Status
	Receipts       *sign.Pair                         // signs receipts and open states
	Taker, Closer  *sign.Pair                         // of the persons who acknowledge and close
	Brought        func(protocol.IncidentID) [][]byte // what they signed elsewhere; may be nil
	Open           func(now time.Time) bool           // whether it is within hours
	Held           []Suspension                       // what was suspended before
	Keep           func([]Suspension) error           // keeps what is; may be nil
	Lifetime       time.Duration                      // of a transaction up to the commit
	Poll           time.Duration                      // how long a request for a package is held
	Now            func() time.Time
	Trace          func(route string, status int) // may be nil
}

// Limits of memory. What is pushed out is the oldest, and dies.
const (
	maxTransactions = 1 << 14
	maxReplays      = 1 << 13
	maxIncidents    = 1 << 12
	maxIssuing      = 16 // packages made at the same time; more wait
)

// Server is the centre. Make one with [New]; serve [Server.Handler], or let [Server.HTTP] do so.
type Server struct {
	Config
	handler http.Handler
	replays replays
	issuing chan struct{}
	running sync.WaitGroup
	counts  counts
	heads   heads
	fleet   fleet
	moved   moved

	mu           sync.Mutex
	transactions map[protocol.Transaction]*transaction
	oldest       []protocol.Transaction
	incidents    map[incidentKey]*incident
	escalations  map[incidentKey][]escalated
	suspended    map[incidentKey]Suspension
	note         func(Line) error // keeps what is known of incidents; may be nil
	stop         Stop             // see [Server.SuspendAtOnce]
}

// Counts is what happened since the start.
type Counts struct {
	Begun, Issued, Late, Cancelled, Expired uint64
	WrongRelease                            uint64 // outcomes whose release signature was not the card's
	Rewound                                 uint64 // outcomes whose journal head does not extend the ones before
	Faults                                  uint64 // panics
	Outcomes                                map[protocol.Outcome]uint64
}

type counts struct {
	begun, issued, late, cancelled, expired, wrongRelease, rewound, faults atomic.Uint64

	mu       sync.Mutex
	outcomes map[protocol.Outcome]uint64
}

// New makes a centre.
func New(c Config) *Server {
	s := &Server{Config: c, issuing: make(chan struct{}, maxIssuing), transactions: map[protocol.Transaction]*transaction{},
		fleet:     fleet{bundles: map[uint64]protocol.PolicyBundle{}, beats: map[protocol.Terminal]protocol.Heartbeat{}},
		incidents: map[incidentKey]*incident{}, moved: moved{}, escalations: map[incidentKey][]escalated{}, replays: replays{entries: map[[32]byte]*replay{}},
		suspended: map[incidentKey]Suspension{}}
	for _, one := range c.Held {
		s.suspended[one.key()] = one
	}
	s.counts.outcomes = map[protocol.Outcome]uint64{}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, s.serve(r))
	}
	mux.HandleFunc("/", s.serve(route{pattern: "other", do: func(*call) (answer, error) {
		return answer{}, refuse(http.StatusNotFound, protocol.ProblemUnknown)
	}}))
	s.handler = mux
	return s
}

// Handler answers the calls. It must stand behind TLS with verified client certificates.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTP returns a server for [Server.Handler] with the protocol's TLS.
func (s *Server) HTTP(certificate tls.Certificate, terminals *x509.CertPool) *http.Server {
	h := &http.Server{
		Handler:           s.handler,
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      s.Poll + 60*time.Second,
		IdleTimeout:       3 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		Protocols:         new(http.Protocols),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: terminals, Time: s.Now},
	}
	h.Protocols.SetHTTP2(true)
	return h
}

// Close kills what lives and waits for issuers that are still at work.
func (s *Server) Close() {
	s.mu.Lock()
	all := s.transactions
	s.transactions = map[protocol.Transaction]*transaction{}
	s.mu.Unlock()
	for _, t := range all {
		t.die()
	}
	s.running.Wait()
}

// Counts returns what happened since the start.
func (s *Server) Counts() Counts {
	c := &s.counts
	out := Counts{Begun: c.begun.Load(), Issued: c.issued.Load(), Late: c.late.Load(), Cancelled: c.cancelled.Load(),
		Expired: c.expired.Load(), WrongRelease: c.wrongRelease.Load(), Rewound: c.rewound.Load(), Faults: c.faults.Load(), Outcomes: map[protocol.Outcome]uint64{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for o, n := range c.outcomes {
		out.Outcomes[o] = n
	}
	return out
}

func (c *counts) outcome(o protocol.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes[o]++
}

// replays answers a repeated POST as it was answered first.
type replays struct {
	mu      sync.Mutex
	entries map[[32]byte]*replay
	oldest  [][32]byte
}

type replay struct {
	request [32]byte
	done    chan struct{}
	answer  answer
	err     error
}

// once runs do for the first request with this key, and gives its answer to every further one that is the same.
// A fault of the centre's own is not kept, so that it can be tried again.
func (r *replays) once(terminal protocol.Terminal, key, path string, body []byte, do func() (answer, error)) (answer, error) {
	id := sha256.Sum256([]byte(string(terminal) + "\x00" + key))
	request := sha256.Sum256(append([]byte(path+"\x00"), body...))
	r.mu.Lock()
	if e := r.entries[id]; e != nil {
		r.mu.Unlock()
		if e.request != request {
			return answer{}, refuse(http.StatusConflict, protocol.ProblemConflict)
		}
		<-e.done
		return e.answer, e.err
	}
	e := &replay{request: request, done: make(chan struct{}), err: refuse(http.StatusInternalServerError, protocol.ProblemIssuer)}
	r.add(id, e)
	r.mu.Unlock()
	defer func() {
		close(e.done)
		if statusOf(e.answer, e.err) >= 500 {
			r.forget(id)
		}
	}()
	e.answer, e.err = do()
	return e.answer, e.err
}

func (r *replays) add(id [32]byte, e *replay) {
	r.entries[id] = e
	if r.oldest = append(r.oldest, id); len(r.oldest) > maxReplays {
		delete(r.entries, r.oldest[0])
		r.oldest = r.oldest[1:]
	}
}

func (r *replays) forget(id [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, id)
}

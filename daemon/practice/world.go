// Package practice is a small world to practise in: an issuing centre with its registers and issuers, two dozen
// fictional people and the cards in their hands, and somebody who takes money.
//
// It is made of real parts. The centre is a TLS server on loopback that a terminal calls as it would call any
// other; packages are drawn from the registers and signed with keys of the municipalities' own; cards speak
// APDUs. Nothing in a terminal knows that it practises but the anchors in its policy, which bear a marker that a
// production terminal refuses. A fault of this world (a stranger's paper) is something that its centre does, and
// never a switch in the terminal.
//
// [World.Play] deploys a faulty program, built as one of 2023 was, in place of a municipality's sound one (package
// scenario); neighbours and city hall then go about their own business beside every order.
//
// The world keeps its own books of whose record was drawn for which document ([World.Truth]): the ground truth
// that a terminal cannot know. In them, as everywhere, a person is an id. Registers, transactions and guests live
// in memory; on disk are keys (package pki), what is suspended ([Options.State]) and the book of incidents ([Options.Book]).
//
// The centre is open at every hour unless [Options.Open] says otherwise, so that practice and tests work at night;
// the hours that it shows are the real ones, 06:30 to 23:00 in Tokyo ([TokyoHours]).
package practice

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/config/trust/sign"
	"honnin/daemon/identity"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/server"
)

// Lifetimes of the practice world.
const (
	TransactionLifetime = 15 * time.Minute // up to the commit
	StatementLifetime   = 5 * time.Minute
	PollLimit           = 20 * time.Second
	closing             = 200 * time.Millisecond // how long answers under way may take at the end
)

// Options is what a world may be told. The zero value is a whole world.
type Options struct {
	State       string                         // directory of the keys; "" keeps none
	Book        string                         // file in which the centre keeps what it knows of incidents; "": it forgets
	Incidents   string                         // directory into which persons bring signed states of incidents; "": none
	Now         func() time.Time               // nil: the system's clock
	Open        func(now time.Time) bool       // nil: always
	Lifetime    time.Duration                  // of a transaction; 0: TransactionLifetime
	Poll        time.Duration                  // 0: PollLimit
	CardAnchors []*x509.Certificate            // further anchors of cards, for strange cards
	StrangeOnly bool                           // only cards under those are believed, and none of this world's people
	Enrol       bool                           // a strange card that proved its key becomes a fictional resident
	Trace       func(route string, status int) // told of every call to the centre; may be nil
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Open == nil {
		o.Open = func(time.Time) bool { return true }
	}
	if o.Lifetime == 0 {
		o.Lifetime = TransactionLifetime
	}
	if o.Poll == 0 {
		o.Poll = PollLimit
	}
	return o
}

// World is a running practice world.
type World struct {
	options  Options
	keys     *pki.Keys
	towns    map[protocol.Municipality]*town
	centre   *server.Server
	http     *http.Server
	listener net.Listener
	served   chan error
	close    func() error
	books    books
	book     *notebook // nil: none

	mu       sync.Mutex
	guests   int
	status   map[protocol.Digest]people.Status
	stranger stranger
	play     *play // nil: every program is sound
}

// town is one municipality at work.
type town struct {
	people.Town
	primary  *register.Primary
	issuer   *issuer.Issuer
	register *sign.Pair
}

// Start makes a world and serves its centre on a free port of loopback.
func Start(o Options) (*World, error) {
	o = o.filled()
	keys, err := pki.Load(o.State, o.Now())
	if err != nil {
		return nil, err
	}
	if err := handOut(o.State, keys); err != nil {
		return nil, err
	}
	w := &World{options: o, keys: keys, towns: map[protocol.Municipality]*town{}, served: make(chan error, 1),
		status: map[protocol.Digest]people.Status{}}
	if err := w.settle(); err != nil {
		return nil, err
	}
	if err := w.open(); err != nil {
		return nil, err
	}
	w.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("practice: %w", err)
	}
	w.close = sync.OnceValue(w.shut)
	go func() { w.served <- w.http.ServeTLS(w.listener, "", "") }()
	return w, nil
}

// settle builds the towns and moves everybody in.
func (w *World) settle() error {
	registers := people.Registers{}
	for _, t := range people.Towns() {
		registers[t.Code] = register.New(t.Code, w.options.Now)
		made, err := w.town(t, registers[t.Code])
		if err != nil {
			return err
		}
		w.towns[t.Code] = made
	}
	people.Settle(registers)
	for _, p := range people.All() {
		for _, card := range w.keys.Cards[p.ID] {
			f := protocol.Fingerprint(card.Certificate.Raw)
			w.status[f] = p.Status
			for _, r := range registers {
				if p.Linked {
					r.Link(p.ID, f)
				}
			}
		}
	}
	return nil
}

// Software is the program that a municipality's issuer says it is.
func Software(m protocol.Municipality) protocol.Software {
	version := map[protocol.Municipality]string{people.Mihon: "1.4.0", people.Kaku: "1.4.2", people.Reiji: "2.0.0"}[m]
	return protocol.Software{Name: "practice-issuer", Version: version, Fixes: []string{"2023-03-print-wait", "2023-05-same-second"}}
}

func (w *World) town(t people.Town, primary *register.Primary) (*town, error) {
	office, err := t.Office()
	if err != nil {
		return nil, err
	}
	keys := w.keys.Towns[t.Code]
	c := issuer.Config{Municipality: t.Code, Office: office, Source: primary, Signer: keys.Issuer,
		Software: Software(t.Code), Lifetime: StatementLifetime, Now: w.options.Now}
	switch t.Code {
	case people.Kaku:
		c.Hash = crypto.SHA384
	case people.Reiji:
		c.PSS = true
	}
	i, err := issuer.New(c)
	return &town{t, primary, i, keys.Register}, err
}

func (w *World) open() error {
	held, err := w.suspensions()
	if err != nil {
		return err
	}
	c := server.Config{Held: held, Keep: w.keepSuspensions, CardAnchors: w.CardAnchors(), CardStatus: w.cardStatus, Receipts: w.keys.Receipts, Taker: w.keys.Taker, Closer: w.keys.Closer, Brought: w.brought,
		Open: w.options.Open, Lifetime: w.options.Lifetime, Poll: w.options.Poll, Now: w.options.Now, Trace: w.options.Trace}
	for _, t := range people.Towns() {
		at := w.towns[t.Code]
		c.Municipalities = append(c.Municipalities, server.Municipality{Town: t, Primary: at.primary,
			Issue:   func(o issuer.Order) (issuer.Package, error) { return w.issue(at, o) },
			InForce: w.inForce(at)})
	}
	w.centre = server.New(c)
	if err := w.remember(); err != nil {
		return err
	}
	w.http = w.centre.HTTP(pki.TLS(w.keys.Centre), pki.Pool(w.keys.TLSCA))
	return nil
}

// inForce answers for a town's register, signed with its key. The books take note of what is no longer in force.
func (w *World) inForce(t *town) func(register.Question) ([]byte, error) {
	return func(q register.Question) ([]byte, error) {
		a, err := t.primary.InForce(q)
		if err != nil {
			return nil, err
		}
		if !a.InForce {
			w.books.supersede(q.Asked.Document)
		}
		b, err := a.Encode()
		if err != nil {
			return nil, err
		}
		return sign.Sign(b, t.register.Options(w.options.Now()))
	}
}

// cardStatus is asked about a card that chains to an anchor and has proved its key.
func (w *World) cardStatus(f protocol.Digest) people.Status {
	w.mu.Lock()
	status, known := w.status[f]
	w.mu.Unlock()
	if !known && w.options.Enrol {
		w.enrol(f)
	}
	return status
}

// Close stops the centre. Transactions that live then die. Closing again changes nothing.
func (w *World) Close() error { return w.close() }

func (w *World) shut() error {
	ctx, stop := context.WithTimeout(context.Background(), closing)
	defer stop()
	w.centre.Close()
	err := w.http.Shutdown(ctx)
	if err != nil {
		err = w.http.Close()
	}
	if e := <-w.served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, w.book.close(), w.Play(""))
}

// Access is what a terminal needs to call the centre.
type Access struct {
	URL         string
	Roots       *x509.CertPool
	Certificate tls.Certificate
}

// Access makes a terminal known to the centre.
func (w *World) Access(terminal protocol.Terminal) (Access, error) {
	c, err := w.keys.Terminal(terminal, w.options.Now())
	return Access{"https://" + w.listener.Addr().String(), pki.Pool(w.keys.TLSCA), c}, err
}

// EnrolTerminal issues the certificate that a terminal asks for, for a year.
func (w *World) EnrolTerminal(request []byte) (*x509.Certificate, error) {
	asked, err := identity.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	return w.keys.Enrol(asked, w.options.Now())
}

// TerminalAnchor issues terminals' certificates.
func (w *World) TerminalAnchor() *x509.Certificate { return w.keys.TLSCA.Certificate }

// CardAnchors returns the anchors of every card that this world believes in.
func (w *World) CardAnchors() (out []*x509.Certificate) {
	if w.options.StrangeOnly {
		return slices.Clone(w.options.CardAnchors)
	}
	for _, ca := range w.keys.CardCAs {
		out = append(out, ca.Certificate)
	}
	return append(out, w.options.CardAnchors...)
}

// CentreAnchor returns the anchor above the signers of receipts and of incidents' states. They sign as
// [pki.CentreCode].
func (w *World) CentreAnchor() *x509.Certificate { return w.keys.CentreCA.Certificate }

// Counts returns what happened at the centre.
func (w *World) Counts() server.Counts { return w.centre.Counts() }

// MoveIncident has one of the world's persons acknowledge an incident, or close it with a cause, at the centre.
func (w *World) MoveIncident(terminal protocol.Terminal, id protocol.IncidentID, state, cause string) error {
	return w.centre.Move(terminal, id, state, cause)
}

// TokyoHours reports whether certificates can be had in stores: 06:30 to 23:00 in Tokyo.
func TokyoHours(now time.Time) bool {
	t := now.In(tokyo.Zone())
	minute := t.Hour()*60 + t.Minute()
	return minute >= 6*60+30 && minute < 23*60
}

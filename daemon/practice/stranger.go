package practice

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
)

// stranger says whether the centre hands over the neighbour's package.
type stranger struct {
	next, always bool
	at           protocol.Municipality // always, in this one
}

// HandStranger has the centre hand over a neighbour's package for the next application (true), or takes that back
// (false). The package is complete and rightly signed; it was made for another resident of the same
// municipality, in a transaction of their own.
func (w *World) HandStranger(next bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stranger.next = next
}

// HandStrangers does the same for every application, until it is taken back.
func (w *World) HandStrangers(always bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stranger.always = always
}

// HandStrangersAt does the same for every application in one municipality; "" takes it back.
func (w *World) HandStrangersAt(m protocol.Municipality) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stranger.at = m
}

func (w *World) strange(at protocol.Municipality) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stranger.next || w.stranger.always || w.stranger.at == at
	w.stranger.next = false
	return s
}

// issue has a town's issuer make a package for an order, or for a neighbour's, and enters it in the books. Where a
// scenario plays, its program is the issuer.
func (w *World) issue(t *town, o issuer.Order) (issuer.Package, error) {
	if w.strange(t.Code) {
		o = t.neighbours(o)
	}
	issue := t.issuer.Issue
	if play := w.at(t); play != nil {
		issue = play.issue
	}
	p, err := issue(o)
	if err == nil {
		w.books.enter(p.Document, Paper{Of: p.Paper, Superseded: !t.primary.InForceNow(p.Tokens...)})
	}
	return p, err
}

// otherTerminal is where the neighbour stands.
const otherTerminal protocol.Terminal = "JP-99-NEIGHBOUR"

// neighbours returns the order that somebody else in town would have made for the same certificate, at another
// terminal. Where nobody else has a record to draw from, it is the applicant's own.
func (t *town) neighbours(o issuer.Order) issuer.Order {
	person, fingerprint, ok := t.primary.Neighbour(o.Certificate.Register(), o.Person)
	if !ok {
		return o
	}
	o.Transaction, o.Nonce, o.Terminal = protocol.NewTransaction(), protocol.NewNonce(), otherTerminal
	o.Person, o.Applicant = person, fingerprint
	return o
}

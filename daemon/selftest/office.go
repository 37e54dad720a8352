package selftest

import (
	"context"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/document"
)

// offer is the id of the one thing that can be applied for.
const offer = "o1"

// office is the centre of the visits, in this process: it hands over what a case has poisoned.
type office struct {
	*world
	name protocol.Terminal
	now  func() time.Time

	mu     sync.Mutex
	spoilt poison
	begin  protocol.Begin
	given  protocol.Transaction
	said   protocol.Statement
}

var _ session.Centre = (*office)(nil)

func (o *office) serve(p poison) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spoilt = p
}

// Ready is always so.
func (o *office) Ready(context.Context) error { return nil }

// Begin gives out a transaction.
func (o *office) Begin(_ context.Context, b protocol.Begin) (protocol.Begun, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begin, o.given = b, protocol.NewTransaction()
	return protocol.Begun{Transaction: o.given, Challenge: protocol.NewChallenge(), ExpiresAt: protocol.At(o.now().Add(time.Hour))}, nil
}

// Applicant offers one certificate.
func (o *office) Applicant(context.Context, protocol.Transaction, protocol.Applicant) (protocol.Offers, error) {
	name := protocol.Names{Ja: "自己試験", En: "self-test"}
	return protocol.Offers{Offers: []protocol.Offer{{ID: offer, Municipality: here, Name: name, Certificate: wanted,
		Options: map[string][]protocol.Option{}, Fee: 300, Hours: "00:00-24:00", Available: true}}}, nil
}

// Apply takes the order.
func (o *office) Apply(context.Context, protocol.Transaction, protocol.Order) error { return nil }

// Package hands over what the case is about.
func (o *office) Package(context.Context, protocol.Transaction) (pkg []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := document.Expectation{Terminal: o.begin.Terminal, Transaction: o.given, Nonce: o.begin.Nonce, Card: o.holder.Certificate,
		Application: &protocol.Application{Municipality: here, Certificate: wanted, Options: protocol.Options{}, Copies: 1}}
	pkg, o.said, err = o.issue(e, o.now(), o.spoilt)
	return pkg, err
}

// Suspended stops nothing.
func (o *office) Suspended(context.Context, protocol.Municipality, protocol.Software) error {
	return nil
}

// InForce answers for the register.
func (o *office) InForce(_ context.Context, _ protocol.Transaction, q protocol.InForceQuestion) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answer(o.said, q, o.now(), o.spoilt)
}

// Cancel has nothing to kill.
func (o *office) Cancel(context.Context, protocol.Transaction) error { return nil }

// Outcome is not kept.
func (o *office) Outcome(context.Context, protocol.Transaction, protocol.OutcomeReport) error {
	return nil
}

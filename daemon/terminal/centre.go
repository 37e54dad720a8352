package terminal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/session"
)

// office lets a visit use the centre, as long as their clocks agree: with a clock that is wrong, a good package looks stale
// and the register's answer forged, and a municipality's service would be stopped for nothing. Outcomes go by way of
// the journal's outbox; what is added here is only the release signature, which is never stored.
type office struct {
	*centre.Client
	deliver *centre.Deliverer
	ledger  *ledger
	offers  *offers

	suspensions *suspensions
}

var _ session.Centre = office{}

// ErrRewound is returned when the centre knows of an entry that the journal does not have.
var ErrRewound = errors.New("terminal: the journal lacks what it had: cut, edited, or put back from an older copy")

// Ready says what is missing; a clock that disagrees is told from a centre that does not answer, because somebody else
// has to come.
func (o office) Ready(ctx context.Context) error {
	err := o.Client.Ready(ctx)
	if errors.Is(err, centre.ErrClock) {
		return fmt.Errorf("%w: %w", session.ErrClock, err)
	}
	return err
}

// Begin opens a transaction, unless the centre has heard of more than the journal holds: then what may be on paper, and
// which services were closed, is no longer known, and staff are needed. A transaction that has ended here, given out once
// more, is no answer: it has its one outcome.
func (o office) Begin(ctx context.Context, b protocol.Begin) (protocol.Begun, error) {
	begun, err := o.Client.Begin(ctx, b)
	if err != nil {
		return begun, err
	}
	ended, err := o.ledger.journal.Outcome(begun.Transaction)
	switch {
	case err != nil:
		return protocol.Begun{}, err
	case ended != "":
		return protocol.Begun{}, fmt.Errorf("%w: a transaction that has ended", centre.ErrAnswer)
	case begun.Journal == (protocol.JournalHead{}):
		return begun, nil
	}
	holds, err := o.ledger.journal.Holds(begun.Journal)
	if holds && err == nil {
		return begun, nil
	}
	return protocol.Begun{}, errors.Join(ErrRewound, err, o.ledger.rewound(), o.Cancel(context.WithoutCancel(ctx), begun.Transaction))
}

// Applicant shows the card, and returns what the policy lets stand of the offers, those not available that the centre has suspended;
// its "no, and nobody is at fault" becomes [session.Declined].
func (o office) Applicant(ctx context.Context, t protocol.Transaction, a protocol.Applicant) (protocol.Offers, error) {
	got, err := o.Client.Applicant(ctx, t, a)
	if err != nil {
		return got, declined(err)
	}
	if got.Offers, err = o.offers.judge(t, got.Offers); err == nil {
		got.Offers, err = o.suspensions.mark(ctx, got.Offers)
	}
	return got, err
}

// Suspended returns a [session.Declined] where the centre has stopped what a municipality issues with a software, and an error where
// it does not say.
func (o office) Suspended(ctx context.Context, m protocol.Municipality, by protocol.Software) error {
	return o.suspensions.check(ctx, m, by)
}

// Apply orders one document.
func (o office) Apply(ctx context.Context, t protocol.Transaction, order protocol.Order) error {
	return declined(o.Client.Apply(ctx, t, order))
}

// Package waits for the package.
func (o office) Package(ctx context.Context, t protocol.Transaction) ([]byte, error) {
	b, err := o.Client.Package(ctx, t)
	return b, declined(err)
}

// Outcome sends the delivery on its way; the outcome itself was journalled by whoever ended the transaction.
func (o office) Outcome(_ context.Context, t protocol.Transaction, r protocol.OutcomeReport) error {
	if len(r.ReleaseSignature) > 0 {
		o.deliver.Attach(t, r.ReleaseSignature)
	}
	o.deliver.Wake()
	return nil
}

// declines are the words that end a visit without anybody's fault: they speak of this card, or of what it may have.
// Every other problem is the machine's own trouble, and the applicant is told that.
var declines = []string{protocol.ProblemUntrusted, protocol.ProblemExpired, protocol.ProblemRevoked, protocol.ProblemSuspended,
	protocol.ProblemNotLinked, protocol.ProblemNotAvailable}

// declined turns them into the session's word.
func declined(err error) error {
	var p *centre.Problem
	if errors.As(err, &p) && p.Status < 500 && slices.Contains(declines, p.Word) {
		return fmt.Errorf("%w: %w", &session.Declined{Word: p.Word}, err)
	}
	return err
}

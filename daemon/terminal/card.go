package terminal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"honnin/daemon/session"
	"honnin/drivers/card"
)

// Reader is a card reader as the drivers have it; virtual.Reader and pcsc.Reader are it.
type Reader interface {
	Watch(ctx context.Context, notify func(present bool))
	Present(ctx context.Context) (bool, error)
	Connect(ctx context.Context) (card.Connection, error)
}

// cards lets a visit use a driver's reader. What one card turned out to be able to do is tried first on the next.
type cards struct {
	reader Reader
	count  func(card.Traffic) // told of each connection's commands and bytes when it closes; may be nil

	mu  sync.Mutex
	can card.Abilities
}

var _ session.Reader = (*cards)(nil)

// Watch follows the reader until ctx ends or the reader itself is gone. The drivers say of a reader that was lost
// only that no card is there; the session has to know the difference.
func (c *cards) Watch(ctx context.Context, notify func(bool)) (lost error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.reader.Watch(ctx, func(present bool) {
		if _, err := c.reader.Present(ctx); !present && errors.Is(err, card.ErrNoReader) {
			lost = err
			stop()
			return
		}
		notify(present)
	})
	return lost
}

func (c *cards) Connect(ctx context.Context) (session.Card, error) {
	conn, err := c.reader.Connect(ctx)
	if err != nil {
		return nil, gone(err)
	}
	c.mu.Lock()
	can := c.can
	c.mu.Unlock()
	line := &card.Counting{Transport: conn}
	return &oneCard{owner: c, conn: conn, line: line, card: card.New(line, card.WithAbilities(can))}, nil
}

// learned keeps what works; what failed on one card may work on the next.
func (c *cards) learned(a card.Abilities) {
	keep := func(x *card.Ability) {
		if *x == card.Fails {
			*x = card.Untried
		}
	}
	for _, x := range []*card.Ability{&a.ReadByShortID, &a.PINByShortID, &a.SignByShortID, &a.Extended} {
		keep(x)
	}
	c.mu.Lock()
	c.can = a
	c.mu.Unlock()
}

// oneCard is one connection to one card.
type oneCard struct {
	owner *cards
	conn  card.Connection
	line  *card.Counting
	card  *card.Card
}

func (o *oneCard) Certificate(ctx context.Context) ([]byte, error) {
	der, err := o.card.Certificate(ctx)
	return der, gone(err)
}

func (o *oneCard) Tries(ctx context.Context) (int, error) {
	n, err := o.card.PINTries(ctx)
	return n, gone(err)
}

func (o *oneCard) VerifyPIN(ctx context.Context, digits []byte) (session.PINResult, error) {
	pin, err := card.ParsePIN(digits)
	if err != nil {
		return session.PINResult{}, err
	}
	defer pin.Wipe()
	err = o.card.VerifyPIN(ctx, pin)
	var wrong *card.WrongPIN
	switch {
	case err == nil:
		return session.PINResult{OK: true}, nil
	case errors.Is(err, card.ErrBlocked):
		return session.PINResult{Blocked: true}, nil
	case errors.As(err, &wrong):
		return session.PINResult{Left: wrong.Left}, nil
	}
	return session.PINResult{}, gone(err)
}

func (o *oneCard) Sign(ctx context.Context, message []byte) ([]byte, error) {
	sig, err := o.card.Sign(ctx, message)
	return sig, gone(err)
}

func (o *oneCard) Close() error {
	o.owner.learned(o.card.Abilities())
	if o.owner.count != nil {
		o.owner.count(o.line.Traffic())
	}
	return o.conn.Close()
}

// gone marks the drivers' words for a card that is not there any more, or is none, with the session's.
func gone(err error) error {
	if errors.Is(err, card.ErrForeign) || errors.Is(err, card.ErrMalformed) || errors.Is(err, card.ErrMute) {
		return fmt.Errorf("%w: %w", session.ErrUnknownCard, err)
	}
	if errors.Is(err, card.ErrGone) || errors.Is(err, card.ErrNoCard) {
		return fmt.Errorf("%w: %w", session.ErrCardGone, err)
	}
	return err
}

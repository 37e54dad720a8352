package terminal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"honnin/config/policy"
	"honnin/config/trace"
	"honnin/daemon/session"
	"honnin/drivers/card"
)

// Reader is a card reader as the drivers have it; virtual.Reader, pcsc.Reader and ccid.Reader are it.
type Reader interface {
	Watch(ctx context.Context, notify func(present bool))
	Present(ctx context.Context) (bool, error)
	Connect(ctx context.Context) (card.Connection, error)
	// HasKeys tells whether a PIN is typed at the reader itself, wherever the card is laid. It is asked while Watch runs.
	HasKeys() bool
}

// cards lets a visit use a driver's reader. What a card turned out to be able to do counts for the next one of its make:
// experiments are made once. The memory names no card, is small, and ends with the process.
type cards struct {
	reader  Reader
	pad     policy.PINPad
	count   func(card.Traffic) // told of each connection's commands and bytes when it closes; may be nil
	trace   trace.Trace
	trouble trouble

	mu  sync.Mutex
	can map[string]card.Abilities // by card.Connection's Make
}

// errPadRequired is a reader that may not serve: the policy wants the PIN typed at the reader, and it has no keys.
var errPadRequired = errors.New("terminal: the policy requires a reader with a PIN pad")

// makes is how many makes of cards are remembered. A few exist; more are somebody's play.
const makes = 16

var _ session.Reader = (*cards)(nil)

// Watch follows the reader until ctx ends or the reader itself is gone. The drivers say of a reader that was lost
// only that no card is there, once more where none was; the session has to know the difference. One that has not the keys that
// the policy wants is as good as lost: people are told before they put a card in.
func (c *cards) Watch(ctx context.Context, notify func(bool)) (lost error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.reader.Watch(ctx, func(present bool) {
		err := c.unfit(ctx)
		if ctx.Err() == nil {
			c.trouble.with(err)
			c.trouble.seen.card(present, err)
		}
		if !present && err != nil || errors.Is(err, errPadRequired) { // a pcscd that dies may still say "access denied"
			lost = err
			stop()
			return
		}
		notify(present)
	})
	return lost
}

// unfit returns why the reader may not serve, nil for one in order.
func (c *cards) unfit(ctx context.Context) error {
	_, err := c.reader.Present(ctx)
	if err == nil && c.pad == policy.RequirePINPad && !c.reader.HasKeys() {
		return errPadRequired
	}
	return err
}

func (c *cards) Connect(ctx context.Context) (session.Card, error) {
	o := &oneCard{owner: c}
	if err := o.connect(ctx); err != nil {
		if errors.Is(err, card.ErrNoReader) || errors.Is(err, card.ErrBusy) || errors.Is(err, errPadRequired) {
			c.trouble.with(err)
		}
		return nil, gone(err)
	}
	return o, nil
}

func (c *cards) abilities(kind string) card.Abilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.can[kind]
}

func (c *cards) learn(kind string, a card.Abilities) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.can[kind]; c.can == nil || !known && len(c.can) >= makes {
		c.can = map[string]card.Abilities{}
	}
	c.can[kind] = a
}

// oneCard is one card in one visit. Close may come while a call hangs; the other methods follow one another.
type oneCard struct {
	owner *cards
	card  *card.Card
	kind  string

	mu     sync.Mutex
	line   *line
	closed bool
}

// line is one connection, and what passed over it.
type line struct {
	card.Counting
	end func() error
}

func (o *oneCard) connect(ctx context.Context) error {
	conn, err := o.owner.reader.Connect(ctx)
	if err != nil {
		return err
	}
	o.owner.trouble.seen.line(conn)
	l := &line{Counting: card.Counting{Transport: conn}, end: conn.Close}
	o.kind = conn.Make()
	o.card = card.New(l, card.WithAbilities(o.owner.abilities(o.kind)), card.TryExtended(), card.WithTrace(o.owner.trace))
	if o.owner.pad == policy.RequirePINPad && !o.card.HasPad() {
		return errors.Join(errPadRequired, conn.Close())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errors.Join(card.ErrGone, conn.Close())
	}
	o.line = l
	return nil
}

func (o *oneCard) learn() { o.owner.learn(o.kind, o.card.Abilities()) }

// Certificate reads the certificate. An experiment that cost the line does not cost the visit: nothing was said yet, and
// the card is connected to once more.
func (o *oneCard) Certificate(ctx context.Context) ([]byte, error) {
	der, err := o.card.Certificate(ctx)
	before, now := o.owner.abilities(o.kind), o.card.Abilities()
	if errors.Is(err, card.ErrGone) && now.Extended == card.Fails && before.Extended != card.Fails {
		der, err = o.again(ctx, before)
	} else {
		o.learn()
	}
	return der, gone(err)
}

// again reads without extended length. That it is to blame is not learned where the card was simply pulled.
func (o *oneCard) again(ctx context.Context, can card.Abilities) ([]byte, error) {
	kind := o.kind
	_ = o.hangUp(false) // what is wrong with the line is known; Connect says whether it is over
	blame := can
	blame.Extended = card.Fails
	o.owner.learn(kind, blame)
	if err := o.connect(ctx); err != nil {
		if errors.Is(err, card.ErrNoCard) {
			o.owner.learn(kind, can)
		}
		return nil, err
	}
	der, err := o.card.Certificate(ctx)
	o.learn()
	return der, err
}

func (o *oneCard) Tries(ctx context.Context) (int, error) {
	n, err := o.card.PINTries(ctx)
	o.learn()
	return n, gone(err)
}

func (o *oneCard) VerifyPIN(ctx context.Context, digits []byte) (session.PINResult, error) {
	pin, err := card.ParsePIN(digits)
	if err != nil {
		return session.PINResult{}, err
	}
	defer pin.Wipe()
	err = o.card.VerifyPIN(ctx, pin)
	o.learn()
	return judged(err)
}

// Pad tells where the PIN is typed: what the reader has, and what the policy makes of it.
func (o *oneCard) Pad() session.Pad {
	switch {
	case !o.card.HasPad():
		return session.NoPad
	case o.owner.pad == policy.IgnorePINPad:
		return session.UnusedPad
	}
	return session.UsedPad
}

// VerifyAtPad has the reader take the PIN. A reader that has not
// the keys it claims leaves it to the screen, unless the policy wants them.
func (o *oneCard) VerifyAtPad(ctx context.Context) (session.PINResult, error) {
	err := o.card.VerifyPINOnPad(ctx)
	o.learn()
	switch {
	case errors.Is(err, card.ErrPadCancelled):
		return session.PINResult{}, fmt.Errorf("%w: %w", session.ErrPadCancelled, err)
	case errors.Is(err, card.ErrPadTimeout):
		return session.PINResult{}, fmt.Errorf("%w: %w", session.ErrPadTimeout, err)
	case errors.Is(err, card.ErrPINForm):
		return session.PINResult{}, fmt.Errorf("%w: %w", session.ErrPadForm, err)
	case errors.Is(err, card.ErrNoPad) && o.owner.pad == policy.RequirePINPad:
		o.owner.trouble.with(errPadRequired)
		return session.PINResult{}, errPadRequired
	case errors.Is(err, card.ErrNoPad):
		return session.PINResult{}, fmt.Errorf("%w: %w", session.ErrNoPad, err)
	}
	return judged(err)
}

// judged turns the driver's word on a PIN into the session's.
func judged(err error) (session.PINResult, error) {
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
	o.learn()
	return sig, gone(err)
}

// Close resets the card and gives it free.
func (o *oneCard) Close() error { return o.hangUp(true) }

func (o *oneCard) hangUp(forGood bool) error {
	o.mu.Lock()
	l := o.line
	o.line, o.closed = nil, o.closed || forGood
	o.mu.Unlock()
	if l == nil {
		return nil
	}
	if o.owner.count != nil {
		o.owner.count(l.Traffic())
	}
	return l.end()
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

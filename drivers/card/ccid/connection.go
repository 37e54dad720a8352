package ccid

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/internal/contact"
)

const closeWithin = 3 * time.Second // and an abort more

// connection is one card, from its reset until its power is taken.
type connection struct {
	r      *Reader
	slot   *slot
	serial uint64 // of the card that was reset
	line   carrier
	rate   int
	kind   string

	life context.Context // ends with Close
	end  context.CancelFunc

	mu   sync.Mutex
	over bool
}

// Connect resets the card and opens the only connection to it: [card.ErrNoReader], [card.ErrNoCard], [card.ErrBusy],
// [card.ErrMute].
func (r *Reader) Connect(ctx context.Context) (card.Connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &connection{r: r}
	if !r.reserve(c) {
		return nil, card.ErrBusy
	}
	r.acquire()
	if err := c.start(ctx); err != nil {
		c.leave()
		return nil, starting(err)
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

func (r *Reader) reserve(c *connection) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil {
		return false
	}
	r.open = c
	return true
}

func (c *connection) leave() {
	c.r.mu.Lock()
	c.r.open = nil
	c.r.mu.Unlock()
	c.r.release()
}

func (c *connection) start(ctx context.Context) error {
	devices, err := c.r.refresh(ctx)
	if err != nil {
		return err
	}
	if c.slot, err = c.r.occupied(ctx, devices); err != nil {
		return err
	}
	if c.slot == nil {
		return card.ErrNoCard
	}
	if err := c.slot.d.lock(ctx); err != nil {
		return err
	}
	defer c.slot.d.unlock()
	_, c.serial = c.slot.state()
	line, atr, rate, err := c.slot.d.start(ctx, c.slot.n)
	if err != nil {
		return err
	}
	c.rate = rate
	c.line, c.kind = line, c.slot.name+"\x00"+string(atr)
	return nil
}

// starting gives package card's words to what goes wrong before there is a connection.
func starting(err error) error {
	switch {
	case errors.Is(err, errNoCard):
		return card.ErrNoCard
	case errors.Is(err, contact.ErrLost), errors.Is(err, contact.ErrAborted), errors.As(err, new(failure)) && !errors.Is(err, card.ErrMute):
		return fmt.Errorf("%w: %w", card.ErrMute, err)
	}
	return reading(err)
}

// Make is the reader's name and the card's answer to reset.
func (c *connection) Make() string { return c.kind }

// Rate is the speed between reader and card in bit/s, as agreed on here; 0: the reader agrees on it by itself.
func (c *connection) Rate() int { return c.rate }

// there tells whether the card that was connected to can still be.
func (c *connection) there() bool {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	_, serial := c.slot.state()
	return !over && serial == c.serial
}

// Transmit hands a command to the reader, once.
func (c *connection) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, errors.New("ccid: an empty command")
	}
	return c.do(ctx, func(ctx context.Context) ([]byte, error) { return c.line.transmit(ctx, command) })
}

// HasPad tells whether the reader takes a PIN on keys of its own.
func (c *connection) HasPad() bool { return c.slot.d.hasPad() }

// VerifyOnPad has the person type at the reader.
func (c *connection) VerifyOnPad(ctx context.Context, head [4]byte) ([]byte, error) {
	if !c.HasPad() {
		return nil, card.ErrNoPad
	}
	return c.do(ctx, func(ctx context.Context) ([]byte, error) { return c.line.verify(ctx, head) })
}

// do runs one command. After an error the connection is over, but for a PIN that nobody typed.
func (c *connection) do(ctx context.Context, run func(context.Context) ([]byte, error)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sub, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.slot.d.lock(sub); err != nil {
		return nil, c.lost(err)
	}
	defer c.slot.d.unlock()
	if !c.there() {
		return nil, c.lost(nil)
	}
	answer, err := run(sub)
	switch {
	case errors.Is(err, errNotSent):
		return nil, err
	case err != nil:
		return nil, c.lost(err)
	case !c.there():
		clear(answer)
		return nil, c.lost(nil)
	}
	return answer, nil
}

// lost ends the connection. Why is kept beside [card.ErrGone], unless it is that the card was pulled.
func (c *connection) lost(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if err == nil || errors.Is(err, errNoCard) {
		return card.ErrGone
	}
	return fmt.Errorf("%w: %w", card.ErrGone, err)
}

// Close takes the card's power and gives the reader free, after five seconds at most: a reader that did not listen is claimed
// anew, and the next connection begins with a reset. Where nobody watches, it gives the claims back too, and waits for
// that ([usb.Interface] says how long). Closing twice is harmless.
func (c *connection) Close() error {
	c.mu.Lock()
	first := c.life.Err() == nil
	c.over = true
	c.end()
	c.mu.Unlock()
	if !first {
		return nil
	}
	defer c.leave()
	ctx, cancel := context.WithTimeoutCause(context.Background(), closeWithin, ErrSilent)
	defer cancel()
	d := c.slot.d
	if d.failed() != nil {
		return nil // the reader is gone, or will be claimed anew
	}
	err := d.lock(ctx)
	if err == nil {
		defer d.unlock()
		err = d.off(ctx, c.slot.n)
	}
	if err != nil && d.failed() == nil {
		return d.fail(err)
	}
	return nil
}

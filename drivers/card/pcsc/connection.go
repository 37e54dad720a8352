package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"honnin/config/trace"
	"honnin/drivers/card"
)

// maxAnswer is the longest response APDU, in bytes (ISO/IEC 7816-3 §12.1.3): 65536 of data and a status word.
const maxAnswer = 65538

// errClosed is a use after Close.
var errClosed = fmt.Errorf("%w: the connection is closed", card.ErrGone)

// connection is one exclusive connection. A goroutine owns the handle from beginning to end and is the only one
// to touch it, so that a caller who leaves never leaves two of them in libpcsclite.
type connection struct {
	jobs   chan job
	end    chan struct{} // closed by Close, or when a caller left a call
	ending sync.Once
	ended  chan struct{} // closed when the card was reset and the handle is gone
	err    error         // of the disconnect, to be read after ended
	kind   string        // set before Connect returns
}

type job struct {
	command []byte
	answer  chan result[[]byte]
}

func newConnection() *connection {
	return &connection{jobs: make(chan job), end: make(chan struct{}), ended: make(chan struct{})}
}

func (c *connection) isOver() bool { return closed(c.ended) }

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// awaitOver waits for a connection that was given up.
func (c *connection) awaitOver(ctx context.Context) error {
	if !closed(c.end) && !c.isOver() {
		return card.ErrBusy
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(ErrHung, ctx.Err())
	}
}

// Connect opens an exclusive connection to the card, powered and reset: [card.ErrNoReader], [card.ErrNoCard],
// [card.ErrBusy], [card.ErrMute], [ErrService], [ErrHung].
func (r *Reader) Connect(ctx context.Context) (card.Connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := r.reserve(ctx)
	if err != nil {
		return nil, err
	}
	opened := make(chan error, 1)
	go func() {
		defer close(c.ended)
		c.own(r, opened)
	}()
	select {
	case err := <-opened:
		if err != nil {
			r.trace.Say("a card cannot be connected to", trace.Why(err))
			return nil, missing(err)
		}
		r.trace.Say("a card is connected to")
		return c, nil
	case <-ctx.Done():
		r.trace.Say("a card is not connected to in time")
		c.abandon()
		return nil, ctx.Err()
	}
}

// own opens the card, serves commands until the end, and resets it.
func (c *connection) own(r *Reader, opened chan<- error) {
	s, err := r.lib.establish()
	if err != nil {
		opened <- explain(err)
		return
	}
	defer s.release()
	h, in, err := r.attach(s)
	c.kind = in.name + "\x00" + in.atr
	opened <- err
	if err != nil {
		return
	}
	defer func() { c.err = explain(h.disconnect(resetCard)) }()
	c.serve(h)
}

func (c *connection) serve(h handle) {
	for {
		select {
		case j := <-c.jobs:
			j.answer <- carryOut(h, j.command)
		case <-c.end:
			return
		}
	}
}

func carryOut(h handle, command []byte) (d result[[]byte]) {
	defer clear(command) // it may hold a PIN
	buffer := make([]byte, answerSize(command))
	n, err := h.transmit(command, buffer)
	if err != nil {
		d.err = lost(err)
		return d
	}
	d.value = buffer[:n]
	return d
}

// answerSize is how long an answer can be: a short command's fits into 258 bytes, and then some for a card that
// says more than it was asked.
func answerSize(command []byte) int {
	if len(command) > 5 && command[4] == 0 {
		return maxAnswer
	}
	return 512
}

// lost makes every failure of a transmission a lost card: nobody knows what the card saw. Why is kept.
func lost(err error) error {
	err = explain(err)
	if errors.Is(err, card.ErrNoCard) || errors.Is(err, card.ErrNoReader) {
		return card.ErrGone // "no card" would sound as if there never had been one
	}
	return fmt.Errorf("%w: %w", card.ErrGone, err)
}

// Make is the reader's name and the card's answer to reset.
func (c *connection) Make() string { return c.kind }

// Transmit waits for the answer as long as ctx allows. When ctx ends in the middle of a command the connection
// is over, and the card is reset as soon as the command returns.
func (c *connection) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(command) == 0 {
		return nil, errors.New("pcsc: an empty command")
	}
	j := job{append([]byte(nil), command...), make(chan result[[]byte], 1)}
	select {
	case c.jobs <- j:
	case <-c.end:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case d := <-j.answer:
		return d.value, d.err
	case <-ctx.Done():
		c.abandon()
		return nil, fmt.Errorf("%w: %w", card.ErrGone, ctx.Err())
	}
}

func (c *connection) abandon() { c.ending.Do(func() { close(c.end) }) }

// Close resets the card and gives it free. It waits three seconds for a reader that hangs and then returns
// [ErrHung]; the reset follows when the reader comes back. Closing twice is harmless.
func (c *connection) Close() error {
	c.abandon()
	timer := time.NewTimer(closeWithin)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		return ErrHung
	}
	if errors.Is(c.err, card.ErrNoCard) || errors.Is(c.err, card.ErrNoReader) || errors.Is(c.err, ErrService) {
		return nil // nothing left to reset: the card is out, or without power
	}
	return c.err
}

package virtual

import (
	"context"
	"sync"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/internal/presence"
)

// Reader is a reader in this process. A card may be placed and pulled at any moment, in the middle of a command too. It
// is safe for concurrent use.
type Reader struct {
	mu      sync.Mutex
	card    *Card
	serial  uint64        // moves with every placing and pulling
	changed chan struct{} // closed when serial moves
	open    *connection   // the one connection there can be

	keys     chan string // fingers on the reader's own keys; nil: it has none
	patience time.Duration
}

// NewReader returns a reader without a card.
func NewReader() *Reader { return &Reader{changed: make(chan struct{})} }

// Place lays a card on the reader, pulling one that lies there.
func (r *Reader) Place(c *Card) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.card != nil {
		r.move(nil)
	}
	r.move(c)
}

// Pull takes the card away. A command under way is lost, whether or not the card carried it out.
func (r *Reader) Pull() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.card != nil {
		r.move(nil)
	}
}

// move needs r.mu. The card is not reset here but when it is connected to: it may be busy with a command.
func (r *Reader) move(c *Card) {
	r.card = c
	r.serial++
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Reader) state() (present bool, serial uint64, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.card != nil, r.serial, r.changed
}

// Watch calls notify with what is, and then with every change, until ctx ends. A card exchanged between two
// calls is gone and then here.
func (r *Reader) Watch(ctx context.Context, notify func(present bool)) {
	tracker := presence.Tracker{Notify: notify}
	for ctx.Err() == nil {
		present, serial, changed := r.state()
		tracker.Set(true, present, serial)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Present reports whether a card lies on the reader.
func (r *Reader) Present(ctx context.Context) (bool, error) {
	present, _, _ := r.state()
	return present, ctx.Err()
}

// Connect opens the only connection to the card, freshly reset: [card.ErrNoCard], [card.ErrBusy].
func (r *Reader) Connect(ctx context.Context) (card.Connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.open != nil:
		return nil, card.ErrBusy
	case r.card == nil:
		return nil, card.ErrNoCard
	}
	r.card.Reset()
	r.open = &connection{r: r, card: r.card, serial: r.serial}
	return r.open, nil
}

// PowerDown takes the power from the card; without one there is nothing to do.
func (r *Reader) PowerDown(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.open != nil:
		return card.ErrBusy
	case r.card != nil:
		r.card.Reset()
	}
	return ctx.Err()
}

type connection struct {
	r      *Reader
	card   *Card
	serial uint64
	closed bool // under r.mu
}

// Make is the answer to reset: all virtual cards are of one make.
func (c *connection) Make() string { return string(c.card.ATR()) }

// Transmit answers only if the same card lay there from beginning to end.
func (c *connection) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !c.there() {
		return nil, card.ErrGone
	}
	answer := c.card.Process(command)
	if !c.there() {
		clear(answer)
		return nil, card.ErrGone
	}
	return answer, nil
}

func (c *connection) there() bool {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	return !c.closed && c.r.serial == c.serial
}

// Close resets the card and gives the reader free. Closing twice is harmless.
func (c *connection) Close() error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.r.open = nil
	if c.r.serial == c.serial { // a card that was pulled was reset then, and may lie elsewhere by now
		c.card.Reset()
	}
	return nil
}

package card

import (
	"context"
	"errors"
	"sync"
)

// Counting is a Transport that counts what passes through another. The zero value with a Transport is ready; it
// may be read while it is in use.
type Counting struct {
	Transport

	mu sync.Mutex
	n  Traffic
}

// Traffic is what passed between terminal and card: APDUs, and their bytes with headers and status words.
type Traffic struct {
	Commands int
	ToCard   int // bytes
	FromCard int // bytes
}

// Sub returns what passed since an earlier count.
func (t Traffic) Sub(earlier Traffic) Traffic {
	return Traffic{t.Commands - earlier.Commands, t.ToCard - earlier.ToCard, t.FromCard - earlier.FromCard}
}

// Transmit passes the command on and counts it, answered or not.
func (c *Counting) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := c.Transport.Transmit(ctx, command)
	c.count(len(command), len(answer))
	return answer, err
}

func (c *Counting) count(to, from int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Commands++
	c.n.ToCard += to
	c.n.FromCard += from
}

// HasPad tells whether the other is a [PINPad] with keys.
func (c *Counting) HasPad() bool {
	p, ok := c.Transport.(PINPad)
	return ok && p.HasPad()
}

// VerifyOnPad passes the request on and counts the command that comes of it.
func (c *Counting) VerifyOnPad(ctx context.Context, header [4]byte) ([]byte, error) {
	p, ok := c.Transport.(PINPad)
	if !ok {
		return nil, ErrNoPad
	}
	answer, err := p.VerifyOnPad(ctx, header)
	if !errors.Is(err, ErrPadCancelled) && !errors.Is(err, ErrPadTimeout) && !errors.Is(err, ErrPINForm) {
		c.count(len(header)+1+pinLength, len(answer))
	}
	return answer, err
}

// Traffic returns the counts so far.
func (c *Counting) Traffic() Traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

package card

import (
	"context"
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Commands++
	c.n.ToCard += len(command)
	c.n.FromCard += len(answer)
	return answer, err
}

// Traffic returns the counts so far.
func (c *Counting) Traffic() Traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

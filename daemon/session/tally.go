package session

import "sync"

// tally counts what was dropped. It is safe for concurrent use.
type tally struct {
	mu sync.Mutex
	n  Counts
}

func (t *tally) add(which func(*Counts) *uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*which(&t.n)++
}

func (t *tally) otherVisit() { t.add(func(c *Counts) *uint64 { return &c.OtherVisit }) }
func (t *tally) late()       { t.add(func(c *Counts) *uint64 { return &c.Late }) }
func (t *tally) invalid()    { t.add(func(c *Counts) *uint64 { return &c.Invalid }) }
func (t *tally) impossible() { t.add(func(c *Counts) *uint64 { return &c.Impossible }) }
func (t *tally) panicked()   { t.add(func(c *Counts) *uint64 { return &c.Panics }) }

func (t *tally) counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

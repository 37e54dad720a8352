package practice

import (
	"context"
	"errors"
	"slices"
	"sync"

	"honnin/config/protocol"
)

// ErrPayment is returned for a movement of money that contradicts the one before.
var ErrPayment = errors.New("practice: money is not held for this transaction, or was moved already")

// Payment is the practice world's cash box. What is held is either kept or returned, once; both may be said again
// (a terminal may not know whether it was heard), and returning what never was held is no error.
type Payment struct {
	mu    sync.Mutex
	lines map[protocol.Transaction]*Line
	order []protocol.Transaction
	filed Sums
}

// Line is one transaction's money.
type Line struct {
	Transaction protocol.Transaction
	Yen         int
	State       MoneyState
}

// MoneyState is where a transaction's money is.
type MoneyState string

// The states of money.
const (
	MoneyHeld     MoneyState = "held"
	MoneyKept     MoneyState = "kept"
	MoneyReturned MoneyState = "returned"
)

// Sums is the cash box in yen: what was taken is held, kept or returned.
type Sums struct{ Taken, Held, Kept, Returned int }

// NewPayment makes an empty cash box.
func NewPayment() *Payment { return &Payment{lines: map[protocol.Transaction]*Line{}} }

// Hold takes money. It refuses a second time, and amounts that are no fee.
func (p *Payment) Hold(_ context.Context, t protocol.Transaction, yen int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines[t] != nil || yen < 0 {
		return ErrPayment
	}
	p.lines[t] = &Line{t, yen, MoneyHeld}
	p.order = append(p.order, t)
	return nil
}

// Keep keeps what is held.
func (p *Payment) Keep(_ context.Context, t protocol.Transaction) error { return p.move(t, MoneyKept) }

// Return gives back what is held.
func (p *Payment) Return(_ context.Context, t protocol.Transaction) error {
	err := p.move(t, MoneyReturned)
	if errors.Is(err, errNothingHeld) {
		return nil
	}
	return err
}

var errNothingHeld = errors.Join(ErrPayment, errors.New("nothing was held"))

func (p *Payment) move(t protocol.Transaction, to MoneyState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lines[t]
	switch {
	case l == nil:
		return errNothingHeld
	case l.State != MoneyHeld && l.State != to:
		return ErrPayment
	}
	l.State = to
	return nil
}

// Lines returns every movement in the order in which money was taken.
func (p *Payment) Lines() (out []Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.order {
		out = append(out, *p.lines[t])
	}
	return out
}

// Sums adds up.
func (p *Payment) Sums() Sums {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.filed
	for _, l := range p.lines {
		s.add(*l)
	}
	return s
}

func (s *Sums) add(l Line) {
	s.Taken += l.Yen
	switch l.State {
	case MoneyHeld:
		s.Held += l.Yen
	case MoneyKept:
		s.Kept += l.Yen
	case MoneyReturned:
		s.Returned += l.Yen
	}
}

// File keeps nothing but the sums of what was kept or returned: a movement of that money said again is refused from now on.
func (p *Payment) File() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = slices.DeleteFunc(p.order, func(t protocol.Transaction) bool {
		l := p.lines[t]
		if l.State == MoneyHeld {
			return false
		}
		p.filed.add(*l)
		delete(p.lines, t)
		return true
	})
}

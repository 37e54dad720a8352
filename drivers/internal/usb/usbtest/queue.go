package usbtest

import (
	"context"

	"honnin/drivers/internal/usb"
)

// Queue is one direction of one pipe, for models: what the device will say, or what it was told. The zero value is
// not usable; see [NewQueue].
type Queue struct{ items chan item }

type item struct {
	p   []byte
	err error
}

// NewQueue is an empty queue that holds up to 1,024 items.
func NewQueue() Queue { return Queue{make(chan item, 1024)} }

// Put adds a message.
func (q Queue) Put(p []byte) { q.items <- item{p: append([]byte(nil), p...)} }

// Fail makes one transfer fail: [usb.ErrStall].
func (q Queue) Fail(err error) { q.items <- item{err: err} }

// Take is the next message. It waits for one until ctx ends.
func (q Queue) Take(ctx context.Context) ([]byte, error) {
	select {
	case i := <-q.items:
		return i.p, i.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Pipes is a [Model] made of queues: what is in Said[endpoint] is said, what it is told goes to Told[endpoint]. A control
// request is answered by Answer; without one, and on any other endpoint, it stalls.
type Pipes struct {
	Said, Told map[uint8]Queue
	Answer     func(ctx context.Context, r Request) ([]byte, error)
}

// Control calls Answer. Clearing of halts works by itself.
func (p Pipes) Control(ctx context.Context, r Request) ([]byte, error) {
	switch {
	case p.Answer != nil:
		return p.Answer(ctx, r)
	case r.Type == 0x02 && r.Request == 1:
		return nil, nil
	}
	return nil, usb.ErrStall
}

// Out takes the whole transfer.
func (p Pipes) Out(_ context.Context, endpoint uint8, data []byte) (int, error) {
	q, ok := p.Told[endpoint]
	if !ok {
		return 0, usb.ErrStall
	}
	q.Put(data)
	return len(data), nil
}

// In says the next message.
func (p Pipes) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	q, ok := p.Said[endpoint]
	if !ok {
		return nil, usb.ErrStall
	}
	return q.Take(ctx)
}

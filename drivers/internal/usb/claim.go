package usb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	maxControl = 5 * time.Second  // USB 2.0 §9.2.6.1: the longest that any request may take
	patience   = 10 * time.Second // for cancelled transfers to come back
	maxWrite   = 64 << 10         // bytes a transfer; a multiple of any MaxPacket. usbfs has 16 MiB for all
)

// claimed is a claimed interface over a handle.
type claimed struct {
	h       Handle
	setting Setting
	life    context.Context // ends with Close
	end     context.CancelFunc
	pipes   map[uint8]chan struct{} // holds a token while a transfer runs; 0 is the control pipe

	mu      sync.Mutex
	closed  bool
	closing chan struct{} // closed when Close is done
	err     error         // of Close
	running sync.WaitGroup
}

// Over makes an Interface of a handle.
func Over(h Handle, s Setting) Interface {
	c := &claimed{h: h, setting: s, closing: make(chan struct{}), pipes: map[uint8]chan struct{}{0: make(chan struct{}, 1)}}
	for _, e := range s.Endpoints {
		c.pipes[e.Address] = make(chan struct{}, 1)
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Setting is what was claimed.
func (c *claimed) Setting() Setting { return c.setting }

// begin takes a pipe for one transfer. done gives it back.
func (c *claimed) begin(ctx context.Context, pipe uint8) (sub context.Context, done func(), err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, nil, ErrClosed
	}
	c.running.Add(1)
	c.mu.Unlock()
	sub, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	token := c.pipes[pipe]
	leave := func() { stop(); cancel(); c.running.Done() }
	if sub.Err() == nil {
		select {
		case token <- struct{}{}:
			return sub, func() { <-token; leave() }, nil
		case <-sub.Done():
		}
	}
	defer leave()
	return nil, nil, c.why(ctx, ErrTimeout)
}

// why says what ended a transfer. A context that ended explains whatever the transfer says, except that the device
// is gone.
func (c *claimed) why(ctx context.Context, err error) error {
	switch {
	case err == nil || errors.Is(err, ErrGone):
		return err
	case c.life.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrTimeout, context.Cause(ctx))
	}
	return err
}

// outcome is how a transfer ended.
type outcome struct {
	n   int
	err error
}

// Control runs beside its caller, who may leave: libusb cannot cancel it.
func (c *claimed) Control(ctx context.Context, requestType, request uint8, value, index uint16, data []byte) (int, error) {
	_, done, err := c.begin(ctx, 0)
	if err != nil {
		return 0, err
	}
	own := append([]byte(nil), data...) // data is the caller's again when he leaves
	over := make(chan outcome, 1)
	limit := left(ctx)
	go func() {
		n, err := c.h.Control(limit, requestType, request, value, index, own)
		err = c.why(ctx, err)
		done()
		over <- outcome{max(n, 0), err}
	}()
	left, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.life, stop)()
	select {
	case o := <-over:
		if requestType&0x80 != 0 {
			copy(data, own[:o.n])
		}
		return o.n, o.err
	case <-left.Done():
		return 0, c.why(ctx, ErrTimeout)
	}
}

// left is how long a control transfer may take: never 0, which is for ever to libusb.
func left(ctx context.Context) time.Duration {
	limit := maxControl
	if d, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(d))
	}
	return max(limit, time.Millisecond)
}

// Read is one transfer in.
func (c *claimed) Read(ctx context.Context, endpoint uint8, p []byte) (int, error) {
	e, err := c.endpoint(endpoint, true)
	if err != nil {
		return 0, err
	}
	return c.transfer(ctx, e, p)
}

// Write is one transfer out, in pieces that the kernel can hold.
func (c *claimed) Write(ctx context.Context, endpoint uint8, p []byte) (n int, err error) {
	e, err := c.endpoint(endpoint, false)
	if err != nil {
		return 0, err
	}
	for {
		piece := p[n:min(n+maxWrite, len(p))]
		m, err := c.transfer(ctx, e, piece)
		n += m
		switch {
		case err != nil:
			return n, err
		case m < len(piece):
			return n, ErrTransfer
		case n == len(p):
			return n, nil
		}
	}
}

func (c *claimed) endpoint(address uint8, in bool) (Endpoint, error) {
	for _, e := range c.setting.Endpoints {
		if e.Address == address && e.In() == in && (e.Kind == KindBulk || e.Kind == KindInterrupt) {
			return e, nil
		}
	}
	return Endpoint{}, fmt.Errorf("%w: no such endpoint %#02x in this direction", ErrDescriptor, address)
}

func (c *claimed) transfer(ctx context.Context, e Endpoint, p []byte) (int, error) {
	sub, done, err := c.begin(ctx, e.Address)
	if err != nil {
		return 0, err
	}
	defer done()
	n, err := c.h.Transfer(sub, e, p)
	return max(n, 0), c.why(ctx, err)
}

// ClearHalt is the standard request (USB 2.0 §9.4.1), after which the device counts from DATA0 (§9.4.5), and so must the
// host: what it misses of that it acknowledges and drops. The kernel's usb_clear_halt is the same two steps, but holds
// the device for as long as the request takes.
func (c *claimed) ClearHalt(ctx context.Context, endpoint uint8) error {
	if c.pipes[endpoint] == nil || endpoint == 0 {
		return fmt.Errorf("%w: no such endpoint %#02x", ErrDescriptor, endpoint)
	}
	if _, err := c.Control(ctx, 0x02, 1, 0, uint16(endpoint), nil); err != nil {
		return err
	}
	_, done, err := c.begin(context.WithoutCancel(ctx), endpoint) // the device has begun anew, whoever leaves now
	if err != nil {
		return err
	}
	defer done()
	return c.why(context.Background(), c.h.ResetEndpoint(endpoint))
}

// Close gives the interface back. A second call waits for the first.
func (c *claimed) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if !first {
		<-c.closing
		return c.err
	}
	defer close(c.closing)
	c.end()
	quiet := make(chan struct{})
	go func() { c.running.Wait(); close(quiet) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-quiet:
		c.err = c.h.Close()
	case <-late.C:
		c.err = ErrStuck
		go func() { <-quiet; _ = c.h.Close() }() // nobody is left to be told
	}
	return c.err
}

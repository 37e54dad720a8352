package usbprint

import (
	"context"
	"errors"
	"slices"
	"sync"

	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
)

var errClosed = &printer.Fault{Reason: printer.Unreachable, Err: errors.New("the driver is closed")}

// lines are the claimed interfaces of one printer.
type lines struct {
	bus   usb.Bus
	which printer.Selector

	life context.Context // ends with close
	end  context.CancelFunc
	work sync.WaitGroup // what goes on without a caller

	mu     sync.Mutex
	closed bool
	idle   []*line
	held   map[key]bool  // claimed, or about to be
	burnt  map[key]bool  // not to be used any more while it is plugged in
	last   key           // dropped last: tried last
	freed  chan struct{} // closed when one is given back or dropped
}

func newLines(bus usb.Bus, which printer.Selector) *lines {
	l := &lines{bus: bus, which: which, held: map[key]bool{}, burnt: map[key]bool{}, freed: make(chan struct{})}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// take is a line that nobody uses: one that is held and alive, or one that is claimed now. Where all are in use it waits.
func (l *lines) take(ctx context.Context) (*line, error) {
	for {
		c, freed, err := l.rested()
		switch {
		case err != nil:
			return nil, err
		case c != nil && c.alive(ctx):
			return c, nil
		case c != nil && ctx.Err() != nil: // that says nothing about the printer
			l.give(c)
			return nil, left(ctx)
		case c != nil:
			l.drop(c)
			continue
		}
		c, err = l.claim(ctx)
		switch {
		case c != nil:
			return c, nil
		case err != nil && ctx.Err() != nil:
			return nil, left(ctx)
		case err != nil:
			return nil, explain(err)
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, left(ctx)
		}
	}
}

// left is for who did not wait.
func left(ctx context.Context) error {
	return &printer.Fault{Reason: printer.Busy, Err: context.Cause(ctx)}
}

// rested takes an idle line, if there is one.
func (l *lines) rested() (c *line, freed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, errClosed
	}
	if n := len(l.idle); n > 0 {
		c, l.idle = l.idle[n-1], l.idle[:n-1]
	}
	return c, l.freed, nil
}

// claim takes an interface that we do not hold. Neither a line nor an error: we hold them all.
func (l *lines) claim(ctx context.Context) (*line, error) {
	o, err := find(ctx, l.bus, l.which)
	if err != nil {
		return nil, err
	}
	all, first := l.order(o)
	for _, k := range all {
		if !l.hold(k.key) {
			continue
		}
		c, err := l.open(ctx, o, k)
		if err == nil {
			return c, nil
		}
		l.release(k.key)
		if first == nil {
			first = err
		}
	}
	return nil, first
}

type choice struct {
	key
	alternate int
}

var errBurnt = &printer.Fault{Reason: printer.Unreachable, Err: errors.New("a request was cut, and the printer waits for the rest: switch it off and on")}

// order is the printer's interfaces that may be used, the one that gave up last at the end, or why there is none.
func (l *lines) order(o offer) (all []choice, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range o.settings {
		if c := (choice{key{o.info.Place, s.Interface}, s.Alternate}); !l.burnt[c.key] {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errBurnt
	}
	slices.SortStableFunc(all, func(a, b choice) int {
		switch {
		case a.key == l.last && b.key != l.last:
			return 1
		case b.key == l.last && a.key != l.last:
			return -1
		}
		return 0
	})
	return all, nil
}

// hold reserves an interface, unless it is held.
func (l *lines) hold(k key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[k] {
		return false
	}
	l.held[k] = true
	return true
}

func (l *lines) release(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, k)
	l.tell()
}

// tell wakes who waits for a line.
func (l *lines) tell() {
	close(l.freed)
	l.freed = make(chan struct{})
}

// open claims an interface and makes it fit for use.
func (l *lines) open(ctx context.Context, o offer, k choice) (*line, error) {
	i, err := l.bus.Claim(ctx, k.at, k.iface, k.alternate)
	if err != nil {
		return nil, err
	}
	c, err := newLine(o, k, i)
	if err != nil {
		return nil, errors.Join(err, i.Close())
	}
	if c.kind == overIPP {
		if c.quirks.reset {
			_ = c.reset(ctx) // a printer that cannot is as it was
		}
		c.flush(ctx)
	}
	return c, nil
}

// give returns a line on which nothing is under way.
func (l *lines) give(c *line) {
	l.mu.Lock()
	if !l.closed {
		l.idle = append(l.idle, c)
		l.tell()
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.drop(c)
}

// drop gives an interface back to the system.
func (l *lines) drop(c *line) {
	_ = c.Close() // a transfer that does not end has its handle left to the kernel
	l.mu.Lock()
	l.last = c.key
	l.mu.Unlock()
	l.release(c.key)
}

// beside does something without its caller; after close, in his time: it does not take long then.
func (l *lines) beside(f func()) {
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.work.Go(f)
	}
	l.mu.Unlock()
	if closed {
		f()
	}
}

// renew begins an interface anew on which a request was cut. The printer takes what comes next for the rest of it, unless the
// interface is selected again; where it has but one setting that does not happen, so it is not used any more.
func (l *lines) renew(c *line) {
	if c.lone() {
		l.mu.Lock()
		l.burnt[c.key] = true
		l.mu.Unlock()
		l.drop(c)
		return
	}
	_ = c.Close()
	ctx, stop := context.WithTimeout(l.life, patience)
	defer stop()
	if fresh, err := l.open(ctx, c.offer, c.choice); err == nil {
		l.give(fresh)
		return
	}
	l.release(c.key)
}

// close ends what goes on, and gives all idle lines back; those in use are dropped by their users.
func (l *lines) close() {
	l.mu.Lock()
	l.closed = true
	idle := l.idle
	l.idle = nil
	l.mu.Unlock()
	l.end()
	for _, c := range idle {
		l.drop(c)
	}
	l.work.Wait()
}

package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"honnin/config/reason"
)

// ErrClosed is returned by a closed [Pool].
var ErrClosed = errors.New("inspect: pool is closed")

// Options of a [Pool]. The zero value of each field means its default.
type Options struct {
	// Command is the argv with which this same binary (/proc/self/exe) is started as a child, followed by the
	// limits; the default is the one that [IsChild] recognises. Tests name a misbehaving child here.
	Command []string
	Warm    int           // children that wait ahead of need; default 1, negative for none
	Wall    time.Duration // for one document, from its first byte to the whole report; default 5 s
	Memory  uint64        // RLIMIT_DATA of a child in bytes; default 384 MiB
	CPU     time.Duration // RLIMIT_CPU of a child, in whole seconds; default 3 s
}

func (o Options) withDefaults() Options {
	if len(o.Command) == 0 {
		o.Command = []string{childName}
	}
	o.Warm = max(0, cmp.Or(o.Warm, 1))
	o.Wall = cmp.Or(o.Wall, 5*time.Second)
	o.Memory = cmp.Or(o.Memory, 384<<20)
	o.CPU = cmp.Or(o.CPU, 3*time.Second)
	return o
}

const (
	startTries = 3                // children tried for one document until one says hello
	firstPause = time.Second / 8  // before a child that died idle is replaced; doubled while they keep dying
	longPause  = 10 * time.Second // at most
)

// headStart is how long the start of the next child waits: it would compete for the processors with the inspection
// that somebody waits for. One that takes longer holds nobody else up.
const headStart = 100 * time.Millisecond

// Pool keeps children ready and gives each one document. Its methods may be called at the same time.
type Pool struct {
	opts Options
	kick chan struct{} // "count the idle children"; capacity 1
	stop chan struct{}
	work sync.WaitGroup // the keeper and every child's reaper

	mu     sync.Mutex
	idle   []*child
	all    map[*child]struct{}
	deaths int // of idle children, since one was last of use
	closed bool
	way    way // in which children are started; it only rises
	held   Confinement
}

// NewPool starts the first children in the background. Close it.
func NewPool(opts Options) *Pool {
	p := &Pool{
		opts: opts.withDefaults(),
		kick: make(chan struct{}, 1),
		stop: make(chan struct{}),
		all:  map[*child]struct{}{},
	}
	p.work.Go(p.keep)
	return p
}

// Confinement returns what held the last child that said hello; 0 before the first.
func (p *Pool) Confinement() Confinement {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// Waiting returns how many children have said hello and wait for a document: with one, [Pool.Inspect] is not kept
// waiting by the start of a process.
func (p *Pool) Waiting() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		if !c.isDead() && pending(c.out) >= helloSize {
			n++
		}
	}
	return n
}

// Inspect hands pdf to a child and returns what it reports. A child that died, hung, lied, flooded or panicked
// over the document is a [reason.Error] of pdf-malformed; ctx's error is returned as such; any other error means
// that no child could be had at all, which is this machine's fault and not the document's.
func (p *Pool) Inspect(ctx context.Context, pdf []byte) (Facts, error) {
	if len(pdf) > maxDocument {
		return Facts{}, reason.Errorf(reason.PDFMalformed, "longer than %d bytes", maxDocument)
	}
	ahead := time.AfterFunc(headStart, p.wake)
	defer func() { ahead.Stop(); p.wake() }()
	c, err := p.greeted(ctx)
	if err != nil {
		return Facts{}, err
	}
	defer c.discard()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	facts, err := c.exchange(pdf, p.opts.Wall)
	switch {
	case ctx.Err() != nil:
		return Facts{}, ctx.Err()
	case err != nil && p.isClosed():
		return Facts{}, ErrClosed
	case err != nil:
		return Facts{}, reason.Errorf(reason.PDFMalformed, "the inspection %v", err)
	}
	p.useful()
	return facts, nil
}

// greeted returns a child that is confined and waits for its document.
func (p *Pool) greeted(ctx context.Context) (*child, error) {
	var last error
	for range startTries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := p.take()
		if errors.Is(err, ErrClosed) {
			return nil, err
		}
		if err == nil {
			stop := context.AfterFunc(ctx, c.kill)
			held, hello := c.hello()
			if hello == nil && c.way == filtered && held&Seccomp == 0 {
				hello = errUnheld
				p.notThis(filtered)
			}
			if stop(); hello == nil {
				p.mu.Lock()
				p.held = held
				p.mu.Unlock()
				return c, nil
			}
			c.discard()
			err = hello
		}
		last = err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("inspect: no child could be started: %w", last)
}

// take returns an idle child, or starts one.
func (p *Pool) take() (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	for len(p.idle) > 0 {
		c := p.idle[0]
		p.idle = p.idle[1:]
		if !c.isDead() {
			p.mu.Unlock()
			return c, nil
		}
		c.discard()
	}
	p.mu.Unlock()
	return p.start()
}

func (p *Pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Pool) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// useful forgets the deaths of idle children: they live long enough.
func (p *Pool) useful() {
	p.mu.Lock()
	p.deaths = 0
	p.mu.Unlock()
}

// keep holds the number of idle children. When they keep dying it waits longer and longer before the next.
func (p *Pool) keep() {
	for {
		for p.missing() {
			c, err := p.start()
			if err != nil {
				p.buried(nil)
				break
			}
			p.mu.Lock()
			if p.closed {
				c.discard()
			} else {
				p.idle = append(p.idle, c)
			}
			p.mu.Unlock()
		}
		select {
		case <-p.stop:
			return
		case <-p.kick:
		}
		if !p.pause() {
			return
		}
	}
}

func (p *Pool) missing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && len(p.idle) < p.opts.Warm
}

// pause waits as long as the deaths so far ask for; false when the pool closes.
func (p *Pool) pause() bool {
	p.mu.Lock()
	n := p.deaths
	p.mu.Unlock()
	if n == 0 {
		return true
	}
	t := time.NewTimer(min(firstPause<<min(n-1, 10), longPause))
	defer t.Stop()
	select {
	case <-p.stop:
		return false
	case <-t.C:
		return true
	}
}

// buried is called when c is reaped (nil: could not be started). One that was idle is replaced.
func (p *Pool) buried(c *child) {
	p.mu.Lock()
	delete(p.all, c)
	idle := c == nil
	for i, x := range p.idle {
		if x == c {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			idle = true
			break
		}
	}
	if idle {
		p.deaths++
	}
	p.mu.Unlock()
	if idle && c != nil {
		c.discard()
	}
	if idle {
		p.wake()
	}
}

// Close kills what waits or works, and returns when every child is reaped. Inspections under way fail.
func (p *Pool) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	for c := range p.all {
		c.kill()
	}
	for _, c := range p.idle {
		c.discard()
	}
	p.idle = nil
	p.mu.Unlock()
	p.work.Wait()
	return nil
}

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
)

// crew is what a scripted run has: the terminals, each opened when it is first needed, and the books. Only out, next and
// inside are used by several terminals at once.
type crew struct {
	*stage
	asked    context.Context // ends when whoever started the run has enough
	ctx      context.Context // ends when one of the terminals does, and with asked; a soak ends in its own way
	stop     context.CancelCauseFunc
	running  sync.WaitGroup
	opened   map[protocol.Terminal]*post
	tally    *script.Tally
	tray     *trays // nil: a real printer
	expected int    // visits
	measured *script.Soak
	told     map[protocol.Outcome]uint64 // what the centre knew at the last look into the books

	one    sync.Mutex // of those who may not be disturbed
	mu     sync.Mutex
	out    io.Writer
	next   int            // applicant
	inside map[string]int // who is at how many terminals
}

// post is one terminal of a scripted run with whoever stands at it.
type post struct {
	*place
	terminal *terminal.Terminal
	who      *script.Applicant
	since    uint64 // the last entry of the journal that was looked at
	refused  uint64 // visits since then
	beside   *post  // the next store, where whoever is not served here goes; or nil
}

func newCrew(ctx context.Context, s *stage, out io.Writer) (*crew, error) {
	c := &crew{stage: s, out: out, tally: script.NewTally(s.world), asked: ctx, opened: map[protocol.Terminal]*post{}, inside: map[string]int{}}
	if s.flags.span > 0 {
		ctx = context.WithoutCancel(ctx)
	}
	c.ctx, c.stop = context.WithCancelCause(ctx)
	if dir := s.sheets(); dir != "" {
		c.tray = &trays{dir: dir, seen: map[string]bool{}}
		if _, err := c.tray.fresh(); err != nil { // of an earlier run
			return nil, err
		}
		c.tray.empties = s.flags.span > 0
	}
	return c, nil
}

// posts returns as many terminals as the flags ask for, on these channels by turns.
func (c *crew) posts(channels []protocol.Channel) (out []*post, err error) {
	for n := range c.flags.terminals {
		p, err := c.post(n, channels[n%len(channels)])
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *crew) post(n int, channel protocol.Channel) (*post, error) {
	if p, ok := c.opened[placeName(n, channel)]; ok {
		return p, nil
	}
	at, err := c.placeOn(n, channel)
	if err != nil {
		return nil, err
	}
	p := &post{place: at, who: script.NewApplicant(time.Now)}
	if p.terminal, err = c.terminal(c.ctx, at, p.who, p.who.Observe); err != nil {
		return nil, errors.Join(err, at.close())
	}
	since, _, err := at.journal.Verify() // what an earlier run left open is settled by now, and is not of this one
	if err != nil {
		return nil, errors.Join(err, at.close())
	}
	p.since = uint64(since)
	p.who.At(p.terminal)
	c.opened[at.name] = p
	c.running.Go(func() {
		if err := p.terminal.Run(c.ctx); err != nil {
			c.stop(err)
		}
	})
	return p, nil
}

var errDone = errors.New("the visits are made")

// close ends the terminals.
func (c *crew) close() error {
	c.stop(errDone)
	c.running.Wait()
	err := context.Cause(c.ctx)
	if errors.Is(err, errDone) {
		err = nil
	}
	for _, p := range c.opened {
		err = errors.Join(err, p.close())
	}
	return err
}

// journals is how large the journals' files are together.
func (c *crew) journals() (size int64) {
	for _, p := range c.opened {
		if info, err := os.Stat(p.file); err == nil {
			size += info.Size()
		}
	}
	return size
}

// delivered waits until the centre has every outcome.
func delivered(ctx context.Context, t *terminal.Terminal) error {
	for {
		done, err := t.Delivered()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// trays are the directory printers' one directory. A sheet has a name of its own there.
type trays struct {
	dir     string
	empties bool            // what was looked at is thrown away
	seen    map[string]bool // of what stays
}

// fresh returns the documents that came out since it was last asked.
func (t *trays) fresh() (out []protocol.Digest, err error) {
	names, err := filepath.Glob(filepath.Join(t.dir, "[0-9a-f]*.pdf")) // a service sheet is no certificate
	for _, name := range names {
		if t.seen[name] {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, sha256.Sum256(b))
		if !t.empties {
			t.seen[name] = true
		} else if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	return out, err
}

func (p *place) takePaper() {
	if p.device != nil {
		p.device.TakePaper()
	}
}

// virtualHands are an applicant's hands at a virtual reader.
type virtualHands struct {
	place  *place
	world  *practice.World
	person string
}

func (h virtualHands) Place() error {
	c, err := h.world.Card(h.person)
	if err == nil {
		h.place.virtual.Place(c)
	}
	return err
}

func (h virtualHands) Pull() error {
	h.place.virtual.Pull()
	return nil
}

func (h virtualHands) Type(ctx context.Context, pin string) error {
	return h.place.virtual.Type(ctx, pin)
}

func (h virtualHands) TakePaper() { h.place.takePaper() }

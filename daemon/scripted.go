package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
)

// scripted makes visits without a screen and prints a line each, then the summary.
func scripted(ctx context.Context, out io.Writer, f practiceFlags, log logrus.FieldLogger) (err error) {
	s, err := openStage(f, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	run := &scriptedRun{stage: s, out: out, tally: script.NewTally(s.world, time.Now)}
	run.left.Store(int64(f.visits))
	before, err := digests(s.sheets())
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, f.terminals)
	for n := range f.terminals {
		wg.Go(func() { errs[n] = run.terminal(ctx, n) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if dir := s.sheets(); dir != "" {
		tray, err := fresh(dir, before)
		if err != nil {
			return err
		}
		run.tally.Tray(tray)
	}
	if f.temporary {
		defer os.RemoveAll(f.state)
	}
	return run.finish(f)
}

// scriptedRun is what the terminals of a scripted run share.
type scriptedRun struct {
	*stage
	tally *script.Tally
	left  atomic.Int64 // visits to begin
	next  atomic.Int64 // applicant

	mu  sync.Mutex // guards out
	out io.Writer
}

func (r *scriptedRun) terminal(ctx context.Context, n int) (err error) {
	p, err := r.place(n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.journal.Close()) }()
	who := script.NewApplicant(time.Now)
	t, err := r.stage.terminal(ctx, p, who, who.Observe)
	if err != nil {
		return err
	}
	since, _, err := p.journal.Verify() // what an earlier run left open is settled by now, and is not of this one
	if err != nil {
		return err
	}
	who.At(t)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- t.Run(running) }()
	err = r.visits(ctx, p, t, who)
	if err == nil {
		err = delivered(ctx, t)
	}
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	return r.tally.Reconcile(p.name, p.journal, uint64(since))
}

func (r *scriptedRun) visits(ctx context.Context, p *place, t *terminal.Terminal, who *script.Applicant) error {
	for r.left.Add(-1) >= 0 {
		w, err := r.wish(p)
		if err != nil {
			return err
		}
		v, err := who.Visit(ctx, w)
		if err != nil {
			return err
		}
		if err := r.line(p, w, v); err != nil {
			return err
		}
		if err := t.Reopen(script.Staff); err != nil { // a refusal closes a service; practice goes on
			return err
		}
	}
	return nil
}

// wish says who comes next: each ordinary person of the world in turn who has what is wished for, or whoever's
// card lies on a real reader.
func (r *scriptedRun) wish(p *place) (script.Wish, error) {
	w := script.Wish{Certificate: protocol.Certificate(r.flags.certificate)}
	if p.attended != nil {
		pin, err := readPIN(r.flags.pinFile)
		w.PIN, w.Hands = pin, realHands{p}
		return w, err
	}
	var able []practice.Person
	for _, person := range r.world.People() {
		if person.Ordinary && asks(person, w.Certificate) {
			able = append(able, person)
		}
	}
	if len(able) == 0 {
		return w, usage("nobody in the practice world can ask for %s", w.Certificate)
	}
	person := able[int(r.next.Add(1)-1)%len(able)]
	w.Applicant, w.PIN = person.ID, person.PIN
	w.Hands = virtualHands{p, r.world, person.ID}
	return w, nil
}

func asks(p practice.Person, c protocol.Certificate) bool {
	for _, a := range p.Asks {
		if a.Certificate == c {
			return true
		}
	}
	return false
}

func (r *scriptedRun) line(p *place, w script.Wish, v script.Visit) error {
	if p.attended != nil { // whoever's card lies there, by now enrolled
		w.Applicant = r.world.Holder(p.attended.holder())
	}
	l := r.tally.Add(p.name, w, v)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flags.json {
		return script.WriteJSON(r.out, l)
	}
	return script.WriteText(r.out, l)
}

func (r *scriptedRun) finish(f practiceFlags) error {
	sum := r.tally.Summary()
	if err := script.WriteJSON(r.out, sum); err != nil {
		return err
	}
	if sum.WrongPrinted != 0 || len(sum.Difference) != 0 || sum.Visits != f.visits {
		return &exitError{exitRefused, errors.New("not every visit is accounted for, or wrong paper was printed: see the summary")}
	}
	return nil
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

// digests returns the documents in a directory printer's tray; none for a real printer.
func digests(dir string) (map[protocol.Digest]int, error) {
	if dir == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	out := map[protocol.Digest]int{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out[sha256.Sum256(b)]++
	}
	return out, err
}

// fresh returns the documents that came out since before.
func fresh(dir string, before map[protocol.Digest]int) ([]protocol.Digest, error) {
	now, err := digests(dir)
	if now == nil || err != nil {
		return nil, err
	}
	out := []protocol.Digest{}
	for d, n := range now {
		for range n - before[d] {
			out = append(out, d)
		}
	}
	return out, nil
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

func (h virtualHands) TakePaper() { h.place.takePaper() }

package ccid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"honnin/config/trace"
	"honnin/drivers/card"
	"honnin/drivers/internal/usb"
)

// When a reader that could not be claimed, or did not stay, is tried again.
const (
	tryFirst = 500 * time.Millisecond // then twice as long each time
	tryLast  = 10 * time.Second       // one that stayed so long is tried again at once
	grace    = time.Second            // for one to be claimed, where others are
)

// place is an interface and where it is.
type place struct {
	usb.Place
	iface int
}

// candidate is an interface that may be the reader.
type candidate struct {
	place
	vendor, product uint16
	found           Found
}

// String is for errors: nothing that the device says of itself in words, for its serial number may be among them.
func (c candidate) String() string {
	s := fmt.Sprintf("%04x:%04x at %s", c.vendor, c.product, c.Port)
	if c.iface > 0 {
		s += fmt.Sprintf(" interface %d", c.iface)
	}
	return s
}

// hold keeps one interface claimed while anybody is there, and claims it anew when that ends. None waits for another.
type hold struct {
	candidate
	seq uint32 // the next claim goes on with it: an answer that comes too late for the last claim is none to this one

	// Guarded by the Reader's mutex.
	padless bool    // it has not the keys that it claims, found out under an earlier claim
	device  *device // nil: it is not claimed
	err     error   // why not
	pending bool    // it is about to be
	since   time.Time
	end     context.CancelFunc
	over    chan struct{} // closed when nothing is claimed any more; nil: nobody is there
	ending  bool
	gone    bool // it is not listed any more
}

func (r *Reader) acquire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users++
}

// release gives everything back when nobody is left. Only the last one waits for that.
func (r *Reader) release() {
	r.mu.Lock()
	r.users--
	var over []<-chan struct{}
	for _, h := range r.holds {
		if r.users == 0 && h.over != nil {
			over = append(over, h.over)
			h.stop()
		}
	}
	r.mu.Unlock()
	for _, o := range over {
		<-o
	}
}

func (h *hold) stop() {
	h.ending = true
	h.end()
}

// take returns the hold of an interface, begun where nobody was there. One that is ending is waited for.
func (r *Reader) take(ctx context.Context, c candidate) (*hold, error) {
	for {
		r.mu.Lock()
		h := r.holds[c.place]
		if h == nil {
			h = &hold{candidate: c}
			r.holds[c.place] = h
		}
		if h.over == nil {
			r.begin(h)
		}
		ending, over := h.ending, h.over
		r.mu.Unlock()
		if !ending {
			return h, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begin needs the mutex.
func (r *Reader) begin(h *hold) {
	ctx, end := context.WithCancel(context.Background())
	h.end, h.over = end, make(chan struct{})
	h.err, h.pending, h.since = nil, true, time.Now()
	go r.keep(ctx, h)
}

// keep claims an interface until ctx ends, with growing patience while it does not stay.
func (r *Reader) keep(ctx context.Context, h *hold) {
	defer r.done(h)
	for rest := time.Duration(0); pause(ctx, rest) == nil; {
		rest = min(max(2*rest, tryFirst), tryLast)
		d, err := r.claim(ctx, h)
		r.settled(h, d, err)
		if err != nil {
			continue
		}
		d.follow(ctx)
		d.close()
		h.seq = d.seq.Load()
		r.remember(h, d)
		if d.proven() {
			rest = 0
		}
	}
}

// claim opens an interface and asks each slot for its state.
func (r *Reader) claim(ctx context.Context, h *hold) (*device, error) {
	if h.found.Err != nil {
		return nil, h.found.Err
	}
	pipes, err := r.bus.Claim(ctx, h.Place, h.iface, h.found.Alternate)
	if err != nil {
		return nil, err
	}
	d, err := newDevice(pipes, h.iface, h.found.Name)
	if err != nil {
		return nil, errors.Join(err, pipes.Close())
	}
	d.seq.Store(h.seq)
	d.padless, d.trace = r.known(h), r.trace
	for _, s := range d.slots {
		if err := d.look(ctx, s); err != nil {
			d.close()
			h.seq = d.seq.Load()
			return nil, err
		}
	}
	d.stir, d.lost = r.stir, func(err error) { r.lost(h, d, err) }
	return d, nil
}

// remember keeps what was found out about the keys for the next claim of the same device.
func (r *Reader) remember(h *hold, d *device) {
	padless := d.PINPad && !d.hasPad()
	r.mu.Lock()
	defer r.mu.Unlock()
	h.padless = padless
}

func (r *Reader) known(h *hold) (padless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return h.padless
}

// settled notes what came of a claim.
func (r *Reader) settled(h *hold, d *device, err error) {
	r.mu.Lock()
	news := h.pending || d != nil
	h.device, h.err, h.pending = d, err, false
	if d != nil {
		r.claims++
		d.claim = r.claims
	}
	r.mu.Unlock()
	if err == nil {
		r.trace.Say("the reader is claimed")
	} else {
		r.trace.Say("the reader cannot be claimed", trace.Why(err))
	}
	if news {
		r.stir()
	}
}

// lost notes a device that failed. One that had proven itself is expected back.
func (r *Reader) lost(h *hold, d *device, err error) {
	r.trace.Say("the reader is lost", trace.Why(err))
	r.mu.Lock()
	if h.device == d {
		h.device, h.err, h.pending, h.since = nil, err, d.proven(), time.Now()
	}
	r.mu.Unlock()
	r.stir()
}

func (r *Reader) done(h *hold) {
	r.mu.Lock()
	h.end()
	close(h.over)
	h.device, h.err, h.pending, h.over, h.ending = nil, usb.ErrGone, false, nil, false
	if h.gone {
		delete(r.holds, h.place)
	}
	r.mu.Unlock()
	r.stir()
}

// refresh looks what there is to claim, and lets go of what is gone. It returns what is claimed; without any that is
// [card.ErrNoReader], and what was in the way.
func (r *Reader) refresh(ctx context.Context) ([]*device, error) {
	holds, err := r.listed(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.await(ctx, holds); err != nil {
		return nil, err
	}
	return r.claimed(holds)
}

// listed is the holds of what is on the bus. One at a time looks there.
func (r *Reader) listed(ctx context.Context) (holds []*hold, err error) {
	select {
	case r.scan <- struct{}{}:
		defer func() { <-r.scan }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	infos, err := r.bus.List(ctx)
	if err != nil {
		if ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", card.ErrNoReader, err)
		}
		return nil, err
	}
	wanted := r.wanted(infos)
	r.prune(wanted)
	for _, c := range wanted {
		h, err := r.take(ctx, c)
		if err != nil {
			return nil, err
		}
		holds = append(holds, h)
	}
	return holds, nil
}

// prune ends the holds of what is not there any more.
func (r *Reader) prune(wanted []candidate) {
	var gone []*device
	r.mu.Lock()
	for p, h := range r.holds {
		switch {
		case slices.ContainsFunc(wanted, func(c candidate) bool { return c.place == p }):
			h.gone = false
			continue
		case h.over == nil:
			delete(r.holds, p)
			continue
		case h.device != nil:
			gone = append(gone, h.device)
		}
		h.gone = true
		h.stop()
	}
	r.mu.Unlock()
	for _, d := range gone {
		_ = d.fail(usb.ErrGone)
	}
}

// await waits until all were tried, or those that are not have taken too long where one is claimed.
func (r *Reader) await(ctx context.Context, holds []*hold) error {
	late := time.NewTimer(grace)
	defer late.Stop()
	for {
		changed := r.change()
		if !r.waits(holds) {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-late.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Reader) waits(holds []*hold) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	claimed, soon, pending := false, false, false
	for _, h := range holds {
		claimed = claimed || h.device != nil
		pending = pending || h.pending
		soon = soon || h.pending && time.Since(h.since) < grace
	}
	return soon || pending && !claimed
}

func (r *Reader) claimed(holds []*hold) (devices []*device, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var excuses []error
	for _, h := range holds {
		switch {
		case h.device != nil:
			devices = append(devices, h.device)
		case h.err != nil:
			excuses = append(excuses, fmt.Errorf("%v: %w", h.candidate, h.err))
		}
	}
	switch {
	case len(devices) > 0:
		return devices, nil
	case len(excuses) > 0:
		return nil, fmt.Errorf("%w: %w", card.ErrNoReader, errors.Join(excuses...))
	}
	return nil, card.ErrNoReader
}

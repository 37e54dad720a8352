package ccid

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"honnin/config/trace"
	"honnin/drivers/card/internal/presence"
	"honnin/drivers/internal/usb"
)

// How often is looked where nothing tells.
const (
	askFirst = 100 * time.Millisecond // slots of a reader without an interrupt pipe, twice as long each time
	askLast  = time.Second
	certain  = 10 * time.Second       // slots of a reader with one: a notice may be lost
	stalls   = 4                      // of an interrupt pipe in a row, before it is given up
	chatter  = 100                    // notices without so long a silence, before that
	breath   = 20 * time.Millisecond  // after each notice
	stale    = 200 * time.Millisecond // after a claim: notices that may have waited in the reader
)

// slot is one place for a card.
type slot struct {
	d    *device
	n    byte
	name string

	// Guarded by the device's mutex.
	present bool
	serial  uint64 // moves with each insertion and removal
}

func (s *slot) state() (present bool, serial uint64) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.present, s.serial
}

// rank is higher with a card.
func (s *slot) rank() int {
	if s.now() {
		return 1
	}
	return 0
}

// see notes what a slot holds now. exchanged tells of a card that is there as before, but was taken out since.
func (s *slot) see(present, exchanged bool) {
	s.d.mu.Lock()
	moved := s.present != present || exchanged
	s.present = present
	if moved {
		s.serial++
	}
	s.d.mu.Unlock()
	if moved {
		s.d.trace.Say("the slot is not as it was", trace.Number("slot", int(s.n)), trace.Yes("present", present))
		s.d.stir()
	}
}

// newDevice reads what a claimed interface says of itself.
func newDevice(pipes usb.Interface, iface int, name string) (*device, error) {
	setting := pipes.Setting()
	description, err := describe(setting)
	if err != nil {
		return nil, err
	}
	in, _ := setting.Endpoint(true, usb.KindBulk)
	out, _ := setting.Endpoint(false, usb.KindBulk)
	notices, _ := setting.Endpoint(true, usb.KindInterrupt)
	d := &device{
		Descriptor: description, pipes: pipes, iface: uint16(iface), in: in.Address, out: out.Address,
		notices: notices.Address, notice: notices.MaxPacket, packet: in.MaxPacket,
		turn: make(chan struct{}, 1), over: make(chan struct{}), stir: func() {}, lost: func(error) {}, since: time.Now(),
	}
	for n := range d.Slots {
		d.slots = append(d.slots, &slot{d: d, n: byte(n), name: slotName(name, n)})
	}
	return d, nil
}

// follow keeps the slots' states until ctx ends or the device has failed.
func (d *device) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-d.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	if d.notices != 0 {
		d.listen(ctx)
	}
	d.poll(ctx)
}

// listen reads notices until the pipe gives up, or says so much that the slots are better asked. What comes right after the
// claim may have waited in the reader for long, so they are asked then.
func (d *device) listen(ctx context.Context) {
	fresh, done := context.WithTimeout(ctx, stale)
	defer done()
	b := make([]byte, packets(1+(d.Slots+3)/4, d.notice)) // no more: a notice of whole packets would wait for the next one
	for failures, heard := 0, 0; failures < stalls && heard < chatter && ctx.Err() == nil; {
		limit, cancel := context.WithTimeout(ctx, certain)
		n, err := d.pipes.Read(limit, d.notices, b)
		late := limit.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
		case err == nil && fresh.Err() == nil:
			d.lookAll(ctx)
			_ = pause(ctx, breath)
		case err == nil:
			failures = 0
			heard++
			d.hear(b[:n])
			_ = pause(ctx, breath)
		case late:
			heard = 0
			d.lookAll(ctx)
		case errors.Is(err, usb.ErrGone):
			_ = d.fail(err)
		case errors.Is(err, usb.ErrStall):
			failures++
			_ = d.clear(ctx, d.notices)
		default:
			failures++
			_ = pause(ctx, askFirst)
		}
	}
}

// hear takes one notice. A change without another state is an exchange.
func (d *device) hear(b []byte) {
	n, err := parseNotice(b, d.Slots)
	if err != nil {
		return // it says nothing that could be relied on, and the slots are asked now and then anyway
	}
	for i, present := range n.present {
		s := d.slots[i]
		s.see(present, n.changed[i] && present && s.now())
	}
	if n.broken >= 0 {
		d.slots[n.broken].see(d.slots[n.broken].now(), true)
	}
}

func (s *slot) now() bool {
	present, _ := s.state()
	return present
}

// look asks a slot for its state.
func (d *device) look(ctx context.Context, s *slot) error {
	if err := d.lock(ctx); err != nil {
		return err
	}
	defer d.unlock()
	a, err := d.again(ctx, s.n, request{kind: getSlotStatus})
	if err != nil {
		return err
	}
	s.see(a.present(), false)
	return nil
}

// lookAll asks every slot. A reader that does not answer so simple a question is to be claimed anew.
func (d *device) lookAll(ctx context.Context) (changed bool) {
	for _, s := range d.slots {
		_, before := s.state()
		if err := d.look(ctx, s); err != nil && ctx.Err() == nil {
			_ = d.fail(err)
			return true
		}
		_, after := s.state()
		changed = changed || after != before
	}
	return changed
}

func (d *device) poll(ctx context.Context) {
	for wait := askFirst; pause(ctx, wait) == nil; {
		wait = min(2*wait, askLast)
		if d.lookAll(ctx) {
			wait = askFirst
		}
	}
}

// Watch calls notify with what is, and then with every change, until ctx ends. A missing reader is a missing card, and
// is waited for; "no card" is said once more when it goes or comes without one.
func (r *Reader) Watch(ctx context.Context, notify func(present bool)) {
	r.acquire()
	defer r.release()
	plugs := make(chan struct{}, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.bus.Changes(ctx, func() {
			select {
			case plugs <- struct{}{}:
			default:
			}
		})
	}()
	defer func() { <-over }()
	tracker := &presence.Tracker{Notify: func(p bool) {
		if ctx.Err() == nil {
			notify(p)
		}
	}}
	r.watch(ctx, plugs, tracker)
}

// watch looks at all readers at each change, of the bus and of theirs, and now and then while there is none.
func (r *Reader) watch(ctx context.Context, plugs <-chan struct{}, tracker *presence.Tracker) {
	for ctx.Err() == nil {
		changed := r.change()
		devices, err := r.refresh(ctx)
		present, serial := r.summary(devices)
		tracker.Set(err == nil, present, serial)
		again := time.NewTimer(tryLast)
		if err == nil {
			again.Stop()
		}
		select {
		case <-again.C:
		case <-changed:
		case <-plugs:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// summary is present when any slot has a card; the serial moves with what happens in those that have one, and with each claim
// of theirs. An empty reader that comes or goes is no matter of a card on another.
func (r *Reader) summary(devices []*device) (present bool, serial uint64) {
	h := fnv.New64a()
	for _, s := range r.slotsOf(devices) {
		if p, n := s.state(); p {
			present = true
			fmt.Fprintf(h, "%d\x00%d\x00%d\x00", s.d.claim, s.n, n)
		}
	}
	return present, h.Sum64()
}

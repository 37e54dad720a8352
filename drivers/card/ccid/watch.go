package ccid

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"honnin/drivers/card/internal/presence"
	"honnin/drivers/internal/usb"
)

// How often is looked where nothing tells.
const (
	askFirst = 100 * time.Millisecond // slots of a reader without an interrupt pipe, twice as long each time
	askLast  = time.Second
	certain  = 10 * time.Second // slots of a reader with one: a notice may be lost
	tryFirst = 500 * time.Millisecond
	tryLast  = 10 * time.Second       // readers that could not be claimed
	stalls   = 4                      // of an interrupt pipe in a row, before it is given up
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
		notices: notices.Address, notice: notices.MaxPacket,
		packet: in.MaxPacket, name: name, turn: make(chan struct{}, 1), stir: func() {},
	}
	for n := range d.Slots {
		d.slots = append(d.slots, &slot{d: d, n: byte(n), name: slotName(name, n)})
	}
	return d, nil
}

// follow keeps the slots' states until close.
func (d *device) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d.close = func() {
		cancel()
		<-done
		d.settle()
		_ = d.pipes.Close() // a transfer that does not end has its handle left to the kernel
	}
	go func() {
		defer close(done)
		if d.notices != 0 {
			d.listen(ctx)
		}
		d.poll(ctx)
	}()
}

// listen reads notices until the pipe gives up. What comes right after the claim may have waited in the reader for long,
// so the slots are asked then.
func (d *device) listen(ctx context.Context) {
	fresh, done := context.WithTimeout(ctx, stale)
	defer done()
	b := make([]byte, packets(1+(d.Slots+3)/4, d.notice)) // no more: a notice of whole packets would wait for the next one
	for failures := 0; failures < stalls && ctx.Err() == nil && d.failed() == nil; {
		limit, cancel := context.WithTimeout(ctx, certain)
		n, err := d.pipes.Read(limit, d.notices, b)
		late := limit.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
		case err == nil && fresh.Err() == nil:
			d.lookAll(ctx)
		case err == nil:
			failures = 0
			d.hear(b[:n])
		case late:
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
	for wait := askFirst; pause(ctx, wait) == nil && d.failed() == nil; {
		wait = min(2*wait, askLast)
		if d.lookAll(ctx) {
			wait = askFirst
		}
	}
}

// Watch calls notify with what is, and then with every change, until ctx ends. A missing reader is a missing card, and
// is waited for.
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

// watch looks at all readers at each change, of the bus and of theirs, and sooner or later where one could not be claimed.
func (r *Reader) watch(ctx context.Context, plugs <-chan struct{}, tracker *presence.Tracker) {
	for wait := tryFirst; ctx.Err() == nil; {
		changed := r.change()
		devices, incomplete, _ := r.refresh(ctx, true)
		tracker.Set(r.summary(devices))
		if !incomplete {
			wait = tryLast
		}
		if r.await(ctx, wait, changed, plugs) {
			wait = min(2*wait, tryLast)
		} else {
			wait = tryFirst
		}
	}
}

// await waits for a change; true when nothing came.
func (r *Reader) await(ctx context.Context, wait time.Duration, changed, plugs <-chan struct{}) (nothing bool) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-changed:
	case <-plugs:
	case <-ctx.Done():
	}
	return false
}

// summary is present when any slot has a card; the serial moves with what happens in each.
func (r *Reader) summary(devices []*device) (present bool, serial uint64) {
	h := fnv.New64a()
	for _, s := range r.slotsOf(devices) {
		p, n := s.state()
		present = present || p
		fmt.Fprintf(h, "%s\x00%d\x00", s.name, n)
	}
	return present, h.Sum64()
}

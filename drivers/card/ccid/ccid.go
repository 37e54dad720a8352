// Package ccid reaches a card through a reader on USB, without pcscd: the device class of smart card readers (USB-IF,
// Device Class: Smart Card CCID, rev. 1.1; its sections are meant by § here) over package usb.
//
// # Levels
//
// A reader says how much of the card's protocol it leaves to its host. At the extended APDU level that is nothing but to
// cut long commands and answers to its buffer; at the short APDU level there is no extended length; at the TPDU level,
// where the common contact readers are, the blocks of T=1 are ours (package contact), and the mapping of APDUs to T=0.
// Negotiation (PPS, parameters, IFSD) is done as far as the reader does not do it itself. Extended length where it cannot be
// carried is answered 6700 in the card's name, which is what a card says that has none.
//
// # What is promised
//
// A command is handed to the reader once. Whatever goes wrong with that message, or its answer (a stall, silence,
// garbage, another number), the card is lost ([card.ErrGone]) and the caller connects anew; only T=1 repeats, blocks and
// not commands. What concerns the reader alone (power, status, parameters) is asked again after a stall. A command that
// nobody waits for any more is aborted (§5.3.1) before the next one; a reader that does not come back from that is
// claimed anew.
//
// Connecting resets the card, closing takes its power. A connection is to the card that lay there: when the reader told
// of a removal since, it is over, whatever lies there now.
//
// # Readers that come and go
//
// Interfaces are claimed while somebody watches or is connected, and at no other time. A reader that was unplugged, or
// is in use by pcscd or a kernel driver that does not let go, or may not be opened, is [card.ErrNoReader] with
// package usb's error beside it, and is looked for again: at each change on the bus, and with growing patience.
// Presence comes from the interrupt pipe; where there is none the slots are asked, less and less often while nothing
// happens.
//
// # The PIN
//
// With keys on the reader ([card.PINPad]) the PIN goes from them to the card. Otherwise it is in the messages of one
// VERIFY, which are wiped. Nothing here is logged.
package ccid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"honnin/drivers/card"
	"honnin/drivers/internal/usb"
)

const class = 0x0B // bInterfaceClass

// Found is a reader's interface, as it describes itself. Nothing is claimed to know it.
type Found struct {
	Name       string // maker, product, vendor and product number, port: what [New] is given
	Interface  int
	Alternate  int
	Descriptor Descriptor
	Err        error // [ErrDescriptor]: it cannot be used
}

// Describe returns the readers among a device's interfaces.
func Describe(i usb.Info) (found []Found) {
	for _, s := range i.Settings {
		if s.Class != class || slices.ContainsFunc(found, func(f Found) bool { return f.Interface == s.Interface }) {
			continue
		}
		f := Found{Name: name(i, s.Interface), Interface: s.Interface, Alternate: s.Alternate}
		f.Descriptor, f.Err = describe(s)
		found = append(found, f)
	}
	return found
}

func name(i usb.Info, iface int) string {
	var words []string
	for _, w := range []string{i.Manufacturer, i.Name} {
		if w != "" {
			words = append(words, w)
		}
	}
	words = append(words, fmt.Sprintf("(%04x:%04x) %s", i.Vendor, i.Product, i.Port))
	if iface > 0 {
		words = append(words, fmt.Sprintf("interface %d", iface))
	}
	return strings.Join(words, " ")
}

// describe reads the class descriptor of a setting, and asks for the pipes.
func describe(s usb.Setting) (Descriptor, error) {
	raw, ok := s.ClassDescriptor(descriptorType)
	if !ok {
		return Descriptor{}, fmt.Errorf("%w is missing", ErrDescriptor)
	}
	_, in := s.Endpoint(true, usb.KindBulk)
	_, out := s.Endpoint(false, usb.KindBulk)
	if !in || !out {
		return Descriptor{}, fmt.Errorf("%w: no bulk pipes", ErrDescriptor)
	}
	return ParseDescriptor(raw)
}

// Reader is one reader, or whichever matches. It is safe for concurrent use.
type Reader struct {
	bus  usb.Bus
	name string
	scan chan struct{} // a place for who looks at the bus

	mu      sync.Mutex
	users   int // watching, connected, or asking
	devices map[place]*device
	changed chan struct{} // closed when something is different
	open    *connection
}

// place is an interface and where it is.
type place struct {
	usb.Place
	iface int
}

// New returns the reader whose name is or contains the one given ([Found]; a slot beyond the first has " slot 1" and so on
// behind it); of several, and of all when name is "", the first with a card. Nothing is asked of the bus yet.
func New(bus usb.Bus, name string) *Reader {
	return &Reader{bus: bus, name: name, scan: make(chan struct{}, 1), devices: map[place]*device{}, changed: make(chan struct{})}
}

// stir wakes who waits for a change.
func (r *Reader) stir() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Reader) change() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *Reader) acquire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users++
}

// release closes all devices when nobody is left.
func (r *Reader) release() {
	r.scan <- struct{}{}
	defer func() { <-r.scan }()
	r.mu.Lock()
	r.users--
	var idle []*device
	if r.users == 0 {
		for _, d := range r.devices {
			idle = append(idle, d)
		}
		clear(r.devices)
	}
	r.mu.Unlock()
	for _, d := range idle {
		d.close()
	}
}

// refresh claims what there is to claim and lets go of what is gone. Without any reader it is [card.ErrNoReader], and what
// was in the way; incomplete tells that something was. Who is patient lets a reader that failed rest until the next time.
func (r *Reader) refresh(ctx context.Context, patient bool) (devices []*device, incomplete bool, err error) {
	select {
	case r.scan <- struct{}{}:
		defer func() { <-r.scan }()
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
	infos, err := r.bus.List(ctx)
	if err != nil {
		if ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", card.ErrNoReader, err)
		}
		return nil, true, err
	}
	wanted := r.wanted(infos)
	failed := r.prune(wanted)
	var excuses []error
	for _, w := range wanted {
		d := r.known(w.place)
		if err = failed[w.place]; d == nil {
			if err == nil || !patient {
				d, err = r.claim(ctx, w)
			}
			if err != nil {
				excuses = append(excuses, fmt.Errorf("%s: %w", w.found.Name, err))
				continue
			}
		}
		devices = append(devices, d)
	}
	switch {
	case ctx.Err() != nil:
		return nil, true, ctx.Err()
	case len(devices) == 0 && len(excuses) > 0:
		return nil, true, fmt.Errorf("%w: %w", card.ErrNoReader, errors.Join(excuses...))
	case len(devices) == 0:
		return nil, false, card.ErrNoReader
	}
	return devices, len(excuses) > 0, nil
}

type candidate struct {
	place
	found Found
}

// wanted are the interfaces that may be this reader: those of that exact name, else those that contain it.
func (r *Reader) wanted(infos []usb.Info) (wanted []candidate) {
	for _, i := range infos {
		for _, f := range Describe(i) {
			if r.means(f) {
				wanted = append(wanted, candidate{place{i.Place, f.Interface}, f})
			}
		}
	}
	exact := slices.IndexFunc(wanted, func(c candidate) bool { return c.found.Name == r.name })
	if exact >= 0 {
		return wanted[exact : exact+1]
	}
	return wanted
}

// means tells whether the name of any of its slots fits.
func (r *Reader) means(f Found) bool {
	for n := range max(f.Descriptor.Slots, 1) {
		if strings.Contains(slotName(f.Name, n), r.name) {
			return true
		}
	}
	return false
}

func slotName(reader string, n int) string {
	if n == 0 {
		return reader
	}
	return fmt.Sprintf("%s slot %d", reader, n)
}

func (r *Reader) known(p place) *device {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.devices[p]
}

// prune closes what is not there any more, or has to be claimed anew: why is returned.
func (r *Reader) prune(wanted []candidate) map[place]error {
	r.mu.Lock()
	var over []*device
	failed := map[place]error{}
	for p, d := range r.devices {
		there := slices.ContainsFunc(wanted, func(c candidate) bool { return c.place == p })
		if err := d.failed(); !there || err != nil {
			over = append(over, d)
			failed[p] = err
			delete(r.devices, p)
		}
	}
	r.mu.Unlock()
	for _, d := range over {
		_ = d.fail(usb.ErrGone)
		d.close()
	}
	return failed
}

// claim opens an interface and asks each slot for its state.
func (r *Reader) claim(ctx context.Context, c candidate) (*device, error) {
	if c.found.Err != nil {
		return nil, c.found.Err
	}
	pipes, err := r.bus.Claim(ctx, c.Place, c.iface, c.found.Alternate)
	if err != nil {
		return nil, err
	}
	d, err := newDevice(pipes, c.iface, c.found.Name)
	if err != nil {
		return nil, errors.Join(err, pipes.Close())
	}
	for _, s := range d.slots {
		if err := d.look(ctx, s); err != nil {
			return nil, errors.Join(err, pipes.Close())
		}
	}
	d.stir = r.stir // from now on: that a claim failed is no news
	d.follow()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices[c.place] = d
	return d, nil
}

// slotsOf are the slots that this reader stands for.
func (r *Reader) slotsOf(devices []*device) (slots []*slot) {
	for _, d := range devices {
		for _, s := range d.slots {
			if strings.Contains(s.name, r.name) {
				slots = append(slots, s)
			}
		}
	}
	return slots
}

// Present reports whether a card lies on the reader: [card.ErrNoReader].
func (r *Reader) Present(ctx context.Context) (bool, error) {
	r.acquire()
	defer r.release()
	devices, _, err := r.refresh(ctx, false)
	if err != nil {
		return false, err
	}
	s, err := r.occupied(ctx, devices)
	return s != nil, err
}

// occupied returns the first slot with a card, nil when there is none. A reader that is busy with a command is not asked:
// what it said last counts.
func (r *Reader) occupied(ctx context.Context, devices []*device) (*slot, error) {
	var wrong error
	for _, s := range r.slotsOf(devices) {
		if len(s.d.turn) == 0 {
			if err := s.d.look(ctx, s); err != nil {
				wrong = reading(err)
				continue
			}
		}
		if present, _ := s.state(); present {
			return s, nil
		}
	}
	return nil, wrong
}

// reading gives package card's word to errors of a reader without a connection.
func reading(err error) error {
	if errors.Is(err, usb.ErrGone) {
		return fmt.Errorf("%w: %w", card.ErrNoReader, err)
	}
	return err
}

// Package usbtest is USB without hardware. A test plugs in devices, which are Go code, and gets a [usb.Bus]; claims and
// transfers run through the same code as real ones ([usb.Over]). Each transfer reaches the device's [Model], which
// answers, stalls, waits or breaks as the test wants it.
//
// Reads are made of packets, as on the wire: an answer is cut at the endpoint's MaxPacket and, unless NoEmpty is set,
// closed by an empty packet where it would else not end. Who reads with too small a buffer gets what a real host gives.
//
// When the test ends it fails for each interface that is still claimed, each transfer that is still running, each
// handle closed under a running transfer, each endpoint used by two goroutines at once, and each endpoint whose halt the
// device was told to clear while this side counts on.
package usbtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"honnin/drivers/internal/usb"
)

// Model is the inside of a device. Its methods are called beside each other, one at a time for each endpoint. The
// context ends when the transfer is cancelled, or (then with [usb.ErrGone] as its cause) when the device is unplugged.
type Model interface {
	// Control answers a control request: data for a request in, what was written for one out.
	Control(ctx context.Context, r Request) ([]byte, error)
	// Out takes one transfer, and says how much of it.
	Out(ctx context.Context, endpoint uint8, p []byte) (int, error)
	// In is the next thing the device says there, of any length. It waits until there is something.
	In(ctx context.Context, endpoint uint8) ([]byte, error)
}

// Request is one control transfer's setup packet, and its data if it is one out.
type Request struct {
	Type, Request uint8
	Value, Index  uint16
	Length        int
	Data          []byte
}

// Device is a device, and where it was plugged in last.
type Device struct {
	Info    usb.Info
	Model   Model
	NoEmpty bool   // it sends no empty packet after a last packet that is full
	Holder  string // a program that has it open

	// Claim, where set, is asked before each claim: [usb.ErrBusy], [usb.ErrPermission].
	Claim func(iface, alternate int) error
}

// plugged is a device from one plug to its unplug.
type plugged struct {
	*Device
	life context.Context
	end  context.CancelCauseFunc

	mu      sync.Mutex
	claimed map[int]bool
}

// Bus is a [usb.Bus].
type Bus struct {
	t testing.TB

	mu      sync.Mutex
	devices []*plugged
	next    int
	changed chan struct{} // closed at the next change
	open    map[*handle]bool
}

// New is a bus without devices. It is looked over when the test ends.
func New(t testing.TB) *Bus {
	b := &Bus{t: t, changed: make(chan struct{}), open: map[*handle]bool{}}
	t.Cleanup(b.Check)
	return b
}

// Check fails the test for whatever is still claimed. New does it at the end of the test; one in a synctest bubble
// does it in there.
func (b *Bus) Check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for h := range b.open {
		b.t.Errorf("usbtest: interface %d of %s is still claimed", h.iface, h.d.Info.Port)
		if n := h.transfers(); n > 0 {
			b.t.Errorf("usbtest: %d transfers are still running on it", n)
		}
	}
	clear(b.open)
}

// Plug connects a device. Its bus is 1 where it says none, and its address is a new one.
func (b *Bus) Plug(d *Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	d.Info.Bus, d.Info.Address = max(d.Info.Bus, 1), b.next
	if d.Info.Port == "" {
		d.Info.Port = fmt.Sprintf("%d-%d", d.Info.Bus, b.next)
	}
	p := &plugged{Device: d, claimed: map[int]bool{}}
	p.life, p.end = context.WithCancelCause(context.Background())
	b.devices = append(b.devices, p)
	b.change()
}

// Unplug takes a device away. What runs on it ends with [usb.ErrGone].
func (b *Bus) Unplug(d *Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.devices = slices.DeleteFunc(b.devices, func(p *plugged) bool {
		if p.Device == d {
			p.end(usb.ErrGone)
		}
		return p.Device == d
	})
	b.change()
}

func (b *Bus) change() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// List is every device that is plugged in.
func (b *Bus) List(ctx context.Context) ([]usb.Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]usb.Info, 0, len(b.devices))
	for _, d := range b.devices {
		list = append(list, d.Info)
	}
	slices.SortFunc(list, func(x, y usb.Info) int { return strings.Compare(x.Port, y.Port) })
	return list, ctx.Err()
}

// Changes tells of each Plug and Unplug.
func (b *Bus) Changes(ctx context.Context, notify func()) {
	for ctx.Err() == nil {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		notify()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Claim is as [usb.Bus] says.
func (b *Bus) Claim(ctx context.Context, at usb.Place, iface, alternate int) (usb.Interface, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.at(at)
	if d == nil {
		return nil, usb.ErrGone
	}
	s, ok := d.Info.Setting(iface, alternate)
	if !ok {
		return nil, fmt.Errorf("%w: no interface %d with setting %d", usb.ErrDescriptor, iface, alternate)
	}
	h := &handle{b: b, d: d, iface: iface, packets: map[uint8][][]byte{}, running: map[uint8]int{}, ahead: map[uint8]bool{}}
	if err := d.take(iface, alternate); err != nil {
		return nil, err
	}
	b.open[h] = true
	return usb.Over(h, s), nil
}

// at is what is plugged in at a place, or nil.
func (b *Bus) at(place usb.Place) *plugged {
	i := slices.IndexFunc(b.devices, func(d *plugged) bool { return d.Info.Place == place })
	if i < 0 {
		return nil
	}
	return b.devices[i]
}

// Holder is what the device says.
func (b *Bus) Holder(at usb.Place) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.at(at); d != nil {
		return d.Device.Holder
	}
	return ""
}

func (d *plugged) take(iface, alternate int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claimed[iface] {
		return fmt.Errorf("%w: claimed before and not given back", usb.ErrBusy)
	}
	if d.Claim != nil {
		if err := d.Claim(iface, alternate); err != nil {
			return err
		}
	}
	d.claimed[iface] = true
	return nil
}

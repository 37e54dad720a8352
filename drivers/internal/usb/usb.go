// Package usb is the one seam to USB: which devices are there, and the pipes of one claimed interface.
//
// Three sources, each for what it does well. The kernel's own tree (/sys/bus/usb/devices) says which devices there
// are, with their whole descriptors and the driver that is bound; that needs no permission and wakes nobody. The
// kernel's netlink events say that something was plugged or pulled; udevd need not run. gousb (libusb) claims an
// interface and moves bytes. A libusb context sees no later device without udevd, so each claim has a context of its
// own, and none is open while nothing is claimed.
//
// What gousb would do wrong by itself is kept here (gousb.go): it detaches the drivers of all interfaces and gives
// them back for one, it has no clearing of halts, a control transfer cannot be cancelled, and a handle that is closed
// under a running transfer is a use after free. Above it (claim.go) stands what is ours and tested without hardware:
// each call ends soon after its context, and Close cancels, waits, and only then gives the handle back.
//
// Each claim costs ten rounds a second of gousb's event loop, which waits 100 ms at most; with the Go runtime's own
// threads that made 62 to 66 context switches a second in an emulated machine. One context for all claims would save
// all but one loop, and would let a device that holds up a call of the kernel's hold up the others.
//
// Drivers take a [Bus]. Tests give them usbtest's, whose interfaces are made of the same code as real ones.
package usb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of this package. They name no serial number and quote no transferred byte.
var (
	ErrNoBus      = errors.New("usb: this machine has no USB")                                    // no bus in the kernel's tree
	ErrGone       = errors.New("usb: the device is gone")                                         // unplugged, or another one is in its place
	ErrStall      = errors.New("usb: the endpoint is stalled")                                    // [Interface.ClearHalt] it; a control pipe clears itself
	ErrBusy       = errors.New("usb: the interface is in use")                                    // the text says by whom
	ErrPermission = errors.New("usb: no permission")                                              // the text names the udev rule
	ErrTimeout    = errors.New("usb: the transfer was given up")                                  // its context ended, whose error is wrapped too
	ErrOverflow   = errors.New("usb: the device sent more than was asked for")                    // the bytes that fitted are returned
	ErrTransfer   = errors.New("usb: the transfer failed")                                        // also the first sign of many an unplug
	ErrClosed     = errors.New("usb: the interface is closed")                                    // used after Close
	ErrDescriptor = errors.New("usb: bad descriptors")                                            // the device describes itself wrongly
	ErrStuck      = errors.New("usb: a transfer does not end; its handle is closed when it does") // from Close; nothing is closed under a running transfer
)

// Bus is all USB buses of a machine.
type Bus interface {
	// List is every device but the hubs, by port: [ErrNoBus].
	List(ctx context.Context) ([]Info, error)
	// Changes calls notify once, then whenever something may have been plugged or pulled, until ctx ends. A call may
	// come for nothing, and one may stand for several changes.
	Changes(ctx context.Context, notify func())
	// Claim takes one interface in one alternate setting. A kernel driver bound to it is detached, and bound again by
	// Close. [ErrGone], [ErrBusy], [ErrPermission], [ErrDescriptor].
	Claim(ctx context.Context, at Place, iface, alternate int) (Interface, error)
	// Holder is the name of a program that has the device open, as far as this process may see; "" for none. It looks at
	// every open file of the machine.
	Holder(at Place) string
}

// Interface is one claimed interface. Each endpoint is for one goroutine at a time. Each call ends soon after its
// context. A call that fails may have moved bytes: n says how many at most, since EHCI counts what a stall has refused.
type Interface interface {
	// Setting is what the device itself said of this interface when it was claimed, read by control transfer.
	Setting() Setting
	// Control is one transfer on endpoint 0 (USB 2.0 §9.3); bit 7 of requestType says that data is filled by the
	// device. A request takes 5 s at most (§9.2.6.1). One that is given up may still reach the device.
	Control(ctx context.Context, requestType, request uint8, value, index uint16, data []byte) (n int, err error)
	// Read is one bulk or interrupt transfer in; a packet shorter than the endpoint's ends it. len(p) should be a
	// multiple of MaxPacket, or a longer packet is [ErrOverflow].
	Read(ctx context.Context, endpoint uint8, p []byte) (n int, err error)
	// Write is one bulk transfer out, of any length. It adds no empty packet; an empty p is one.
	Write(ctx context.Context, endpoint uint8, p []byte) (n int, err error)
	// ClearHalt ends a stall, on both sides. Only after [ErrStall]: else the two lose count of their packets. An error leaves
	// the endpoint unfit for use.
	ClearHalt(ctx context.Context, endpoint uint8) error
	// Close cancels what runs, waits for it, releases the interface and gives its kernel driver back: [ErrStuck].
	Close() error
}

// Place is where a device is.
type Place struct {
	Bus     int    // from 1
	Address int    // on the bus, from 1; new after each plug
	Port    string // "1-2.3": bus 1, port 2, a hub's port 3. The same after a replug
}

// Info is what a device says of itself, in its active configuration.
type Info struct {
	Place
	Vendor, Product uint16
	Version         uint16 // bcdDevice
	Manufacturer    string // may be empty; cleaned for display
	Name            string // the product's name; may be empty; cleaned for display
	Settings        []Setting
	Broken          error          // what is wrong with the descriptors; then there may be no Settings
	Drivers         map[int]string // what is bound to an interface: "usblp", or [Program]. Missing is nobody
	DeviceIDs       map[int]string // IEEE 1284 ids of printers that usblp has asked; without serial numbers
	Denied          bool           // this process may not open the device
	Speed           string         // "low", "full", "high", "super", "super-plus" (USB 2.0 §4.2.1, USB 3.2 §3.1); "": not known
}

// Program is bound to an interface that a program has claimed, be it this one.
const Program = "usbfs"

// Setting is one alternate setting of one interface (USB 2.0 §9.6.5).
type Setting struct {
	Interface, Alternate      int
	Class, SubClass, Protocol uint8
	Endpoints                 []Endpoint
	Extra                     []byte // class-specific descriptors before the first endpoint, whole
}

// String is "0/1 7/1/4": interface and alternate, then class, subclass and protocol.
func (s Setting) String() string {
	return fmt.Sprintf("%d/%d %d/%d/%d", s.Interface, s.Alternate, s.Class, s.SubClass, s.Protocol)
}

// Endpoint is one pipe (USB 2.0 §9.6.6).
type Endpoint struct {
	Address   uint8 // bit 7: in
	Kind      Kind
	MaxPacket int   // bytes
	Interval  uint8 // bInterval
	Extra     []byte
}

// Kind is how a pipe transfers (bmAttributes, bits 1 and 0).
type Kind uint8

// The kinds of pipes.
const (
	KindControl Kind = iota
	KindIsochronous
	KindBulk
	KindInterrupt
)

// In says that the device sends on it.
func (e Endpoint) In() bool { return e.Address&0x80 != 0 }

// Endpoint finds the first endpoint of a kind and direction that can carry anything.
func (s Setting) Endpoint(in bool, kind Kind) (Endpoint, bool) {
	for _, e := range s.Endpoints {
		if e.In() == in && e.Kind == kind && e.MaxPacket > 0 {
			return e, true
		}
	}
	return Endpoint{}, false
}

// ClassDescriptor finds a class-specific descriptor, whole. Some devices put it after their endpoints.
func (s Setting) ClassDescriptor(kind uint8) ([]byte, bool) {
	if d, ok := find(s.Extra, kind); ok {
		return d, true
	}
	for _, e := range s.Endpoints {
		if d, ok := find(e.Extra, kind); ok {
			return d, true
		}
	}
	return nil, false
}

// ID is vendor and product as one writes them: "054c:0dc9".
func (i Info) ID() string { return fmt.Sprintf("%04x:%04x", i.Vendor, i.Product) }

// Setting finds one setting of the active configuration.
func (i Info) Setting(iface, alternate int) (Setting, bool) {
	for _, s := range i.Settings {
		if s.Interface == iface && s.Alternate == alternate {
			return s, true
		}
	}
	return Setting{}, false
}

// Handle is what gousb, or a fake, gives for one claimed interface. [Over] makes an [Interface] of it.
type Handle interface {
	// Control blocks until the transfer is over, timeout at most.
	Control(timeout time.Duration, requestType, request uint8, value, index uint16, data []byte) (int, error)
	// Transfer moves p in the endpoint's direction. When ctx ends it cancels. It returns when the transfer is over.
	Transfer(ctx context.Context, e Endpoint, p []byte) (int, error)
	// ResetEndpoint makes this side count packets from the beginning. Nothing is sent, and no transfer runs there.
	ResetEndpoint(address uint8) error
	// Close releases the interface. No transfer is running.
	Close() error
}

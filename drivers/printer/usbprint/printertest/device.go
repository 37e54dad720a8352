package printertest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"net"
	"slices"
	"sync"
)

// What a transfer can come to.
var (
	ErrStall     = errors.New("printertest: stall")
	ErrUnplugged = errors.New("printertest: unplugged")
)

// Action is what goes wrong.
type Action int

// The actions.
const (
	Nothing Action = iota
	Stall          // one transfer out
	Refuse         // no more bytes are taken, for ever
	Unplug         // the printer is gone
	Mute           // nothing is said any more on any pipe in
	Babble         // what is said is replaced by noise
	Late           // what is said waits for [Device.Go]
)

// Fault is an action, once so many bytes of pipes out have been taken since it was set.
type Fault struct {
	After int
	Do    Action
}

// Bits of the port status (USB Printing Devices 1.1 §4.2.2).
const (
	PaperEmpty = 0x20
	Selected   = 0x10
	NotError   = 0x08
)

// Device is one printer. It is safe for concurrent use.
type Device struct {
	Model
	// Dial reaches the IPP printer behind it, once for each connection.
	Dial func() (net.Conn, error)
	// Unplugged, when set, is called when the printer unplugs itself.
	Unplugged func()
	// Chatty printers take no documents until what they say is read: so many bytes after each 16 kB.
	Chatty int

	mu      sync.Mutex
	changed chan struct{}
	fault   Fault
	taken   int
	going   bool
	gone    bool
	status  byte
	resets  int
	hash    hash.Hash // of what was taken as it is
	size    int
	owes    int // bytes since it last said something
	ways    []*way
}

// way is one interface.
type way struct {
	alternate int
	conn      net.Conn
	said      [][]byte
	halted    bool
}

// New makes a printer that is ready.
func New(m Model, dial func() (net.Conn, error)) *Device {
	d := &Device{Model: m.settled(), Dial: dial, changed: make(chan struct{}), status: Selected | NotError, hash: sha256.New()}
	for range d.interfaces() {
		d.ways = append(d.ways, &way{})
	}
	return d
}

// Strike sets what goes wrong next.
func (d *Device) Strike(f Fault) {
	d.with(func() { d.fault, d.taken, d.going = f, 0, false })
}

// Go lets out what was [Late].
func (d *Device) Go() { d.with(func() { d.going = true }) }

// AwaitLate waits until something that it says is [Late].
func (d *Device) AwaitLate(ctx context.Context) error {
	for {
		d.mu.Lock()
		late := d.late() && slices.ContainsFunc(d.ways, func(w *way) bool { return len(w.said) > 0 })
		changed := d.changed
		d.mu.Unlock()
		if late {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Status sets the port status.
func (d *Device) Status(b byte) { d.with(func() { d.status = b }) }

// Taken is the SHA-256 and the size of what was taken as it is since the last reset.
func (d *Device) Taken() (sum [32]byte, size int) {
	d.with(func() { sum, size = [32]byte(d.hash.Sum(nil)), d.size })
	return sum, size
}

// Resets is how often it was told to empty its buffers.
func (d *Device) Resets() (n int) {
	d.with(func() { n = d.resets })
	return n
}

// Plug makes a printer of it again that has just got power.
func (d *Device) Plug() {
	d.with(func() {
		d.gone, d.fault, d.taken = false, Fault{}, 0
		d.restart()
	})
}

// Gone says whether it was unplugged.
func (d *Device) Gone() (gone bool) {
	d.with(func() { gone = d.gone })
	return gone
}

// Unplug takes the printer away.
func (d *Device) Unplug() {
	d.with(func() {
		d.gone = true
		d.restart()
	})
	if d.Unplugged != nil {
		d.Unplugged()
	}
}

func (d *Device) restart() {
	for _, w := range d.ways {
		w.hangUp()
		w.halted = false
	}
}

func (d *Device) with(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (w *way) hangUp() {
	if w.conn != nil {
		_ = w.conn.Close()
	}
	w.conn, w.said = nil, nil
}

// Select is SET_INTERFACE (USB 2.0 §9.4.10): its pipes begin anew.
func (d *Device) Select(iface, alternate int) {
	d.with(func() {
		w := d.ways[iface]
		w.alternate, w.halted = alternate, false
		w.hangUp()
	})
}

// ClearHalt ends a stall.
func (d *Device) ClearHalt(endpoint uint8) error {
	if of(endpoint) >= len(d.ways) {
		return ErrStall
	}
	d.with(func() { d.ways[of(endpoint)].halted = false })
	return nil
}

// Control answers a class request to an interface.
func (d *Device) Control(kind, request uint8, value, index uint16, data []byte) (n int, err error) {
	d.with(func() { n, err = d.control(kind, request, value, index, data) })
	return n, err
}

func (d *Device) control(kind, request uint8, value, index uint16, data []byte) (int, error) {
	if d.gone {
		return 0, ErrUnplugged
	}
	switch [2]uint8{kind, request} {
	case [2]uint8{0xa1, 0}: // GET_DEVICE_ID: configuration, and interface and alternate
		if value != 0 || int(index>>8) >= len(d.ways) {
			return 0, ErrStall
		}
		return copy(data, append(binary.BigEndian.AppendUint16(nil, uint16(2+len(d.DeviceID))), d.DeviceID...)), nil
	case [2]uint8{0xa1, 1}: // GET_PORT_STATUS
		return copy(data, []byte{d.status}), nil
	case [2]uint8{0x21, 2}, [2]uint8{0x23, 2}: // SOFT_RESET
		d.resets++
		d.hash, d.size, d.owes = sha256.New(), 0, 0
		return 0, nil
	case [2]uint8{0x81, 0}: // GET_STATUS
		return copy(data, []byte{0, 0}), nil
	}
	return 0, ErrStall
}

// Out takes a transfer, and says how much of it. It takes its time where the printer does.
func (d *Device) Out(ctx context.Context, endpoint uint8, p []byte) (n int, err error) {
	if of(endpoint) >= len(d.ways) || endpoint != Out(of(endpoint)) {
		return 0, ErrStall
	}
	w := d.ways[of(endpoint)]
	for n < len(p) || len(p) == 0 {
		part, err := d.admit(ctx, w, p[n:])
		if err != nil {
			return n, err
		}
		if err := d.use(w, of(endpoint), p[n:n+part]); err != nil {
			return n, err
		}
		if n += part; len(p) == 0 {
			break
		}
	}
	return n, nil
}

// admit says how many of these bytes may be used before something goes wrong, or does it.
func (d *Device) admit(ctx context.Context, w *way, p []byte) (part int, err error) {
	for {
		d.mu.Lock()
		part, wait, err := d.room(w, len(p))
		changed := d.changed
		d.mu.Unlock()
		switch {
		case part == leaves:
			d.Unplug()
			return 0, ErrUnplugged
		case !wait:
			return part, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

const leaves = -1 // in place of a number of bytes: here it is unplugged

// room says how many of n bytes may be used now, or [leaves], or to wait.
func (d *Device) room(w *way, n int) (part int, wait bool, err error) {
	before := n
	if d.fault.Do == Stall || d.fault.Do == Refuse || d.fault.Do == Unplug {
		before = d.fault.After - d.taken
	}
	switch {
	case d.gone:
		return 0, false, ErrUnplugged
	case w.halted:
		return 0, false, ErrStall
	case d.Chatty > 0 && len(w.said) > 0 && !d.over(0, w.alternate):
		return 0, true, nil
	case before > 0 || n == 0:
		part = min(before, n, 16<<10)
		d.taken += part
		return part, false, nil
	case d.fault.Do == Stall:
		d.fault, w.halted = Fault{}, true
		return 0, false, ErrStall
	case d.fault.Do == Unplug:
		return leaves, false, nil
	}
	return 0, true, nil
}

// use is what a printer does with bytes.
func (d *Device) use(w *way, iface int, p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over(iface, w.alternate) {
		return d.forward(w, p)
	}
	d.hash.Write(p)
	d.size += len(p)
	if d.owes += len(p); d.Chatty > 0 && d.owes >= 16<<10 {
		d.owes = 0
		d.say(w, make([]byte, d.Chatty))
	}
	return nil
}

// forward hands bytes to the IPP printer. One that does not answer is silence, as on a real pipe.
func (d *Device) forward(w *way, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if w.conn == nil {
		conn, err := d.Dial()
		if err != nil {
			return nil
		}
		w.conn = conn
		go d.listen(w, conn)
	}
	conn := w.conn
	d.mu.Unlock() // it may take its time
	_, err := conn.Write(p)
	d.mu.Lock()
	if err != nil && w.conn == conn {
		w.hangUp()
	}
	return nil
}

// listen is what the IPP printer says.
func (d *Device) listen(w *way, conn net.Conn) {
	for {
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		d.with(func() {
			if n > 0 && w.conn == conn {
				d.say(w, b[:n])
			}
			if err != nil && w.conn == conn {
				w.conn = nil
			}
		})
		if err != nil {
			_ = conn.Close()
			return
		}
	}
}

func (d *Device) say(w *way, p []byte) {
	w.said = append(w.said, p)
	close(d.changed)
	d.changed = make(chan struct{})
}

// In is the next that the printer says there.
func (d *Device) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	if of(endpoint) >= len(d.ways) || endpoint != In(of(endpoint)) {
		return nil, ErrStall
	}
	w := d.ways[of(endpoint)]
	for {
		d.mu.Lock()
		p, err := d.tell(w)
		changed := d.changed
		d.mu.Unlock()
		if p != nil || err != nil {
			return p, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *Device) late() bool { return d.fault.Do == Late && d.taken >= d.fault.After && !d.going }

func (d *Device) tell(w *way) ([]byte, error) {
	due := d.taken >= d.fault.After
	switch {
	case d.gone:
		return nil, ErrUnplugged
	case len(w.said) == 0 || due && d.fault.Do == Mute || d.late():
		return nil, nil
	}
	p := w.said[0]
	w.said = w.said[1:]
	if due && d.fault.Do == Babble {
		for i := range p {
			p[i] ^= 0x5a
		}
	}
	close(d.changed) // a chatty one goes on
	d.changed = make(chan struct{})
	return p, nil
}

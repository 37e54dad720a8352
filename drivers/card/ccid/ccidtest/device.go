package ccidtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// What a transfer can come to.
var (
	ErrStall     = errors.New("ccidtest: stall")
	ErrUnplugged = errors.New("ccidtest: unplugged")
)

// Card is what a reader is given: an application behind contacts.
type Card interface {
	ATR() []byte
	Reset()
	Process(command []byte) []byte
}

// Contact is a card in a slot, and how it speaks.
type Contact struct {
	Card
	T       byte // the protocol it speaks, one of its ATR's
	Chip    Chip // how it speaks T=1; App is set by the reader
	Voltage byte // the only one it lives at, as bPowerSelect counts; 0 for all
	Mute    bool // does not answer its reset
}

// Fault is what goes wrong with one message to the reader.
type Fault struct {
	StallOut, StallIn bool
	Silent            bool // no answer
	Held              bool // the answer comes just before that to an Abort
	Unplug            bool // before the message arrives
	Pull              bool // the card, before the message takes effect
	Late              bool // Pull comes after the card has answered, and the reader notices
	Rewrite           func(answer []byte) []byte
	First             []byte // a message in front of the answer
}

// Device is one reader. It is safe for concurrent use.
type Device struct {
	Model
	// Slow is how many time extensions a command to the card takes.
	Slow int

	mu       sync.Mutex
	fault    func(n int, message []byte) *Fault
	changed  chan struct{}
	unplug   bool
	partial  []byte // of a message that is still coming
	queue    [][]byte
	held     [][]byte
	notices  [][]byte
	halted   map[uint8]bool
	slots    []*slot
	n        int
	wrongs   []string
	messages []byte // the types of all messages that came
	bytesIn  int
	bytesOut int
}

type slot struct {
	contact  *Contact
	powered  bool
	fresh    bool // nothing was said to the card since its reset
	protocol byte // set by the host, or of itself
	set      bool
	gather   []byte
	rest     []byte
	pending  []byte // a Secure that waits for somebody's fingers
	aborting int    // sequence number that the control pipe named, or -1
}

// New makes a reader without cards.
func New(m Model) *Device {
	d := &Device{Model: m.settled(), changed: make(chan struct{}), halted: map[uint8]bool{}}
	for range d.Slots {
		d.slots = append(d.slots, &slot{aborting: -1})
	}
	return d
}

// Break has f say what goes wrong with message n (from 0), if anything; nil ends it. f must not call the device.
func (d *Device) Break(f func(n int, message []byte) *Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Insert puts a card into a slot.
func (d *Device) Insert(n int, c *Contact) { d.move(n, c) }

// Remove takes it out.
func (d *Device) Remove(n int) { d.move(n, nil) }

func (d *Device) move(n int, c *Contact) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change(n, c)
}

func (d *Device) change(n int, c *Contact) {
	s := d.slots[n]
	s.contact, s.powered, s.rest, s.gather = c, false, nil, nil
	if c != nil && d.Features&AutoActivation != 0 {
		d.power(s, 0)
	}
	if s.pending != nil {
		d.finish(s, fail(0xFE), nil)
	}
	note := make([]byte, 1+(d.Slots+3)/4)
	note[0] = 0x50
	for i, other := range d.slots {
		if other.contact != nil {
			note[1+i/4] |= 1 << (i % 4 * 2)
		}
	}
	note[1+n/4] |= 2 << (n % 4 * 2)
	d.notices = append(d.notices, note)
	d.stir()
}

// Notify sends any bytes through the interrupt pipe.
func (d *Device) Notify(b ...byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notices = append(d.notices, b)
	d.stir()
}

// Say puts any bytes into the bulk pipe to the host.
func (d *Device) Say(b ...byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, b)
	d.stir()
}

// Unplug ends all transfers with [ErrUnplugged], the ones to come too.
func (d *Device) Unplug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unplug = true
	d.stir()
}

// Plug is the reader in a port again: without power until now, so without memory.
func (d *Device) Plug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unplug, d.partial, d.queue, d.held, d.notices = false, nil, nil, nil, nil
	d.halted = map[uint8]bool{}
	for _, s := range d.slots {
		*s = slot{contact: s.contact, aborting: -1}
	}
	d.stir()
}

// Wrongs is what the host did that the standard does not allow.
func (d *Device) Wrongs() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.wrongs...)
}

// Messages is the type of each message that came.
func (d *Device) Messages() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.messages)
}

// Traffic is how many bytes passed through the bulk pipes.
func (d *Device) Traffic() (toReader, fromReader int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bytesOut, d.bytesIn
}

func (d *Device) wrong(format string, args ...any) {
	d.wrongs = append(d.wrongs, fmt.Sprintf(format, args...))
}

func (d *Device) stir() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Control answers a request of the class (§5.3). The standard requests are those of who lends the device.
func (d *Device) Control(kind, request uint8, value uint16, data []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int(value & 0xFF)
	switch {
	case d.unplug:
		return 0, ErrUnplugged
	case kind == 0x21 && request == 0x01 && n < len(d.slots):
		d.slots[n].aborting = int(value >> 8)
		return 0, nil
	case kind == 0xA1 && request == 0x02 && len(data) >= 4:
		binary.LittleEndian.PutUint32(data, 4000)
		return 4, nil
	case kind == 0xA1 && request == 0x03 && len(data) >= 4:
		binary.LittleEndian.PutUint32(data, 10752)
		return 4, nil
	}
	return 0, ErrStall
}

// ClearHalt ends a stall.
func (d *Device) ClearHalt(endpoint uint8) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unplug {
		return ErrUnplugged
	}
	d.halted[endpoint] = false
	if endpoint == Out {
		d.partial = nil
	}
	d.stir()
	return nil
}

// Write takes the data of one transfer to the bulk pipe.
func (d *Device) Write(p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.unplug:
		return ErrUnplugged
	case d.halted[Out]:
		return ErrStall
	}
	d.bytesOut += len(p)
	d.partial = append(d.partial, p...)
	m := d.partial
	if len(m) < 10 {
		d.wrong("a message of %d bytes", len(m))
		return nil
	}
	length := int(binary.LittleEndian.Uint32(m[1:]))
	switch {
	case length+10 > d.MaxMessage:
		d.wrong("a message of %d bytes, %d are allowed", length+10, d.MaxMessage)
		d.halted[Out], d.partial = true, nil
		return ErrStall
	case len(m) > length+10:
		d.wrong("%d bytes where %d were announced", len(m), length+10)
	case len(m) < length+10:
		return nil
	}
	d.partial = nil
	return d.take(m[:length+10])
}

// take carries out a message, or what is to go wrong with it.
func (d *Device) take(m []byte) error {
	f := d.mishap(m)
	switch {
	case f.Unplug:
		d.unplug = true
		d.stir()
		return ErrUnplugged
	case f.StallOut:
		d.halted[Out] = true
		return ErrStall
	}
	answers := d.answers(m, f)
	if f.First != nil {
		d.queue = append(d.queue, f.First)
	}
	for _, a := range answers {
		if f.Rewrite != nil {
			a = f.Rewrite(a)
		}
		switch {
		case f.Held:
			d.held = append(d.held, a)
		case !f.Silent && !f.StallIn:
			d.queue = append(d.queue, a)
		}
	}
	if f.StallIn {
		d.halted[In] = true
	}
	d.stir()
	return nil
}

// mishap counts a message, and says what goes wrong with it.
func (d *Device) mishap(m []byte) (f Fault) {
	if d.fault != nil {
		if p := d.fault(d.n, bytes.Clone(m)); p != nil {
			f = *p
		}
	}
	d.n++
	d.messages = append(d.messages, m[0])
	return f
}

// answers are those to a message, of which none is in the queue yet.
func (d *Device) answers(m []byte, f Fault) [][]byte {
	before := len(d.queue)
	if f.Pull && !f.Late {
		d.change(int(m[5]), nil)
	}
	d.obey(m)
	if f.Pull && f.Late {
		d.queue = d.queue[:before]
		d.change(int(m[5]), nil)
		d.reply(kindFor(m[0]), m, fail(0xFE), 0, nil)
	}
	all := append([][]byte(nil), d.queue[before:]...)
	d.queue = d.queue[:before]
	return all
}

// In is the next message on the bulk or the interrupt pipe; it waits for one.
func (d *Device) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	for {
		d.mu.Lock()
		m, err := d.give(endpoint)
		changed := d.changed
		d.mu.Unlock()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *Device) give(endpoint uint8) (m []byte, err error) {
	queue := map[uint8]*[][]byte{In: &d.queue, Interrupt: &d.notices}[endpoint]
	switch {
	case d.unplug:
		return nil, ErrUnplugged
	case queue == nil || d.halted[endpoint]:
		return nil, ErrStall
	case len(*queue) == 0:
		return nil, nil
	}
	m, *queue = (*queue)[0], (*queue)[1:]
	if endpoint == In {
		d.bytesIn += len(m)
	}
	return m, nil
}

package redir

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// qemu is the other side of the protocol. Its methods fail the test where the port does not keep to it.
type qemu struct {
	t    testing.TB
	conn net.Conn
	port *Port
	got  chan packet // all that the port said since its hello
	end  context.CancelFunc
	err  error // of Serve, once done is closed
	done chan struct{}
	id   uint64
}

type packet struct {
	kind kind
	id   uint64
	body []byte
}

// lend serves a device to a qemu in a synctest bubble, where the stream has no buffer.
func lend(t testing.TB, d Device) *qemu {
	t.Helper()
	port, err := NewPort(d)
	if err != nil {
		t.Fatal(err)
	}
	return meet(t, port)
}

// meet is one more qemu for a port.
func meet(t testing.TB, port *Port) *qemu {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, end := context.WithCancel(context.Background())
	q := &qemu{t: t, conn: ours, port: port, got: make(chan packet, 1000), end: end, done: make(chan struct{})}
	go func() {
		q.err = port.Serve(ctx, theirs)
		close(q.done)
	}()
	q.greet(capabilities | 1<<2 | 1<<7)
	go q.listen()
	q.want(endpointInfo)
	q.want(interfaceInfo)
	return q
}

func (q *qemu) greet(capabilities uint32) {
	hello := le.AppendUint32(append(make([]byte, 12), make([]byte, 64)...), capabilities)
	le.PutUint32(hello[4:], 68)
	go func() { _, _ = q.conn.Write(hello) }()
	if _, err := io.ReadFull(q.conn, make([]byte, 12+68)); err != nil {
		q.t.Fatal(err)
	}
}

func (q *qemu) listen() {
	defer close(q.got)
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(q.conn, head); err != nil {
			return
		}
		body := make([]byte, le.Uint32(head[4:]))
		if _, err := io.ReadFull(q.conn, body); err != nil {
			return
		}
		q.got <- packet{kind(le.Uint32(head)), le.Uint64(head[8:]), body}
	}
}

// say sends a packet.
func (q *qemu) say(k kind, id uint64, body ...byte) {
	q.t.Helper()
	if err := q.try(k, id, body...); err != nil {
		q.t.Fatal(err)
	}
}

func (q *qemu) try(k kind, id uint64, body ...byte) error {
	p := le.AppendUint32(nil, uint32(k))
	p = le.AppendUint32(p, uint32(len(body)))
	p = le.AppendUint64(p, id)
	_, err := q.conn.Write(append(p, body...))
	return err
}

// want is the next packet, of that kind.
func (q *qemu) want(k kind) packet {
	q.t.Helper()
	p, open := <-q.got
	if !open || p.kind != k {
		q.t.Fatalf("%+v, open %v; want kind %d", p, open, k)
	}
	return p
}

// quiet is a port that says nothing until it is asked again.
func (q *qemu) quiet() {
	q.t.Helper()
	synctest.Wait()
	select {
	case p := <-q.got:
		q.t.Fatalf("%+v, unasked", p)
	default:
	}
}

// control is a whole control transfer.
func (q *qemu) control(requestType, request uint8, value, index, length uint16, data ...byte) (status, []byte) {
	q.t.Helper()
	q.id++
	head := []byte{requestType & 0x80, request, requestType, 0, byte(value), byte(value >> 8), byte(index), byte(index >> 8), byte(length), byte(length >> 8)}
	q.say(controlData, q.id, append(head, data...)...)
	p := q.want(controlData)
	if p.id != q.id || len(p.body) < controlHead {
		q.t.Fatalf("%+v as the answer to %d", p, q.id)
	}
	n := int(le.Uint16(p.body[8:]))
	if data := p.body[controlHead:]; requestType&0x80 != 0 && len(data) != n {
		q.t.Fatalf("%d bytes, %d announced", len(data), n)
	}
	return status(p.body[3]), p.body[controlHead:]
}

// ask begins a bulk transfer: n bytes in, or data out.
func (q *qemu) ask(address byte, n int, data ...byte) (id uint64) {
	q.t.Helper()
	q.id++
	n += len(data)
	q.say(bulkData, q.id, append([]byte{address, 0, byte(n), byte(n >> 8), 0, 0, 0, 0, byte(n >> 16), byte(n >> 24)}, data...)...)
	return q.id
}

// reply is a bulk transfer's end.
func (q *qemu) reply(id uint64) (status, int, []byte) {
	q.t.Helper()
	p := q.want(bulkData)
	if p.id != id || len(p.body) < bulkHead {
		q.t.Fatalf("%+v as the answer to %d", p, id)
	}
	return status(p.body[1]), bulkLength(p.body), p.body[bulkHead:]
}

// read is a bulk transfer in.
func (q *qemu) read(address byte, n int) (status, string) {
	q.t.Helper()
	s, length, data := q.reply(q.ask(address, n))
	if length != len(data) {
		q.t.Fatalf("%d bytes, %d announced", len(data), length)
	}
	return s, string(data)
}

// write is a bulk transfer out.
func (q *qemu) write(address byte, data string) (status, int) {
	q.t.Helper()
	s, n, _ := q.reply(q.ask(address, 0, []byte(data)...))
	return s, n
}

// hangUp ends the stream, and gives what Serve said.
func (q *qemu) hangUp() error {
	_ = q.conn.Close()
	<-q.done
	return q.err
}

// fake is a device with queues: packets of 8 bytes at 01 and 82, an interrupt pipe at 83. Setting 1 has 04 alone.
type fake struct {
	mu       sync.Mutex
	changed  chan struct{}
	said     map[byte][]string // "!" is a stall that lasts
	halted   map[byte]bool
	told     []string
	calls    []string
	hold     bool  // transfers out wait
	vanishes error // of the next transfers out
}

func newFake() (*fake, Device) {
	f := &fake{changed: make(chan struct{}), said: map[byte][]string{}, halted: map[byte]bool{}}
	config := []byte{9, 2, 0, 0, 1, 5, 0, 0x80, 50,
		9, 4, 0, 0, 3, 7, 1, 2, 0, 7, 5, 0x01, 2, 8, 0, 0, 7, 5, 0x82, 2, 8, 0, 0, 7, 5, 0x83, 3, 8, 0, 16,
		9, 4, 0, 1, 1, 7, 1, 4, 0, 7, 5, 0x04, 2, 8, 0, 0}
	config[2] = byte(len(config))
	return f, Device{Model: f, Configuration: config, Strings: []string{"Maker", "プリンタ"},
		Descriptor: []byte{18, 1, 0, 2, 0, 0, 0, 64, 0x09, 0x12, 0x03, 0, 0, 1, 1, 2, 0, 1}}
}

func (f *fake) with(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) say(address byte, text ...string) {
	f.with(func() { f.said[address] = append(f.said[address], text...) })
}

func (f *fake) note(call string) { f.with(func() { f.calls = append(f.calls, call) }) }

func (f *fake) Control(_ context.Context, s Setup, data []byte) (int, error) {
	if s.Request == 9 {
		return 0, errors.New("of no kind")
	}
	return copy(data, "class"), nil
}

func (f *fake) await(ctx context.Context, ready func() bool) error {
	for {
		f.mu.Lock()
		ok, changed := ready(), f.changed
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fake) Out(ctx context.Context, _ uint8, p []byte) (int, error) {
	if err := f.await(ctx, func() bool { return !f.hold }); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.vanishes != nil:
		return 0, f.vanishes
	case f.halted[1]:
		return 0, ErrStall
	case string(p) == "!":
		f.halted[1] = true
		return 0, ErrStall
	}
	f.told = append(f.told, string(p))
	return len(p), nil
}

func (f *fake) In(ctx context.Context, address uint8) (said []byte, err error) {
	if err := f.await(ctx, func() bool { return len(f.said[address]) > 0 }); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said[address][0] == "!" {
		return nil, ErrStall
	}
	said, f.said[address] = []byte(f.said[address][0]), f.said[address][1:]
	return said, nil
}

func (f *fake) ClearHalt(address uint8) error {
	f.with(func() {
		delete(f.halted, address)
		if q := f.said[address]; len(q) > 0 && q[0] == "!" {
			f.said[address] = q[1:]
		}
	})
	return nil
}

func (f *fake) Select(iface, alternate int) {
	f.note(string([]byte{'s', '0' + byte(iface), '0' + byte(alternate)}))
}
func (f *fake) Reset() { f.note("reset") }
func (f *fake) Plug()  { f.note("plug") }

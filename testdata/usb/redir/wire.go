package redir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// kind is a packet's type.
type kind uint32

const (
	hello           kind = 0
	connect         kind = 1
	disconnect      kind = 2
	reset           kind = 3
	interfaceInfo   kind = 4
	endpointInfo    kind = 5
	setConfig       kind = 6
	getConfig       kind = 7
	configStatus    kind = 8
	setAlternate    kind = 9
	getAlternate    kind = 10
	alternateStatus kind = 11
	startInterrupt  kind = 15
	stopInterrupt   kind = 16
	interruptStatus kind = 17
	cancelData      kind = 21
	filterReject    kind = 22
	disconnectAck   kind = 24
	controlData     kind = 100
	bulkData        kind = 101
	interruptData   kind = 103
)

// capabilities are the bits that both sides must have: connect_device_version, device_disconnect_ack,
// ep_info_max_packet_size, 64bits_ids, 32bits_bulk_length.
const capabilities = 1<<1 | 1<<3 | 1<<4 | 1<<5 | 1<<6

// heads is how long the head of each packet from QEMU is; only those of endpoints may have data behind it.
var heads = map[kind]int{
	reset: 0, setConfig: 1, getConfig: 0, setAlternate: 2, getAlternate: 1, startInterrupt: 1, stopInterrupt: 1,
	cancelData: 0, filterReject: 0, disconnectAck: 0, controlData: controlHead, bulkData: bulkHead,
}

const (
	controlHead = 10
	bulkHead    = 10
	helloHead   = 64                // the version, a text
	largest     = 16<<20 + bulkHead // the most that Linux lets a program have in flight (usbfs_memory_mb)
)

// status is what became of a transfer.
type status uint8

const (
	success   status = 0
	cancelled status = 1
	invalid   status = 2
	ioError   status = 3
	stalled   status = 4
	babble    status = 6
)

var errProtocol = errors.New("redir: QEMU speaks wrongly")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errProtocol}, args...)...)
}

var le = binary.LittleEndian

// link is the stream to QEMU.
type link struct {
	conn net.Conn
	mu   sync.Mutex
}

// greet exchanges hellos; their ids have 32 bits.
func (l *link) greet() error {
	body := make([]byte, helloHead+4)
	copy(body, "honnin redir")
	le.PutUint32(body[helloHead:], capabilities)
	sent := make(chan error, 1)
	go func() {
		head := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, uint32(hello)), uint32(len(body))), 0)
		_, err := l.conn.Write(append(head, body...))
		sent <- err
	}()
	err := l.greeted()
	return errors.Join(err, <-sent)
}

func (l *link) greeted() error {
	var head [12]byte
	if _, err := io.ReadFull(l.conn, head[:]); err != nil {
		return err
	}
	n := le.Uint32(head[4:])
	if kind(le.Uint32(head[:])) != hello || n < helloHead+4 || n > 1024 {
		return wrong("no hello")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(l.conn, body); err != nil {
		return err
	}
	if have := le.Uint32(body[helloHead:]); have&capabilities != capabilities {
		return wrong("capabilities %#x, %#x are needed", have, capabilities)
	}
	return nil
}

func (l *link) send(k kind, id uint64, parts ...[]byte) error {
	body := bytes.Join(parts, nil)
	p := le.AppendUint32(nil, uint32(k))
	p = le.AppendUint32(p, uint32(len(body)))
	p = le.AppendUint64(p, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.conn.Write(append(p, body...))
	return err
}

// receive is the next packet. It holds no more memory than has arrived.
func (l *link) receive() (k kind, id uint64, head, data []byte, err error) {
	var b [16]byte
	if _, err = io.ReadFull(l.conn, b[:]); err != nil {
		return
	}
	k, id = kind(le.Uint32(b[:])), le.Uint64(b[8:])
	size, want := int64(le.Uint32(b[4:])), 0
	if want, err = shape(k, size); err != nil {
		return
	}
	var body bytes.Buffer
	if _, err = io.CopyN(&body, l.conn, size); err != nil {
		return
	}
	head, data = body.Bytes()[:want], body.Bytes()[want:]
	return k, id, head, data, fits(k, head, data)
}

func shape(k kind, size int64) (head int, err error) {
	head, known := heads[k]
	switch {
	case !known:
		return 0, wrong("packet type %d", k)
	case size < int64(head), size > largest, head < controlHead && size > int64(head):
		return 0, wrong("packet type %d of %d bytes", k, size)
	}
	return head, nil
}

// fits holds a length in a head against the data behind it.
func fits(k kind, head, data []byte) error {
	var in bool
	var n int
	switch k {
	case controlData:
		in, n = head[2]&0x80 != 0, int(le.Uint16(head[8:]))
	case bulkData:
		in, n = head[0]&0x80 != 0, bulkLength(head)
		if n > largest-bulkHead {
			return wrong("a transfer of %d bytes", n)
		}
	default:
		return nil
	}
	if in && len(data) > 0 || !in && len(data) != n {
		return wrong("%d bytes of data where %d were announced", len(data), n)
	}
	return nil
}

func bulkLength(head []byte) int { return int(le.Uint16(head[2:])) | int(le.Uint16(head[8:]))<<16 }

// controlReply is a control packet's head with what became of it.
func controlReply(head []byte, s status, n int) []byte {
	r := bytes.Clone(head)
	r[3] = byte(s)
	le.PutUint16(r[8:], uint16(n))
	return r
}

// bulkReply is a bulk packet's head with what became of it.
func bulkReply(head []byte, s status, n int) []byte {
	r := bytes.Clone(head)
	r[1] = byte(s)
	le.PutUint16(r[2:], uint16(n))
	le.PutUint16(r[8:], uint16(n>>16))
	return r
}

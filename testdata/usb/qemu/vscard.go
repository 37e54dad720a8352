package qemu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// Card is what lies in QEMU's own reader. It speaks T=0: TPDU answers one command TPDU.
type Card interface {
	ATR() []byte
	Reset()
	TPDU(command []byte) []byte
}

// CardSlot is the far end of QEMU's device ccid-card-passthru, into which cards are put: the protocol VSCARD as libcacard
// has it (src/vscard_common.h: type, reader and length, each of 4 bytes big-endian, then so many bytes). It is safe for
// concurrent use.
type CardSlot struct {
	mu   sync.Mutex
	conn net.Conn
	card Card
}

// Messages of VSCARD.
const (
	vscInit = 1 + iota
	vscError
	vscReaderAdd
	vscReaderRemove
	vscATR
	vscCardRemove
	vscAPDU
	vscFlush
	vscFlushComplete
	vscReconnect
)

const (
	noReader   = 0xFFFF_FFFF
	maxMessage = 1 << 16
)

// Insert puts a card in, in place of the one that is there.
func (s *CardSlot) Insert(c Card) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.card != nil {
		if err := s.send(vscCardRemove, 0, nil); err != nil {
			return err
		}
	}
	s.card = c
	return s.show()
}

// Pull takes the card out.
func (s *CardSlot) Pull() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.card == nil {
		return nil
	}
	s.card = nil
	return s.send(vscCardRemove, 0, nil)
}

// show is called with the lock held.
func (s *CardSlot) show() error {
	if s.card == nil {
		return nil
	}
	s.card.Reset()
	return s.send(vscATR, 0, s.card.ATR())
}

// send is called with the lock held; without a reader there is nobody to tell.
func (s *CardSlot) send(kind, reader uint32, data []byte) error {
	if s.conn == nil {
		return nil
	}
	b := binary.BigEndian.AppendUint32(nil, kind)
	b = binary.BigEndian.AppendUint32(b, reader)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	_, err := s.conn.Write(append(b, data...))
	return err
}

// Listen serves one reader after the other until ctx ends, and closes the listener.
func (s *CardSlot) Listen(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = s.serve(ctx, conn)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (s *CardSlot) serve(ctx context.Context, conn net.Conn) error {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	if err := s.greet(conn); err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conn = nil
	}()
	for {
		err := s.answer(conn)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// greet says who speaks (version 0.0.2, no capabilities) and shows the card. The four bytes of the magic stand as they are.
func (s *CardSlot) greet(conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	err := s.send(vscInit, noReader, []byte{'V', 'S', 'C', 'D', 0, 0, 0, 2, 0, 0, 0, 0})
	if err == nil {
		err = s.send(vscReaderAdd, noReader, []byte("honnin\x00"))
	}
	if err == nil {
		err = s.show()
	}
	return err
}

// answer takes one message.
func (s *CardSlot) answer(conn net.Conn) error {
	var head [12]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	kind, length := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[8:])
	if length > maxMessage {
		return fmt.Errorf("qemu: a VSCARD message of %d bytes", length)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(conn, data); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case vscAPDU:
		if s.card != nil { // the reader hears of its end by itself
			return s.send(vscAPDU, 0, s.card.TPDU(data))
		}
		return nil
	case vscInit, vscError, vscReconnect:
		return nil
	}
	return fmt.Errorf("qemu: VSCARD message %d", kind)
}

// Package vpcd lays a virtual card into vpcd, the virtual reader of the vsmartcard project: the card dials vpcd's TCP port
// and pcscd, and with it every PC/SC program, sees a card in a reader.
//
// The wire (vsmartcard, virtualsmartcard/src/vpcd/vpcd.c): both sides send a length of two bytes, big-endian, and so
// many bytes. One byte from vpcd is a control: 0 power off, 1 power on, 2 reset, 4 asks for the ATR; only the last is
// answered. Anything else is a command APDU, answered by a response APDU. Hanging up takes the card out.
//
// vpcd writes length and payload apart, so with delayed acknowledgements every command would take 40 ms longer; they are
// switched off, again before every read, because Linux switches them on by itself.
package vpcd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Address is where vpcd's first reader listens by default.
const Address = "127.0.0.1:35963"

// Card is what can be laid into the reader; *virtual.Card is one.
type Card interface {
	ATR() []byte
	Reset()
	Process(command []byte) (response []byte)
}

const (
	powerOff = 0
	powerOn  = 1
	reset    = 2
	atr      = 4
)

// Serve answers vpcd on conn until ctx ends or vpcd hangs up, and closes conn: the card is out. It returns nil when ctx
// ended it.
func Serve(ctx context.Context, conn net.Conn, c Card) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	defer c.Reset()
	err := serve(conn, c)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func serve(conn net.Conn, c Card) error {
	for {
		request, err := receive(conn)
		if err != nil {
			return fmt.Errorf("vpcd: %w", err)
		}
		answer := respond(c, request)
		clear(request) // it may hold a PIN
		if answer == nil {
			continue
		}
		if _, err := conn.Write(answer); err != nil {
			return fmt.Errorf("vpcd: %w", err)
		}
	}
}

// respond returns the framed answer, nil for a control that has none.
func respond(c Card, request []byte) []byte {
	if len(request) == 1 {
		switch request[0] {
		case powerOff, powerOn, reset:
			c.Reset()
			return nil
		case atr:
			return frame(c.ATR())
		}
	}
	return frame(c.Process(request))
}

func frame(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...)
}

func receive(conn net.Conn) ([]byte, error) {
	var length [2]byte
	if err := readFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	return b, readFull(conn, b)
}

func readFull(conn net.Conn, b []byte) error {
	if err := acknowledgeAtOnce(conn); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, b)
	return err
}

// acknowledgeAtOnce sets TCP_QUICKACK; a connection that is not TCP has nothing to delay.
func acknowledgeAtOnce(conn net.Conn) error {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	if errors.Is(failed, unix.EOPNOTSUPP) || errors.Is(failed, unix.ENOPROTOOPT) {
		failed = nil
	}
	return errors.Join(err, failed)
}

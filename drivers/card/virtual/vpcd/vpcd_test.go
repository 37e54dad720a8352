package vpcd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"honnin/drivers/card/virtual/vpcd"
)

// echo is a card that counts its resets and answers every command with itself.
type echo struct{ resets int }

func (e *echo) ATR() []byte             { return []byte{0x3B, 0x00} }
func (e *echo) Reset()                  { e.resets++ }
func (e *echo) Process(b []byte) []byte { return append(bytes.Clone(b), 0x90, 0x00) }

func message(b ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func TestWire(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 40000)
	for name, c := range map[string]struct {
		sent, want []byte
		resets     int
	}{
		"power and reset":   {bytes.Join([][]byte{message(1), message(2), message(0)}, nil), nil, 3},
		"ATR":               {message(4), message(0x3B, 0x00), 0},
		"a command":         {message(0, 0xA4, 4, 0), message(0, 0xA4, 4, 0, 0x90, 0), 0},
		"a long command":    {message(long...), message(append(bytes.Clone(long), 0x90, 0)...), 0},
		"nothing":           {message(), message(0x90, 0), 0},
		"unknown control":   {message(9), message(9, 0x90, 0), 0},
		"one after other":   {append(message(4), message(0, 0, 0, 0)...), append(message(0x3B, 0), message(0, 0, 0, 0, 0x90, 0)...), 0},
		"cut short":         {[]byte{0, 5, 1}, nil, 0},
		"cut in its length": {[]byte{0}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			e, ended := &echo{}, make(chan error, 1)
			go func() { ended <- vpcd.Serve(t.Context(), ours, e) }()
			wrote := make(chan struct{})
			go func() { defer close(wrote); _, _ = theirs.Write(c.sent) }()
			got := make([]byte, len(c.want))
			if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("%x (%v), want %x", got, err, c.want)
			}
			<-wrote
			_ = theirs.Close()
			if err := <-ended; err == nil {
				t.Error("vpcd hung up, and nobody says so")
			}
			if e.resets != c.resets+1 { // one more when the card comes out
				t.Errorf("%d resets, want %d", e.resets, c.resets+1)
			}
		})
	}
}

func TestContextTakesTheCardOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- vpcd.Serve(ctx, conn, &echo{}) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("taken out on purpose: %v", err)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the card is still in: %v", err)
	}
}

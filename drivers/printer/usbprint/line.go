package usbprint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
)

const (
	quiet    = 50 * time.Millisecond // of a pipe in, after which nothing old is in it
	pulse    = time.Second           // a printer that is there answers a control request
	transfer = 16 << 10              // bytes read at once
	pauseMin = 5 * time.Millisecond  // after empty packets
	pauseMax = 500 * time.Millisecond
)

// line is one claimed interface.
type line struct {
	usb.Interface
	choice
	offer
	index   uint16
	in, out usb.Endpoint // in has no address where there is none
	buffer  []byte
}

// key is an interface of a device that is plugged in.
type key struct {
	at    usb.Place
	iface int
}

func newLine(o offer, k choice, i usb.Interface) (*line, error) {
	s := i.Setting()
	c := &line{Interface: i, choice: k, offer: o, index: uint16(s.Interface)}
	c.in, _ = s.Endpoint(true, usb.KindBulk)
	c.out, _ = s.Endpoint(false, usb.KindBulk)
	if s.Class != 7 || kind(s.Protocol) != o.kind || c.out.Address == 0 || o.kind == overIPP && c.in.Address == 0 {
		return nil, fmt.Errorf("%w: it is another interface than it was", usb.ErrDescriptor)
	}
	if c.in.Address != 0 {
		c.buffer = make([]byte, max(transfer/c.in.MaxPacket, 1)*c.in.MaxPacket)
	}
	return c, nil
}

// lone says that the interface has no other setting: then claiming it does not select it (SET_INTERFACE).
func (c *line) lone() bool {
	n := 0
	for _, s := range c.info.Settings {
		if s.Interface == c.iface {
			n++
		}
	}
	return n == 1
}

// alive asks for the interface's status (USB 2.0 §9.4.5). One that knows no such thing is there too.
func (c *line) alive(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, pulse)
	defer stop()
	_, err := c.Control(ctx, 0x81, 0, 0, c.index, make([]byte, 2))
	return err == nil || errors.Is(err, usb.ErrStall)
}

// hear is one transfer in that is not empty, in the line's buffer. Empty packets are waited out, longer and longer.
func (c *line) hear(ctx context.Context) ([]byte, error) {
	for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
		n, err := c.Read(ctx, c.in.Address, c.buffer)
		if err != nil {
			c.unhalt(ctx, c.in, err)
			return c.buffer[:n], err
		}
		if n > 0 {
			return c.buffer[:n], nil
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// say is one transfer out.
func (c *line) say(ctx context.Context, p []byte) (int, error) {
	n, err := c.Write(ctx, c.out.Address, p)
	if err != nil {
		c.unhalt(ctx, c.out, err)
	}
	return n, err
}

func (c *line) unhalt(ctx context.Context, e usb.Endpoint, err error) {
	if errors.Is(err, usb.ErrStall) {
		_ = c.ClearHalt(ctx, e.Address) // if it does not help the next transfer says so
	}
}

// flush throws away what a former client left in the pipe.
func (c *line) flush(ctx context.Context) {
	for n := 0; n < maxAnswer; {
		short, stop := context.WithTimeout(ctx, quiet)
		b, err := c.hear(short)
		stop()
		if n += len(b); err != nil {
			return
		}
	}
}

// troubles are what GET_PORT_STATUS (§4.2.2) says is wrong, in words; what is asked for first is first.
func (c *line) troubles(ctx context.Context) (words []string, err error) {
	b := make([]byte, 1)
	n, err := c.Control(ctx, 0xa1, 1, 0, c.index, b)
	switch {
	case err != nil:
		return nil, err
	case n < 1:
		return nil, usb.ErrTransfer
	}
	if b[0]&0x20 != 0 {
		words = append(words, printer.MediaNeeded)
	}
	if b[0]&0x08 == 0 {
		words = append(words, "printer-error")
	}
	if b[0]&0x10 == 0 {
		words = append(words, "offline")
	}
	return words, nil
}

// trouble is the first of them: "" while all is well.
func (c *line) trouble(ctx context.Context) (string, error) {
	words, err := c.troubles(ctx)
	if len(words) == 0 {
		return "", err
	}
	return words[0], nil
}

// reset is SOFT_RESET (§4.2.3): buffers are emptied. Before version 1.1 its recipient was "other", as in Linux' usblp.
func (c *line) reset(ctx context.Context) error {
	_, err := c.Control(ctx, 0x21, 2, 0, c.index, nil)
	if errors.Is(err, usb.ErrStall) {
		_, err = c.Control(ctx, 0x23, 2, 0, c.index, nil)
	}
	return err
}

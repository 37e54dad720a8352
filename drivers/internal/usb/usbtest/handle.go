package usbtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"honnin/drivers/internal/usb"
)

// handle is one claimed interface, for [usb.Over].
type handle struct {
	b     *Bus
	d     *plugged
	iface int

	mu      sync.Mutex
	packets map[uint8][][]byte // sent by the device and not read yet
	running map[uint8]int
	ahead   map[uint8]bool // the device counts its packets from the beginning, and this side does not yet
}

func (h *handle) transfers() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.running {
		n += r
	}
	return n
}

// begin counts a transfer, and gives it a context that also ends with the device.
func (h *handle) begin(ctx context.Context, endpoint uint8) (context.Context, func()) {
	h.mu.Lock()
	if h.running[endpoint]++; h.running[endpoint] > 1 {
		h.b.t.Errorf("usbtest: two transfers at once on endpoint %#02x", endpoint)
	}
	if h.ahead[endpoint] {
		h.b.t.Errorf("usbtest: a transfer on endpoint %#02x, whose halt was cleared on the other side only", endpoint)
	}
	h.mu.Unlock()
	sub, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.d.life, func() { cancel(usb.ErrGone) })
	return sub, func() {
		stop()
		cancel(nil)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.running[endpoint]--
	}
}

// said is the error of a transfer: what the model said, unless the device is gone or the transfer was cancelled.
func (h *handle) said(err error) error {
	switch {
	case h.d.life.Err() != nil:
		return usb.ErrGone
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return usb.ErrTimeout
	}
	return err
}

// Control is as [usb.Handle] says.
func (h *handle) Control(timeout time.Duration, requestType, request uint8, value, index uint16, data []byte) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx, done := h.begin(ctx, 0)
	defer done()
	r := Request{Type: requestType, Request: request, Value: value, Index: index, Length: len(data)}
	if requestType&0x80 == 0 {
		r.Data = data
	}
	answer, err := h.d.Model.Control(ctx, r)
	if err = h.said(err); err != nil {
		return 0, err
	}
	if requestType == 0x02 && request == 1 {
		h.mu.Lock()
		h.ahead[uint8(index)] = true
		h.mu.Unlock()
	}
	if requestType&0x80 == 0 {
		return len(data), nil
	}
	if len(answer) > len(data) {
		return copy(data, answer), usb.ErrOverflow
	}
	return copy(data, answer), nil
}

// Transfer is as [usb.Handle] says.
func (h *handle) Transfer(ctx context.Context, e usb.Endpoint, p []byte) (int, error) {
	ctx, done := h.begin(ctx, e.Address)
	defer done()
	if e.In() {
		n, err := h.read(ctx, e, p)
		return n, h.said(err)
	}
	n, err := h.d.Model.Out(ctx, e.Address, p)
	return n, h.said(err)
}

// read takes packets until one is short or p is full.
func (h *handle) read(ctx context.Context, e usb.Endpoint, p []byte) (n int, err error) {
	for {
		packet, err := h.packet(ctx, e)
		if err != nil {
			return n, err
		}
		if len(packet) > len(p)-n {
			return n + copy(p[n:], packet), usb.ErrOverflow
		}
		n += copy(p[n:], packet)
		if len(packet) < e.MaxPacket || n == len(p) {
			return n, nil
		}
	}
}

func (h *handle) packet(ctx context.Context, e usb.Endpoint) ([]byte, error) {
	if p, ok := h.shift(e.Address); ok {
		return p, nil
	}
	said, err := h.d.Model.In(ctx, e.Address)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.packets[e.Address] = cut(said, e.MaxPacket, !h.d.NoEmpty)
	h.mu.Unlock()
	p, _ := h.shift(e.Address)
	return p, nil
}

func (h *handle) shift(endpoint uint8) (first []byte, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.packets[endpoint]
	if len(waiting) == 0 {
		return nil, false
	}
	h.packets[endpoint] = waiting[1:]
	return waiting[0], true
}

// cut makes packets of what a device says.
func cut(said []byte, size int, empty bool) (packets [][]byte) {
	for len(said) > size {
		packets = append(packets, said[:size])
		said = said[size:]
	}
	packets = append(packets, said)
	if empty && len(said) == size {
		packets = append(packets, nil)
	}
	return packets
}

// ResetEndpoint is as [usb.Handle] says.
func (h *handle) ResetEndpoint(address uint8) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[address] > 0 {
		h.b.t.Errorf("usbtest: endpoint %#02x was reset under a running transfer", address)
	}
	delete(h.ahead, address)
	if h.d.life.Err() != nil {
		return usb.ErrGone
	}
	return nil
}

// Close ends the claim.
func (h *handle) Close() error {
	if n := h.transfers(); n > 0 {
		h.b.t.Errorf("usbtest: closed under %d running transfers", n)
	}
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	delete(h.b.open, h)
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	delete(h.d.claimed, h.iface)
	return nil
}

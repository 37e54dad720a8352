package ccid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/internal/contact"
)

// A reader that resets a card of its own accord is asked again.
const (
	busyTimes = 10
	busyEvery = 100 * time.Millisecond
)

// cold takes the power from the card in a slot and gives it anew, at the lowest voltage it answers at
// (ISO/IEC 7816-3 §6.2): [card.ErrNoCard], [card.ErrMute].
func (d *device) cold(ctx context.Context, slot byte) (atr []byte, err error) {
	for _, volts := range d.voltages() {
		if err = d.off(ctx, slot); err != nil {
			return nil, err
		}
		var a answer
		if a, err = d.on(ctx, slot, volts); err != nil {
			return nil, err
		}
		if err = a.err(); err == nil && len(a.data) > 0 {
			return a.data, nil
		}
		if errors.Is(err, errNoCard) {
			return nil, card.ErrNoCard
		}
	}
	if err == nil {
		err = errors.New("ccid: an empty answer to reset")
	}
	return nil, fmt.Errorf("%w: %w", card.ErrMute, err)
}

// voltages are the values of bPowerSelect to try.
func (d *device) voltages() (v []byte) {
	for volts := byte(3); volts > 0; volts-- {
		if d.Voltages&(1<<(volts-1)) != 0 {
			v = append(v, volts)
		}
	}
	if d.has(autoVoltage) || len(v) == 0 {
		return []byte{0}
	}
	return v
}

func (d *device) on(ctx context.Context, slot, volts byte) (a answer, err error) {
	for range busyTimes {
		a, err = d.again(ctx, slot, request{kind: iccPowerOn, special: [3]byte{volts}})
		if err != nil || !errors.Is(a.err(), busyAuto) {
			return a, err
		}
		if err := pause(ctx, busyEvery); err != nil {
			return answer{}, err
		}
	}
	return a, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// off takes the power. What a reader says against it is no matter: the reset that follows decides.
func (d *device) off(ctx context.Context, slot byte) error {
	_, err := d.again(ctx, slot, request{kind: iccPowerOff})
	return err
}

// carrier brings one command APDU to a card and its answer back.
type carrier interface {
	transmit(ctx context.Context, command []byte) ([]byte, error)
	// verify has the reader complete a VERIFY with this header on its own keys.
	verify(ctx context.Context, header [4]byte) ([]byte, error)
}

// start resets the card and prepares what the reader leaves to its host. The rate is in bit/s; 0: only the reader knows it.
func (d *device) start(ctx context.Context, slot byte) (c carrier, atr []byte, rate int, err error) {
	raw, err := d.cold(ctx, slot)
	if err != nil {
		return nil, nil, 0, err
	}
	if d.Level != TPDU {
		return apdus{d, slot}, raw, 0, nil
	}
	parsed, err := contact.ParseATR(raw)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%w: %w", card.ErrMute, err)
	}
	c, rate, err = d.negotiate(ctx, slot, parsed)
	return c, raw, rate, err
}

// choose picks the card's first protocol that the reader knows.
func (d *device) choose(a contact.ATR) (t byte, err error) {
	offered := a.Protocols
	if a.Specific {
		offered = []byte{a.Mode}
	}
	for _, t := range offered {
		if t < 2 && d.Protocols&(1<<t) != 0 {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%w: it speaks T=%d, which this reader does not", card.ErrMute, offered[0])
}

// negotiate agrees on protocol, speed and block lengths (ISO/IEC 7816-3 §6.3), as far as the reader does not.
func (d *device) negotiate(ctx context.Context, slot byte, a contact.ATR) (c carrier, rate int, err error) {
	t, err := d.choose(a)
	if err != nil {
		return nil, 0, err
	}
	fast := a.Rate(d.Clock) > 0 && a.Rate(d.Clock) <= d.MaxRate && a.Speed != 0x11
	asked := false
	if !a.Specific && !d.has(autoNegotiate|autoPPS) && (fast || t != a.Protocols[0]) {
		if fast, err = d.pps(ctx, slot, a, t, fast); err != nil {
			return nil, 0, err
		}
		asked = true
	}
	if !fast && !a.Specific {
		a.Speed = 0x11
	}
	if asked || !d.has(autoParameters|autoNegotiate) {
		if err := d.tell(ctx, slot, a, t); err != nil {
			return nil, 0, err
		}
	}
	if a.Specific || !d.has(autoNegotiate|autoPPS) {
		rate = a.Rate(d.Clock)
	}
	if t == 0 {
		return t0{d, slot}, rate, nil
	}
	c, err = d.blocks(ctx, slot, a)
	return c, rate, err
}

// pps asks the card for a protocol and a speed. One that does not agree is reset, and spoken to as it began.
func (d *device) pps(ctx context.Context, slot byte, a contact.ATR, t byte, fast bool) (bool, error) {
	asked := a.PPS(t, fast)
	reply, err := d.ask(ctx, slot, request{kind: xfrBlock, data: asked}, readerWithin)
	if err != nil {
		return false, err
	}
	if err = reply.err(); err == nil {
		if fast, err = contact.Agreed(asked, reply.data); err == nil {
			return fast, nil
		}
	}
	if t != a.Protocols[0] {
		return false, fmt.Errorf("%w: %w", card.ErrMute, err)
	}
	_, err = d.cold(ctx, slot)
	return false, err
}

// tell sets the reader's parameters to the card's (§6.1.7). A reader without the command has them already.
func (d *device) tell(ctx context.Context, slot byte, a contact.ATR, t byte) error {
	inverse := byte(0)
	if a.Inverse {
		inverse = 2
	}
	data := []byte{a.Speed, inverse, a.Guard, a.WI, 0}
	if t == 1 {
		check := byte(0x10)
		if a.CRC {
			check = 0x11
		}
		data = []byte{a.Speed, check | inverse, a.Guard, a.BWI<<4 | a.CWI, 0, a.IFSC, 0}
	}
	reply, err := d.again(ctx, slot, request{kind: setParameters, special: [3]byte{t}, data: data})
	if err == nil {
		err = reply.err()
	}
	switch {
	case errors.Is(err, unsupported):
		return nil
	case errors.Is(err, errNoCard):
		return card.ErrNoCard
	}
	return err
}

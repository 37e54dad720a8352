package ccid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honnin/drivers/card/internal/contact"
)

// wrongLength is what a card without extended length says: the answer in the name of a reader without it.
var wrongLength = []byte{0x67, 0x00}

const maxAnswer = 65538 // bytes of a response APDU

// extended tells whether a command is longer than a short APDU may be, or coded as extended (ISO/IEC 7816-4 §5.2).
func extended(command []byte) bool { return len(command) > 5 && command[4] == 0 || len(command) > 261 }

// xfr carries data to the card in one message, and back.
func (d *device) xfr(ctx context.Context, slot byte, special [3]byte, data []byte, patience time.Duration) (answer, error) {
	a, err := d.ask(ctx, slot, request{kind: xfrBlock, special: special, data: data}, patience)
	switch {
	case err != nil:
		return answer{}, err
	case a.err() != nil:
		return answer{}, a.err()
	case !a.active():
		return answer{}, errNoCard // another one lies there, without power, or the same one that has forgotten all
	}
	return a, nil
}

// apdus is a reader at the short or the extended APDU level.
type apdus struct {
	*device
	slot byte
}

func (c apdus) transmit(ctx context.Context, command []byte) ([]byte, error) {
	room := c.MaxMessage - header
	if c.Level == ShortAPDU {
		if extended(command) || len(command) > room {
			return append([]byte(nil), wrongLength...), nil
		}
		a, err := c.xfr(ctx, c.slot, [3]byte{}, command, cardWithin)
		return a.data, err
	}
	const whole, begins, ends, between = 0, 1, 2, 3 // wLevelParameter
	level := byte(whole)
	for len(command) > room {
		if level = begins | level<<1; level > between {
			level = between
		}
		a, err := c.xfr(ctx, c.slot, [3]byte{0, level, 0}, command[:room], cardWithin)
		if err != nil {
			return nil, err
		}
		if a.special != 0x10 || len(a.data) > 0 {
			return nil, fmt.Errorf("%w: an answer to half a command", ErrProtocol)
		}
		command = command[room:]
	}
	if level != whole {
		level = ends
	}
	a, err := c.xfr(ctx, c.slot, [3]byte{0, level, 0}, command, cardWithin)
	return c.collect(ctx, a, err)
}

// collect fetches what did not fit into one message (§6.2.1, bChainParameter).
func (c apdus) collect(ctx context.Context, a answer, err error) (whole []byte, _ error) {
	const all, begins, ends, between = 0, 1, 2, 3
	for first := true; ; first = false {
		if err != nil {
			return nil, err
		}
		whole = append(whole, a.data...)
		known := first && (a.special == all || a.special == begins) || !first && (a.special == ends || a.special == between)
		if !known || len(whole) > maxAnswer || len(a.data) == 0 && a.special&1 != 0 {
			return nil, fmt.Errorf("%w: part %02X of an answer", ErrProtocol, a.special)
		}
		if a.special == all || a.special == ends {
			return whole, nil
		}
		a, err = c.xfr(ctx, c.slot, [3]byte{0, 0x10, 0}, nil, cardWithin)
	}
}

func (c apdus) verify(ctx context.Context, head [4]byte) ([]byte, error) {
	return c.fingers(ctx, c.slot, head, [3]byte{})
}

// t1 is a card behind a reader at TPDU level that speaks T=1.
type t1 struct {
	*device
	slot  byte
	block time.Duration // the card's block waiting time
	line  *contact.T1
}

// blocks starts T=1: the card may send as much in a block as the reader takes.
func (d *device) blocks(ctx context.Context, slot byte, a contact.ATR) (carrier, error) {
	const around = 5 // prologue and CRC
	most := min(254, d.MaxMessage-header-around)
	c := &t1{device: d, slot: slot, block: a.BlockWait(d.Clock)}
	c.line = contact.NewT1(a, most, c.exchange)
	if ifsd := min(d.MaxIFSD, most); ifsd > 32 && !d.has(autoIFSD) {
		if err := c.line.Negotiate(ctx, byte(ifsd)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// exchange carries one block. What the reader heard badly, or not at all, is for T=1 to ask for again.
func (c *t1) exchange(ctx context.Context, block []byte, wait byte) ([]byte, error) {
	patience := c.block*time.Duration(max(wait, 1)) + margin
	a, err := c.xfr(ctx, c.slot, [3]byte{wait, 0, 0}, block, min(patience, ceiling))
	return a.data, noise(err)
}

func noise(err error) error {
	if errors.Is(err, iccMute) || errors.Is(err, parityError) {
		return fmt.Errorf("%w: %w", contact.ErrNoise, err)
	}
	return err
}

func (c *t1) transmit(ctx context.Context, command []byte) ([]byte, error) {
	return c.line.Transmit(ctx, command)
}

func (c *t1) verify(ctx context.Context, head [4]byte) ([]byte, error) {
	prologue, ok := c.line.Prologue(len(head) + 1 + pinDigits)
	if !ok {
		return nil, fmt.Errorf("%w: the card takes too short blocks", ErrProtocol)
	}
	raw, err := c.fingers(ctx, c.slot, head, prologue)
	switch {
	case errors.Is(err, errNotSent):
		return nil, err
	case err == nil && len(raw) == 2:
		return nil, padStatus(raw)
	}
	return c.line.Sent(ctx, raw, noise(err))
}

package ccid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honnin/drivers/card"
)

const (
	pinDigits  = 4
	padSeconds = 30 // for a person to type; the reader counts
	japanese   = 0x0411
)

// hasPad tells whether there are keys, as far as is known: some readers say so and then know no such command, QEMU's for one.
func (d *device) hasPad() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.PINPad && !d.padless
}

// errNotSent marks what keys can come to without the card being told.
var errNotSent = errors.New("ccid: nothing was sent to the card")

// fingers has the reader take four digits and complete a VERIFY with them (§6.1.11, PIN verification). The PIN goes from
// the keys to the card and nowhere else; what is sent here has FF in its place.
func (d *device) fingers(ctx context.Context, slot byte, head [4]byte, prologue [3]byte) ([]byte, error) {
	messages := byte(0)
	if d.Display {
		messages = 1
	}
	data := []byte{
		0,                    // bPINOperation: verification
		padSeconds,           // bTimeOut
		0x82,                 // bmFormatString: counted in bytes, from the first one on, left-justified, ASCII
		pinDigits,            // bmPINBlockString: no length is inserted, a block of four bytes
		0,                    // bmPINLengthFormat
		pinDigits, pinDigits, // wPINMaxExtraDigit: at most, at least
		2,                                           // bEntryValidationCondition: the green key
		messages, japanese & 0xFF, japanese >> 8, 0, // bNumberMessage, wLangId, bMsgIndex
		prologue[0], prologue[1], prologue[2], // bTeoPrologue: of the T=1 block
		head[0], head[1], head[2], head[3], pinDigits, 0xFF, 0xFF, 0xFF, 0xFF,
	}
	a, err := d.ask(ctx, slot, request{kind: secure, data: data}, padSeconds*time.Second+cardWithin)
	if err == nil {
		err = a.err()
	}
	switch {
	case errors.Is(err, pinCancelled):
		return nil, unsent(card.ErrPadCancelled)
	case errors.Is(err, pinTimeout):
		return nil, unsent(card.ErrPadTimeout)
	case errors.Is(err, unsupported):
		d.mu.Lock()
		d.padless = true
		d.mu.Unlock()
		return nil, unsent(card.ErrNoPad)
	case err != nil:
		return nil, err
	case !a.active():
		return nil, errNoCard
	}
	return a.data, nil
}

// padStatus reads what some readers send, in a card's words, where a block was due (PC/SC part 10 §2.5). Where no block is due
// the same words may be the card's, which has counted the PIN then: they are passed on as its answer.
func padStatus(b []byte) error {
	if b[0] == 0x64 {
		switch b[1] {
		case 0x00:
			return unsent(card.ErrPadTimeout)
		case 0x01:
			return unsent(card.ErrPadCancelled)
		case 0x03:
			return unsent(card.ErrPINForm)
		}
	}
	return fmt.Errorf("%w: a status where a block was due", ErrProtocol)
}

func unsent(err error) error { return fmt.Errorf("%w: %w", err, errNotSent) }

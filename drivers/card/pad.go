package card

import (
	"context"
	"errors"
)

// What can come of keys on a reader. Nothing was sent to the card then, and it may be asked again.
var (
	// ErrPadCancelled is a person who pressed the red key.
	ErrPadCancelled = errors.New("card: the PIN entry was cancelled at the reader")
	// ErrPadTimeout is nobody who typed.
	ErrPadTimeout = errors.New("card: no PIN was typed at the reader")
	// ErrNoPad is a reader without keys.
	ErrNoPad = errors.New("card: the reader has no keys")
)

// PINPad is a Transport whose reader takes the PIN on keys of its own, so that this machine never has it.
type PINPad interface {
	Transport
	// HasPad tells whether there are keys.
	HasPad() bool
	// VerifyOnPad has the reader take four digits, put them in ASCII behind the header (CLA INS P1 P2, and Lc), and send
	// them, once. It returns the card's answer, [ErrPadCancelled], [ErrPadTimeout], [ErrPINForm], or [ErrNoPad] of a reader
	// that has not the keys it claims; after any other error the card is lost.
	VerifyOnPad(ctx context.Context, header [4]byte) (response []byte, err error)
}

// HasPad tells whether [Card.VerifyPINOnPad] works with this reader.
func (c *Card) HasPad() bool {
	p, ok := c.t.(PINPad)
	return ok && p.HasPad()
}

// VerifyPINOnPad is [Card.VerifyPIN] with a PIN that is typed at the reader. It takes as long as ctx and the reader give a
// person.
func (c *Card) VerifyPINOnPad(ctx context.Context) error {
	if !c.HasPad() {
		return ErrNoPad
	}
	return c.verify(ctx, func(reference byte) error {
		if c.gone {
			return ErrGone
		}
		began := c.trace.Now()
		answer, err := c.t.(PINPad).VerifyOnPad(ctx, [4]byte{0x00, 0x20, 0x00, reference})
		c.told(0x20, answer, err, began)
		switch {
		case errors.Is(err, ErrPadCancelled), errors.Is(err, ErrPadTimeout), errors.Is(err, ErrPINForm), errors.Is(err, ErrNoPad):
			return err
		case err != nil || len(answer) < 2:
			return c.lose(err)
		case len(answer) > 2:
			return malformed("VERIFY: %d bytes where none were asked for", len(answer)-2)
		case answer[0] == 0x90 && answer[1] == 0:
			return nil
		}
		return &StatusError{"VERIFY", uint16(answer[0])<<8 | uint16(answer[1])}
	})
}

package virtual

import (
	"context"
	"errors"
	"time"

	"honnin/drivers/card"
)

// errNotAsked is returned to fingers on keys while the reader asks for nothing.
var errNotAsked = errors.New("virtual: the reader asks for no PIN")

// redKey is pressed like digits.
const redKey = "red"

// NewReaderWithKeys returns a reader that takes a PIN on keys of its own, and waits so long for each.
func NewReaderWithKeys(patience time.Duration) *Reader {
	r := NewReader()
	r.keys, r.patience = make(chan string), patience
	return r
}

// HasKeys tells whether the reader has keys.
func (r *Reader) HasKeys() bool { return r.keys != nil }

// Type presses digits and the green key as soon as the reader asks for a PIN. It returns an error if it does not before ctx
// ends.
func (r *Reader) Type(ctx context.Context, digits string) error {
	select {
	case r.keys <- digits:
		return nil
	case <-ctx.Done():
		return errNotAsked
	}
}

// Refuse presses the red key, as [Reader.Type] does.
func (r *Reader) Refuse(ctx context.Context) error { return r.Type(ctx, redKey) }

var _ card.PINPad = (*connection)(nil)

// HasPad tells whether the reader has keys.
func (c *connection) HasPad() bool { return c.r.HasKeys() }

// VerifyOnPad waits for fingers, and puts what they typed before the card.
func (c *connection) VerifyOnPad(ctx context.Context, header [4]byte) ([]byte, error) {
	if !c.HasPad() {
		return nil, card.ErrNoPad
	}
	_, serial, moved := c.r.state()
	if serial != c.serial {
		return nil, card.ErrGone
	}
	late := time.NewTimer(c.r.patience)
	defer late.Stop()
	select {
	case typed := <-c.r.keys:
		if typed == redKey {
			return nil, card.ErrPadCancelled
		}
		if _, err := card.ParsePIN([]byte(typed)); err != nil {
			return nil, err
		}
		return c.Transmit(ctx, append(append(header[:], byte(len(typed))), typed...))
	case <-late.C:
		return nil, card.ErrPadTimeout
	case <-moved:
		return nil, card.ErrGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

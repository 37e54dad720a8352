package card

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const (
	pinLength = 4
	redacted  = "[PIN]"
)

// PIN is a user-authentication PIN: four digits. However it is printed, it prints as "[PIN]". All copies of a PIN
// share one place in memory, so [PIN.Wipe] wipes them all. The zero PIN is no PIN.
//
// The digits hide in a closure, because fmt reaches what no method guards: it prints unexported fields of other
// structs, and follows their pointers, when a verb does not fit.
type PIN struct{ digits func() []byte }

// ParsePIN copies four digits ("0" to "9") from b. The caller wipes b.
func ParsePIN(b []byte) (PIN, error) {
	if len(b) != pinLength {
		return PIN{}, ErrPINForm
	}
	for _, d := range b {
		if d < '0' || d > '9' {
			return PIN{}, ErrPINForm
		}
	}
	digits := append([]byte(nil), b...)
	return PIN{func() []byte { return digits }}, nil
}

// Wipe overwrites the digits of this PIN and of all its copies.
func (p PIN) Wipe() {
	if p.digits != nil {
		clear(p.digits())
	}
}

// Usable reports whether p is four digits and was not wiped.
func (p PIN) Usable() bool { return p.digits != nil && p.digits()[0] != 0 }

func (p PIN) String() string               { return redacted }
func (p PIN) GoString() string             { return redacted }
func (p PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (p PIN) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Format writes "[PIN]" whatever the verb.
func (p PIN) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// PINTries asks how many wrong PINs the card still takes, 0 when it is blocked. It costs no try.
func (c *Card) PINTries(ctx context.Context) (int, error) {
	left := 0
	ask := func(reference byte) (err error) {
		left, err = c.askTries(ctx, reference)
		return err
	}
	err := c.eitherWay(ctx, &c.can.PINByShortID,
		func() error { return ask(0x80 | filePIN) },
		func() error {
			if err := c.choose(ctx, filePIN); err != nil {
				return err
			}
			return ask(0x80)
		})
	return left, c.suspect(ctx, err)
}

// askTries sends VERIFY without a body (ISO/IEC 7816-4 §7.5.6): the card counts nothing.
func (c *Card) askTries(ctx context.Context, reference byte) (int, error) {
	_, err := c.exchange(ctx, command{name: "VERIFY (tries left)", ins: 0x20, p2: reference})
	if err == nil {
		return 0, malformed("the question for the tries left was answered 9000")
	}
	err = pinError(err)
	if wrong := (*WrongPIN)(nil); errors.As(err, &wrong) {
		return wrong.Left, nil
	}
	if errors.Is(err, ErrBlocked) {
		return 0, nil
	}
	return 0, err
}

// VerifyPIN sends the PIN to the card, once. A wrong one is *[WrongPIN] with the tries that are left, a blocked
// one [ErrBlocked]. After any other error nobody knows whether the card counted it.
//
// The short file identifier is used only when the card has answered [Card.PINTries] by it: an experiment might
// cost a try.
func (c *Card) VerifyPIN(ctx context.Context, pin PIN) error {
	if !pin.Usable() {
		return ErrPINForm
	}
	return c.verify(ctx, func(reference byte) error {
		_, err := c.exchange(ctx, command{name: "VERIFY", ins: 0x20, p2: reference, data: pin.digits(), secret: true})
		return err
	})
}

// verify has send put a PIN before the card, once.
func (c *Card) verify(ctx context.Context, send func(reference byte) error) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	reference, err := c.pinReference(ctx)
	if err != nil {
		return err
	}
	c.verified = false
	err = send(reference)
	c.verified = err == nil
	err = c.suspect(ctx, pinError(err))
	if isUnsupported(err) {
		c.can.PINByShortID = Fails // for the next PIN that somebody types, not for a second try of this one
	}
	return err
}

// pinReference returns the P2 that names the PIN, and selects its file where the card wants that.
func (c *Card) pinReference(ctx context.Context) (byte, error) {
	if c.can.PINByShortID == Works {
		c.file = 0 // a short identifier may move the card's current file
		return 0x80 | filePIN, nil
	}
	return 0x80, c.choose(ctx, filePIN)
}

// pinError gives the status words of VERIFY their meaning.
func pinError(err error) error {
	s := (*StatusError)(nil)
	if !errors.As(err, &s) {
		return err
	}
	switch {
	case s.SW&0xFFF0 == 0x63C0:
		return &WrongPIN{Left: int(s.SW & 0xF)}
	case s.SW == swBlocked, s.SW == swBlockedJPKI:
		return fmt.Errorf("%w: %w", ErrBlocked, s)
	}
	return err
}

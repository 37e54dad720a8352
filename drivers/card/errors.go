package card

import (
	"errors"
	"fmt"

	"honnin/config/reason"
)

// What can go wrong with a card or its reader. Those that end a visit by a rule of the protocol carry its reason
// code ([reason.Of]).
var (
	// ErrGone is a card or a reader that stopped answering. Whether the last command was carried out is unknown.
	ErrGone error = reason.Errorf(reason.CardGone, "the card does not answer")
	// ErrChanged is another card than the one the visit began with.
	ErrChanged error = reason.Errorf(reason.CardChanged, "another card lies on the reader")
	// ErrForeign is a card without the JPKI application.
	ErrForeign error = reason.Errorf(reason.CardUntrusted, "not a My Number card")
	// ErrMalformed is an answer that is not of the declared form.
	ErrMalformed error = reason.Errorf(reason.CardUntrusted, "the card's answer is malformed")
	// ErrSignature is a signature that does not fit the certificate read from the card.
	ErrSignature error = reason.Errorf(reason.CardUntrusted, "the card's signature does not fit its certificate")

	// ErrBlocked is a PIN with no tries left; only a town hall can reset it.
	ErrBlocked = errors.New("card: the PIN is blocked")
	// ErrNotVerified is a request to sign before the PIN was verified on this connection.
	ErrNotVerified = errors.New("card: the PIN was not verified")
	// ErrPINForm is a PIN that is not four digits, or was wiped. Nothing was sent.
	ErrPINForm = errors.New("card: a PIN is four digits")

	// ErrNoReader is a machine without the reader asked for.
	ErrNoReader = errors.New("card: no reader")
	// ErrNoCard is a reader without a card.
	ErrNoCard = errors.New("card: no card on the reader")
	// ErrMute is a card that does not answer its reset: upside down, damaged, or not a smart card.
	ErrMute = errors.New("card: the card does not answer a reset")
	// ErrBusy is a reader or card that another connection holds.
	ErrBusy = errors.New("card: the reader is in use")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// WrongPIN is the card's answer to a wrong PIN. With no tries left it is also [ErrBlocked].
type WrongPIN struct{ Left int }

func (e *WrongPIN) Error() string { return fmt.Sprintf("card: wrong PIN, %d tries left", e.Left) }

// Is reports whether the wrong try was the last one.
func (e *WrongPIN) Is(target error) bool { return target == ErrBlocked && e.Left == 0 }

// StatusError is a status word (ISO/IEC 7816-4 §5.6) that the command's caller did not expect.
type StatusError struct {
	Command string // the command's name, without its data
	SW      uint16
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("card: %s: status %04X (%s)", e.Command, e.SW, e.meaning())
}

func (e *StatusError) meaning() string {
	if m, ok := meanings[e.SW]; ok {
		return m
	}
	return "not expected here"
}

var meanings = map[uint16]string{
	0x6283: "file or application deactivated",
	0x6700: "wrong length",
	0x6982: "security status not satisfied",
	0x6983: "PIN blocked",
	0x6984: "PIN blocked",
	0x6985: "conditions of use not satisfied",
	0x6986: "no current file",
	0x6A80: "wrong data",
	0x6A81: "function not supported",
	0x6A82: "file or application not found",
	0x6A86: "wrong P1 or P2",
	0x6A88: "referenced data not found",
	0x6B00: "offset outside the file",
	0x6D00: "instruction not supported",
	0x6E00: "class not supported",
}

// absent reports whether a SELECT said that there is no such application.
func (e *StatusError) absent() bool {
	switch e.SW {
	case 0x6A81, 0x6A82, 0x6A86, 0x6A87, 0x6D00, 0x6E00:
		return true
	}
	return false
}

// unsupported reports whether the card refused the form of the command, before it did anything.
func (e *StatusError) unsupported() bool {
	switch e.SW {
	case 0x6700, 0x6981, 0x6986, 0x6A80, 0x6A81, 0x6A82, 0x6A86, 0x6A87, 0x6A88, 0x6B00, 0x6D00, 0x6E00:
		return true
	}
	return false
}

func isUnsupported(err error) bool {
	s := (*StatusError)(nil)
	return errors.As(err, &s) && s.unsupported()
}

// Package card speaks to a My Number card: it finds the JPKI application, reads the user-authentication
// certificate, verifies the four-digit PIN and has the card sign. It knows commands (ISO/IEC 7816-4), not
// readers: those are in virtual, pcsc and ccid, and it reaches them through a [Transport].
//
// # The card
//
// The card is found by the application's identifier, never by its ATR: a contactless reader makes the ATR up.
//
//	application  D3 92 F0 00 26 01 00 00 00 01
//	0006         token information, 32 bytes, space-padded
//	000A 000B    user-authentication certificate and its CA's, free to read
//	0017 0018    user-authentication key and its PIN (4 digits, 3 tries)
//
// # Parties, and what is not believed
//
// Whatever lies on the reader is a stranger until its signature fits its certificate and the certificate chains
// to an anchor; the second half is the caller's. Every answer is bounded, and of the declared form or an
// error. An answer of fewer than two bytes is a lost card: a card pulled in the middle of a command can look like a
// successful answer of no bytes. [Card.Sign] hands out only what it has verified under the certificate it read.
//
// # What is never done
//
// VERIFY is never sent twice on our own: not after a wrong PIN, not after an error of the line, not to try
// another form of the command; each might cost the holder a try. After the line is lost the Card answers
// [ErrGone] for good, and the caller connects anew. No PIN, certificate or signature is in any error.
//
// # Another card
//
// A reader says when a card was exchanged, and then the line is lost. Where it does not say, the cards do: what the
// first card would not have answered after its certificate was read (nothing selected, no PIN verified, a signature
// that does not fit) makes the Card select the application and read the certificate anew. Another one, or none, is
// [ErrChanged], and nothing more is sent. testdata/faults.txt has what each fault at each command comes to.
//
// # Fewer commands
//
// Short APDUs with file identifiers always work. Short file identifiers save a SELECT each but are not proven
// on every card, so each use is tried, falls back and is remembered in [Abilities], which a caller may carry to
// the next visit of a card of the same make ([Connection.Make]). Extended length is tried only when asked for
// ([TryExtended]), only before the PIN, and not for longer than four seconds: whatever goes wrong with it, a lost line
// too, counts against it and the certificate is read on by short commands. Where the line itself did not survive,
// Abilities says that it was the experiment, and a caller that connects anew without it has lost nothing.
//
// A Card serves one visit, one goroutine at a time.
package card

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"honnin/config/trace"
)

// Transport carries one command APDU to a card and its answer back, data and status word (ISO/IEC 7816-4
// §5). It does not keep command after it returns. An error, or an answer of fewer than two bytes, means that the
// card is lost; then nobody knows whether the card saw the command.
type Transport interface {
	Transmit(ctx context.Context, command []byte) (response []byte, err error)
}

// Connection is a Transport that is one's own until Close, which resets the card: its security status is gone.
type Connection interface {
	Transport
	// Make names the reader and the card's answer to reset, as far as known: the same for all cards of a series in
	// that reader. It identifies no card, but belongs neither into a log nor into a file.
	Make() string
	Close() error
}

// File identifiers of the JPKI application (OpenSC, pkcs15-jpki.c).
const (
	fileToken   = 0x0006
	fileCert    = 0x000A
	fileCA      = 0x000B
	fileKey     = 0x0017
	filePIN     = 0x0018
	tokenLength = 32
)

var applicationID = []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}

// Kind is what the JPKI application lives on.
type Kind int

// The kinds.
const (
	Unknown   Kind = iota
	ICCard         // a My Number card, token information JPKIAPICCTOKEN2
	Telephone      // an application in a telephone's secure element, JPKIAPGPSETOKEN
)

func (k Kind) String() string {
	switch k {
	case ICCard:
		return "card"
	case Telephone:
		return "telephone"
	default:
		return "unknown"
	}
}

// Abilities is what a card turned out to be able to do beyond the commands that always work.
type Abilities struct {
	ReadByShortID Ability // READ BINARY with a short file identifier in P1
	PINByShortID  Ability // VERIFY with a short file identifier in P2
	SignByShortID Ability // PSO: COMPUTE DIGITAL SIGNATURE with a short file identifier in P2
	Extended      Ability // READ BINARY with an extended Le
}

// Ability is what is known of one shorter form of a command.
type Ability int8

// What is known of an ability. The zero value is to be tried.
const (
	Untried Ability = iota
	Works
	Fails
)

func (a Ability) String() string { return [...]string{"untried", "works", "fails"}[a%3] }

// Card is one card in one visit. Its methods must not run at the same time.
type Card struct {
	t         Transport
	can       Abilities
	extended  bool   // extended length may be tried
	selected  bool   // the JPKI application is selected
	file      uint16 // the current file, 0 when unknown
	gone      bool   // the line was lost: nothing more is sent
	verified  bool   // VerifyPIN succeeded here; another's success is not ours
	certified *x509.Certificate
	trace     trace.Trace
}

// Option changes how a Card speaks.
type Option func(*Card)

// WithAbilities starts from what an earlier visit at this reader learned; see [Card.Abilities].
func WithAbilities(a Abilities) Option { return func(c *Card) { c.can = a } }

// TryExtended lets the Card read with an extended Le where that is not known to fail, falling back to short commands.
// When the line is lost over it, [Abilities].Extended has become Fails.
func TryExtended() Option { return func(c *Card) { c.extended = true } }

// WithTrace has the Card say each command's instruction and status word.
func WithTrace(t trace.Trace) Option { return func(c *Card) { c.trace = t } }

// ShortOnly makes the Card use the commands that always work and nothing else.
func ShortOnly() Option {
	return WithAbilities(Abilities{ReadByShortID: Fails, PINByShortID: Fails, SignByShortID: Fails, Extended: Fails})
}

// New returns a Card over t. Nothing is sent before the first method is called.
func New(t Transport, options ...Option) *Card {
	c := &Card{t: t}
	for _, o := range options {
		o(c)
	}
	return c
}

// Abilities returns what is known by now of the shorter commands.
func (c *Card) Abilities() Abilities { return c.can }

// Identify selects the JPKI application and reads its token information. A card without the application is
// [ErrForeign]; one whose token information is not known is [ErrMalformed].
func (c *Card) Identify(ctx context.Context) (Kind, error) {
	kind := Unknown
	read := func(start reader) error {
		token, err := start(ctx, fileToken, tokenLength)
		if err == nil {
			kind, err = parseToken(token)
		}
		return err
	}
	err := c.eitherWay(ctx, &c.can.ReadByShortID,
		func() error { return read(c.readByShortID) },
		func() error { return read(c.readBySelect) })
	return kind, err
}

func parseToken(b []byte) (Kind, error) {
	if len(b) != tokenLength {
		return Unknown, malformed("token information of %d bytes", len(b))
	}
	switch strings.TrimRight(string(b), " ") {
	case "JPKIAPICCTOKEN2":
		return ICCard, nil
	case "JPKIAPGPSETOKEN":
		return Telephone, nil
	}
	return Unknown, malformed("token information of an unknown kind")
}

// SameAs reads the certificate anew and compares: nil when it is certDER, [ErrChanged] when another card lies
// there.
func (c *Card) SameAs(ctx context.Context, certDER []byte) error {
	got, err := c.Certificate(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, certDER) {
		return c.changed()
	}
	return nil
}

// changed ends the conversation: what lies there is not what the visit began with.
func (c *Card) changed() error {
	_ = c.lose(nil)
	return ErrChanged
}

// suspect tells another card from one that refuses: after err, for which the card of this visit has no reason, the
// application is selected and the certificate read anew. It returns [ErrChanged], [ErrGone], or err.
func (c *Card) suspect(ctx context.Context, err error) error {
	status := (*StatusError)(nil)
	if c.gone || c.certified == nil || !errors.As(err, &status) && !refusesForm(err) || errors.Is(err, ErrBlocked) {
		return err
	}
	c.selected, c.file, c.verified = false, 0, false
	_, again := c.Certificate(ctx)
	switch {
	case errors.Is(again, ErrForeign):
		return c.changed()
	case errors.Is(again, ErrChanged), c.gone:
		return again
	}
	return err
}

// open selects the JPKI application once.
func (c *Card) open(ctx context.Context) error {
	if c.selected {
		return nil
	}
	_, err := c.exchange(ctx, command{name: "SELECT application", ins: 0xA4, p1: 0x04, p2: 0x0C, data: applicationID})
	if s := (*StatusError)(nil); errors.As(err, &s) && s.absent() {
		return fmt.Errorf("%w: %w", ErrForeign, s)
	}
	c.selected = err == nil
	return err
}

// eitherWay does a harmless thing in its short form while that works, and in its full form otherwise, and
// remembers which one it was. A card that takes the short form for something else may answer anything, so
// an answer that makes no sense counts as a refusal of the form.
func (c *Card) eitherWay(ctx context.Context, short *Ability, inShort, inFull func() error) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if *short != Fails {
		c.file = 0 // a short identifier may move the card's current file
		err := inShort()
		if err == nil {
			*short = Works
		}
		if err == nil || c.gone || !refusesForm(err) {
			return err
		}
		c.file = 0 // nor does a refusal say where it stands
	}
	err := inFull()
	if err == nil {
		*short = Fails
	}
	return err
}

func refusesForm(err error) bool {
	return isUnsupported(err) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrSignature) || errors.Is(err, ErrNotVerified)
}

// choose makes file the current one.
func (c *Card) choose(ctx context.Context, file uint16) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if c.file == file {
		return nil
	}
	c.file = 0
	id := []byte{byte(file >> 8), byte(file)}
	if _, err := c.exchange(ctx, command{name: "SELECT file", ins: 0xA4, p1: 0x02, p2: 0x0C, data: id}); err != nil {
		return err
	}
	c.file = file
	return nil
}

// Package virtual is a My Number card made of software, and a reader to lay it on: what the practice world's people hold,
// and what the tests pull out of the reader in the middle of a command.
//
// A [Card] speaks APDUs (ISO/IEC 7816-4), short and extended, as the JPKI application is known to from OpenSC's driver
// and the tool myna; OpenSC's programs list it, read it, sign with it and block its PIN (see the tests of package
// vpcd). It holds both pairs of the application, user authentication and digital signature, each with key, certificate,
// its authority's certificate, PIN and tries. What nobody could look up on a real card is a choice of [Options]:
// short file identifiers, extended length, files longer than the certificate in them.
//
// Tries survive a reset, as they do on the card; security status and selection do not. Selecting an application, even
// the same one, clears security status. A PIN that was blocked stays blocked.
//
// Keys are whatever [crypto.Signer] the caller brings, RSA or ECDSA. Nothing is logged.
package virtual

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"slices"
	"sync"
)

// Tries of the two PINs (OpenSC, jpki.h).
const (
	authTries = 3
	signTries = 5
)

// Options says what is on the card. The user-authentication pair is needed, the signature pair may be absent.
type Options struct {
	AuthKey  crypto.Signer // RSA or ECDSA
	AuthCert []byte        // DER
	AuthCA   []byte        // DER, may be empty
	PIN      string        // 4 digits

	SignKey  crypto.Signer
	SignCert []byte // DER; read only with its PIN
	SignCA   []byte // DER
	SignPIN  string // 6 to 16 of A-Z and 0-9

	Rand io.Reader // for signatures; crypto/rand when nil

	Telephone    bool // token information of a telephone
	ShortFileIDs bool // READ BINARY, VERIFY and signing take short file identifiers
	Extended     bool // extended length is understood
	FileSize     int  // bytes of a certificate's file, filled with 00; as long as the certificate when that is longer
}

// Card is one virtual card. It is safe for concurrent use.
type Card struct {
	options Options
	files   map[uint16]file

	mu      sync.Mutex
	session session
	waiting []byte // the rest of an answer, for GET RESPONSE
}

// session is what a reset clears.
type session struct {
	application int
	current     uint16 // selected file, 0 for none
	verified    [2]bool
}

const (
	noApplication = iota
	jpki
	inputSupport
)

// file is an elementary file: a transparent one, a key or a PIN.
type file struct {
	content []byte
	locked  bool // readable only after the signature PIN
	key     crypto.Signer
	pin     *pin
	pair    int // which verified flag a key or PIN belongs to
}

type pin struct {
	value       []byte
	left, tries int
}

// New makes a card. It refuses options that no card could have.
func New(o Options) (*Card, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	c := &Card{options: o, files: map[uint16]file{
		0x0006: {content: token(o.Telephone)},
		0x000A: {content: o.padded(o.AuthCert)},
		0x000B: {content: o.padded(o.AuthCA)},
		0x0017: {key: o.AuthKey, pair: 0},
		0x0018: {pin: &pin{[]byte(o.PIN), authTries, authTries}, pair: 0},
	}}
	if o.SignKey != nil {
		c.files[0x0001] = file{content: o.padded(o.SignCert), locked: true}
		c.files[0x0002] = file{content: o.padded(o.SignCA)}
		c.files[0x001A] = file{key: o.SignKey, pair: 1}
		c.files[0x001B] = file{pin: &pin{[]byte(o.SignPIN), signTries, signTries}, pair: 1}
	}
	return c, nil
}

func (o Options) check() error {
	if !knownKey(o.AuthKey) || o.SignKey != nil && !knownKey(o.SignKey) {
		return errors.New("virtual: a key is neither RSA nor ECDSA")
	}
	if len(o.AuthCert) == 0 || len(o.PIN) != 4 {
		return errors.New("virtual: a card needs a certificate and a PIN of four digits")
	}
	if o.SignKey != nil && (len(o.SignPIN) < 6 || len(o.SignPIN) > 16) {
		return errors.New("virtual: a signature PIN has 6 to 16 characters")
	}
	if max(len(o.AuthCert), len(o.AuthCA), len(o.SignCert), len(o.SignCA), o.FileSize) > 0x7FFF {
		return errors.New("virtual: a file is longer than READ BINARY reaches")
	}
	return nil
}

func knownKey(k crypto.Signer) bool {
	if k == nil {
		return false
	}
	switch k.Public().(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return true
	}
	return false
}

func (o Options) padded(content []byte) []byte {
	b := make([]byte, max(o.FileSize, len(content)))
	copy(b, content)
	return b
}

func token(telephone bool) []byte {
	name := "JPKIAPICCTOKEN2"
	if telephone {
		name = "JPKIAPGPSETOKEN"
	}
	b := slices.Repeat([]byte{' '}, 32)
	copy(b, name)
	return b
}

// ATR returns an answer to reset that a contact card is known to have given, T=1.
func (c *Card) ATR() []byte { return []byte{0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14} }

// Reset does what taking away the power does: selection and security status are gone, tries are not.
func (c *Card) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.waiting = session{}, nil
}

// Process carries out one command APDU. The answer is never shorter than a status word.
func (c *Card) Process(command []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd, status := parse(command)
	if status == 0 && cmd.extended && !c.options.Extended {
		status = swLength
	}
	if status != 0 {
		return sw(nil, status)
	}
	if cmd.ins != 0xC0 {
		c.waiting = nil
	}
	data, status := c.dispatch(cmd)
	if len(data) == 0 {
		return sw(nil, status)
	}
	return c.portion(data, cmd, status)
}

// portion hands over as much as Le asks for and keeps the rest for GET RESPONSE.
func (c *Card) portion(data []byte, cmd command, status uint16) []byte {
	n := min(cmd.le, len(data))
	c.waiting = nil
	if n == len(data) {
		return sw(data, status)
	}
	c.waiting = slices.Clone(data[n:])
	return sw(data[:n], swMore|uint16(min(len(c.waiting), 256)&0xFF))
}

func (c *Card) dispatch(cmd command) ([]byte, uint16) {
	switch {
	case cmd.cla == 0x00 && cmd.ins == 0xA4:
		return nil, c.choose(cmd)
	case cmd.cla == 0x00 && cmd.ins == 0xB0:
		return c.read(cmd)
	case cmd.cla == 0x00 && cmd.ins == 0x20:
		return nil, c.verify(cmd)
	case cmd.cla == 0x00 && cmd.ins == 0xC0:
		return c.rest()
	case cmd.cla == 0x80 && cmd.ins == 0x2A:
		return c.sign(cmd)
	case cmd.cla != 0x00 && cmd.cla != 0x80:
		return nil, swClass
	}
	return nil, swInstruction
}

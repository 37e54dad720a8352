// Package protocol holds the words that terminal, centre, issuer and register say to each other: identifiers,
// the subject hash, the statement inside a package, the messages a card signs, the bodies of the centre's calls.
//
// It is vocabulary with strict parsing and nothing else: it judges the form of a value, never whether the value
// is the right one (spool/document does that), and it does no I/O. Every type that comes from outside has one
// parser, and a parsed value is immutable. The normative text is PROTOCOL.md beside this file.
package protocol

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Transaction identifies one document from application to outcome: 16 bytes, 32 lower-case hex digits in text.
type Transaction [16]byte

// Nonce is 32 random bytes that the terminal makes for every transaction.
type Nonce [32]byte

// Challenge is 32 random bytes that the centre makes for every transaction.
type Challenge [32]byte

// Digest is a SHA-256 value.
type Digest [32]byte

// SubjectHash ties a document to one certificate and one nonce; see [HashSubject].
type SubjectHash [32]byte

// Token names one version of one record, opaquely.
type Token [16]byte

// ErrFormat is wrapped by every parser of this package.
var ErrFormat = errors.New("protocol: malformed value")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrFormat, what) }

// NewTransaction returns a random transaction id.
func NewTransaction() (t Transaction) { random(t[:]); return }

// NewNonce returns a random nonce.
func NewNonce() (n Nonce) { random(n[:]); return }

// NewChallenge returns a random challenge.
func NewChallenge() (c Challenge) { random(c[:]); return }

// NewToken returns a random record token.
func NewToken() (t Token) { random(t[:]); return }

// random cannot fail: since Go 1.24 crypto/rand.Read ends the process rather than return an error.
func random(b []byte) { _, _ = rand.Read(b) }

// ParseTransaction reads 32 lower-case hex digits.
func ParseTransaction(s string) (t Transaction, err error) {
	return t, parseHex(t[:], s, "transaction")
}

// ParseDigest reads 64 lower-case hex digits.
func ParseDigest(s string) (d Digest, err error) { return d, parseHex(d[:], s, "digest") }

// ParseNonce reads 32 bytes of unpadded, canonical base64url.
func ParseNonce(s string) (n Nonce, err error) { return n, parse64(n[:], s, "nonce") }

func (t Transaction) String() string { return hex.EncodeToString(t[:]) }
func (d Digest) String() string      { return hex.EncodeToString(d[:]) }

// IsZero reports whether t was never set.
func (t Transaction) IsZero() bool { return t == Transaction{} }

// Equal compares in constant time.
func (h SubjectHash) Equal(o SubjectHash) bool { return subtle.ConstantTimeCompare(h[:], o[:]) == 1 }

// Equal compares in constant time.
func (d Digest) Equal(o Digest) bool { return subtle.ConstantTimeCompare(d[:], o[:]) == 1 }

// Text forms: transactions are hex, everything else base64url without padding. A digest is hex outside JSON
// statements ([Digest.String]) and base64url inside them, as PROTOCOL.md says member by member.

func (t Transaction) MarshalText() ([]byte, error)  { return hex.AppendEncode(nil, t[:]), nil }
func (t *Transaction) UnmarshalText(b []byte) error { return parseHex(t[:], string(b), "transaction") }
func (n Nonce) MarshalText() ([]byte, error)        { return append64(n[:]), nil }
func (n *Nonce) UnmarshalText(b []byte) error       { return parse64(n[:], string(b), "nonce") }
func (c Challenge) MarshalText() ([]byte, error)    { return append64(c[:]), nil }
func (c *Challenge) UnmarshalText(b []byte) error   { return parse64(c[:], string(b), "challenge") }
func (d Digest) MarshalText() ([]byte, error)       { return append64(d[:]), nil }
func (d *Digest) UnmarshalText(b []byte) error      { return parse64(d[:], string(b), "digest") }
func (h SubjectHash) MarshalText() ([]byte, error)  { return append64(h[:]), nil }
func (h *SubjectHash) UnmarshalText(b []byte) error { return parse64(h[:], string(b), "subject hash") }
func (t Token) MarshalText() ([]byte, error)        { return append64(t[:]), nil }
func (t *Token) UnmarshalText(b []byte) error       { return parse64(t[:], string(b), "token") }

func parseHex(dst []byte, s, what string) error {
	if len(s) != 2*len(dst) || strings.ToLower(s) != s {
		return malformed(what)
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return malformed(what)
	}
	return nil
}

var strict64 = base64.RawURLEncoding.Strict()

func append64(b []byte) []byte { return strict64.AppendEncode(nil, b) }

func parse64(dst []byte, s, what string) error {
	// The decoder skips line ends; the length check and the alphabet check together make the form canonical.
	if len(s) != strict64.EncodedLen(len(dst)) || strings.ContainsAny(s, "\r\n") {
		return malformed(what)
	}
	b, err := strict64.DecodeString(s)
	if err != nil || len(b) != len(dst) {
		return malformed(what)
	}
	copy(dst, b)
	return nil
}

// Terminal names a terminal: 1 to 32 of A-Z, 0-9 and hyphen.
type Terminal string

// Municipality is a six-digit local-government code (全国地方公共団体コード).
type Municipality string

// form is how many bytes a word has and of what characters. Regular expressions would say the same, but to compile
// them was a tenth of what the start of a process costs, and every document is inspected in a process of its own.
type form struct {
	least, most int
	of          string
}

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	terminalForm     = form{1, 32, upper + digits + "-"}
	municipalityForm = form{6, 6, digits}
	serialForm       = form{1, 64, upper + lower + digits + "-"}
	wordForm         = form{1, 64, lower + digits + "-"} // incident ids, problem words
)

func (f form) fits(s string) bool {
	return len(s) >= f.least && len(s) <= f.most && strings.Trim(s, f.of) == ""
}

// ParseTerminal checks the form of a terminal's name.
func ParseTerminal(s string) (Terminal, error) {
	if !terminalForm.fits(s) {
		return "", malformed("terminal")
	}
	return Terminal(s), nil
}

// ParseMunicipality checks the form of a local-government code; the check digit is the policy's business.
func ParseMunicipality(s string) (Municipality, error) {
	if !municipalityForm.fits(s) {
		return "", malformed("municipality")
	}
	return Municipality(s), nil
}

// UnmarshalText checks the form.
func (t *Terminal) UnmarshalText(b []byte) (err error) { *t, err = ParseTerminal(string(b)); return }

// UnmarshalText checks the form.
func (m *Municipality) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMunicipality(string(b))
	return
}

// Channel says where the transaction takes place.
type Channel string

// The channels.
const (
	Store   Channel = "store"   // a multi-copy machine
	Counter Channel = "counter" // a town hall's counter service (らくらく窓口)
)

// UnmarshalText checks the word.
func (c *Channel) UnmarshalText(b []byte) error {
	switch *c = Channel(b); *c {
	case Store, Counter:
		return nil
	}
	return malformed("channel")
}

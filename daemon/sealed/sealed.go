// Package sealed keeps refused packages for the municipality that was applied to, and for nobody else.
//
// Parties: a package that was refused with an incident is the best witness of what went wrong, and it holds somebody's certificate.
// The terminal encrypts it to the municipality's incident key (policy: municipality.incident_key) with a key that it forgets, and
// keeps the result under the incident's name. It cannot open it, nor can whoever takes its disk. Field staff carry it off, the
// municipality opens it. Without such a key, without room, after a failure or a power cut the package is destroyed; the incident,
// which was written down before, never is.
//
// A file is one line and the HPKE ciphertext (RFC 9180, base mode, one message: encapsulated key, then AES-256-GCM with its tag):
//
//	honnin-sealed/1 TERMINAL INCIDENT MUNICIPALITY KEM LF
//
// KEM is "x25519", DHKEM(X25519, HKDF-SHA256), or "p256", DHKEM(P-256, HKDF-SHA256); the KDF is HKDF-SHA256. The whole line with its
// LF is HPKE's info: under another name a file does not open. It is not signed: whoever has the municipality's public key can make
// one. What is inside is signed by its issuer, and the incident has its document's digest.
//
// Bounds of a [Store]: [MaxFiles], [MaxBytes], [MaxAge], and [Spare] bytes of the disk that it leaves to others. Where room is needed
// those whose incident is closed go first, the oldest before others; then the oldest of the municipality that has the most: a storm
// of one municipality takes nothing from another.
//
// What is overwritten: the package's bytes, by [Store.Keep] in any case. What is not: the ephemeral secrets, which the standard
// library leaves to the garbage collector. They are in no core and no swap, where the machine allows that, and open this one file.
package sealed

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"strings"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Format is the first word of a file.
const Format = "honnin-sealed/1"

// Errors of [Open]. They quote nothing.
var (
	ErrFile = errors.New("sealed-malformed: not a sealed package of this version")
	ErrKey  = errors.New("sealed-not-opened: not sealed to this key, or altered")
)

// Name says what a sealed package is about.
type Name struct {
	Terminal     protocol.Terminal
	Incident     protocol.IncidentID
	Municipality protocol.Municipality // the one that was applied to, whatever the package says
}

const (
	maxLine  = 256               // bytes of the line: it has at most 153
	overhead = maxLine + 65 + 16 // bytes of a file beside its package: the line, the encapsulated key, the tag
	// MaxFile is the length in bytes of the largest file.
	MaxFile = trust.MaxPackage + overhead
)

var kems = map[string]ecdh.Curve{"x25519": ecdh.X25519(), "p256": ecdh.P256()}

func (n Name) line(curve ecdh.Curve) ([]byte, error) {
	for word, c := range kems {
		if c == curve {
			return fmt.Appendf(nil, "%s %s %s %s %s\n", Format, n.Terminal, n.Incident, n.Municipality, word), nil
		}
	}
	return nil, errors.New("sealed: a key that is neither X25519 nor P-256")
}

// Seal encrypts a package to a municipality's key.
func Seal(n Name, to *ecdh.PublicKey, pkg []byte) ([]byte, error) {
	line, err := n.line(to.Curve())
	if err != nil {
		return nil, err
	}
	if _, _, err := read(line); err != nil { // a name that cannot be read again
		return nil, err
	}
	key, err := hpke.NewDHKEMPublicKey(to)
	if err != nil {
		return nil, err
	}
	body, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), line, pkg)
	return append(line, body...), err
}

// Open decrypts a file with the municipality's private key. The package is as unverified as it was.
func Open(key *ecdh.PrivateKey, file []byte) (n Name, pkg []byte, err error) {
	n, curve, err := read(file)
	if err != nil {
		return Name{}, nil, err
	}
	if key.Curve() != curve {
		return Name{}, nil, ErrKey
	}
	private, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return Name{}, nil, err
	}
	at := bytes.IndexByte(file, '\n') + 1
	pkg, err = hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), file[:at], file[at:])
	if err != nil {
		return Name{}, nil, ErrKey
	}
	return n, pkg, nil
}

// NameOf reads what a file, or its beginning of at least 256 bytes, says that it is about. Only opening it proves that.
func NameOf(file []byte) (Name, error) {
	n, _, err := read(file)
	return n, err
}

// read takes the line in its one form.
func read(file []byte) (n Name, curve ecdh.Curve, err error) {
	line, _, ended := bytes.Cut(file[:min(maxLine, len(file))], []byte("\n"))
	words := strings.Split(string(line), " ")
	if !ended || len(file) > MaxFile || len(words) != 5 || words[0] != Format || kems[words[4]] == nil {
		return Name{}, nil, ErrFile
	}
	var e [3]error
	n.Terminal, e[0] = protocol.ParseTerminal(words[1])
	n.Incident, e[1] = protocol.ParseIncidentID(words[2])
	n.Municipality, e[2] = protocol.ParseMunicipality(words[3])
	if errors.Join(e[:]...) != nil {
		return Name{}, nil, ErrFile
	}
	if t, _, err := n.Incident.Place(); err != nil || t != n.Terminal {
		return Name{}, nil, ErrFile
	}
	return n, kems[words[4]], nil
}

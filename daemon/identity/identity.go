// Package identity is a terminal's own two keys: by the one the centre knows it on a connection ([TLS]), with the other it
// signs what it says of itself to the office ([Signing]). A private key is made here, on the machine, and no function
// gives it out; what leaves is a request (PKCS #10, RFC 2986) with the terminal's name in it, and what comes back is a
// certificate.
//
// They are in a directory that only the daemon's user can enter, one generation of a key beside the other:
//
//	tls-0001/
//	    key.pem           PKCS #8
//	    request.pem
//	    certificate.pem   absent while the certificate is awaited
//	tls-0002/, signing-0001/ …
//	lock                  held while somebody writes
//
// Nothing points to the key in force: it is the highest generation with a certificate. So a new key waits beside the old
// one, and its certificate, written beside its place, synced and renamed into it, is the one step that switches. What is
// older is removed after that. A power cut at any step leaves the one or the other (cut_test.go cuts at each).
//
// A certificate is taken for the key that asked for it and for nothing else ([Check]): of this terminal's name, for this
// use and not the other's, valid now, and issued directly by one of the policy's terminal_keys.anchors, where it has any.
// It is looked at again whenever something is signed, and at each new connection to the centre. A file that somebody else can read, or owns, is refused, not repaired:
// a key that was readable is no secret any more.
package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/daemon/durable"
)

// Use is what a key is for.
type Use string

// The uses.
const (
	TLS     Use = "tls"     // client of the centre: extended key usage clientAuth
	Signing Use = "signing" // results for the office: extended key usage emailProtection, which plain "openssl cms -verify" takes
)

// Uses lists them.
func Uses() []Use { return []Use{TLS, Signing} }

// Code says in one word why a key or a certificate is not used.
type Code string

// The codes.
const (
	Missing       Code = "key-missing"        // no certificate was installed yet
	Exposed       Code = "key-exposed"        // others than the daemon's user can read or change it
	Malformed     Code = "key-malformed"      // no key, request, certificate or message of the expected form
	Waiting       Code = "key-waiting"        // a request waits for its certificate already
	Here          Code = "key-here"           // there is one already
	Unfit         Code = "key-unfit"          // a certificate for another key
	OtherTerminal Code = "key-other-terminal" // a certificate with another name
	OtherUse      Code = "key-other-use"      // a certificate for another use
	Untrusted     Code = "key-untrusted"      // not issued by an anchor of the policy
	Expired       Code = "key-expired"        // not valid at the time
	Forged        Code = "key-forged"         // a message that this key did not sign
)

// Refusal is why a key or certificate is not used. Its words quote nothing.
type Refusal struct {
	Code Code
	Err  error
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(c Code, format string, args ...any) error {
	return &Refusal{c, fmt.Errorf(format, args...)}
}

// Options say whose keys they are.
type Options struct {
	Dir      string
	Terminal protocol.Terminal
	Now      func() time.Time
}

// Keys is one terminal's keys. Its methods read the directory anew; other processes may use it at the same time.
type Keys struct {
	o    Options
	disk durable.Disk
}

// Open makes the directory where it is not there yet. It must be this user's alone.
func Open(o Options) (*Keys, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	d, err := openOwn(unix.AT_FDCWD, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Dir, err)
	}
	return &Keys{o, durable.Real{}}, errors.Join(d.Close(), durable.Real{}.Sync(filepath.Dir(o.Dir)))
}

// alone runs f while nobody else writes.
func (k *Keys) alone(f func() error) error {
	l, err := os.OpenFile(filepath.Join(k.o.Dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := unix.Flock(int(l.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.New("another honnind writes here")
	}
	return errors.Join(f(), unix.Flock(int(l.Fd()), unix.LOCK_UN)) // a child that is just being forked has l too, and would hold it
}

// State is how a key stands.
type State struct {
	Use     Use             `json:"use"`
	Until   time.Time       `json:"until,omitzero"`   // its certificate's end; zero: there is none
	Days    int             `json:"days"`             // whole ones left until then; negative after it
	Key     protocol.Digest `json:"key,omitzero"`     // SHA-256 of its SubjectPublicKeyInfo, to be compared by telephone
	Awaited protocol.Digest `json:"awaited,omitzero"` // the same of a key that waits for its certificate
	Damaged bool            `json:"damaged,omitzero"` // a key that waited is damaged, and passed over: another request replaces it
}

// Show says how the keys stand, in the order of [Uses]. It judges no certificate.
func (k *Keys) Show() (out []State, err error) {
	for _, u := range Uses() {
		now, next, err := k.read(u)
		if err != nil {
			return nil, err
		}
		s := State{Use: u}
		if now != nil {
			s.Until, s.Key = now.certificate.NotAfter.UTC(), now.digest()
			s.Days = days(now.certificate.NotAfter.Sub(k.o.Now()))
		}
		if next != nil {
			s.Awaited = next.digest()
		}
		if s.Damaged, err = k.damaged(u, now, next); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// days is how many whole ones.
func days(d time.Duration) int {
	const day = 24 * time.Hour
	if d < 0 {
		d -= day - 1
	}
	return int(d / day)
}

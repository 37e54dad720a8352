package policy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/config/trust"
)

// What somebody with a key may do.
const (
	Look        Role = "look"        // see diagnoses at a terminal
	Service     Role = "service"     // repair a terminal
	Acknowledge Role = "acknowledge" // take on an incident
	Close       Role = "close"       // close one
)

var roles = []Role{Look, Service, Acknowledge, Close}

func roleNames() (out []string) {
	for _, r := range roles {
		out = append(out, string(r))
	}
	return out
}

// Person is somebody who has a key: an id, never a name. Either SSH or SPKI is there.
type Person struct {
	ID          string
	SSH         string            // "ssh-ed25519 AAAA…" without a comment, for Look and Service
	SPKI        []byte            // as [Key.SPKI], for Acknowledge and Close
	Certificate *x509.Certificate // nil where the policy gives a bare public key
}

type person struct {
	Person
	roles        []Role
	until        time.Time
	municipality protocol.Municipality
	terminals    []Target
}

// Persons returns those who, now, have a role at a terminal, for all municipalities or for this one; of is "" for what
// concerns none.
func (p *Policy) Persons(r Role, at protocol.Terminal, of protocol.Municipality, now time.Time) (out []Person) {
	for _, q := range p.persons {
		if q.may(r, of, now) && q.at(at) {
			q.SPKI = slices.Clone(q.SPKI)
			out = append(out, q.Person)
		}
	}
	return out
}

// HasKey reports whether the policy lists a key (as [Key.SPKI]) for anybody, whatever for, where and until when.
func (p *Policy) HasKey(spki []byte) bool {
	return slices.ContainsFunc(p.persons, func(q person) bool { return len(q.SPKI) > 0 && bytes.Equal(q.SPKI, spki) })
}

type wirePerson struct {
	ID           string   `toml:"id"`
	Roles        []Role   `toml:"roles"`
	Key          string   `toml:"key"`
	Expires      date     `toml:"expires"`
	Municipality code     `toml:"municipality"`
	Terminals    []target `toml:"terminals"`
}

func (p *Policy) keyholders(all []wirePerson, nodes []*keys.Node, f *files) error {
	for i, w := range all {
		q := person{roles: w.Roles, until: w.Expires.Time, municipality: w.Municipality.Municipality, terminals: targets(w.Terminals)}
		if err := p.known(q.municipality, nodes[i]); err != nil {
			return err
		}
		q.ID = w.ID
		if err := q.read(w, f); err != nil {
			return nodes[i].Wrong("key", "%v", err)
		}
		p.persons = append(p.persons, q)
	}
	return nil
}

// read takes the kind of key that the roles need; one person may not have both kinds of role.
func (q *person) read(w wirePerson, f *files) error {
	ssh := func(r Role) bool { return r == Look || r == Service }
	first := ssh(w.Roles[0])
	if slices.ContainsFunc(w.Roles, func(r Role) bool { return ssh(r) != first }) {
		return errors.New("a person has either look and service or acknowledge and close, since their keys are of another kind; list them twice")
	}
	if first {
		line, err := readSSH(w.Key)
		q.SSH = line
		return err
	}
	b, err := f.content(w.Key)
	if err != nil {
		return err
	}
	var k Key
	public, err := k.read(b)
	if err == nil {
		err = trust.CheckKey(public)
	}
	if err != nil {
		return err
	}
	f.practice = f.practice || k.Certificate != nil && trust.IsPractice(k.Certificate)
	q.Certificate = k.Certificate
	q.SPKI, err = x509.MarshalPKIXPublicKey(public)
	return err
}

var errSSH = errors.New(`must be a line "ssh-ed25519 …" or "ecdsa-sha2-nistp256 …", as in a file that ends in .pub`)

// readSSH checks a public key (RFC 8709 section 4, RFC 5656 section 3.1) and returns it without a comment.
func readSSH(line string) (string, error) {
	words := strings.Fields(line)
	if len(words) < 2 || strings.ContainsAny(strings.TrimSpace(line), "\r\n") {
		return "", errSSH
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(words[1])
	in := cryptobyte.String(blob)
	var kind, curve, key []byte
	if err != nil || !sshString(&in, &kind) || string(kind) != words[0] {
		return "", errSSH
	}
	switch words[0] {
	case "ssh-ed25519":
		if !sshString(&in, &key) || len(key) != 32 {
			return "", errSSH
		}
	case "ecdsa-sha2-nistp256":
		if !sshString(&in, &curve) || string(curve) != "nistp256" || !sshString(&in, &key) || !onP256(key) {
			return "", errSSH
		}
	default:
		return "", errSSH
	}
	if !in.Empty() {
		return "", errSSH
	}
	return words[0] + " " + words[1], nil
}

func sshString(in *cryptobyte.String, out *[]byte) bool {
	var n uint32
	return in.ReadUint32(&n) && n <= 1<<16 && in.ReadBytes(out, int(n))
}

func onP256(point []byte) bool {
	_, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	return err == nil
}

package policy

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Bounds of a head. Versions fit a JSON number; a threshold of one would let whoever holds one key decide alone.
const (
	maxVersion    = 1<<53 - 1
	minThreshold  = 2
	maxPolicyKeys = 16
	maxTargets    = 10_000
)

// Head is what makes a policy one that can be signed, brought to terminals and replaced: its place in the sequence of
// policies, its time, the terminals it is for, and whose signatures its successor needs. config/policy/signed judges it.
type Head struct {
	Version   uint64          // 1 to 2⁵³−1, rising with every policy
	NotBefore time.Time       // not to be applied earlier
	Expires   time.Time       // from here on a terminal with it is out of service; after NotBefore
	Terminals []Target        // at least one
	Previous  protocol.Digest // SHA-256 of the text of the policy before; zero for version 1 and for no other
	Keys      Keys
}

// Keys are the policy keys: so many distinct ones of them must sign the next policy.
type Keys struct {
	Threshold int // 2 to the number of keys
	Keys      []Key
}

// Key is one policy key. No two of a policy have the same name or the same key.
type Key struct {
	Name        string            // 1 to 64 of a-z, 0-9 and hyphen: an office, never a person
	SPKI        []byte            // DER SubjectPublicKeyInfo, in the one form that crypto/x509 writes
	Certificate *x509.Certificate // nil where the policy gives a bare public key
}

// Target is a terminal's name, or the beginning of names with a star: "YOKOHAMA-0001", "YOKOHAMA-*", "*".
type Target string

// Matches reports whether t means this terminal.
func (t Target) Matches(at protocol.Terminal) bool {
	if start, open := strings.CutSuffix(string(t), "*"); open {
		return at != "" && strings.HasPrefix(string(at), start)
	}
	return string(t) == string(at) && at != ""
}

// Targets reports whether the policy is for this terminal.
func (h Head) Targets(at protocol.Terminal) bool {
	return slices.ContainsFunc(h.Terminals, func(t Target) bool { return t.Matches(at) })
}

// Head returns the policy's head. It is false for a policy that has none: one that is read, and cannot be signed.
func (p *Policy) Head() (Head, bool) {
	if p.head == nil {
		return Head{Version: p.version}, false
	}
	h := *p.head
	h.Terminals, h.Keys.Keys = slices.Clone(h.Terminals), slices.Clone(h.Keys.Keys)
	for i := range h.Keys.Keys {
		h.Keys.Keys[i].SPKI = bytes.Clone(h.Keys.Keys[i].SPKI)
	}
	return h, true
}

type wireKeys struct {
	Threshold *int      `toml:"threshold"`
	Key       []wireKey `toml:"key"`
}

type wireKey struct {
	Name string `toml:"name"`
	PEM  string `toml:"pem"`
}

// instant is a time of day anywhere, to the second, with its offset.
type instant struct{ time.Time }

func (i *instant) UnmarshalText(b []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339, string(b)); err != nil || i.Nanosecond() != 0 {
		return errors.New(`not an instant such as "2026-12-01T00:00:00+09:00"`)
	}
	return nil
}

type target struct{ Target }

func (t *target) UnmarshalText(b []byte) error {
	start, open := strings.CutSuffix(string(b), "*")
	if _, err := protocol.ParseTerminal(start); err != nil && !(open && start == "") {
		return errors.New(`not a terminal's name (A-Z, 0-9, hyphen), or the beginning of one with a star: "T-1", "T-*", "*"`)
	}
	t.Target = Target(b)
	return nil
}

// beginning fills in the head. Either nothing of it stands there or all of it.
func (p *Policy) beginning(w wire, f *files) (err error) {
	if w.Version == nil || *w.Version < 1 || *w.Version > maxVersion {
		return fmt.Errorf("version: must be from 1 to %d", uint64(maxVersion))
	}
	p.version = uint64(*w.Version)
	if w.NotBefore.IsZero() && w.Expires.IsZero() && w.Terminals == nil && w.Previous == nil && w.PolicyKeys == nil {
		return nil
	}
	if err := w.headComplete(); err != nil {
		return err
	}
	h := &Head{Version: p.version, NotBefore: w.NotBefore.UTC(), Expires: w.Expires.UTC()}
	if w.Previous != nil {
		h.Previous = protocol.Digest(*w.Previous)
	}
	for _, t := range w.Terminals {
		h.Terminals = append(h.Terminals, t.Target)
	}
	h.Keys, err = w.PolicyKeys.keys(f)
	p.head = h
	return err
}

func (w wire) headComplete() error {
	switch {
	case w.NotBefore.IsZero():
		return errors.New(`not_before: is missing; an instant such as "2026-12-01T00:00:00+09:00"`)
	case w.Expires.IsZero():
		return errors.New(`expires: is missing; an instant such as "2027-03-31T23:59:59+09:00"`)
	case !w.Expires.After(w.NotBefore.Time):
		return errors.New("expires: must be after not_before")
	case len(w.Terminals) == 0 || len(w.Terminals) > maxTargets:
		return fmt.Errorf(`terminals: from 1 to %d are needed; ["*"] means all`, maxTargets)
	case *w.Version == 1 && w.Previous != nil:
		return errors.New("previous: version 1 has none")
	case *w.Version > 1 && (w.Previous == nil || protocol.Digest(*w.Previous) == protocol.Digest{}):
		return errors.New("previous: is missing; the SHA-256 of the policy before, 64 hex digits")
	case w.PolicyKeys == nil:
		return errors.New("policy_keys: is missing")
	}
	return nil
}

func (w *wireKeys) keys(f *files) (k Keys, err error) {
	k.Threshold = minThreshold
	if w.Threshold != nil {
		k.Threshold = *w.Threshold
	}
	if len(w.Key) < minThreshold || len(w.Key) > maxPolicyKeys {
		return k, fmt.Errorf("policy_keys.key: from %d to %d are needed", minThreshold, maxPolicyKeys)
	}
	if k.Threshold < minThreshold || k.Threshold > len(w.Key) {
		return k, fmt.Errorf("policy_keys.threshold: must be from %d to %d, the number of keys", minThreshold, len(w.Key))
	}
	for i, w := range w.Key {
		key, err := w.key(f)
		if err == nil && slices.ContainsFunc(k.Keys, key.same) {
			err = errors.New("its name or its key stands twice")
		}
		if err != nil {
			return k, fmt.Errorf("policy_keys.key %d (%q): %w", i+1, w.Name, err)
		}
		k.Keys = append(k.Keys, key)
	}
	return k, nil
}

func (k Key) same(o Key) bool { return k.Name == o.Name || bytes.Equal(k.SPKI, o.SPKI) }

func (w wireKey) key(f *files) (k Key, err error) {
	if n := len(w.Name); n < 1 || n > 64 || strings.Trim(w.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return k, errors.New("name: must be 1 to 64 of a-z, 0-9 and hyphen")
	}
	b, err := f.content(w.PEM)
	if err != nil {
		return k, fmt.Errorf("pem: %w", err)
	}
	k.Name = w.Name
	public, err := k.read(b)
	if err != nil {
		return k, fmt.Errorf("pem: %w", err)
	}
	if err := trust.CheckKey(public); err != nil {
		return k, fmt.Errorf("pem: %w", err)
	}
	f.practice = f.practice || k.Certificate != nil && trust.IsPractice(k.Certificate)
	k.SPKI, err = x509.MarshalPKIXPublicKey(public)
	return k, err
}

// read takes exactly one PEM block: a certificate, or a public key.
func (k *Key) read(b []byte) (public any, err error) {
	block, rest := pem.Decode(b)
	if block == nil || bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, errors.New("must be one PEM block, CERTIFICATE or PUBLIC KEY")
	}
	switch block.Type {
	case "CERTIFICATE":
		if k.Certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
			return nil, errors.New("a certificate that does not decode")
		}
		return k.Certificate.PublicKey, nil
	case "PUBLIC KEY":
		if public, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return nil, errors.New("a public key that does not decode")
		}
		return public, nil
	}
	return nil, errors.New("must be one PEM block, CERTIFICATE or PUBLIC KEY")
}

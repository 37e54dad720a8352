package policy

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"honnin/config/keys"
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
	Warn      time.Duration   // how long before Expires a terminal warns
	Keys      Keys
}

// Keys is the policy keys: so many distinct ones of them must sign the next policy.
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
	i.Time, err = time.Parse(time.RFC3339, string(b))
	return err
}

type target struct{ Target }

func (t *target) UnmarshalText(b []byte) error { t.Target = Target(b); return nil }

func targets(from []target) (out []Target) {
	for _, t := range from {
		out = append(out, t.Target)
	}
	return out
}

// beginning fills in the head. Either nothing of it stands there or all of it.
func (p *Policy) beginning(w wire, root *keys.Node, d defaults, f *files) (err error) {
	p.version = uint64(w.Version)
	if w.NotBefore.IsZero() && w.Expires.IsZero() && w.Terminals == nil && root.Get("previous") == nil && w.PolicyKeys == nil {
		return nil
	}
	if err := w.headComplete(root); err != nil {
		return err
	}
	h := &Head{Version: p.version, NotBefore: w.NotBefore.UTC(), Expires: w.Expires.UTC(), Previous: protocol.Digest(w.Previous),
		Terminals: targets(w.Terminals), Warn: d.duration(w.ExpiryWarning, "expiry_warning")}
	h.Keys, err = w.PolicyKeys.keys(root.Get("policy_keys"), d, f)
	p.head = h
	return err
}

func (w wire) headComplete(root *keys.Node) error {
	none := protocol.Digest{} == protocol.Digest(w.Previous)
	for _, c := range []struct {
		wrong     bool
		key, says string
	}{
		{w.NotBefore.IsZero(), "not_before", `is missing; an instant such as "2026-12-01T00:00:00+09:00"`},
		{w.Expires.IsZero(), "expires", `is missing; an instant such as "2027-03-31T23:59:59+09:00"`},
		{!w.Expires.After(w.NotBefore.Time), "expires", "must be after not_before"},
		{w.Terminals == nil, "terminals", `is missing; ["*"] means all`},
		{w.Version == 1 && root.Get("previous") != nil, "previous", "version 1 has none"},
		{w.Version > 1 && none, "previous", "is missing; the SHA-256 of the policy before, 64 hex digits"},
		{w.PolicyKeys == nil, "policy_keys", "is missing"},
	} {
		if c.wrong {
			return root.Wrong(c.key, "%s", c.says)
		}
	}
	return nil
}

func (w *wireKeys) keys(n *keys.Node, d defaults, f *files) (k Keys, err error) {
	k.Threshold = d.number(w.Threshold, "policy_keys.threshold")
	if k.Threshold > len(w.Key) {
		return k, n.Wrong("threshold", "must be from %d to %d, the number of keys", minThreshold, len(w.Key))
	}
	for i, w := range w.Key {
		in := n.Get("key").Items()[i]
		key, err := w.key(f)
		if err != nil {
			return k, in.Wrong("pem", "%v", err)
		}
		if slices.ContainsFunc(k.Keys, key.same) {
			return k, in.Wrong("pem", "the same key stands twice")
		}
		k.Keys = append(k.Keys, key)
	}
	return k, nil
}

func (k Key) same(o Key) bool { return bytes.Equal(k.SPKI, o.SPKI) }

func (w wireKey) key(f *files) (k Key, err error) {
	b, err := f.content(w.PEM)
	if err != nil {
		return k, err
	}
	k.Name = w.Name
	public, err := k.read(b)
	if err != nil {
		return k, err
	}
	if err := trust.CheckKey(public); err != nil {
		return k, err
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

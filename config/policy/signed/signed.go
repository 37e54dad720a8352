// Package signed decides whether a policy is the operator's: whether enough policy keys signed it, whether it comes after
// the one in force, whether it is for this terminal, and whether its time has come. It reads no file and no clock.
//
// A [Bundle] is what is brought: the text of policy.toml, which is one file that names no other, and detached CMS
// signatures, each by one key over the very bytes of the text (the profile of config/trust; "openssl cms -sign -binary
// -cades -outform DER" makes one). [Keys.Open] counts the distinct keys among them, and parses nothing before there are
// enough. The certificate in a signature only carries its key: a key is known by the SHA-256 of its
// SubjectPublicKeyInfo, and its certificate's dates play no part, since the policy's own not_before and expires do.
//
// Trust begins with a [ParseRoot] file, which is placed with the machine: threshold and fingerprints of the first policy
// keys. Each policy names the keys that its successor needs; so the old threshold alone rotates the keys, and
// [Start.Extend] walks from the root, or from the policy in force, over every policy between. A policy on the way need not be for this
// terminal, nor in date; the last has to be, before it is applied ([Policy.For], [Policy.At]).
//
// What an attacker may try, and what stands against it, each with a test of that name:
//
//	rollback            versions only rise                                policy-rollback
//	freeze              an old policy expires, whoever withholds the next policy-expired
//	mix and match       a signature is over one text; a text names the    policy-unsigned, policy-gap
//	                    digest of the one before
//	wrong target        the text says which terminals it is for           policy-other-terminal
//	stripped signature  fewer than the threshold is none                  policy-unsigned
//	same key twice      keys are counted, not signatures, certificates    policy-unsigned
//	                    or names
package signed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust"
)

// Bounds of a bundle: bytes of its text, and how many signatures may lie beside it.
const (
	MaxText       = 16 << 20
	MaxSignatures = 32
)

// Bundle is a policy as it is brought: nothing in it is believed.
type Bundle struct {
	Text       []byte
	Signatures []Signature
}

// Signature is one detached signature, and where it came from, for words about it.
type Signature struct {
	Name string // of its file
	DER  []byte // at most trust.MaxDetached bytes
}

// Policy is a policy that enough policy keys signed.
type Policy struct {
	*policy.Policy
	Head    policy.Head
	Digest  protocol.Digest // SHA-256 of its text
	Signers []string        // names of the keys that signed, sorted
	Ignored []string        // what was said by signatures that count for nothing, for people
	Bundle  Bundle          // as it was brought, without what was ignored
	Rotates bool            // its keys are others than those that it was opened with
}

// Keys are those that may sign a policy: so many distinct ones of them are needed. The zero value opens nothing.
type Keys struct {
	threshold int
	names     map[protocol.Digest]string // by the SHA-256 of the SubjectPublicKeyInfo
}

// KeysOf are the keys that a policy names for its successor.
func KeysOf(k policy.Keys) Keys {
	out := Keys{k.Threshold, map[protocol.Digest]string{}}
	for _, key := range k.Keys {
		out.names[sha256.Sum256(key.SPKI)] = key.Name
	}
	return out
}

func (k Keys) equal(o Keys) bool { return k.threshold == o.threshold && maps.Equal(k.names, o.names) }

// String says how many of which keys are needed.
func (k Keys) String() string {
	return fmt.Sprintf("%d of %s", k.threshold, strings.Join(slices.Sorted(maps.Values(k.names)), ", "))
}

// looked is a bundle, and what can be said of it whoever may sign: that is found out once, since the text may be long and
// the signatures many, and a chain tries each bundle at each place.
type looked struct {
	Bundle
	digest  protocol.Digest
	signers []signer                       // of each signature
	parse   func() (*policy.Policy, error) // once, and only for what is authentic
}

type signer struct {
	key protocol.Digest // of its SubjectPublicKeyInfo
	err error
}

func look(b Bundle) (l looked) {
	l.Bundle = b
	if !b.bounded() {
		return l
	}
	l.Text = bytes.Clone(b.Text) // what was checked is what is read later, whatever becomes of b
	text := l.Text
	l.parse = sync.OnceValues(func() (*policy.Policy, error) { return policy.Parse(text, nil) })
	l.digest = sha256.Sum256(l.Text)
	for _, s := range b.Signatures {
		by, _, err := trust.VerifyDetached(s.DER, l.Text)
		var spki []byte
		if err == nil {
			spki, err = x509.MarshalPKIXPublicKey(by.PublicKey) // the one form: a key has many
		}
		l.signers = append(l.signers, signer{sha256.Sum256(spki), err})
	}
	return l
}

func (b Bundle) bounded() bool { return len(b.Text) <= MaxText && len(b.Signatures) <= MaxSignatures }

// Open authenticates a bundle and only then reads it [policy-unsigned, policy-malformed].
func (k Keys) Open(b Bundle) (*Policy, error) { return k.open(look(b)) }

func (k Keys) open(b looked) (*Policy, error) {
	if !b.bounded() {
		return nil, refuse(Malformed, "more than %d bytes, or than %d signatures", MaxText, MaxSignatures)
	}
	p := &Policy{Digest: b.digest}
	for i, s := range b.signers {
		p.count(k, b.Signatures[i], s)
	}
	if n := len(p.Signers); k.threshold < 1 || n < k.threshold {
		return nil, refuse(Unsigned, "signed by %d of the keys (%s), %s are needed%s", n, strings.Join(p.Signers, ", "), k, ignored(p.Ignored))
	}
	slices.Sort(p.Signers)
	p.Bundle.Text = b.Text
	var err error
	if p.Policy, err = b.parse(); err != nil {
		return nil, refuse(Malformed, "%w", err)
	}
	var whole bool
	if p.Head, whole = p.Policy.Head(); !whole {
		return nil, refuse(Malformed, "it has no head: not_before, expires, terminals, policy_keys")
	}
	p.Rotates = !k.equal(KeysOf(p.Head.Keys))
	return p, nil
}

// count notes who made a signature, once for each key.
func (p *Policy) count(k Keys, s Signature, by signer) {
	name, known := k.names[by.key]
	switch {
	case by.err != nil:
		p.Ignored = append(p.Ignored, fmt.Sprintf("%s: %v", s.Name, by.err))
	case !known:
		p.Ignored = append(p.Ignored, s.Name+": by a key that may not sign this policy")
	case slices.Contains(p.Signers, name):
		p.Ignored = append(p.Ignored, s.Name+": by "+name+" once more, which counts once")
	default:
		p.Signers = append(p.Signers, name)
		p.Bundle.Signatures = append(p.Bundle.Signatures, Signature{s.Name, bytes.Clone(s.DER)})
	}
}

func ignored(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "; " + strings.Join(words, "; ")
}

// After returns an error unless p comes after old [policy-here, policy-rollback, policy-fork, policy-gap]: its version is
// higher, and it names old's digest.
func (p *Policy) After(old *Policy) error {
	switch {
	case p.Head.Version < old.Head.Version:
		return refuse(Rollback, "version %d is before version %d, which is here", p.Head.Version, old.Head.Version)
	case p.Digest == old.Digest:
		return refuse(Here, "version %d is here already", p.Head.Version)
	case p.Head.Version == old.Head.Version:
		return refuse(Fork, "another version %d is here", p.Head.Version)
	case p.Head.Previous != old.Digest:
		return refuse(Gap, "version %d does not follow version %d, which is here: bring the policies between, too", p.Head.Version, old.Head.Version)
	}
	return nil
}

// For returns an error unless p is for this terminal [policy-other-terminal].
func (p *Policy) For(t protocol.Terminal) error {
	if !p.Head.Targets(t) {
		return refuse(OtherTerminal, "version %d is not for terminal %s", p.Head.Version, t)
	}
	return nil
}

// At returns an error before p's time and after it [policy-early, policy-expired].
func (p *Policy) At(now time.Time) error {
	switch {
	case now.Before(p.Head.NotBefore):
		return refuse(Early, "version %d is not to be applied before %s", p.Head.Version, p.Head.NotBefore.Format(time.RFC3339))
	case !now.Before(p.Head.Expires):
		return refuse(Expired, "version %d expired at %s", p.Head.Version, p.Head.Expires.Format(time.RFC3339))
	}
	return nil
}

// Ends reports how long p has still, and whether that is less than what it wants to be warned of before.
func (p *Policy) Ends(now time.Time) (left time.Duration, soon bool) {
	left = p.Head.Expires.Sub(now)
	return left, left < p.Head.Warn
}

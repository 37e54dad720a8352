// Package signedtest is an office with policy keys, for tests: it writes policies about one made-up municipality, or with
// a body that the test brings, and signs them.
package signedtest

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/trust/sign"
)

var versionLine = regexp.MustCompile(`(?m)^version = \d+\n`)

// Office has policy keys: "office-a", "office-b" and so on.
type Office struct {
	Keys []*sign.Pair
	Body string // of every policy: what follows the head. Its first version line is left out

	t  testing.TB
	at time.Time
}

// Head is what a policy of the office says of itself. The zero value of each field is filled in: version 1, valid from a
// day before the office's time to 90 days after, for all terminals, threshold 2 of the office's keys a, b, c.
type Head struct {
	Version            uint64
	NotBefore, Expires time.Time
	Terminals          []string
	After              []byte // the text of the policy before
	Threshold          int
	Keys               []int // indices of the office's keys
}

// New makes an office of four keys, of which the last is a spare. Its certificates are valid around the instant.
func New(t testing.TB, at time.Time) *Office {
	t.Helper()
	o := &Office{t: t, at: at}
	for i := range 4 {
		o.Keys = append(o.Keys, o.authority(Name(i)))
	}
	o.Body = fmt.Sprintf("clock_skew = \"5m\"\npackage_lifetime = \"15m\"\n[card]\nanchors = [%q]\n[[municipality]]\ncode = \"991015\"\nname = \"Test City\"\nissuing_anchors = [%q]\n",
		Armour(o.authority("Card CA").Certificate), Armour(o.authority("Issuing CA").Certificate))
	return o
}

func (o *Office) authority(name string) *sign.Pair {
	o.t.Helper()
	p, err := sign.NewCA(sign.Template{Name: name, NotBefore: o.at.Add(-time.Hour), NotAfter: o.at.Add(time.Hour)})
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// Name is what the office calls its i-th key.
func Name(i int) string { return "office-" + string(rune('a'+i)) }

// Armour writes a certificate in PEM.
func Armour(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// RootText is the root file of the office's keys a, b and c, of which two are needed.
func (o *Office) RootText() []byte {
	o.t.Helper()
	var certs []*x509.Certificate
	for _, k := range o.Keys[:3] {
		certs = append(certs, k.Certificate)
	}
	b, err := signed.FormatRoot(2, []string{Name(0), Name(1), Name(2)}, certs)
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

// Root is [Office.RootText], read.
func (o *Office) Root() signed.Keys {
	o.t.Helper()
	k, err := signed.ParseRoot(o.RootText())
	if err != nil {
		o.t.Fatal(err)
	}
	return k
}

// Text writes a policy.
func (o *Office) Text(h Head) []byte {
	h.fill(o.at)
	var b bytes.Buffer
	fmt.Fprintf(&b, "version = %d\nnot_before = %q\nexpires = %q\nterminals = [", h.Version, h.NotBefore.UTC().Format(time.RFC3339), h.Expires.UTC().Format(time.RFC3339))
	for _, t := range h.Terminals {
		fmt.Fprintf(&b, "%q, ", t)
	}
	b.WriteString("]\n")
	if h.After != nil {
		fmt.Fprintf(&b, "previous = \"%x\"\n", sha256.Sum256(h.After))
	}
	if at := versionLine.FindStringIndex(o.Body); at != nil {
		b.WriteString(o.Body[:at[0]] + o.Body[at[1]:])
	} else {
		b.WriteString(o.Body)
	}
	fmt.Fprintf(&b, "\n[policy_keys]\nthreshold = %d\n", h.Threshold)
	for _, i := range h.Keys {
		fmt.Fprintf(&b, "[[policy_keys.key]]\nname = %q\npem = %q\n", Name(i), Armour(o.Keys[i].Certificate))
	}
	return b.Bytes()
}

func (h *Head) fill(at time.Time) {
	if h.Version == 0 {
		h.Version = 1
	}
	if h.NotBefore.IsZero() {
		h.NotBefore = at.Add(-24 * time.Hour)
	}
	if h.Expires.IsZero() {
		h.Expires = at.Add(90 * 24 * time.Hour)
	}
	if len(h.Terminals) == 0 {
		h.Terminals = []string{"*"}
	}
	if h.Threshold == 0 {
		h.Threshold = 2
	}
	if len(h.Keys) == 0 {
		h.Keys = []int{0, 1, 2}
	}
}

// Sign is the i-th key's detached signature over a text.
func (o *Office) Sign(text []byte, i int) signed.Signature {
	o.t.Helper()
	opt := o.Keys[i].Options(o.at)
	opt.Detached = true
	der, err := sign.Sign(text, opt)
	if err != nil {
		o.t.Fatal(err)
	}
	return signed.Signature{Name: "policy.toml." + Name(i) + ".p7s", DER: der}
}

// Bundle is a text, signed by these keys; without any by a and b.
func (o *Office) Bundle(text []byte, signers ...int) signed.Bundle {
	o.t.Helper()
	b := signed.Bundle{Text: slices.Clone(text)}
	if len(signers) == 0 {
		signers = []int{0, 1}
	}
	for _, i := range signers {
		b.Signatures = append(b.Signatures, o.Sign(text, i))
	}
	return b
}

// Chain is so many policies, versions 1, 2, 3 …, each after the one before, signed by a and b.
func (o *Office) Chain(n int, heads ...Head) (out []signed.Bundle) {
	o.t.Helper()
	var before []byte
	for i := range n {
		var h Head
		if i < len(heads) {
			h = heads[i]
		}
		h.Version, h.After = uint64(i+1), before
		before = o.Text(h)
		out = append(out, o.Bundle(before))
	}
	return out
}

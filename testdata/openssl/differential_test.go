package openssl

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/testdata/vectors"
)

// tally counts verdicts: by our reason, how many libcrypto refused too and how many it would have accepted.
type tally map[reason.Code][2]int

func (y tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-28s %9s %9s\n", "here", "openssl ✗", "openssl ✓")
	for _, c := range slices.Sorted(maps.Keys(y)) {
		name := string(c)
		if c == "" {
			name = "accepted"
		}
		fmt.Fprintf(&b, "%-28s %9d %9d\n", name, y[c][0], y[c][1])
	}
	return b.String()
}

// judge asks both and adds to the tally. What we accept and libcrypto does not, or reads otherwise, is an error.
func (y tally) judge(der []byte, s *trust.Store, anchors []*x509.Certificate, began, at time.Time, skew time.Duration) error {
	ours, who, err := trust.Verify(der, s, began, at, skew)
	theirs, no := Verify(der, anchors, at)
	switch { // the two differences there are
	case who.Pinned: // a pin stands for the chain; libcrypto has no word for that
		theirs, no = VerifyUnchained(der)
	case err == nil && no != nil: // "through notAfter, inclusive" (RFC 5280 §4.1.2.5); libcrypto ends a second before
		theirs, no = Verify(der, anchors, at.Add(-time.Second))
	}
	n := y[reason.Of(err)]
	if no == nil {
		n[1]++
	} else {
		n[0]++
	}
	y[reason.Of(err)] = n
	switch {
	case err != nil && (!reason.Of(err).Known() || ours != nil):
		return fmt.Errorf("refused without a reason: %w", err)
	case err == nil && no != nil:
		return fmt.Errorf("accepted here, %w", no)
	case err == nil && !bytes.Equal(ours, theirs):
		return fmt.Errorf("another content than openssl's")
	}
	return nil
}

// TestVectors: nothing among the vectors is accepted here alone.
func TestVectors(t *testing.T) {
	y, anchors := tally{}, []*x509.Certificate(nil)
	files, err := filepath.Glob("../vectors/issuing-*.pem")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		anchors = append(anchors, must[[]*x509.Certificate](t)(trust.ParseCertificates(must[[]byte](t)(os.ReadFile(f))))...)
	}
	for _, v := range must[[]vectors.Vector](t)(vectors.All()) {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := y.judge(pkg, p.IssuingStore(), anchors, w.At.Add(-5*time.Minute), w.At, p.ClockSkew()); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	t.Log(y)
	if y[""][1] < 10 {
		t.Error("hardly anything was accepted")
	}
}

// TestPlainForgeries: a script without edits is a good message for every allowed algorithm, and weak for every other.
func TestPlainForgeries(t *testing.T) {
	w, y := newWorld(t), tally{}
	for how := range 256 {
		if err := y.judge(w.forge(script{byte(how)}), w.store, w.anchors, began, now, skew); err != nil {
			t.Errorf("%d: %v", how, err)
		}
	}
	if len(y) != 2 || y[""][1] < 150 || y[reason.SignatureWeak] == [2]int{} {
		t.Error(y)
	}
}

// TestForgeries says what strictness is good for: of some hundred re-signed forgeries, which would have passed openssl.
func TestForgeries(t *testing.T) {
	w, y := newWorld(t), tally{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		s := make(script, 2+5*(1+r.IntN(2)))
		for i := range s {
			s[i] = byte(r.Uint32())
		}
		s[0] %= 2 // P-256 and P-384 are quick
		if err := y.judge(w.forge(s), w.store, w.anchors, began, now, skew); err != nil {
			t.Errorf("%x: %v", s, err)
		}
	}
	t.Log(y)
	for _, c := range []reason.Code{"", reason.PackageMalformed, reason.SignatureInvalid, reason.SignatureWeak, reason.SignerUntrusted} {
		if y[c] == [2]int{} {
			t.Errorf("no forgery gets %q", c)
		}
	}
}

// findings are forgeries that were once accepted here and refused by libcrypto.
var findings = map[string]script{
	"a member after an extension's value":     {0x00, 0x06, 0xdc, 0x8b, 0xfc, 0x6f, 0xa4},
	"an extension's value twice":              {0x00, 0x6f, 0x90, 0x1a, 0xea, 0x3e, 0xe8},
	"the list of extensions twice":            {0x00, 0x56, 0xb0, 0x3b, 0xb9, 0x44, 0x0c},
	"a value after the list of extensions":    {0x01, 0x63, 0xb0, 0x07, 0x3f, 0xb9, 0x11},
	"a CA's extension, its value twice":       {0x01, 0xbb, 0xe9, 0xca, 0xbf, 0x82, 0x6b},
	"an extension written as another":         {0x00, 0xf6, 0x98, 0xaf, 0x31, 0xd7, 0xff},
	"members of an extension swapped":         {0x01, 0x40, 0x1c, 0x47, 0x8c, 0x50, 0x79},
	"a byte after an extension's inner value": {0x00, 0x60, 0xc8, 0xb1, 0x6d, 0xfc, 0xac},
	"an extension's inner value of wrong DER": {0x00, 0x1f, 0x08, 0x9a, 0xdb, 0xc2, 0xe9},
	"a CA valid until a minute":               {0x00, 0x43, 0xe1, 0xb6, 0x0d, 0x17, 0x41},
	"a CA valid until a time with an offset":  {0x01, 0x08, 0x91, 0xc1, 0xfe, 0x18, 0xcb},
	"a key identifier under another tag":      {0x00, 0x01, 0x08, 0x9a, 0xdb, 0xc2, 0x08},
	"a garbled proxy extension":               {0x08, 0x00, 0x03, 0x0a, 0xe9, 0xe9, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8},
	"a signer valid from a minute":            {0x00, 0x62, 0x9c, 0x74, 0x44, 0xc9, 0x3d},
}

func TestFindings(t *testing.T) {
	w := newWorld(t)
	for name, s := range findings {
		y := tally{}
		if err := y.judge(w.forge(s), w.store, w.anchors, began, now, skew); err != nil || len(y) != 1 || y[reason.PackageMalformed] != [2]int{1, 0} {
			t.Errorf("%s: %v %v", name, err, y)
		}
	}
}

// FuzzForged edits certificates and attributes before they are signed and the message after that: libcrypto agrees
// with whatever we accept, and it is the signed content in strict DER.
func FuzzForged(f *testing.F) {
	w := newWorld(f)
	for how := range 9 {
		f.Add([]byte{byte(how)})
		f.Add([]byte{byte(how) + 128, 7})
	}
	for _, s := range findings {
		f.Add([]byte(s))
	}
	for layer := range layers {
		for kind := range kinds {
			for where := range 6 {
				f.Add([]byte{0, 0, byte(layer), byte(kind), byte(where * 7), byte(where), byte(kind)})
			}
		}
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		der := w.forge(s)
		if err := (tally{}).judge(der, w.store, w.anchors, began, now, skew); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRaw mutates the bytes themselves.
func FuzzRaw(f *testing.F) {
	w := newWorld(f)
	for how := range 9 {
		f.Add(w.forge(script{byte(how)}))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if err := (tally{}).judge(der, w.store, w.anchors, began, now, skew); err != nil {
			t.Fatal(err)
		}
	})
}

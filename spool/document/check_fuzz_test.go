package document

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/pdftest"
	"honnin/testdata/vectors"
)

// How a fuzz's bytes become a package.
const (
	wholePackage = iota // as they stand
	aDocument           // signed by an issuer of the vectors' city A
	refitted            // signed, its frame put right before
	aStatement          // in a document that is right in all else, signed
	modes
)

// bench is the vectors' world with an issuer of its own, the same in every process that a fuzz works in.
type bench struct {
	t      testing.TB
	policy *policy.Policy
	all    []vectors.Vector
	issuer *sign.Pair
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t}
	all, err := vectors.All()
	b.check(err)
	for _, v := range all {
		if v.PolicyFile == all[0].PolicyFile && v.Application != nil {
			b.all = append(b.all, v)
		}
	}
	b.policy, err = all[0].Policy()
	b.check(err)
	text, err := os.ReadFile("../../testdata/vectors/issuing-a.pem")
	b.check(err)
	roots, err := trust.ParseCertificates(text)
	b.check(err)
	root := &sign.Pair{Certificate: roots[0], Key: b.key(elliptic.P384(), "root A")}
	if !root.Key.Public().(*ecdsa.PublicKey).Equal(root.Certificate.PublicKey) {
		t.Fatal("the vectors' first anchor has another key")
	}
	b.issuer, err = root.NewSigner("991015", sign.Template{Name: "Fuzz Issuer A", Key: b.key(elliptic.P256(), "fuzz"),
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC)})
	b.check(err)
	return b
}

func (b *bench) check(err error) {
	if err != nil {
		b.t.Fatal(err)
	}
}

// key derives a key as the vectors' generator does.
func (b *bench) key(c elliptic.Curve, label string) crypto.Signer {
	d := sha512.Sum512([]byte("honnin vectors " + label))
	scalar := d[:(c.Params().BitSize+7)/8]
	scalar[0] &= 1
	k, err := ecdsa.ParseRawPrivateKey(c, scalar)
	b.check(err)
	return k
}

// open returns what the terminal of a vector expects; what the vector does not say is filled in.
func (b *bench) open(which uint16) (Expectation, time.Time) {
	w, err := b.all[int(which)%len(b.all)].Want()
	b.check(err)
	want := Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began}
	if want.Began.IsZero() {
		want.Began = w.At.Add(-time.Minute)
	}
	return want, w.At
}

// pack makes the package.
func (b *bench) pack(want Expectation, at time.Time, mode uint8, data []byte) []byte {
	switch mode % modes {
	case wholePackage:
		return data
	case refitted:
		data = pdftest.Refit(data)
	case aStatement:
		data = pdftest.Good(data, pdftest.Tags(protocol.HashSubject(want.Nonce, want.Card.Raw), want.Transaction, 1)).Bytes()
	}
	pkg, err := sign.Sign(data, b.issuer.Options(at.Add(-25*time.Second)))
	if err != nil {
		panic(err)
	}
	return pkg
}

// seed adds what each vector is good for.
func (b *bench) seed(f *testing.F) {
	added := [modes]int{}
	add := func(which, mode int, data []byte) {
		if len(data) > 0 && len(data) < 12<<10 {
			f.Add(uint16(which), uint8(mode), data)
			added[mode]++
		}
	}
	for i, v := range b.all {
		pkg, err := v.Package()
		b.check(err)
		kind, _, _ := strings.Cut(v.Name, "-")
		if slices.Contains([]string{"package", "signature", "attributes", "signer", "weak", "accepted"}, kind) {
			add(i, wholePackage, pkg)
		}
		from, to := bytes.Index(pkg, []byte("%PDF-")), bytes.LastIndex(pkg, []byte("%%EOF"))
		if from < 0 || to < from {
			continue
		}
		pdf := pkg[from : to+6]
		if slices.Contains([]string{"pdf", "tag", "neighbour", "accepted"}, kind) {
			add(i, aDocument, pdf)
			add(i, refitted, pdf)
		}
		if slices.Contains([]string{"statement", "other", "application", "stale", "software", "neighbour", "accepted"}, kind) {
			add(i, aStatement, embedded(pdf))
		}
	}
	if slices.Min(added[:]) < 10 {
		f.Fatalf("seeds: %v", added)
	}
}

// embedded returns the statement where the vectors' generator puts it.
func embedded(pdf []byte) []byte {
	_, rest, _ := bytes.Cut(pdf, []byte("/application#2Fjson"))
	_, data, _ := bytes.Cut(rest, []byte("stream\n"))
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(r) // a spoilt one is as good a seed
	return text
}

// direct inspects one document in this process, once.
type direct struct {
	done  bool
	facts inspect.Facts
}

func (d *direct) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) {
	if !d.done {
		d.done, d.facts = true, inspect.Document(pdf)
	}
	return d.facts, nil
}

// FuzzCheck runs the whole check on a package, or on a document or statement that is signed after the fuzz has changed
// it, so that the rows behind the signature are reached. A refusal names rows from top to bottom, each once; what is
// accepted says of itself, read by other means, all that the terminal knows.
func FuzzCheck(f *testing.F) {
	b := newBench(f)
	b.seed(f)
	f.Fuzz(func(t *testing.T, which uint16, mode uint8, data []byte) {
		want, at := b.open(which)
		eye := &direct{}
		v := NewVerifier(b.policy, eye, func() time.Time { return at })
		pkg := b.pack(want, at, mode, data)
		verdict, err := v.Examine(t.Context(), pkg, want)
		if err != nil {
			t.Fatal(err)
		}
		d, err := v.Verify(t.Context(), pkg, want)
		var r *Refusal
		switch {
		case err == nil && verdict.Refusal == nil:
			err = trueOf(eye.facts, want, at)
			if m, _ := trust.Parse(pkg); err == nil && d.Document() != sha256.Sum256(m.Content()) {
				err = errors.New("another digest than the content's")
			}
		case errors.As(err, &r) && verdict.Refusal != nil && r.Code == verdict.Refusal.Code && d == (Verified{}):
			err = orderly(append([]reason.Code{r.Code}, r.Also...))
		default:
			err = fmt.Errorf("verified: %w; examined: %v", err, verdict.Refusal)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// orderly reports whether the codes are known, different and in the order of rows that give them.
func orderly(list []reason.Code) error {
	row := 0
	for i, c := range list {
		if !c.Known() || slices.Contains(list[:i], c) {
			return fmt.Errorf("%s is unknown or doubled in %v", c, list)
		}
		if c == reason.CardExpired {
			c = reason.CardUntrusted // the same row's
		}
		for ; row < len(theRules) && theRules[row].code != c; row++ {
		}
		if row == len(theRules) {
			return fmt.Errorf("%v is out of order", list)
		}
	}
	return nil
}

// trueOf holds an accepted document's facts against the expectation, without this project's readers.
func trueOf(f inspect.Facts, want Expectation, now time.Time) error {
	var s struct {
		Transaction, Terminal, Nonce, Municipality, Certificate string
		SubjectHash                                             string `json:"subject_hash"`
		Copies, Pages                                           int
		Expires                                                 time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(f.Statement, &s); err != nil {
		return err
	}
	card := sha256.Sum256(want.Card.Raw)
	mac := hmac.New(sha256.New, want.Nonce[:])
	mac.Write(append([]byte("honnin subject v1\x00"), card[:]...))
	hash := mac.Sum(nil)
	for i, t := range f.Tags {
		if !bytes.Equal(t.SubjectHash[:], hash) || t.Transaction != want.Transaction || t.Page != i+1 || t.Pages != len(f.Tags) {
			return fmt.Errorf("accepted with the tag of page %d", i+1)
		}
	}
	base, a := base64.RawURLEncoding.EncodeToString, want.Application
	if s.SubjectHash != base(hash) || s.Nonce != base(want.Nonce[:]) || s.Transaction != hex.EncodeToString(want.Transaction[:]) || s.Terminal != string(want.Terminal) ||
		s.Municipality != string(a.Municipality) || s.Certificate != string(a.Certificate) || s.Copies != a.Copies ||
		s.Pages != len(f.Tags) || s.Pages != f.PageCount || s.Pages < 1 || !now.Before(s.Expires) || len(f.Findings) != 0 {
		return fmt.Errorf("accepted with the statement %+v", s)
	}
	return nil
}

// TestFuzzReachesEveryRow: among the seeds, every reason that the check can give behind the signature is given, and
// some documents are accepted.
func TestFuzzReachesEveryRow(t *testing.T) {
	b := newBench(t)
	seen, tried := map[reason.Code]int{}, map[reason.Code]int{}
	for i, v := range b.all {
		if tried[v.Reason]++; tried[v.Reason] > 12 {
			continue
		}
		pkg, err := v.Package()
		b.check(err)
		from, to := bytes.Index(pkg, []byte("%PDF-")), bytes.LastIndex(pkg, []byte("%%EOF"))
		if from < 0 || to < from || len(pkg) > 12<<10 {
			continue
		}
		want, at := b.open(uint16(i))
		eye := &direct{}
		r := NewVerifier(b.policy, eye, func() time.Time { return at })
		for mode, data := range map[uint8][]byte{aDocument: pkg[from : to+6], aStatement: embedded(pkg[from : to+6])} {
			verdict, err := r.Examine(t.Context(), b.pack(want, at, mode, data), want)
			b.check(err)
			if verdict.Refusal == nil {
				seen[""]++
				b.check(trueOf(eye.facts, want, at))
				other := want
				other.Nonce[0] ^= 1
				if trueOf(eye.facts, other, at) == nil {
					t.Error("the fuzz's own eye overlooks another nonce")
				}
				continue
			}
			seen[verdict.Refusal.Code]++
		}
	}
	behind := false
	for _, r := range theRules {
		if behind = behind || r.code == reason.PDFUpdated; behind && seen[r.code] == 0 {
			t.Errorf("%s is not reached", r.code)
		}
	}
	if seen[""] < 10 || orderly([]reason.Code{reason.PDFFont, reason.PDFUpdated}) == nil || orderly([]reason.Code{reason.PDFFont, reason.PDFFont}) == nil {
		t.Errorf("%v", seen)
	}
}

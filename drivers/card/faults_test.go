package card_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// faultTable has what each fault at each command of a visit comes to. After a change that is meant, the test's own words
// replace it.
const faultTable = "testdata/faults.txt"

const legend = `What each fault (down) at each command of a visit (across) comes to; see faults_test.go.

ok         the visit went on as if nothing had been, and its signatures are the card's own
the other  another card lay there before the first one's certificate was read: the visit is that card's
gone       card.ErrGone: nothing more is sent                CHANGED    card.ErrChanged: nothing more is sent
foreign    card.ErrForeign                                   malformed  card.ErrMalformed
signature  card.ErrSignature                                 no PIN     card.ErrNotVerified
blocked    card.ErrBlocked                                   2 left     card.WrongPIN
refused    card.StatusError: the terminal's "not working"    untrusted  no authority's certificate

`

// cardWithin is the session's limit for one piece of work with the card.
const cardWithin = 15 * time.Second

// faulty is a reader at which one command goes wrong.
type faulty struct {
	lies, other *virtual.Card // what lies there, nil for nothing; what it may be swapped for
	at, n       int           // the command that goes wrong, the commands so far
	fault       func(f *faulty, ctx context.Context, command []byte) ([]byte, error)
	log         [][]byte
	pins        int
}

func (f *faulty) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if verifies(command) {
		f.pins++
	}
	f.n++
	if f.fault != nil && f.n-1 == f.at {
		return f.fault(f, ctx, command)
	}
	return f.answer(command)
}

func (f *faulty) answer(command []byte) ([]byte, error) {
	if f.lies == nil {
		return nil, card.ErrGone
	}
	f.log = append(f.log, bytes.Clone(command))
	return f.lies.Process(command), nil
}

// verifies reports whether a command has a PIN in it.
func verifies(command []byte) bool { return command[1] == 0x20 && len(command) > 4 }

type fault struct {
	name string
	do   func(f *faulty, ctx context.Context, command []byte) ([]byte, error)
}

// spoilt lets the card answer and changes the data.
func spoilt(name string, change func(data []byte) []byte) fault {
	return fault{name, func(f *faulty, _ context.Context, command []byte) ([]byte, error) {
		a, err := f.answer(command)
		return append(change(bytes.Clone(a[:len(a)-2])), a[len(a)-2:]...), err
	}}
}

func status(sw uint16) fault {
	return fault{fmt.Sprintf("%04X", sw), func(*faulty, context.Context, []byte) ([]byte, error) {
		return []byte{byte(sw >> 8), byte(sw)}, nil
	}}
}

// noise is so many bytes of nothing.
func noise(n int) (b []byte) {
	for i := byte(0); len(b) < n; i++ {
		s := sha256.Sum256([]byte{i})
		b = append(b, s[:]...)
	}
	return b[:n]
}

func swap(f *faulty, replay bool) {
	if replay { // a card, or who plays one, that was told all the first one was
		for _, c := range f.log {
			_ = f.other.Process(c)
		}
	}
	f.lies = f.other
}

func faults() []fault {
	all := []fault{
		{"pulled", func(f *faulty, _ context.Context, _ []byte) ([]byte, error) { f.lies = nil; return nil, card.ErrGone }},
		{"0 bytes", func(*faulty, context.Context, []byte) ([]byte, error) { return nil, nil }},
		{"1 byte", func(*faulty, context.Context, []byte) ([]byte, error) { return []byte{0x90}, nil }},
		{"line error", func(*faulty, context.Context, []byte) ([]byte, error) { return nil, errors.New("parity") }},
		{"hung", func(_ *faulty, ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }},
		{"slow, 3 s", func(f *faulty, _ context.Context, c []byte) ([]byte, error) {
			time.Sleep(3 * time.Second)
			return f.answer(c)
		}},
		{"reset by another", func(f *faulty, _ context.Context, c []byte) ([]byte, error) { f.lies.Reset(); return f.answer(c) }},
		{"swapped", func(f *faulty, _ context.Context, c []byte) ([]byte, error) { swap(f, false); return f.answer(c) }},
		{"swapped unseen", func(f *faulty, _ context.Context, c []byte) ([]byte, error) { swap(f, true); return f.answer(c) }},
		spoilt("garbage", func(b []byte) []byte { return noise(max(len(b), 1)) }),
		spoilt("a bit flipped", func(b []byte) []byte {
			for i := range b[:min(len(b), 1)] {
				b[i] ^= 1
			}
			return b
		}),
		spoilt("cut to half", func(b []byte) []byte { return b[:len(b)/2] }),
		spoilt("300 bytes more", func(b []byte) []byte { return append(b, noise(300)...) }),
		spoilt("65536 bytes", func([]byte) []byte { return noise(65536) }),
		spoilt("says 65535 long", func(b []byte) []byte { return append([]byte{0x30, 0x82, 0xFF, 0xFB}, b[min(4, len(b)):]...) }),
	}
	for _, sw := range []uint16{0x0000, 0x6100, 0x6110, 0x6200, 0x6282, 0x6283, 0x6300, 0x63C0, 0x63C1, 0x63C2, 0x63CF, 0x6400, 0x6581,
		0x6700, 0x6881, 0x6900, 0x6982, 0x6983, 0x6984, 0x6985, 0x6986, 0x6A80, 0x6A82, 0x6A86, 0x6B00, 0x6C00, 0x6C10, 0x6D00, 0x6E00,
		0x6F00, 0x9000, 0x9001, 0x9FFF, 0xFFFF} {
		all = append(all, status(sw))
	}
	return all
}

// signedVisit is what the terminal does with a card.
type signedVisit struct {
	cert           []byte
	proof, release []byte
}

// errUntrusted is the caller's word for a certificate that no authority signed.
var errUntrusted = errors.New("a stranger's certificate")

func terminalVisit(ctx context.Context, t *testing.T, c *card.Card, authorities ...[]byte) (v signedVisit, err error) {
	if v.cert, err = c.Certificate(ctx); err != nil {
		return v, err
	}
	if !trusted(t, v.cert, authorities) {
		return v, errUntrusted
	}
	left, err := c.PINTries(ctx)
	if err == nil && left == 0 {
		err = card.ErrBlocked
	}
	if err == nil {
		err = c.VerifyPIN(ctx, pin(t, cardtest.PIN))
	}
	if err == nil {
		v.proof, err = c.Sign(ctx, message)
	}
	if err == nil {
		v.release, err = c.Sign(ctx, message)
	}
	return v, err
}

func trusted(t *testing.T, der []byte, authorities [][]byte) bool {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(authorities, func(a []byte) bool {
		authority, err := x509.ParseCertificate(a)
		return err == nil && cert.CheckSignatureFrom(authority) == nil
	})
}

// isOf reports whether certificate and signatures are this holder's.
func (v signedVisit) isOf(t *testing.T, o virtual.Options) bool {
	cert, err := x509.ParseCertificate(o.AuthCert)
	if err != nil {
		t.Fatal(err)
	}
	key, digest := cert.PublicKey.(*ecdsa.PublicKey), sha256.Sum256(message)
	return bytes.Equal(v.cert, o.AuthCert) && ecdsa.VerifyASN1(key, digest[:], v.proof) && ecdsa.VerifyASN1(key, digest[:], v.release)
}

// forms are the ways to speak to a card.
func forms() []struct {
	name            string
	short, extended bool
	options         []card.Option
} {
	return []struct {
		name            string
		short, extended bool
		options         []card.Option
	}{
		{"short file identifiers", true, false, nil},
		{"SELECT for each file", false, false, []card.Option{card.ShortOnly()}},
		{"extended length", true, true, []card.Option{card.TryExtended()}},
	}
}

func stepName(command []byte) string {
	switch {
	case command[1] == 0xA4 && command[2] == 0x04:
		return "select"
	case command[1] == 0xA4:
		return fmt.Sprintf("sel %02X", command[6])
	case command[1] == 0xB0 && len(command) > 5:
		return "read+"
	case command[1] == 0xB0:
		return "read"
	case verifies(command):
		return "verify"
	case command[1] == 0x20:
		return "tries"
	}
	return "sign"
}

// outcome is one word for how a visit ended, by the error's type and nothing else.
func outcome(err error) string {
	var wrong *card.WrongPIN
	var refused *card.StatusError
	for _, c := range []struct {
		is   error
		word string
	}{{card.ErrGone, "gone"}, {card.ErrChanged, "CHANGED"}, {card.ErrForeign, "foreign"}, {card.ErrMalformed, "malformed"},
		{card.ErrSignature, "signature"}, {card.ErrNotVerified, "no PIN"}, {card.ErrBlocked, "blocked"}, {errUntrusted, "untrusted"}} {
		if errors.Is(err, c.is) {
			return c.word
		}
	}
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%d left", wrong.Left)
	case errors.As(err, &refused):
		return "refused"
	}
	return "?"
}

// TestFaults lets everything go wrong at every command of a visit. Each cell is held against the table, which a person can
// read, and against what must be true of all of them.
func TestFaults(t *testing.T) {
	var got strings.Builder
	got.WriteString(legend)
	cells := 0
	for _, form := range forms() {
		synctest.Test(t, func(t *testing.T) {
			a, b := holders.p256(), holders.p384()
			a.ShortFileIDs, a.Extended, b.ShortFileIDs, b.Extended = form.short, form.extended, form.short, form.extended
			cell := func(at int, do func(*faulty, context.Context, []byte) ([]byte, error)) (*faulty, string) {
				cells++
				f := &faulty{lies: newVirtual(t, a), other: newVirtual(t, b), at: at, fault: do}
				return f, f.visit(t, a, b, form.options)
			}
			whole, word := cell(-1, nil)
			if word != "ok" {
				t.Fatalf("%s: without a fault: %s", form.name, word)
			}
			w := tabwriter.NewWriter(&got, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "%s", form.name)
			for _, command := range whole.log {
				fmt.Fprintf(w, "\t%s", stepName(command))
			}
			for _, fault := range faults() {
				fmt.Fprintf(w, "\n%s", fault.name)
				for at := range whole.log {
					_, word := cell(at, fault.do)
					fmt.Fprintf(w, "\t%s", word)
					if word == "?" || strings.HasPrefix(fault.name, "swapped") && at > certificateRead(whole.log) && word != "CHANGED" {
						t.Errorf("%s, %s at command %d: %s", form.name, fault.name, at, word)
					}
				}
			}
			fmt.Fprintln(w)
			_ = w.Flush()
			got.WriteByte('\n')
		})
	}
	want, err := os.ReadFile(faultTable)
	if err != nil || got.String() != string(want) {
		t.Errorf("%d cells are not as in %s (%v); they are:\n%s", cells, faultTable, err, &got)
	}
	if cells < 1000 {
		t.Errorf("only %d cells", cells)
	}
}

// certificateRead is the number of the last command that reads the certificate.
func certificateRead(log [][]byte) (last int) {
	for i, c := range log {
		if c[1] == 0xB0 {
			last = i
		}
	}
	return last
}

// visit makes one visit and checks what holds whatever went wrong.
func (f *faulty) visit(t *testing.T, a, b virtual.Options, options []card.Option) string {
	ctx, cancel := context.WithTimeout(t.Context(), cardWithin)
	defer cancel()
	c := card.New(f, options...)
	v, err := terminalVisit(ctx, t, c, a.AuthCA, b.AuthCA)
	if f.pins > 1 {
		t.Errorf("%d PINs were sent", f.pins)
	}
	if err == nil && v.isOf(t, a) {
		return "ok"
	}
	if err == nil && v.isOf(t, b) {
		return "the other"
	}
	if err == nil {
		t.Error("a lie was believed")
	}
	word, sent := outcome(err), f.n
	if word == "gone" || word == "CHANGED" {
		for _, call := range everyCall(t, c) {
			if call.do() == nil {
				t.Errorf("%s after %s", call.name, word)
			}
		}
		if f.n != sent {
			t.Errorf("%d commands after %s", f.n-sent, word)
		}
	}
	return word
}

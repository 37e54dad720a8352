package card_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"testing"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// sizeMeasured is the length of the certificate that the project's figures are given for, in bytes.
const sizeMeasured = 1266

// holders are made once: RSA keys cost more than the tests.
var holders = struct {
	rsa, p256, p384 func() virtual.Options
}{
	rsa:  sync.OnceValue(func() virtual.Options { return mustHolder(cardtest.RSA2048, sizeMeasured) }),
	p256: sync.OnceValue(func() virtual.Options { return mustHolder(cardtest.ECDSAP256, 0) }),
	p384: sync.OnceValue(func() virtual.Options { return mustHolder(cardtest.ECDSAP384, 0) }),
}

func mustHolder(a cardtest.Algorithm, size int) virtual.Options {
	o, err := cardtest.NewHolder(a, size)
	if err != nil {
		panic(err)
	}
	return o
}

func newVirtual(t testing.TB, o virtual.Options) *virtual.Card {
	t.Helper()
	v, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wire is a Transport that a test can bend.
type wire func(command []byte) ([]byte, error)

func (w wire) Transmit(_ context.Context, command []byte) ([]byte, error) { return w(command) }

func straight(v *virtual.Card) wire {
	return func(command []byte) ([]byte, error) { return v.Process(command), nil }
}

func pin(t testing.TB, s string) card.PIN {
	t.Helper()
	p, err := card.ParsePIN([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// visit is what a terminal does with a card up to the authentication signature.
type visit struct {
	kind      card.Kind
	cert      []byte
	left      int
	signature []byte
}

var message = []byte("honnin test message")

func walk(c *card.Card, p card.PIN) (v visit, err error) {
	ctx := context.Background()
	if v.kind, err = c.Identify(ctx); err != nil {
		return v, err
	}
	if v.cert, err = c.Certificate(ctx); err != nil {
		return v, err
	}
	if v.left, err = c.PINTries(ctx); err != nil {
		return v, err
	}
	if err = c.VerifyPIN(ctx, p); err != nil {
		return v, err
	}
	v.signature, err = c.Sign(ctx, message)
	return v, err
}

func checkVisit(t testing.TB, v visit, o virtual.Options) {
	t.Helper()
	cert, err := x509.ParseCertificate(v.cert)
	if err != nil || !bytes.Equal(v.cert, o.AuthCert) {
		t.Fatalf("not the certificate on the card (%v)", err)
	}
	algorithm := x509.SHA256WithRSA
	if cert.PublicKeyAlgorithm == x509.ECDSA {
		algorithm = x509.ECDSAWithSHA256
	}
	if err := cert.CheckSignature(algorithm, message, v.signature); err != nil {
		t.Error(err)
	}
	if v.kind != card.ICCard || v.left != 3 {
		t.Errorf("kind %v with %d tries, want a card with 3", v.kind, v.left)
	}
}

func TestVisitOnEveryCardInEveryForm(t *testing.T) {
	options := map[string][]card.Option{
		"as it comes":    nil,
		"extended tried": {card.TryExtended()},
		"short only":     {card.ShortOnly()},
	}
	for algorithm, holder := range map[string]func() virtual.Options{
		"RSA-2048": holders.rsa, "P-256": holders.p256, "P-384": holders.p384,
	} {
		for form := range 8 {
			o := holder()
			o.ShortFileIDs, o.Extended, o.FileSize = form&1 != 0, form&2 != 0, form&4<<9
			for name, opts := range options {
				v, err := walk(card.New(straight(newVirtual(t, o)), opts...), pin(t, cardtest.PIN))
				if err != nil {
					t.Fatalf("%s, %s, short ids %v, extended %v, file of %d: %v", algorithm, name, o.ShortFileIDs, o.Extended, o.FileSize, err)
				}
				checkVisit(t, v, o)
			}
		}
	}
}

func TestIdentify(t *testing.T) {
	o := holders.p256()
	o.Telephone = true
	for name, c := range map[string]struct {
		wire wire
		kind card.Kind
		err  error
	}{
		"a card":      {straight(newVirtual(t, holders.p256())), card.ICCard, nil},
		"a telephone": {straight(newVirtual(t, o)), card.Telephone, nil},
		"a transit pass": {func([]byte) ([]byte, error) {
			return []byte{0x6A, 0x82}, nil
		}, card.Unknown, card.ErrForeign},
		"another generation": {replaceData(straight(newVirtual(t, o)), 0xB0, bytes.Repeat([]byte{' '}, 32)),
			card.Unknown, card.ErrMalformed},
		"a short token": {replaceData(straight(newVirtual(t, o)), 0xB0, []byte("JPKIAPICCTOKEN2")),
			card.Unknown, card.ErrMalformed},
		"an empty token": {replaceData(straight(newVirtual(t, o)), 0xB0, nil), card.Unknown, card.ErrMalformed},
		"gone":           {func([]byte) ([]byte, error) { return nil, nil }, card.Unknown, card.ErrGone},
		"one byte":       {func([]byte) ([]byte, error) { return []byte{0x90}, nil }, card.Unknown, card.ErrGone},
		"a broken line":  {func([]byte) ([]byte, error) { return nil, errors.New("usb") }, card.Unknown, card.ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			kind, err := card.New(c.wire).Identify(t.Context())
			if kind != c.kind || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%v, %v; want %v, %v", kind, err, c.kind, c.err)
			}
		})
	}
}

// replaceData answers an instruction with other data and 9000.
func replaceData(w wire, ins byte, data []byte) wire {
	return func(command []byte) ([]byte, error) {
		if command[1] == ins {
			return append(bytes.Clone(data), 0x90, 0x00), nil
		}
		return w(command)
	}
}

func TestAfterALostLineNothingIsSent(t *testing.T) {
	v := newVirtual(t, holders.rsa())
	sent, pulled := 0, false
	c := card.New(wire(func(command []byte) ([]byte, error) {
		sent++
		if pulled {
			return nil, nil
		}
		return v.Process(command), nil
	}))
	if _, err := walk(c, pin(t, cardtest.PIN)); err != nil {
		t.Fatal(err)
	}
	pulled = true
	if _, err := c.Sign(t.Context(), message); !errors.Is(err, card.ErrGone) {
		t.Fatalf("signing on a pulled card: %v", err)
	}
	pulled, sent = false, 0
	for _, call := range everyCall(t, c) {
		if err := call.do(); !errors.Is(err, card.ErrGone) && !errors.Is(err, card.ErrNotVerified) {
			t.Errorf("%s after the line was lost: %v", call.name, err)
		}
	}
	if sent != 0 {
		t.Errorf("%d commands were sent to a card that may be another one", sent)
	}
}

type call struct {
	name string
	do   func() error
}

// everyCall is every method that speaks to the card, in an order that ends with a signature.
func everyCall(t *testing.T, c *card.Card) []call {
	ctx := t.Context()
	return []call{
		{"Identify", func() error { _, err := c.Identify(ctx); return err }},
		{"Certificate", func() error { _, err := c.Certificate(ctx); return err }},
		{"PINTries", func() error { _, err := c.PINTries(ctx); return err }},
		{"VerifyPIN", func() error { return c.VerifyPIN(ctx, pin(t, cardtest.PIN)) }},
		{"Sign", func() error { _, err := c.Sign(ctx, message); return err }},
		{"CACertificate", func() error { _, err := c.CACertificate(ctx); return err }},
		{"SameAs", func() error { return c.SameAs(ctx, nil) }},
	}
}

func TestACancelledContextSendsNothingAndLosesNothing(t *testing.T) {
	c := card.New(straight(newVirtual(t, holders.p256())))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Identify(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, card.ErrGone) {
		t.Errorf("identify: %v", err)
	}
	if _, err := c.Identify(t.Context()); err != nil {
		t.Errorf("the card was given up: %v", err)
	}
}

func TestSameAs(t *testing.T) {
	a, b := holders.p256(), holders.p384()
	for _, c := range []struct {
		on   virtual.Options
		want error
	}{{a, nil}, {b, card.ErrChanged}} {
		err := card.New(straight(newVirtual(t, c.on))).SameAs(t.Context(), a.AuthCert)
		if !errors.Is(err, c.want) {
			t.Errorf("SameAs: %v, want %v", err, c.want)
		}
	}
}

func TestAbilitiesAreRememberedFromVisitToVisit(t *testing.T) {
	for _, short := range []bool{true, false} {
		o := holders.rsa()
		o.ShortFileIDs = short
		first := &card.Counting{Transport: straight(newVirtual(t, o))}
		c := card.New(first)
		if _, err := walk(c, pin(t, cardtest.PIN)); err != nil {
			t.Fatal(err)
		}
		second := &card.Counting{Transport: straight(newVirtual(t, o))}
		if _, err := walk(card.New(second, card.WithAbilities(c.Abilities())), pin(t, cardtest.PIN)); err != nil {
			t.Fatal(err)
		}
		want := first.Traffic().Commands
		if !short {
			want -= 3 // one experiment each for reading, PIN and signing is not repeated
		}
		if got := second.Traffic().Commands; got != want {
			t.Errorf("short ids %v: the second visit took %d commands, want %d; %+v", short, got, want, c.Abilities())
		}
	}
}

// A card that takes short identifiers for some commands only: what one of them does to the current file must not be
// mistaken for what SELECT did.
func TestEveryMixtureOfAbilities(t *testing.T) {
	o := holders.rsa()
	o.ShortFileIDs = true
	for mix := range 8 {
		v := straight(newVirtual(t, o))
		c := card.New(wire(func(command []byte) ([]byte, error) {
			refused := mix&1 != 0 && command[1] == 0xB0 && command[2]&0x80 != 0 ||
				mix&2 != 0 && command[1] == 0x20 && command[3] != 0x80 ||
				mix&4 != 0 && command[1] == 0x2A && command[3] != 0x80
			if refused {
				return []byte{0x6A, 0x86}, nil
			}
			return v(command)
		}))
		for round := range 2 {
			got, err := walk(c, pin(t, cardtest.PIN))
			if err != nil {
				t.Fatalf("mixture %d, round %d: %v", mix, round, err)
			}
			checkVisit(t, got, o)
			if err := c.SameAs(t.Context(), o.AuthCert); err != nil {
				t.Fatalf("mixture %d, round %d: %v", mix, round, err)
			}
		}
	}
}

package virtual_test

import (
	"context"
	"crypto"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

func TestReaderEvents(t *testing.T) {
	a, b := newCard(t, ecHolder()), newCard(t, ecHolder())
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewReader()
		var mu sync.Mutex
		var events []bool
		ctx, cancel := context.WithCancel(t.Context())
		go r.Watch(ctx, func(p bool) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, p)
		})
		for _, step := range []func(){func() {}, func() { r.Place(a) }, r.Pull, r.Pull, func() { r.Place(a) },
			func() { r.Place(b) }, func() { r.Pull(); r.Place(b) }, func() { r.Pull(); r.Place(a); r.Pull() }} {
			synctest.Wait()
			step()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		r.Place(a)
		synctest.Wait()
		want := []bool{false, true, false, true, false, true, false, true, false}
		if !slices.Equal(events, want) {
			t.Errorf("events %v, want %v", events, want)
		}
	})
}

func TestReaderConnections(t *testing.T) {
	r := virtual.NewReader()
	if _, err := r.Connect(t.Context()); !errors.Is(err, card.ErrNoCard) {
		t.Errorf("connected to no card: %v", err)
	}
	if err := r.PowerDown(t.Context()); err != nil {
		t.Errorf("nothing to power down: %v", err)
	}
	r.Place(newCard(t, ecHolder()))
	if p, err := r.Present(t.Context()); !p || err != nil {
		t.Error("no card is present", err)
	}
	c := connect(t, r)
	if _, err := r.Connect(t.Context()); !errors.Is(err, card.ErrBusy) {
		t.Errorf("a second connection: %v", err)
	}
	if err := r.PowerDown(t.Context()); !errors.Is(err, card.ErrBusy) {
		t.Errorf("powered down under a connection: %v", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Transmit(t.Context(), mustHex(selectJPKI)); !errors.Is(err, card.ErrGone) {
		t.Errorf("a closed connection answers: %v", err)
	}
	if err := connect(t, r).Close(); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, r *virtual.Reader) card.Connection {
	t.Helper()
	c, err := r.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCloseLeavesNothingVerified(t *testing.T) {
	r := virtual.NewReader()
	r.Place(newCard(t, ecHolder()))
	c := connect(t, r)
	transmit(t, c, selectJPKI, file("0018"), authPIN)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = connect(t, r)
	if got := transmit(t, c, selectJPKI, file("0017"), "802A0080 14"+"0000000000000000000000000000000000000000"+"00"); got != "\x69\x82" {
		t.Errorf("signed without a PIN: %x", got)
	}
}

// transmit sends all and returns the last answer.
func transmit(t *testing.T, c card.Transport, commands ...string) (last string) {
	t.Helper()
	for _, command := range commands {
		a, err := c.Transmit(t.Context(), mustHex(command))
		if err != nil {
			t.Fatal(err)
		}
		last = string(a)
	}
	return last
}

// pulling is a key that pulls its own card from the reader while it signs.
type pulling struct {
	crypto.Signer
	pull func()
}

func (k pulling) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	k.pull()
	return k.Signer.Sign(r, digest, o)
}

func TestPulledInTheMiddleOfACommand(t *testing.T) {
	for name, again := range map[string]bool{"and gone": false, "and put back at once": true} {
		t.Run(name, func(t *testing.T) {
			r := virtual.NewReader()
			o := ecHolder()
			var v *virtual.Card
			o.AuthKey = pulling{o.AuthKey, func() {
				r.Pull()
				if again {
					r.Place(v)
				}
			}}
			v = newCard(t, o)
			r.Place(v)
			c := connect(t, r)
			p, err := card.ParsePIN([]byte(cardtest.PIN))
			if err != nil {
				t.Fatal(err)
			}
			k := card.New(c)
			if err := k.VerifyPIN(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if s, err := k.Sign(t.Context(), []byte("x")); !errors.Is(err, card.ErrGone) || s != nil {
				t.Errorf("%d bytes of signature from a card that was pulled: %v", len(s), err)
			}
		})
	}
}

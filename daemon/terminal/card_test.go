package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/daemon/session"
	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// oddReader is a virtual reader whose connections a test can spoil.
type oddReader struct {
	*virtual.Reader
	kind   string // of the cards, beside their answer to reset
	extend func(ctx context.Context) ([]byte, error)
	tried  int // extended reads
}

func (r *oddReader) Connect(ctx context.Context) (card.Connection, error) {
	c, err := r.Reader.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &oddCard{Connection: c, r: r}, nil
}

// oddCard is a connection that does not survive an extended read where the reader has something against it.
type oddCard struct {
	card.Connection
	r    *oddReader
	dead bool
}

func (c *oddCard) Make() string { return c.r.kind + c.Connection.Make() }

func (c *oddCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.dead {
		return nil, card.ErrGone
	}
	if command[1] == 0xB0 && len(command) > 5 {
		c.r.tried++
		if c.r.extend != nil {
			c.dead = true
			return c.r.extend(ctx)
		}
	}
	return c.Connection.Transmit(ctx, command)
}

// oddStand lays a card on a reader.
func oddStand(t *testing.T, o virtual.Options) (*cards, *oddReader, *card.Traffic) {
	t.Helper()
	v, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &oddReader{Reader: virtual.NewReader()}
	r.Place(v)
	sum := new(card.Traffic)
	return &cards{reader: r, count: func(n card.Traffic) { *sum = n }}, r, sum
}

// visit does what a session does with a card.
func (c *cards) visit(t *testing.T, o virtual.Options) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), session.DefaultLimits().Card)
	defer cancel()
	one, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer one.Close()
	der, err := one.Certificate(ctx)
	if err != nil {
		return err
	}
	if _, err := one.Tries(ctx); err != nil {
		return err
	}
	if got, err := one.VerifyPIN(ctx, []byte(cardtest.PIN)); err != nil || !got.OK || !bytes.Equal(der, o.AuthCert) {
		return fmt.Errorf("%+v, %w", got, err)
	}
	_, err = one.Sign(ctx, []byte("message"))
	return errors.Join(err, one.Close())
}

// oneHolder is made once: RSA keys cost more than the tests.
var oneHolder = sync.OnceValues(func() (virtual.Options, error) { return cardtest.NewHolder(cardtest.RSA2048, 1266) })

func holder(t *testing.T) virtual.Options {
	t.Helper()
	o, err := oneHolder()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestExperimentsAreMadeOnce: what a card refused is not tried on the next of its make, and tried on another.
func TestExperimentsAreMadeOnce(t *testing.T) {
	o := holder(t)
	for _, c := range []struct {
		short, extended bool
		first, later    int // commands up to the authentication signature
	}{
		{true, true, 6, 6},
		{true, false, 11, 9},
		{false, true, 12, 9},
		{false, false, 17, 12},
	} {
		o.ShortFileIDs, o.Extended = c.short, c.extended
		terminal, r, sum := oddStand(t, o)
		for i, want := range []int{c.first, c.later, c.later} {
			if err := terminal.visit(t, o); err != nil || sum.Commands != want {
				t.Errorf("short ids %v, extended %v, visit %d: %d commands, want %d; %v", c.short, c.extended, i, sum.Commands, want, err)
			}
		}
		for i := range 2 * makes {
			r.kind = fmt.Sprint("another make ", i)
			if err := terminal.visit(t, o); err != nil || sum.Commands != c.first {
				t.Fatalf("another make: %d commands, want %d; %v", sum.Commands, c.first, err)
			}
		}
		if n := len(terminal.can); n == 0 || n > makes {
			t.Errorf("%d makes are remembered", n)
		}
	}
}

// TestExtendedLengthThatCostsTheLine: the visit goes on over a new connection, and the next one does not try.
func TestExtendedLengthThatCostsTheLine(t *testing.T) {
	for name, extend := range map[string]func(context.Context) ([]byte, error){
		"breaks": func(context.Context) ([]byte, error) { return nil, errors.New("usb") },
		"stalls": func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			o := holder(t)
			synctest.Test(t, func(t *testing.T) {
				terminal, r, _ := oddStand(t, o)
				r.extend = extend
				begun := time.Now()
				if err := terminal.visit(t, o); err != nil {
					t.Fatalf("the experiment cost the visit: %v", err)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("the experiment took %v", took)
				}
				if err := terminal.visit(t, o); err != nil || r.tried != 1 {
					t.Errorf("tried %d times; %v", r.tried, err)
				}
			})
		})
	}
}

// A card pulled out of an extended read says nothing against extended length.
func TestPulledIsNotBlamedOnExtendedLength(t *testing.T) {
	o := holder(t)
	o.Extended = true
	terminal, r, _ := oddStand(t, o)
	r.extend = func(context.Context) ([]byte, error) { r.Pull(); return nil, card.ErrGone }
	if err := terminal.visit(t, o); !errors.Is(err, session.ErrCardGone) {
		t.Errorf("pulled: %v", err)
	}
	v, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Place(v)
	r.extend = nil
	if err := terminal.visit(t, o); err != nil || r.tried != 2 {
		t.Errorf("tried %d times; %v", r.tried, err)
	}
}

// leaving is an empty reader that is unplugged after an hour.
type leaving struct{ sickReader }

func (r *leaving) Watch(ctx context.Context, notify func(bool)) {
	notify(false)
	time.Sleep(time.Hour)
	notify(false)
	<-ctx.Done()
}

// TestEmptyReaderLeaves: "no card" that is said twice has a reason, and it is asked for.
func TestEmptyReaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, heard := &leaving{sickReader{history: []error{nil, fmt.Errorf("%w: unplugged", card.ErrNoReader)}}}, 0
		if err := (&cards{reader: r}).Watch(t.Context(), func(bool) { heard++ }); !errors.Is(err, card.ErrNoReader) || heard != 1 {
			t.Errorf("%v, heard %d times", err, heard)
		}
	})
}

// idleReader counts what is asked of a reader.
type idleReader struct {
	*virtual.Reader
	asked, connected int
}

func (r *idleReader) Present(ctx context.Context) (bool, error) {
	r.asked++
	return r.Reader.Present(ctx)
}

func (r *idleReader) Connect(ctx context.Context) (card.Connection, error) {
	r.connected++
	return r.Reader.Connect(ctx)
}

// TestWatchingAsksNothing: a card that lies there for an hour is asked nothing, and the reader once.
func TestWatchingAsksNothing(t *testing.T) {
	o := holder(t)
	synctest.Test(t, func(t *testing.T) {
		_, odd, _ := oddStand(t, o)
		r, said := &idleReader{Reader: odd.Reader}, 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := (&cards{reader: r}).Watch(ctx, func(bool) { said++ }); err != nil || said != 1 || r.asked != 1 || r.connected != 0 {
			t.Errorf("%d events, %d questions, %d connections; %v", said, r.asked, r.connected, err)
		}
	})
}

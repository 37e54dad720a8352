package virtual_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// TestKeys: what may come of fingers on the reader's own keys.
func TestKeys(t *testing.T) {
	o := ecHolder()
	for name, c := range map[string]struct {
		fingers func(ctx context.Context, r *virtual.Reader) error
		want    error
		left    int
	}{
		"right":      {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, cardtest.PIN) }, nil, 3},
		"wrong":      {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, "0000") }, &card.WrongPIN{Left: 2}, 2},
		"no PIN":     {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, "12") }, card.ErrPINForm, 3},
		"red key":    {func(ctx context.Context, r *virtual.Reader) error { return r.Refuse(ctx) }, card.ErrPadCancelled, 3},
		"nobody":     {nil, card.ErrPadTimeout, 3},
		"pulled":     {func(_ context.Context, r *virtual.Reader) error { r.Pull(); return nil }, card.ErrGone, 3},
		"given up":   {func(context.Context, *virtual.Reader) error { return context.Canceled }, card.ErrGone, 3},
		"other card": {func(_ context.Context, r *virtual.Reader) error { r.Place(newCard(t, o)); return nil }, card.ErrGone, 3},
	} {
		t.Run(name, func(t *testing.T) {
			held := newCard(t, o)
			synctest.Test(t, func(t *testing.T) {
				r := virtual.NewReaderWithKeys(30 * time.Second)
				r.Place(held)
				conn, err := r.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				one := card.New(conn)
				if !one.HasPad() || !r.HasKeys() {
					t.Fatal("no keys")
				}
				ctx, giveUp := context.WithCancel(t.Context())
				defer giveUp()
				got := make(chan error, 1)
				go func() { got <- one.VerifyPINOnPad(ctx) }()
				synctest.Wait()
				if c.fingers != nil {
					switch err := c.fingers(t.Context(), r); {
					case errors.Is(err, context.Canceled):
						giveUp()
					case err != nil:
						t.Fatal(err)
					}
				}
				err = <-got
				if wrong := (*card.WrongPIN)(nil); errors.As(c.want, &wrong) {
					if is := (*card.WrongPIN)(nil); !errors.As(err, &is) || is.Left != wrong.Left {
						t.Errorf("%v, want %v", err, c.want)
					}
				} else if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if held.TriesLeft() != c.left {
					t.Errorf("%d tries left, want %d", held.TriesLeft(), c.left)
				}
			})
		})
	}
}

// TestKeysAskForNothing: fingers on keys that nobody asked for, and a reader without any.
func TestKeysAskForNothing(t *testing.T) {
	held := newCard(t, ecHolder())
	synctest.Test(t, func(t *testing.T) {
		r := virtual.NewReaderWithKeys(30 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Type(ctx, cardtest.PIN); err == nil {
			t.Error("typed, and nobody asked")
		}
		bare := virtual.NewReader()
		bare.Place(held)
		conn, err := bare.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := card.New(conn).VerifyPINOnPad(t.Context()); !errors.Is(err, card.ErrNoPad) || bare.HasKeys() {
			t.Errorf("a reader without keys: %v", err)
		}
	})
}

package terminal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/daemon/session"
	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// TestWhereThePINIsTyped: what the reader has, and what the policy makes of it.
func TestWhereThePINIsTyped(t *testing.T) {
	held := heldCard(t)
	for _, c := range []struct {
		keys bool
		rule policy.PINPad
		want session.Pad
		err  error
	}{
		{false, policy.UsePINPad, session.NoPad, nil}, {false, policy.IgnorePINPad, session.NoPad, nil}, {false, policy.RequirePINPad, 0, errPadRequired},
		{true, policy.UsePINPad, session.UsedPad, nil}, {true, policy.IgnorePINPad, session.UnusedPad, nil}, {true, policy.RequirePINPad, session.UsedPad, nil},
	} {
		r := virtual.NewReader()
		if c.keys {
			r = virtual.NewReaderWithKeys(time.Second)
		}
		r.Place(held)
		one, err := (&cards{reader: r, pad: c.rule}).Connect(t.Context())
		if !errors.Is(err, c.err) {
			t.Errorf("keys %v, %s: %v", c.keys, c.rule, err)
		}
		if err != nil {
			if again, err := r.Connect(t.Context()); err != nil || again.Close() != nil {
				t.Errorf("the card is still held: %v", err)
			}
			continue
		}
		if got := one.Pad(); got != c.want {
			t.Errorf("keys %v, %s: %v, want %v", c.keys, c.rule, got, c.want)
		}
		if err := one.Close(); err != nil {
			t.Error(err)
		}
	}
}

func heldCard(t *testing.T) *virtual.Card {
	t.Helper()
	held, err := virtual.New(holder(t))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// TestTypedAtTheReader: the driver's words for keys become the session's.
func TestTypedAtTheReader(t *testing.T) {
	for name, c := range map[string]struct {
		fingers func(context.Context, *virtual.Reader) error
		want    session.PINResult
		err     error
	}{
		"right":   {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, cardtest.PIN) }, session.PINResult{OK: true}, nil},
		"wrong":   {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, "0000") }, session.PINResult{Left: 2}, nil},
		"no PIN":  {func(ctx context.Context, r *virtual.Reader) error { return r.Type(ctx, "1") }, session.PINResult{}, session.ErrPadForm},
		"red key": {func(ctx context.Context, r *virtual.Reader) error { return r.Refuse(ctx) }, session.PINResult{}, session.ErrPadCancelled},
		"nobody":  {func(context.Context, *virtual.Reader) error { return nil }, session.PINResult{}, session.ErrPadTimeout},
		"pulled":  {func(_ context.Context, r *virtual.Reader) error { r.Pull(); return nil }, session.PINResult{}, session.ErrCardGone},
	} {
		t.Run(name, func(t *testing.T) {
			held := heldCard(t)
			synctest.Test(t, func(t *testing.T) {
				r := virtual.NewReaderWithKeys(30 * time.Second)
				r.Place(held)
				one, err := (&cards{reader: r, pad: policy.UsePINPad}).Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer one.Close()
				go func() {
					if err := c.fingers(t.Context(), r); err != nil {
						t.Error(err)
					}
				}()
				if got, err := one.VerifyAtPad(t.Context()); got != c.want || !errors.Is(err, c.err) {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// TestKeylessReaderIsLost: a reader that the policy does not want is out of service before a card is put in, and the log says why,
// once.
func TestKeylessReaderIsLost(t *testing.T) {
	held := heldCard(t)
	for rule, want := range map[policy.PINPad]error{policy.UsePINPad: nil, policy.IgnorePINPad: nil, policy.RequirePINPad: errPadRequired} {
		for _, keys := range []bool{false, true} {
			if keys {
				want = nil
			}
			synctest.Test(t, func(t *testing.T) {
				r := virtual.NewReader()
				if keys {
					r = virtual.NewReaderWithKeys(time.Second)
				}
				var said strings.Builder
				log := logrus.New()
				log.SetOutput(&said)
				c := &cards{reader: r, pad: rule, trouble: trouble{log: log}}
				for _, lies := range []bool{false, true, false} {
					if r.Pull(); lies {
						r.Place(held)
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					heard := 0
					if err := c.Watch(ctx, func(bool) { heard++ }); !errors.Is(err, want) || (err == nil) != (want == nil) || (heard == 0) != (want != nil) {
						t.Errorf("%s, keys %v, card %v: %v, heard %d times", rule, keys, lies, err, heard)
					}
					cancel()
				}
				if n := strings.Count(said.String(), "\n"); n != 0 && want == nil || n != 1 && want != nil {
					t.Errorf("%s, keys %v: %s", rule, keys, said.String())
				}
			})
		}
	}
}

// claiming is a reader that says it has keys, until it is asked to use them.
type claiming struct{ *virtual.Reader }

func (c claiming) Connect(ctx context.Context) (card.Connection, error) {
	conn, err := c.Reader.Connect(ctx)
	return keyless{conn}, err
}

type keyless struct{ card.Connection }

func (keyless) HasPad() bool { return true }

func (keyless) VerifyOnPad(context.Context, [4]byte) ([]byte, error) { return nil, card.ErrNoPad }

// TestClaimedKeys: the screen's are used, and never where the policy wants the reader's.
func TestClaimedKeys(t *testing.T) {
	held := heldCard(t)
	for rule, want := range map[policy.PINPad]error{policy.UsePINPad: session.ErrNoPad, policy.RequirePINPad: errPadRequired} {
		r := claiming{virtual.NewReader()}
		r.Place(held)
		one, err := (&cards{reader: r, pad: rule}).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.VerifyAtPad(t.Context()); !errors.Is(err, want) || errors.Is(err, session.ErrNoPad) != (rule == policy.UsePINPad) {
			t.Errorf("%s: %v", rule, err)
		}
		if got, err := one.VerifyPIN(t.Context(), []byte(cardtest.PIN)); err != nil || !got.OK {
			t.Errorf("%s: the card is lost: %v", rule, err)
		}
		if err := one.Close(); err != nil {
			t.Error(err)
		}
	}
}

package card

import (
	"context"
	"errors"
	"slices"
	"testing"

	"honnin/config/trace/tracetest"
)

// answers is a card that answers each command with the next of these.
type answers [][]byte

func (a *answers) Transmit(_ context.Context, _ []byte) ([]byte, error) {
	if len(*a) == 0 {
		return nil, errors.New("gone")
	}
	next := (*a)[0]
	*a = (*a)[1:]
	return next, nil
}

// TestTraced: of each command its instruction and status word, and nothing of what was sent or answered.
func TestTraced(t *testing.T) {
	var l tracetest.Listener
	pin, err := ParsePIN([]byte("9137"))
	if err != nil {
		t.Fatal(err)
	}
	ok := []byte{0x90, 0x00}
	c := New(&answers{ok, ok, {0x63, 0xC2}, ok}, ShortOnly(), WithTrace(l.Trace()))
	if wrong := (*WrongPIN)(nil); !errors.As(c.VerifyPIN(t.Context(), pin), &wrong) {
		t.Error("not wrong")
	}
	if err := c.VerifyPIN(t.Context(), pin); err != nil {
		t.Error(err)
	}
	if err := c.VerifyPIN(t.Context(), pin); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if got, want := l.Said(), []string{"command ins=A4 sw=9000 took=0ms", "command ins=A4 sw=9000 took=0ms", "command ins=20 sw=63C2 took=0ms", "command ins=20 sw=9000 took=0ms",
		"command without an answer ins=20 why=! took=0ms"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

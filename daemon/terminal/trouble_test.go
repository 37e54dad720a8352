package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/drivers/card"
)

// sickReader is a reader in trouble: each look finds what is next in its history, nil for a reader in order.
type sickReader struct {
	Reader
	history []error
}

func (r *sickReader) Watch(_ context.Context, notify func(bool)) { notify(false) }

func (r *sickReader) Present(context.Context) (bool, error) { return false, r.next() }

func (r *sickReader) Connect(context.Context) (card.Connection, error) { return nil, r.next() }

func (r *sickReader) next() (err error) {
	err, r.history = r.history[0], r.history[1:]
	return err
}

// TestWhyTheReaderIsLostIsSaidOnce: the log has the driver's words, each time they are others, and no card's troubles.
func TestWhyTheReaderIsLostIsSaidOnce(t *testing.T) {
	busy := fmt.Errorf("%w: %w", card.ErrNoReader, errors.Join(errors.New("in use by pcscd"), errors.New("no permission")))
	gone := fmt.Errorf("%w: it was pulled", card.ErrNoReader)
	var said strings.Builder
	log := logrus.New()
	log.SetOutput(&said)
	r := &sickReader{}
	c := &cards{reader: r, trouble: trouble{log: log}}
	for _, look := range []struct {
		connect bool
		finds   error
	}{{false, nil}, {false, busy}, {false, busy}, {true, busy}, {false, gone}, {true, card.ErrMute}, {true, card.ErrNoCard}, {false, nil}, {false, nil}, {true, gone}, {true, card.ErrBusy},
		{false, errors.New("it does not answer")}} {
		r.history = []error{look.finds}
		var err error
		if look.connect {
			_, err = c.Connect(t.Context())
		} else {
			err = c.Watch(t.Context(), func(bool) {})
		}
		if !errors.Is(err, look.finds) && (look.connect || errors.Is(look.finds, card.ErrNoReader)) {
			t.Errorf("%v became %v", look.finds, err)
		}
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	for i, want := range []string{"in use by pcscd; no permission", "pulled", "in order again", "pulled", "the reader is in use", "does not answer"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Fatalf("line %d is not %q:\n%s", i, want, said.String())
		}
	}
	if len(lines) != 6 {
		t.Errorf("%d lines:\n%s", len(lines), said.String())
	}
}

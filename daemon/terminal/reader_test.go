package terminal

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/drivers/card"
)

// fast is a line that knows its speed.
type fast struct{ card.Connection }

func (fast) Rate() int    { return 44032 }
func (fast) Make() string { return "" }

// metered is a reader in which a card lies, unless it is sick.
type metered struct{ sickReader }

func (m *metered) Watch(_ context.Context, notify func(bool))     { notify(len(m.history) < 2) }
func (*metered) Connect(context.Context) (card.Connection, error) { return fast{}, nil }

// TestReaderSeen: faults are counted when they begin, with the time of the last; a card counts only while the reader is in order.
func TestReaderSeen(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	seen := &readerSeen{now: func() time.Time { at = at.Add(time.Minute); return at }}
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &metered{}
	c := &cards{reader: r, trouble: trouble{log: log, seen: seen}}
	for i, look := range []struct {
		finds  []error
		faults uint64
		card   string
	}{{[]error{nil, nil}, 0, "no"}, {[]error{nil}, 0, "yes"}, {[]error{card.ErrNoReader}, 1, "unknown"}, {[]error{card.ErrNoReader}, 1, "unknown"},
		{[]error{card.ErrBusy}, 2, "unknown"}, {[]error{nil}, 2, "yes"}, {[]error{errors.New("mute")}, 3, "unknown"}} {
		r.history = look.finds
		_ = c.Watch(t.Context(), func(bool) {})
		is := seen.seen()
		said := "unknown"
		if is.Card != nil {
			said = map[bool]string{true: "yes", false: "no"}[*is.Card]
		}
		if is.Faults != look.faults || said != look.card || is.Rate != 0 {
			t.Errorf("%d: %+v, a card: %s", i, is, said)
		}
	}
	if is := seen.seen(); !is.Last.Equal(at) || at.Minute() != 3 {
		t.Errorf("%+v %v", is, at)
	}
	if _, err := c.Connect(t.Context()); err != nil || seen.seen().Rate != 44032 {
		t.Errorf("%+v %v", seen.seen(), err)
	}
	(*readerSeen)(nil).fault()
}

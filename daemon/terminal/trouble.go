package terminal

import (
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

// trouble tells the log what is wrong with the reader, in the driver's words, each time something else is. On the screen,
// and in [noticed], it is one word; whoever is sent to repair it needs to know whether it is a plug, a program in the way
// or a udev rule that is missing.
type trouble struct {
	log  logrus.FieldLogger // nil: nobody reads it
	seen *readerSeen        // counts; may be nil

	mu   sync.Mutex
	last string
}

// flat is an error in one line.
type flat struct{ error }

func (f flat) Error() string { return strings.ReplaceAll(f.error.Error(), "\n", "; ") }
func (f flat) Unwrap() error { return f.error }

// with notes an error that no card is to blame for. Nil is a reader in order.
func (t *trouble) with(err error) {
	if t.log == nil {
		return
	}
	now := ""
	if err != nil {
		now = flat{err}.Error()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case now == t.last:
	case now != "":
		t.seen.fault()
		t.log.WithField("why", flat{err}).Warn("the card reader is in trouble")
	default:
		t.log.Info("the card reader is in order again")
	}
	t.last = now
}

// Package pcsc reaches a card through pcscd, the PC/SC daemon, over libpcsclite.
//
// # What is promised
//
// A connection is exclusive, and closing it resets the card: seen with pcscd 1.9.9, the next program could otherwise
// sign without a PIN right after ours. A card that was pulled, or reset by somebody else, or whose reader or pcscd is
// gone, is [card.ErrGone]; which of them it was is said beside it ([ErrReset], [ErrService]). pcscd may die and come
// back, readers may be unplugged and plugged: [Reader.Watch] says that the card is gone and goes on when they return.
//
// # What can hang
//
// No call into libpcsclite takes a deadline, and a stuck driver or a stopped pcscd blocks it for good. So each runs on a
// goroutine of its own and the caller waits only as long as its context says. What hangs is not waited for but
// not forgotten either: its goroutine puts things in order when it returns (disconnects with reset, wipes the command),
// and until then the Reader answers further work of that sort with [ErrHung], so that never more than one connection
// and one question are stuck. Status waits are ended by SCardCancel, repeatedly, because pcscd drops a cancel that
// comes before the wait.
//
// # What pcscd does not tell
//
// A card pulled just before its connection is closed: the reset finds none and makes the reader empty before pcscd's polling thread has
// looked, every 400 ms. A card laid before that look is, for the thread, the one before (pcscd 1.9.9, SCardDisconnect and
// EHStatusHandlerThread): nobody hears of it until it is taken out and laid again.
//
// # Why not a binding
//
// The binding that we know (ebfe/scard) keeps reader names in an unguarded global map: two status waits that
// start together end the process, and a name may be freed under a wait. The eight calls needed are in winscard.go.
package pcsc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"honnin/config/trace"
	"honnin/drivers/card"
)

// Errors beside those of package card.
var (
	// ErrService is a pcscd that is not running, or went away.
	ErrService = errors.New("pcsc: pcscd is not there")
	// ErrReset is a card that another program reset.
	ErrReset = errors.New("pcsc: the card was reset by another program")
	// ErrHung is a reader with a call that did not come back.
	ErrHung = errors.New("pcsc: the reader does not come back from an earlier call")
)

// explain gives PC/SC's codes the meaning that callers act on.
func explain(err error) error {
	var c code
	if !errors.As(err, &c) {
		return err
	}
	if meaning := meanings[c]; meaning != nil {
		return fmt.Errorf("%w (%w)", meaning, c)
	}
	return c
}

var meanings = map[code]error{
	codeUnknownReader:      card.ErrNoReader,
	codeReaderUnavailable:  card.ErrNoReader,
	codeNoReadersAvailable: card.ErrNoReader,
	codeNoSmartcard:        card.ErrNoCard,
	codeRemovedCard:        card.ErrNoCard,
	codeSharingViolation:   card.ErrBusy,
	codeUnresponsiveCard:   card.ErrMute,
	codeUnpoweredCard:      card.ErrMute,
	codeUnsupportedCard:    card.ErrMute,
	codeProtocolMismatch:   card.ErrMute,
	codeResetCard:          ErrReset,
	codeNoService:          ErrService,
	codeServiceStopped:     ErrService,
	codeInvalidHandle:      ErrService, // a context that pcscd forgot, because it is another pcscd
	codeCommError:          ErrService,
}

// library, session and handle are what this package needs of PC/SC. Tests have others.
type library interface {
	establish() (session, error)
}

type session interface {
	readers() ([]string, error)
	// wait blocks until a reader's state differs from the one given, and fills in the new ones.
	wait(states []readerState, milliseconds uint32) error
	cancel() // from any goroutine
	connect(reader string) (handle, error)
	release()
}

type handle interface {
	transmit(command, answer []byte) (n int, err error)
	disconnect(disposition) error
}

type disposition uint32

const (
	resetCard   disposition = 1 // SCARD_RESET_CARD
	unpowerCard disposition = 2 // SCARD_UNPOWER_CARD
)

// readerState is SCARD_READERSTATE: flags in the lower half, a count of insertions and removals in the upper.
type readerState struct {
	name  string
	state uint32
	atr   string // of the card in it
}

const (
	stateUnaware = 0x0000
	stateChanged = 0x0002
	stateUnknown = 0x0004
	statePresent = 0x0020
)

func (s readerState) present() bool { return s.state&statePresent != 0 }

// plugAndPlay is the reader whose state is the list of readers.
const plugAndPlay = `\\?PnP?\Notification`

// Times that bound waiting where PC/SC gives no event.
const (
	serviceEvery = 500 * time.Millisecond // looks for a pcscd that is gone
	lookAgain    = 10 * time.Second       // a reader may be plugged in between a list and the wait that follows
	cancelEvery  = 20 * time.Millisecond
	closeWithin  = 3 * time.Second // how long Close waits for the reset
	watchEnds    = time.Second     // how long Watch waits for its last call
)

// Reader is one reader, or whichever matches. It is safe for concurrent use.
type Reader struct {
	name  string
	lib   library
	trace trace.Trace

	questions chan struct{} // a place for one question at a time, held until its call returns

	mu   sync.Mutex
	open *connection // the last one opened
}

// New returns the reader of that exact name, or else those whose name contains it; of several, and of all when
// name is "", the first with a card. Nothing is asked of pcscd yet.
func New(name string) *Reader { return newReader(name, winscard{}) }

func newReader(name string, lib library) *Reader {

	return &Reader{name: name, lib: lib, questions: make(chan struct{}, 1)}

}

// Trace has the reader say what becomes of it. It is called before anything else.
func (r *Reader) Trace(t trace.Trace) { r.trace = t }

// List returns the names of the readers that pcscd knows; none is not an error.
func List(ctx context.Context) ([]string, error) {
	names, err := inSession(ctx, New(""), session.readers)
	if err = explain(err); errors.Is(err, card.ErrNoReader) {
		return nil, nil
	}
	return names, err
}

// matching returns which of names this Reader stands for.
func (r *Reader) matching(names []string) (matches []string) {
	for _, n := range names {
		if n == r.name {
			return []string{n}
		}
		if strings.Contains(n, r.name) {
			matches = append(matches, n)
		}
	}
	return matches
}

// states looks at the matching readers as they are now.
func (r *Reader) states(s session) ([]readerState, error) {
	names, err := s.readers()
	if err != nil {
		return nil, explain(err)
	}
	var states []readerState
	for _, n := range r.matching(names) {
		states = append(states, readerState{name: n, state: stateUnaware})
	}
	if len(states) == 0 {
		return nil, card.ErrNoReader
	}
	return states, explain(s.wait(states, 0))
}

// HasKeys is false: keys on a reader are not used through pcscd.
func (r *Reader) HasKeys() bool { return false }

// Present reports whether a card lies on the reader: [card.ErrNoReader], also without pcscd ([ErrService]), [ErrHung].
func (r *Reader) Present(ctx context.Context) (bool, error) {
	present, err := inSession(ctx, r, func(s session) (bool, error) {
		states, err := r.states(s)
		_, present := occupied(states)
		return present && err == nil, err
	})
	return present, missing(err)
}

// missing makes a pcscd that is not there a reader that is not there.
func missing(err error) error {
	if errors.Is(err, ErrService) {
		return fmt.Errorf("%w: %w", card.ErrNoReader, err)
	}
	return err
}

// occupied returns the first reader with a card.
func occupied(states []readerState) (readerState, bool) {
	for _, s := range states {
		if s.present() {
			return s, true
		}
	}
	return readerState{}, false
}

// attach connects to the first matching reader with a card, and returns what that looked like.
func (r *Reader) attach(s session) (handle, readerState, error) {
	states, err := r.states(s)
	if err != nil {
		return nil, readerState{}, err
	}
	in, ok := occupied(states)
	if !ok {
		return nil, in, card.ErrNoCard
	}
	h, err := s.connect(in.name)
	return h, in, explain(err)
}

// PowerDown takes the power from the card; without one there is nothing to do.
func (r *Reader) PowerDown(ctx context.Context) error {
	_, err := inSession(ctx, r, func(s session) (struct{}, error) {
		h, _, err := r.attach(s)
		if err == nil {
			err = explain(h.disconnect(unpowerCard))
		}
		return struct{}{}, err
	})
	if errors.Is(err, card.ErrNoCard) {
		return nil
	}
	return err
}

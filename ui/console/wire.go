package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// How much of what comes is kept until it is looked at, and how much is written in one piece: 512 bytes take half a second
// at 9600 baud.
const (
	kept  = 4096
	piece = 512
)

// ErrStalled means that the line took nothing of the output for too long; it is given up as if it had hung up.
var ErrStalled = errors.New("console: the line takes nothing")

var (
	errQuiet = errors.New("console: nothing came")
	errLoud  = errors.New("console: noise without end")
	errQuit  = errors.New("console: given up by the technician")
)

// mode is what becomes of bytes that come.
type mode int

const (
	waiting mode = iota // somebody reads them: the sender is held back when they come too fast
	running             // a command runs: Ctrl-C ends it, and what is too much is thrown away
	raw                 // a file is transferred
)

// wire is the line: one goroutine reads, one writes, so that neither holds up the session for ever. Both end with the line.
type wire struct {
	stall  time.Duration
	pieces chan []byte
	wrote  chan error
	closed chan struct{} // the line is done
	come   chan struct{} // something changed for the reader
	gone   chan struct{} // something changed for the pump

	mu        sync.Mutex
	mode      mode
	buf       []byte // what was not looked at begins at head
	head      int
	err       error
	lost      bool
	interrupt func()
	last      time.Time // when somebody did something
	moves     bool      // a file, whose other end has begun; or a visit, at the terminal itself
	opening   []byte    // the last of what came of a file, until its other end has begun
	now       func() time.Time
}

func newWire(line io.ReadWriter, stall time.Duration, now func() time.Time) *wire {
	w := &wire{stall: stall, pieces: make(chan []byte), wrote: make(chan error, 1), closed: make(chan struct{}),
		come: make(chan struct{}, 1), gone: make(chan struct{}, 1), interrupt: func() {}, now: now, last: now()}
	go w.pump(line)
	go w.drain(line)
	return w
}

func (w *wire) pump(r io.Reader) {
	p := make([]byte, 1024)
	for {
		n, err := r.Read(p)
		if !w.put(p[:n]) {
			return
		}
		if err != nil {
			w.fail(err)
			return
		}
	}
}

// put keeps what came. It is false when the line is done.
func (w *wire) put(p []byte) bool {
	for {
		rest := w.offer(p)
		if len(rest) == 0 {
			return true
		}
		p = rest
		select {
		case <-w.gone:
		case <-w.closed:
			return false
		}
	}
}

// offer keeps as much as there is room for, and returns the rest.
func (w *wire) offer(p []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mode == running {
		if i := bytes.IndexByte(p, ctrlC); i >= 0 { // what was typed ahead goes with the command
			w.buf, w.head, p = w.buf[:0], 0, p[i+1:]
			w.interrupt()
		}
	}
	if w.head > 0 {
		w.buf, w.head = append(w.buf[:0], w.buf[w.head:]...), 0
	}
	n := min(len(p), max(0, kept-len(w.buf)))
	w.buf = append(w.buf, p[:n]...)
	signal(w.come)
	if w.mode == running && n < len(p) {
		w.lost = true
		return nil
	}
	return p[n:]
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// fail ends the line for everybody.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		close(w.closed)
		w.interrupt()
	}
	signal(w.come)
}

// become changes the mode; stop is called at Ctrl-C and when the line ends. It returns whether something was thrown away in
// the mode before.
func (w *wire) become(m mode, stop func()) (lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost, w.lost = w.lost, false
	if w.moves {
		w.last, w.moves = w.now(), false
	}
	w.mode, w.interrupt, w.opening = m, stop, w.opening[:0]
	if m == waiting {
		w.interrupt = func() {}
	}
	if w.err != nil {
		w.interrupt()
	}
	signal(w.gone)
	return lost
}

// stir notes that somebody has done something.
func (w *wire) stir() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.now()
}

// moving notes that the command in hand is no idleness until it ends.
func (w *wire) moving() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moves = true
}

// idle is how long nobody has done anything. A file that has begun to move takes its time: its receiver is silent. So does a visit.
func (w *wire) idle() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moves {
		return 0
	}
	return max(0, w.now().Sub(w.last)) // a clock may be set back
}

// forget throws away what comes, until nothing does for so long: errLoud where that does not end in time. It returns whether
// a break was in it.
func (w *wire) forget(quiet, most time.Duration) (brk bool, err error) {
	begin, p := w.now(), make([]byte, kept)
	for {
		n, err := w.read(context.Background(), p, quiet)
		brk = brk || bytes.IndexByte(p[:n], 0) >= 0
		switch {
		case err == errQuiet:
			return brk, nil
		case err != nil:
			return brk, err
		case w.now().Sub(begin) > most:
			return brk, errLoud
		}
	}
}

// drop throws away what has come.
func (w *wire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf, w.head = w.buf[:0], 0
	signal(w.gone)
}

// pending reports whether something that came was not looked at.
func (w *wire) pending() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.buf) > w.head
}

// read waits for what comes: errQuiet when nothing does for so long (0: for ever), ctx's error, or the line's.
func (w *wire) read(ctx context.Context, p []byte, quiet time.Duration) (int, error) {
	if n, err := w.take(p); n > 0 || err != nil {
		return n, err
	}
	var late <-chan time.Time
	if quiet > 0 {
		t := time.NewTimer(quiet)
		defer t.Stop()
		late = t.C
	}
	for {
		if n, err := w.take(p); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-w.come:
		case <-late:
			return 0, errQuiet
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (w *wire) take(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) == w.head {
		return 0, w.err
	}
	n := copy(p, w.buf[w.head:])
	if w.mode == raw {
		w.hear(p[:n])
	}
	w.head += n
	if len(w.buf) == w.head {
		signal(w.gone)
	}
	return n, nil
}

// header begins all that the other end of a file says first ("ZMODEM Inter Application File Transfer Protocol", section 7.3.3); a
// key, or noise, does not.
var header = []byte("**\x18B")

func (w *wire) hear(p []byte) {
	w.opening = append(w.opening, p...)
	w.moves = w.moves || bytes.Contains(w.opening, header)
	w.opening = append(w.opening[:0], w.opening[max(0, len(w.opening)-len(header)+1):]...)
}

// unread gives back the byte that was read last.
func (w *wire) unread(c byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = slices.Insert(w.buf, w.head, c)
}

func (w *wire) drain(out io.Writer) {
	for {
		select {
		case p := <-w.pieces:
			_, err := out.Write(p)
			w.wrote <- err
		case <-w.closed:
			return
		}
	}
}

// write gives all of p to the line, or fails. ctx ends it between two pieces.
func (w *wire) write(ctx context.Context, p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		part := bytes.Clone(p[:min(len(p), piece)])
		if err = ctx.Err(); err == nil {
			err = w.one(part)
		}
		if err == nil {
			n, p = n+len(part), p[len(part):]
		}
	}
	return n, err
}

// one writes one piece. Where it is not waited for, the line is done: nobody knows how much of it went.
func (w *wire) one(p []byte) error {
	select {
	case w.pieces <- p:
	case <-w.closed:
		return w.broken()
	}
	t := time.NewTimer(w.stall)
	defer t.Stop()
	select {
	case err := <-w.wrote:
		if err != nil {
			w.fail(err)
		}
		return err
	case <-t.C:
		w.fail(ErrStalled)
	case <-w.closed:
	}
	return w.broken()
}

func (w *wire) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// ReadContext and WriteContext are the line during a transfer.
func (w *wire) ReadContext(ctx context.Context, p []byte) (int, error) { return w.read(ctx, p, 0) }

// WriteContext is [Wire]'s.
func (w *wire) WriteContext(ctx context.Context, p []byte) (int, error) { return w.write(ctx, p) }

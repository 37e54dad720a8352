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
	last      time.Time // when something came
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
	if len(p) > 0 {
		w.last = w.now()
	}
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
	w.mode, w.interrupt = m, stop
	if m == waiting {
		w.interrupt = func() {}
	}
	if w.err != nil {
		w.interrupt()
	}
	signal(w.gone)
	return lost
}

// idle is how long nothing has come.
func (w *wire) idle() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now().Sub(w.last)
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
	w.head += n
	if len(w.buf) == w.head {
		signal(w.gone)
	}
	return n, nil
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

// write gives all of p to the line, or fails.
func (w *wire) write(ctx context.Context, p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		part := bytes.Clone(p[:min(len(p), piece)])
		if err = w.one(ctx, part); err == nil {
			n, p = n+len(part), p[len(part):]
		}
	}
	return n, err
}

// one writes one piece. Where it is not waited for, the line is done: nobody knows how much of it went.
func (w *wire) one(ctx context.Context, p []byte) error {
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
	case <-ctx.Done():
		w.fail(ctx.Err())
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

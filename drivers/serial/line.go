package serial

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// direction is reading or writing: one at a time, each under a context.
type direction struct {
	turn     chan struct{} // holds one token
	deadline func(time.Time) error
}

func newDirection(deadline func(time.Time) error) direction {
	d := direction{make(chan struct{}, 1), deadline}
	d.turn <- struct{}{}
	return d
}

// past is a deadline that is over on every clock.
var past = time.Unix(1, 0)

// under does something that the deadline interrupts, until ctx is done.
func (d direction) under(ctx context.Context, closed <-chan struct{}, do func() (int, error)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case <-d.turn:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-closed:
		return 0, os.ErrClosed
	}
	defer func() { d.turn <- struct{}{} }()
	fired := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { fired <- d.deadline(past) })
	n, err := do()
	if stop() {
		return n, err
	}
	if late := errors.Join(<-fired, d.deadline(time.Time{})); late != nil && err == nil {
		err = late
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	return n, err
}

// ReadContext reads at least one byte, or fails: with ctx's error when that is done, io.EOF when the line hung up, os.ErrClosed
// after Close. What comes while nobody reads is kept up to what the kernel keeps (4 KiB), and no further.
func (l *Line) ReadContext(ctx context.Context, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, ctx.Err()
	}
	return l.in.under(ctx, l.closed, func() (int, error) {
		n, err := l.file.Read(p)
		return max(n, 0), l.ended(err)
	})
}

// WriteContext gives all of p to the kernel, or fails, and says how many bytes it gave: with ctx's error when that is done before
// the line took them, io.EOF when the line hung up, os.ErrClosed after Close.
func (l *Line) WriteContext(ctx context.Context, p []byte) (int, error) {
	return l.out.under(ctx, l.closed, func() (int, error) {
		n, err := l.file.Write(p)
		return max(n, 0), l.ended(err)
	})
}

// Read is ReadContext until Close.
func (l *Line) Read(p []byte) (int, error) { return l.ReadContext(context.Background(), p) }

// Write is WriteContext until Close: it blocks as long as the line takes nothing.
func (l *Line) Write(p []byte) (int, error) { return l.WriteContext(context.Background(), p) }

// ended tells a hang-up and a Close from other errors, and names no device.
func (l *Line) ended(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed):
		return os.ErrClosed
	case errors.Is(err, io.EOF), errors.Is(err, unix.EIO), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return io.EOF
	}
	return err
}

// unsent is how many bytes wait to be sent.
func (l *Line) unsent() (n int, err error) {
	err = l.control(func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err
	})
	return n, l.ended(err)
}

// Drain waits until what was written is sent: ctx's error when that is done before, io.EOF where the line hung up. A
// pseudoterminal has always sent everything.
func (l *Line) Drain(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, err := l.unsent(); err != nil || n == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends whoever reads and writes, throws away what is not sent, and gives the line back. It waits for nobody.
func (l *Line) Close() error {
	l.closeOnce.Do(func() {
		close(l.closed)
		if n, err := l.unsent(); err == nil && n > 0 {
			l.closeErr = l.port.Flush()
		}
		given := l.ended(l.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) }))
		if errors.Is(given, io.EOF) {
			given = nil // a line that hung up is nobody's
		}
		l.closeErr = errors.Join(l.closeErr, given, l.file.Close(), l.port.Close(), l.lock.release())
	})
	return l.closeErr
}

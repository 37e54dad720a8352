// Package zmodem moves one file over a serial line, with Debian's lrzsz as a child: rz takes one in, sz sends one out. Who is at
// the other end runs the other one, from minicom, picocom, or a shell.
//
// lrzsz is old C that reads what strangers send, so it gets as little as it can be given. It never has the line: its standard input
// and output are pipes, and this package copies between them and the line, counts, and ends it when the line ends. It runs in a
// directory of its own, as nobody where we are root, without our environment, with bounds on file size, memory, processor time,
// descriptors and processes, no_new_privs, set before it starts; rz with --restricted and without overwriting. What it leaves there is
// looked at as a stranger's: one regular file with a plain name, or nothing. The exit status is not believed: rz and sz both say 0 for
// a file that was skipped.
//
// The directory goes when the call returns. One that a power cut or a SIGKILL left goes with the next call.
package zmodem

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Line is what package serial's Line is.
type Line interface {
	ReadContext(ctx context.Context, p []byte) (int, error)
	WriteContext(ctx context.Context, p []byte) (int, error)
}

// File is one file, whole.
type File struct {
	Name    string // plain: see PlainName
	Content []byte
}

// Limits bound what is taken in.
type Limits struct {
	Bytes int64         // of the file
	Start time.Duration // until the sender has begun a file
	Stall time.Duration // while nothing more of the file comes. At 9600 baud a piece of 4 KiB takes 5 s
	Dir   string        // in which the child's directory is made; empty: os.TempDir()
}

// Why no file was moved.
var (
	ErrProgram  = errors.New("zmodem: rz and sz are needed (Debian package lrzsz)")
	ErrCut      = errors.New("zmodem: the line was cut")
	ErrNotBegun = errors.New("zmodem: nobody sent a file, or asked for one, in time")
	ErrStalled  = errors.New("zmodem: the sender stopped in the middle")
	ErrTooLarge = errors.New("zmodem: the file is too large")
	ErrNotOne   = errors.New("zmodem: more than one file was sent; one is wanted")
	ErrName     = errors.New("zmodem: the file's name is not plain")
	ErrFailed   = errors.New("zmodem: the transfer failed")
)

var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// PlainName reports whether a file's name is one that cannot be taken for a path, an option or a hidden file.
func PlainName(name string) bool { return plain.MatchString(name) }

// Receive takes in one file. What comes right behind it may be lost. Errors are those above, or ctx's; then the sender is told to
// stop, and nothing of the file is left.
func Receive(ctx context.Context, line Line, l Limits) (f File, err error) {
	c, err := newChild(line, l.Dir)
	if err != nil {
		return File{}, err
	}
	defer func() { err = errors.Join(err, c.remove()) }()
	if err := c.give(); err != nil {
		return File{}, err
	}
	c.over = make(chan struct{})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() { defer close(watched); c.watch(ctx, cancel, l) }()
	nobody := func() bool { files, _ := c.has(); return files == 0 && !c.isOver() }
	came := c.patient(ctx, cancel, nobody, l.Bytes, "rz", "--zmodem", "--binary", "--quiet", "--restricted", "--protect", "--bufsize", "4096")
	why := context.Cause(ctx)
	cancel(nil)
	<-watched
	f, err = c.one(l.Bytes)
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrNotOne): // rz ended for that, or would have
	case why != nil:
		err = why
	case came != nil:
		err = ErrFailed
	}
	if err != nil {
		c.tell()
		return File{}, err
	}
	return f, nil
}

// pause between two looks at what has come.
const pause = 100 * time.Millisecond

// watch ends a transfer in which nothing moves, or that is not of one file.
func (c *child) watch(ctx context.Context, cancel context.CancelCauseFunc, l Limits) {
	tick, late := time.NewTicker(pause), time.NewTimer(l.Start)
	defer tick.Stop()
	defer late.Stop()
	why, had := ErrNotBegun, int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-late.C:
			cancel(why)
			return
		case <-tick.C:
		}
		switch files, size := c.has(); {
		case files > 1:
			cancel(ErrNotOne)
		case size > l.Bytes:
			cancel(ErrTooLarge)
		case files == 1 && size > had:
			why, had = ErrStalled, size
			late.Reset(l.Stall)
		}
	}
}

// has is how many files are in the child's directory, and how long the longest is.
func (c *child) has() (files int, size int64) {
	all, err := os.ReadDir(c.dir)
	if err != nil {
		return 0, 0
	}
	for _, e := range all {
		if st, err := e.Info(); err == nil {
			size = max(size, st.Size())
		}
	}
	return len(all), size
}

// one reads the one file that is in the child's directory.
func (c *child) one(most int64) (f File, err error) {
	all, err := os.ReadDir(c.dir)
	switch {
	case err != nil:
		return f, err
	case len(all) == 0:
		return f, ErrName // rz refuses names that lead elsewhere by skipping them
	case len(all) > 1:
		return f, ErrNotOne
	case !all[0].Type().IsRegular() || !PlainName(all[0].Name()):
		return f, ErrName
	}
	file, err := os.OpenFile(filepath.Join(c.dir, all[0].Name()), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return f, ErrName
	}
	defer file.Close()
	f = File{Name: all[0].Name()}
	if f.Content, err = io.ReadAll(io.LimitReader(file, most+1)); err != nil {
		return File{}, err
	}
	if int64(len(f.Content)) > most {
		return File{}, ErrTooLarge
	}
	return f, nil
}

// Send sends one file; start is how long it waits for a receiver to ask for it, dir is as in [Limits]. Errors are those above, or
// ctx's; then the receiver is told to stop.
func Send(ctx context.Context, line Line, f File, start time.Duration, dir string) (err error) {
	if !PlainName(f.Name) {
		return ErrName
	}
	c, err := newChild(line, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.remove()) }()
	if err := c.put(f); err != nil {
		return err
	}
	if err := c.give(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(start, func() { cancel(ErrNotBegun) })
	defer late.Stop()
	c.begun = func() { late.Stop() }
	nobody := func() bool { return !c.rz.found }
	came := c.patient(ctx, cancel, nobody, int64(len(f.Content)), "sz", "--zmodem", "--binary", "--quiet", "--", f.Name)
	if why := context.Cause(ctx); why != nil {
		c.tell()
		return why
	}
	if came != nil || strings.Contains(c.said.String(), "skipped") {
		c.tell()
		return ErrFailed
	}
	return nil
}

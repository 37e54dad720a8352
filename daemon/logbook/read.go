package logbook

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Filter is which lines are wanted. The zero one wants all.
type Filter struct {
	Level   Level
	Package string    // and those below it; "": all
	Since   time.Time // zero: all
}

// Takes reports whether a line is wanted.
func (f Filter) Takes(e Entry) bool {
	return e.Level >= f.Level && (f.Package == "" || below(e.Package, f.Package)) && !e.At.Before(f.Since)
}

// Reader reads the log of a state directory, whether the process that writes it runs or not. It is for one goroutine.
type Reader struct {
	dir  string
	f    *os.File // the newer file; nil: there was none
	tail *bufio.Reader
	part []byte // of a line that has no end yet
	long bool   // that line is too long to be one

	Unreadable int // lines that are none of the log's
}

// Open begins to read at the beginning. A log that is not there yet is empty.
func Open(dir string) (*Reader, error) {
	r := &Reader{dir: dir}
	return r, r.newest()
}

// Close is to be called at last.
func (r *Reader) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(errNoFile, err, f.Close())
	}
	return f, nil
}

// newest opens the file that is written to now.
func (r *Reader) newest() error {
	f, err := open(filepath.Join(r.dir, File))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.f, r.tail, r.part, r.long = f, bufio.NewReaderSize(f, maxLine), nil, false
	}
	return err
}

// Last are the last n lines that a filter wants, oldest first. The reader is at the end then.
func (r *Reader) Last(ctx context.Context, n int, want Filter) (out []Entry, err error) {
	keep := func(e Entry) error {
		if want.Takes(e) {
			out = append(out, e)
		}
		if len(out) >= 2*n {
			out = append(out[:0], out[len(out)-n:]...)
		}
		return ctx.Err()
	}
	if err := r.older(keep); err != nil {
		return nil, err
	}
	if err := r.Next(keep); err != nil {
		return nil, err
	}
	return out[max(0, len(out)-n):], nil
}

// older goes over the older file, unless that is what the newer one was a moment ago.
func (r *Reader) older(f func(Entry) error) error {
	old := &Reader{}
	file, err := open(filepath.Join(r.dir, Older))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old.f, old.tail = file, bufio.NewReaderSize(file, maxLine)
	defer old.Close()
	if same(file, r.f) {
		return nil
	}
	err = old.rest(f)
	r.Unreadable += old.Unreadable
	return err
}

func same(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	x, err := a.Stat()
	y, other := b.Stat()
	return err == nil && other == nil && os.SameFile(x, y)
}

// Next goes over what has come since, and into a newer file if there is one. What f returns ends it.
func (r *Reader) Next(f func(Entry) error) error {
	for {
		moved, err := r.moved()
		if err != nil {
			return err
		}
		if r.f != nil {
			if err := r.rest(f); err != nil {
				return err
			}
		}
		if !moved {
			return nil
		}
		err = r.Close()
		if r.f = nil; err != nil {
			return err
		}
		if err := r.newest(); err != nil {
			return err
		}
	}
}

// moved reports whether what is read is not any more what is written to.
func (r *Reader) moved() (bool, error) {
	now, err := os.Lstat(filepath.Join(r.dir, File))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil || r.f == nil {
		return err == nil, err
	}
	is, err := r.f.Stat()
	return err == nil && !os.SameFile(now, is), err
}

// rest goes over the whole lines up to the file's end.
func (r *Reader) rest(f func(Entry) error) error {
	for {
		b, err := r.tail.ReadSlice('\n')
		if r.long = r.long || len(r.part)+len(b) > maxLine; r.long {
			r.part = nil
		} else {
			r.part = append(r.part, b...)
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return err
		}
		e, ok := parse(r.part)
		if r.part, r.long = nil, false; !ok {
			r.Unreadable++
			continue
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

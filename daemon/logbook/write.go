package logbook

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The files, in a state directory, and how long each may be, in bytes.
const (
	File    = "log.jsonl"
	Older   = "log.1.jsonl"
	maxFile = 4 << 20
)

// endTime is how long the last lines may take to the disk.
const endTime = 2 * time.Second

// Keep has the book written to a state directory. broken is told when that begins to fail, and with nil when it goes again. end
// writes what waits, and takes two seconds at most; what comes after it is not kept. Keep is called once.
func (b *Book) Keep(state string, broken func(error)) (end func()) {
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		b.write(&pair{dir: state, most: maxFile, broken: broken}, quit)
	}()
	return func() {
		close(quit)
		late := time.NewTimer(endTime)
		defer late.Stop()
		select {
		case <-over:
		case <-late.C:
		}
	}
}

// write takes lines from the queue until quit, and then those that wait.
func (b *Book) write(to *pair, quit <-chan struct{}) {
	defer to.close()
	for {
		select {
		case e := <-b.lines:
			b.enter(to, e)
		case <-quit:
			for {
				select {
				case e := <-b.lines:
					b.enter(to, e)
				default:
					return
				}
			}
		}
	}
}

// enter writes a line, and first how many are missing before it.
func (b *Book) enter(to *pair, e Entry) {
	if n := b.lost.Load(); n > 0 {
		gap := Entry{At: e.At, Level: Warning, Package: "daemon/logbook", Says: "lines of the log were lost", With: map[string]string{"lost": strconv.FormatUint(n, 10)}}
		if to.put(gap) == nil {
			b.lost.Add(-n)
		}
	}
	err := to.put(e)
	if err != nil {
		b.lost.Add(1)
	}
	to.tell(err)
}

// pair is the two files of a book, and how long one may be.
type pair struct {
	dir    string
	most   int64
	broken func(error)

	f    *os.File // nil: not open
	size int64
	torn bool // the last line has no end
	fail bool // broken was told so
}

func (p *pair) tell(err error) {
	if (err != nil) != p.fail {
		p.fail = err != nil
		p.broken(err)
	}
}

func (p *pair) close() {
	if p.f != nil {
		_ = p.f.Close()
		p.f = nil
	}
}

// put writes one line. What of it is on the disk after an error is passed over by whoever reads.
func (p *pair) put(e Entry) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	if err := p.ready(int64(len(line)) + 1); err != nil {
		return err
	}
	if p.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := p.f.Write(line)
	p.size += int64(n)
	if n > 0 {
		p.torn = n < len(line)
	}
	return err
}

// ready has a file open that has room for so many bytes.
func (p *pair) ready(room int64) error {
	if p.f == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	if p.size+room <= p.most {
		return nil
	}
	path := filepath.Join(p.dir, File)
	if err := os.Rename(path, filepath.Join(p.dir, Older)); err != nil {
		return err
	}
	p.close()
	return p.open()
}

var errNoFile = errors.New("logbook: not a file of ours")

func (p *pair) open() error {
	f, err := os.OpenFile(filepath.Join(p.dir, File), os.O_CREATE|os.O_RDWR|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	last := []byte{'\n'}
	if n := info.Size(); n > 0 {
		if _, err := f.ReadAt(last, n-1); err != nil && err != io.EOF {
			return errors.Join(err, f.Close())
		}
	}
	p.f, p.size, p.torn = f, info.Size(), last[0] != '\n'
	return nil
}

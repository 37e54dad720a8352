package sealed

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/durable"
)

// Bounds of a store.
const (
	MaxFiles = 64
	MaxBytes = 256 << 20
	MaxAge   = 90 * 24 * time.Hour // since it was sealed, by the machine's clock; whether or not its incident is open
	Spare    = 64 << 20            // bytes of the disk that must stay free beside a new file: the journal comes first
)

// ErrRoom is returned by [Store.Keep] where the disk, or the store's bounds, have no room.
var ErrRoom = errors.New("sealed: no room")

// Store is a directory of sealed packages. It is safe for concurrent use.
type Store struct {
	dir  string
	disk durable.Disk
	free func(dir string) (bytes int64, err error)
	look func(path string) (Kept, error)
	open func(protocol.IncidentID) bool // whether nobody has closed it
	now  func() time.Time

	mu sync.Mutex
}

// New returns the store in a directory, which it makes when there is something to keep.
func New(dir string, disk durable.Disk, open func(protocol.IncidentID) bool, now func() time.Time) *Store {
	return &Store{dir: dir, disk: disk, free: free, look: look, open: open, now: now}
}

// free is how many bytes a disk has for programs like this one.
func free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// Kept is a file of a store.
type Kept struct {
	Name
	File string // its path
	At   time.Time
	Size int64
}

const (
	extension = ".sealed"
	begun     = ".new" // a file that is not whole
)

// FileName is what an incident's sealed package is called.
func FileName(id protocol.IncidentID) string { return string(id) + extension }

// Keep seals a package and writes it durably under its incident's name; what is over the store's bounds goes first. pkg is
// overwritten when it returns. An error means that nothing is kept.
func (s *Store) Keep(n Name, to *ecdh.PublicKey, pkg []byte) error {
	defer clear(pkg)
	if len(pkg) > trust.MaxPackage {
		return ErrRoom
	}
	file, err := Seal(n, to, pkg)
	clear(pkg)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.place(n.Municipality, int64(len(file))); err != nil {
		return err
	}
	path := filepath.Join(s.dir, FileName(n.Incident))
	err = durable.InOrder(
		func() error { return s.disk.Remove(path + begun) },
		func() error { return s.disk.Write(path+begun, file) },
		func() error { return s.disk.Rename(path+begun, path) },
		func() error { return s.disk.Sync(s.dir) })
	if err != nil {
		return errors.Join(err, s.disk.Remove(path+begun), s.disk.Remove(path), s.disk.Sync(s.dir))
	}
	return nil
}

// place makes the directory, and room in it.
func (s *Store) place(m protocol.Municipality, size int64) error {
	if err := s.disk.Mkdir(s.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.disk.Sync(filepath.Dir(s.dir)); err != nil {
		return err
	}
	all, err := s.sweep()
	if err != nil {
		return err
	}
	out, fits := s.outFor(all, m, size)
	if !fits {
		return ErrRoom
	}
	if err := s.remove(out); err != nil {
		return err
	}
	left, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if left-size < Spare {
		return fmt.Errorf("%w on the disk", ErrRoom)
	}
	return nil
}

// Sweep removes what is too old, and what is of no use to anybody.
func (s *Store) Sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.sweep()
	return err
}

func (s *Store) sweep() (rest []Kept, err error) {
	all, scraps, err := list(s.dir, s.look)
	for _, k := range all {
		if s.now().Sub(k.At) > MaxAge {
			scraps = append(scraps, k)
		} else {
			rest = append(rest, k)
		}
	}
	return rest, errors.Join(err, s.remove(scraps))
}

func (s *Store) remove(all []Kept) (err error) {
	for _, k := range all {
		err = errors.Join(err, s.disk.Remove(k.File))
	}
	if len(all) > 0 {
		err = errors.Join(err, s.disk.Sync(s.dir))
	}
	return err
}

// outFor chooses what has to go for a new file of a municipality; false: it does not fit at all.
func (s *Store) outFor(all []Kept, m protocol.Municipality, size int64) (out []Kept, fits bool) {
	all = slices.SortedFunc(slices.Values(all), oldestFirst)
	for {
		over := func(Kept) int64 { return 1 } // what counts
		switch {
		case sum(all, over)+1 > MaxFiles:
		case sum(all, Kept.bytes)+size > MaxBytes:
			over = Kept.bytes
		default:
			return out, true
		}
		if len(all) == 0 {
			return nil, false
		}
		i := slices.IndexFunc(all, func(k Kept) bool { return !s.open(k.Incident) })
		if i < 0 {
			i = oldestOfMost(all, over, Kept{Name: Name{Municipality: m}, Size: size})
		}
		out, all = append(out, all[i]), slices.Delete(all, i, i+1)
	}
}

// oldestOfMost is the index of the oldest file of the municipality that would have the most, the new one counted; the new one's,
// where several have as much and it has any.
func oldestOfMost(all []Kept, weight func(Kept) int64, fresh Kept) int {
	has := map[protocol.Municipality]int64{fresh.Municipality: weight(fresh)}
	for _, k := range all {
		has[k.Municipality] += weight(k)
	}
	best := -1
	for i, k := range all {
		switch {
		case best < 0, has[k.Municipality] > has[all[best].Municipality],
			has[k.Municipality] == has[all[best].Municipality] && k.Municipality == fresh.Municipality && all[best].Municipality != fresh.Municipality:
			best = i
		}
	}
	return best
}

func (k Kept) bytes() int64 { return k.Size }

func sum(all []Kept, weight func(Kept) int64) (n int64) {
	for _, k := range all {
		n += weight(k)
	}
	return n
}

func oldestFirst(a, b Kept) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return strings.Compare(string(a.Incident), string(b.Incident))
}

// List returns what a directory keeps, the oldest first. One that is not there keeps nothing.
func List(dir string) ([]Kept, error) {
	all, _, err := list(dir, look)
	return all, err
}

// list returns also what is of no use: files that are not whole, and those of this format that nobody can read or that have another's
// name; only their File is set. What else lies there is not the store's, and what cannot be read now may be the next time.
func list(dir string, look func(path string) (Kept, error)) (all, scraps []Kept, err error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, d := range names {
		if !d.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, d.Name())
		k, failed := look(path)
		switch {
		case strings.HasSuffix(d.Name(), extension+begun), failed == nil && d.Name() != FileName(k.Incident), errors.Is(failed, ErrFile):
			scraps = append(scraps, Kept{File: path})
		case failed == nil:
			all = append(all, k)
		case !errors.Is(failed, errForeign) && !errors.Is(failed, fs.ErrNotExist):
			err = errors.Join(err, failed)
		}
	}
	slices.SortFunc(all, oldestFirst)
	return all, scraps, err
}

var errForeign = errors.New("sealed: a file of no format, or of another")

// look reads the beginning of a file: [ErrFile] where it is of this format and malformed.
func look(path string) (k Kept, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return k, err
	}
	start := make([]byte, maxLine)
	n, err := io.ReadFull(f, start)
	switch start = start[:n]; {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return k, err
	case !info.Mode().IsRegular(), !bytes.HasPrefix(start, []byte(Format+" ")):
		return k, errForeign
	case info.Size() > MaxFile:
		return k, ErrFile
	}
	k.Name, err = NameOf(start)
	k.File, k.At, k.Size = path, info.ModTime(), info.Size()
	return k, err
}

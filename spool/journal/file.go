package journal

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// create makes a whole, empty journal beside path and gives it its name: whoever finds a file under that name may
// expect a journal in it. One that is there already stays.
func create(path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bolt.Open(fresh, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(prepare), db.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return os.NewSyscallError("rename", err)
	}
	return syncDirectory(filepath.Dir(path))
}

func prepare(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(metaBucket)
	return errors.Join(meta.Put(versionKey, []byte(version)), meta.Put(commitKey, key(uint64(tx.ID()))))
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// existing opens a file that bbolt may read: it never makes one, and never one that ends before its pages do.
func existing(name string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
	if err != nil {
		return nil, err
	}
	if err := whole(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// open opens the file with bbolt. What makes bbolt give up in the middle is a damaged file.
func (j *Journal) open(path string, o *bolt.Options) (err error) {
	inner := o.OpenFile
	o.FreelistType = bolt.FreelistMapType
	o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		j.file, err = inner(name, flag, mode)
		return j.file, err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // the file is mapped into memory
	defer func() {
		if recover() != nil { // the mapping stays, and would keep the lock
			err = errors.Join(fmt.Errorf("%w: unreadable (%s)%s", ErrDamaged, path, advice), unix.Flock(int(j.file.Fd()), unix.LOCK_UN), j.file.Close())
		}
	}()
	j.db, err = bolt.Open(path, 0o600, o)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrInUse, path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return fmt.Errorf("%w: %w (%s)%s", ErrDamaged, err, path, advice)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w (%s)%s", err, path, advice)
	case err != nil:
		return fmt.Errorf("journal: open %s: %w", path, err)
	}
	if err := sound(j.file); err != nil {
		return errors.Join(fmt.Errorf("%w (%s)%s", err, path, advice), j.db.Close())
	}
	return nil
}

// guarded reads; pages that cannot be read, and everything that contradicts, are damage.
func (j *Journal) guarded(read func(*bolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w: unreadable", ErrDamaged)
		}
	}()
	if err := j.db.View(read); err != nil && !errors.Is(err, ErrFormat) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	} else if err != nil {
		return err
	}
	return nil
}

// pages is what one of bbolt's two meta pages says, as far as it matters here.
type pages struct {
	size, high, tx uint64 // of a page in bytes; pages in use; the transaction that wrote it
	raw            []byte
}

// readPages reads the newer valid meta page. Its layout is bbolt's internal/common.Meta behind a header of 16 bytes; the
// checksum is FNV-1a over what precedes it.
func readPages(f io.ReaderAt) (newest pages, err error) {
	for offset := int64(0); offset <= 1<<16; offset = max(offset<<1, 1<<9) {
		b := make([]byte, 80)
		if _, err := f.ReadAt(b, offset); err != nil {
			break // the file ends here
		}
		m, sum := b[16:], fnv.New64a()
		sum.Write(m[:56])
		p := pages{uint64(at.Uint32(m[8:])), at.Uint64(m[40:]), at.Uint64(m[48:]), b}
		valid := at.Uint32(m) == 0xED0CDAED && at.Uint32(m[4:]) == 2 && at.Uint64(m[56:]) == sum.Sum64()
		if valid && (offset == 0 || offset == int64(p.size)) && (newest.raw == nil || p.tx > newest.tx) {
			newest = p
		}
	}
	if newest.raw == nil {
		return newest, fmt.Errorf("%w: no page in it says that this is a journal", ErrDamaged)
	}
	return newest, nil
}

func whole(f *os.File) error {
	p, err := readPages(f)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && uint64(info.Size()) < p.high*p.size {
		return fmt.Errorf("%w: %d bytes of %d are left", ErrDamaged, info.Size(), p.high*p.size)
	}
	return err
}

const copyTries = 100

// Copy reads a journal as it stands, while its terminal runs or not, and opens the copy: it can only be read. The copy
// is in memory, so that a full or read-only disk is no hindrance. It is not proved: [Journal.Verify] says what holds.
func Copy(path string) (*Journal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	to := os.NewFile(uintptr(fd), "journal")
	if err := steady(to, f); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", err, path), to.Close())
	}
	j := &Journal{now: time.Now}
	return j, j.open(path, &bolt.Options{ReadOnly: true, OpenFile: func(string, int, os.FileMode) (*os.File, error) { return to, nil }})
}

// steady copies the file until no transaction was committed meanwhile. A writer touches no page that the last commit
// uses before the next commit replaces the meta page.
func steady(to, f *os.File) error {
	for range copyTries {
		if err := whole(f); err != nil {
			return err
		}
		before, err := readPages(f)
		if err != nil {
			return err
		}
		size := int64(before.high * before.size)
		if n, err := io.Copy(io.NewOffsetWriter(to, 0), io.NewSectionReader(f, 0, size)); err != nil || n < size {
			return cmp.Or(err, io.ErrUnexpectedEOF)
		}
		after, err := readPages(f)
		if mine, err2 := readPages(to); err == nil && err2 == nil && before.tx == after.tx && mine.tx == after.tx {
			return to.Truncate(size)
		}
	}
	return ErrInUse
}

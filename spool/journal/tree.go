package journal

import (
	"encoding/binary"
	"fmt"
	"io"
)

// tree looks at the file's pages before bbolt follows them: a page that a disk lost may lead back to where it came from, and
// bbolt would go round for ever. The layout is that of bbolt's internal/common. The two buckets that grow without end are
// followed along their branches and outer edges only, so that this takes no longer the more has happened.
type tree struct {
	file io.ReaderAt
	pages
	seen map[uint64]bool
}

// Flags of a page, and of a leaf's element.
const (
	branchPage    = 1
	leafPage      = 2
	bucketElement = 1
	maxRun        = 1 << 14 // pages in a row
)

var at = binary.NativeEndian

// sound returns an error for pages that lead nowhere, or twice to the same place.
func sound(file io.ReaderAt) error {
	p, err := readPages(file)
	if err != nil {
		return err
	}
	t := tree{file, p, map[uint64]bool{0: true, 1: true}}
	root := at.Uint64(p.raw[16+16:])
	return t.walk(root, true)
}

// page reads one page with what overflows from it, once.
func (t *tree) page(id uint64) (b []byte, flags, count int, err error) {
	damage := fmt.Errorf("%w: page %d", ErrDamaged, id)
	if id >= t.high || t.seen[id] {
		return nil, 0, 0, damage
	}
	t.seen[id] = true
	b = make([]byte, t.size)
	if _, err := t.file.ReadAt(b, int64(id*t.size)); err != nil {
		return nil, 0, 0, err
	}
	flags, count = int(at.Uint16(b[8:])), int(at.Uint16(b[10:]))
	run := uint64(at.Uint32(b[12:]))
	if at.Uint64(b) != id || run > maxRun || id+run >= t.high || 16+16*count > len(b) {
		return nil, 0, 0, damage
	}
	if run > 0 {
		b = make([]byte, (run+1)*t.size)
		_, err = t.file.ReadAt(b, int64(id*t.size))
	}
	return b, flags, count, err
}

func (t *tree) walk(id uint64, deep bool) error {
	b, flags, count, err := t.page(id)
	switch {
	case err != nil:
		return err
	case flags == branchPage && count > 0:
		return t.branch(b, count, deep)
	case flags == leafPage && deep:
		return t.leaf(b, count)
	case flags == leafPage:
		return nil
	}
	return fmt.Errorf("%w: page %d is none of a tree", ErrDamaged, id)
}

func (t *tree) branch(b []byte, count int, deep bool) error {
	kid := func(i int) uint64 { return at.Uint64(b[16+16*i+8:]) }
	for i := range count {
		if !deep && i > 0 && i < count-1 && t.leafAt(kid(0)) {
			continue
		}
		if err := t.walk(kid(i), deep); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) leafAt(id uint64) bool {
	var b [2]byte
	_, err := t.file.ReadAt(b[:], int64(id*t.size+8))
	return err == nil && at.Uint16(b[:]) == leafPage
}

// leaf goes on into the buckets that a leaf names; small ones stand in the leaf itself.
func (t *tree) leaf(b []byte, count int) error {
	for i := range count {
		e := b[16+16*i:]
		position, k, v := uint64(at.Uint32(e[4:])), uint64(at.Uint32(e[8:])), uint64(at.Uint32(e[12:]))
		if position+k+v > uint64(len(e)) {
			return fmt.Errorf("%w: a leaf ends too early", ErrDamaged)
		}
		if at.Uint32(e)&bucketElement == 0 {
			continue
		}
		if v < 16 {
			return fmt.Errorf("%w: a bucket without its root", ErrDamaged)
		}
		name := string(e[position:][:k])
		root := at.Uint64(e[position+k:])
		if root == 0 {
			continue
		}
		if err := t.walk(root, name != string(sealedBucket) && name != string(doneBucket)); err != nil {
			return err
		}
	}
	return nil
}

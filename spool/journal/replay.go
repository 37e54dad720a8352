package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// What stood at the last seal is not kept as such: it would grow with all that is open, and be written at every seal. Kept are
// its sums, and of each projection's keys that changed since, what they held then ("undo"). So the file, with that undone, must have
// the sums of the seal; and the live entries, replayed on that, must lead back to the file. A sum is that of the digests of what it
// holds, modulo 2^256, so that it follows each change; it shows what a disk lost or a hand took. Whoever can write the file and
// makes all of it anew is found by [Journal.Verify] or [Journal.Holds].

// projections are the buckets that are kept so; transactions that ended are for ever, in the file's own list.
var projections = [...][]byte{openBucket, moneyBucket, latchBucket, outboxBucket, stateBucket, incidentBucket, alikeBucket}

const outboxAt = 3 // among them

// A sum of a projection.
type sum [4]uint64

func (s *sum) add(k, v []byte) { s.take(k, v, bits.Add64) }
func (s *sum) sub(k, v []byte) { s.take(k, v, bits.Sub64) }

func (s *sum) take(k, v []byte, how func(a, b, carry uint64) (uint64, uint64)) {
	if v == nil {
		return
	}
	d := sha256.Sum256(append(append(binary.AppendUvarint(nil, uint64(len(k))), k...), v...))
	carry := uint64(0)
	for i := range s {
		s[i], carry = how(s[i], binary.LittleEndian.Uint64(d[8*i:]), carry)
	}
}

type sums [len(projections)]sum

// seen is what counts of a projection's value: its digest in the outbox, which may be long, and nothing asks what is in it.
func seen(i int, v []byte) []byte {
	if v == nil || i != outboxAt {
		return v
	}
	d := digest(v)
	return d[:]
}

// heap is a projection in memory.
type heap map[string][]byte

func (h heap) Get(k []byte) []byte   { return h[string(k)] }
func (h heap) Delete(k []byte) error { delete(h, string(k)); return nil }
func (h heap) Put(k, v []byte) error { h[string(k)] = bytes.Clone(v); return nil }

// tracked is a projection in the file that keeps what a key held at the last seal.
type tracked struct {
	bucket, undo *bolt.Bucket
	i            int
}

func undoKey(i int, k []byte) []byte { return append([]byte{byte(i)}, k...) }

func undoValue(v []byte) []byte {
	if v == nil {
		return []byte{0}
	}
	return append([]byte{1}, v...)
}

func undone(b []byte) []byte {
	if len(b) == 0 || b[0] == 0 {
		return nil
	}
	return b[1:]
}

func (t tracked) Get(k []byte) []byte { return t.bucket.Get(k) }

func (t tracked) Put(k, v []byte) error {
	if err := t.keep(k); err != nil {
		return err
	}
	return t.bucket.Put(k, v)
}

func (t tracked) Delete(k []byte) error {
	if err := t.keep(k); err != nil {
		return err
	}
	return t.bucket.Delete(k)
}

func (t tracked) keep(k []byte) error {
	if at := undoKey(t.i, k); t.undo.Get(at) == nil {
		return t.undo.Put(at, undoValue(seen(t.i, t.bucket.Get(k))))
	}
	return nil
}

// overlay is a projection as it stood at the last seal, and what a replay changed.
type overlay struct {
	tracked
	changed heap // nil: deleted
}

func (o overlay) Get(k []byte) []byte {
	if v, is := o.changed[string(k)]; is {
		return v
	}
	return o.before(k)
}

func (o overlay) before(k []byte) []byte {
	if b := o.undo.Get(undoKey(o.i, k)); b != nil {
		return undone(b)
	}
	return o.now(k)
}

func (o overlay) now(k []byte) []byte { return seen(o.i, o.bucket.Get(k)) }

func (o overlay) Put(k, v []byte) error { return o.changed.Put(k, seen(o.i, v)) }
func (o overlay) Delete(k []byte) error { o.changed[string(k)] = nil; return nil }

// sealing is what is kept of a seal: its last entry, that one's digest, and the sums.
type sealing struct {
	seq  uint64
	head protocol.Digest
	sums sums
}

func (s sealing) encode() []byte {
	b := append(key(s.seq), s.head[:]...)
	for _, one := range s.sums {
		for _, n := range one {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	return b
}

var errSealing = fmt.Errorf("journal: what stood at the last seal is unreadable")

// sealingOf reads what encode wrote; nothing at all is a journal's beginning.
func sealingOf(b []byte) (s sealing, err error) {
	if b == nil {
		return s, nil
	}
	if len(b) != len(s.encode()) {
		return s, errSealing
	}
	s.seq = number(b)
	b = b[8+copy(s.head[:], b[8:]):]
	for i := range s.sums {
		for n := range s.sums[i] {
			s.sums[i][n], b = number(b), b[8:]
		}
	}
	return s, nil
}

func base(tx *bolt.Tx) (sealing, error) { return sealingOf(tx.Bucket(metaBucket).Get(baseKey)) }

// agrees holds the file, with what changed since undone, against the sums.
func (s sealing) agrees(tx *bolt.Tx) error {
	have := sumsOf(tx)
	err := tx.Bucket(undoBucket).ForEach(func(at, was []byte) error {
		i, k := int(at[0]), at[1:]
		if i >= len(projections) {
			return errSealing
		}
		have[i].sub(k, seen(i, tx.Bucket(projections[i]).Get(k)))
		have[i].add(k, undone(was))
		return nil
	})
	if err != nil {
		return err
	}
	return have.are(s.sums)
}

func sumsOf(tx *bolt.Tx) (all sums) {
	for i, name := range projections {
		_ = tx.Bucket(name).ForEach(func(k, v []byte) error { all[i].add(k, seen(i, v)); return nil }) // cannot fail
	}
	return all
}

func (s sums) are(want sums) error {
	for i, name := range projections {
		if s[i] != want[i] {
			return fmt.Errorf("journal: %s is not what follows from the entries", name)
		}
	}
	return nil
}

// standing is what follows from all entries up to seq, whose last has the digest head.
type standing struct {
	seq     uint64
	head    protocol.Digest
	shelves shelves
	done    heap
}

// follow takes the next entry as it is stored, if it is the next.
func (s *standing) follow(seq uint64, stored []byte) error {
	e, err := decode(stored)
	if err != nil || seq != s.seq+1 || e.Seq != seq || e.Prev != s.head {
		return fmt.Errorf("journal: chain broken at entry %d", s.seq+1)
	}
	if err := project(s.shelves, e, stored); err != nil {
		return fmt.Errorf("journal: entry %d: %w", seq, err)
	}
	s.seq, s.head = seq, digest(stored)
	return nil
}

// fresh is a standing at the beginning, in memory.
type fresh struct {
	standing
	heaps [len(projections)]heap
}

func newFresh() *fresh {
	f := &fresh{standing: standing{done: heap{}}}
	f.standing.shelves = shelvesOf(f.done, func(i int) shelf {
		f.heaps[i] = heap{}
		return f.heaps[i]
	})
	return f
}

func (f *fresh) sums() (all sums) {
	for i, h := range f.heaps {
		for k, v := range h {
			all[i].add([]byte(k), seen(i, v))
		}
	}
	return all
}

// replay is a standing that begins at the last seal, over the file.
type replay struct {
	standing
	over [len(projections)]overlay
}

func newReplay(tx *bolt.Tx, from sealing) *replay {
	r := &replay{standing: standing{seq: from.seq, head: from.head, done: heap{}}}
	r.standing.shelves = shelvesOf(r.done, func(i int) shelf {
		r.over[i] = overlay{inBucket(tx, i), heap{}}
		return r.over[i]
	})
	return r
}

func inBucket(tx *bolt.Tx, i int) tracked {
	return tracked{tx.Bucket(projections[i]), tx.Bucket(undoBucket), i}
}

// leads reports whether the replay leads to what is in the file.
func (r *replay) leads(tx *bolt.Tx) error {
	for i, o := range r.over {
		for k, v := range o.changed {
			if now := o.now([]byte(k)); (now == nil) != (v == nil) || !bytes.Equal(now, v) {
				return fmt.Errorf("journal: %s is not what follows from the entries", projections[i])
			}
		}
	}
	return tx.Bucket(undoBucket).ForEach(func(at, was []byte) error {
		o, v := r.over[at[0]], undone(was)
		if _, is := o.changed[string(at[1:])]; is {
			return nil
		}
		if now := o.now(at[1:]); (now == nil) != (v == nil) || !bytes.Equal(now, v) {
			return fmt.Errorf("journal: %s is not what follows from the entries", projections[at[0]])
		}
		return nil
	})
}

// settle makes where the replay has come the last seal.
func (r *replay) settle(tx *bolt.Tx, s sums) error {
	for i, o := range r.over {
		for k, is := range o.changed {
			k := []byte(k)
			s[i].sub(k, o.before(k))
			s[i].add(k, is)
			if err := o.keepAs(k, is); err != nil {
				return err
			}
		}
	}
	return tx.Bucket(metaBucket).Put(baseKey, sealing{r.seq, r.head, s}.encode())
}

// keepAs has a key's value at the seal be v.
func (o overlay) keepAs(k, v []byte) error {
	if now := o.now(k); (now == nil) == (v == nil) && bytes.Equal(now, v) {
		return o.undo.Delete(undoKey(o.i, k))
	}
	return o.undo.Put(undoKey(o.i, k), undoValue(v))
}

// prove replays the live entries on what stood at the last seal, and compares.
func prove(tx *bolt.Tx) error {
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return ErrFormat
		}
	}
	if v := tx.Bucket(metaBucket).Get(versionKey); string(v) != version {
		return ErrFormat
	}
	if last := number(tx.Bucket(metaBucket).Get(commitKey)); last != uint64(tx.ID()) {
		return fmt.Errorf("journal: a write was lost: transaction %d, not %d", last, tx.ID())
	}
	s, err := base(tx)
	if err != nil {
		return err
	}
	if last, _ := tx.Bucket(sealedBucket).Cursor().Last(); number(last) != s.seq {
		return fmt.Errorf("journal: sealed up to entry %d, not %d", number(last), s.seq)
	}
	if err := s.agrees(tx); err != nil {
		return err
	}
	r := newReplay(tx, s)
	if err := tx.Bucket(entriesBucket).ForEach(func(k, v []byte) error { return r.follow(number(k), v) }); err != nil {
		return err
	}
	if err := r.leads(tx); err != nil {
		return err
	}
	return r.agrees(tx)
}

// agrees holds the file's head, and what ended, against what follows from its entries.
func (s *standing) agrees(tx *bolt.Tx) error {
	head := tx.Bucket(metaBucket).Get(headKey)
	if s.seq > 0 && !bytes.Equal(head, s.head[:]) || s.seq == 0 && head != nil || tx.Bucket(entriesBucket).Sequence() != s.seq {
		return fmt.Errorf("journal: cut after entry %d", s.seq)
	}
	done := tx.Bucket(doneBucket)
	for t, o := range s.done {
		if !bytes.Equal(done.Get([]byte(t)), o) {
			return fmt.Errorf("journal: %s is not what follows from the entries", doneBucket)
		}
	}
	return nil
}

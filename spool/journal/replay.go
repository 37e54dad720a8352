package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// heap is a projection in memory.
type heap map[string][]byte

func (h heap) Get(k []byte) []byte   { return h[string(k)] }
func (h heap) Delete(k []byte) error { delete(h, string(k)); return nil }
func (h heap) Put(k, v []byte) error { h[string(k)] = bytes.Clone(v); return nil }

// sums is one that keeps digests only: the outbox may be long, and nothing asks what is in it.
type sums struct{ heap }

func (s sums) Put(k, v []byte) error {
	d := digest(v)
	return s.heap.Put(k, d[:])
}

// standing is what follows from all entries up to seq, whose last has the digest head.
type standing struct {
	seq                                                  uint64
	head                                                 protocol.Digest
	open, money, latches, outbox, done, state, incidents heap
}

func (s *standing) shelves() shelves {
	return shelves{s.open, s.money, s.latches, sums{s.outbox}, s.done, s.state, s.incidents}
}

// heaps are those that are kept at a seal; transactions that ended need not be, the file's own list is for ever.
func (s *standing) heaps() []*heap {
	return []*heap{&s.open, &s.money, &s.latches, &s.outbox, &s.state, &s.incidents}
}

// follow takes the next entry as it is stored, if it is the next.
func (s *standing) follow(seq uint64, stored []byte) error {
	e, err := decode(stored)
	if err != nil || seq != s.seq+1 || e.Seq != seq || e.Prev != s.head {
		return fmt.Errorf("journal: chain broken at entry %d", s.seq+1)
	}
	if err := project(s.shelves(), e, stored); err != nil {
		return fmt.Errorf("journal: entry %d: %w", seq, err)
	}
	s.seq, s.head = seq, digest(stored)
	return nil
}

func newStanding() *standing {
	return &standing{open: heap{}, money: heap{}, latches: heap{}, outbox: heap{}, done: heap{}, state: heap{}, incidents: heap{}}
}

// encode writes seq, head, and every item as the number of its heap, key and value, both after their lengths.
func (s *standing) encode() []byte {
	b := append(key(s.seq), s.head[:]...)
	for i, h := range s.heaps() {
		for _, k := range slices.Sorted(maps.Keys(*h)) {
			b = append(b, byte(i))
			b = append(binary.AppendUvarint(b, uint64(len(k))), k...)
			b = append(binary.AppendUvarint(b, uint64(len((*h)[k]))), (*h)[k]...)
		}
	}
	return b
}

var errStanding = fmt.Errorf("journal: what stood at the last seal is unreadable")

// decodeStanding reads what encode wrote; nothing at all is a journal's beginning.
func decodeStanding(b []byte) (*standing, error) {
	s := newStanding()
	if b == nil {
		return s, nil
	}
	if len(b) < 8+len(s.head) {
		return nil, errStanding
	}
	s.seq = number(b)
	b = b[8+copy(s.head[:], b[8:]):]
	for len(b) > 0 {
		if int(b[0]) >= len(s.heaps()) {
			return nil, errStanding
		}
		h := *s.heaps()[b[0]]
		k, rest, ok := cut(b[1:])
		v, rest, ok2 := cut(rest)
		if !ok || !ok2 {
			return nil, errStanding
		}
		h[string(k)], b = bytes.Clone(v), rest
	}
	return s, nil
}

func cut(b []byte) (v, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w:][:n], b[w:][n:], true
}

func base(tx *bolt.Tx) (*standing, error) { return decodeStanding(tx.Bucket(metaBucket).Get(baseKey)) }

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
	if err := tx.Bucket(entriesBucket).ForEach(func(k, v []byte) error { return s.follow(number(k), v) }); err != nil {
		return err
	}
	return s.agrees(tx)
}

// agrees holds the file against what follows from its entries.
func (s *standing) agrees(tx *bolt.Tx) error {
	head := tx.Bucket(metaBucket).Get(headKey)
	if s.seq > 0 && !bytes.Equal(head, s.head[:]) || s.seq == 0 && head != nil || tx.Bucket(entriesBucket).Sequence() != s.seq {
		return fmt.Errorf("journal: cut after entry %d", s.seq)
	}
	for i, name := range [][]byte{openBucket, moneyBucket, latchBucket, outboxBucket, stateBucket, incidentBucket} {
		if !same(tx.Bucket(name), *s.heaps()[i], i == 3) {
			return fmt.Errorf("journal: %s is not what follows from the entries", name)
		}
	}
	done := tx.Bucket(doneBucket)
	for t, o := range s.done {
		if !bytes.Equal(done.Get([]byte(t)), o) {
			return fmt.Errorf("journal: %s is not what follows from the entries", doneBucket)
		}
	}
	return nil
}

func same(b *bolt.Bucket, want heap, summed bool) bool {
	n := 0
	err := b.ForEach(func(k, v []byte) error {
		n++
		if d := digest(v); summed {
			v = d[:]
		}
		if w, ok := want[string(k)]; !ok || !bytes.Equal(w, v) {
			return ErrState
		}
		return nil
	})
	return err == nil && n == len(want)
}

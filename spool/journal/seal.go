package journal

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Entries stay live until there are sealAfter of them; then the oldest sealTake are sealed.
const (
	sealAfter = 1024
	sealTake  = 512
	maxSealed = 16 << 20 // of one seal's entries, in bytes; more is no seal of ours
)

// tidy seals what has become old. Where there is no room for it, entries stay live; anything worse shows at the next entry.
func (j *Journal) tidy() {
	for j.live() >= sealAfter {
		if j.update(sealRoom, seal) != nil {
			return
		}
	}
}

// live counts the entries that are not sealed.
func (j *Journal) live() (n uint64) {
	_ = j.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(entriesBucket).Sequence() - number(tx.Bucket(metaBucket).Get(baseKey))
		return nil
	})
	return n
}

// seal moves the oldest live entries into one compressed value: the digest before the first, and the entries without
// their own copies of it, which follow. It moves nothing whose chain does not hold.
func seal(tx *bolt.Tx) error {
	last, err := base(tx)
	if err != nil {
		return err
	}
	s := newReplay(tx, last)
	var b bytes.Buffer
	b.Write(s.head[:])
	w, _ := flate.NewWriter(&b, flate.DefaultCompression) // its level is a valid one
	c := tx.Bucket(entriesBucket).Cursor()
	for k, v := c.First(); k != nil && number(k) <= last.seq+sealTake; k, v = c.Next() {
		line, err := bare(v, s.head)
		if err == nil {
			_, err = w.Write(line)
		}
		if err == nil {
			err = s.follow(number(k), v)
		}
		if err == nil {
			err = c.Delete()
		}
		if err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	sealed := tx.Bucket(sealedBucket)
	sealed.FillPercent = 1 // keys only rise
	return errors.Join(sealed.Put(key(s.seq), b.Bytes()), s.settle(tx, last.sums))
}

var errSeal = errors.New("journal: sealed entries are unreadable")

// tail is how every stored entry ends: prev is the last member.
func tail(prev protocol.Digest) []byte {
	text, _ := prev.MarshalText() // cannot fail
	return fmt.Appendf(nil, `,"prev":"%s"}`, text)
}

// bare is a stored entry as a line without its tail.
func bare(stored []byte, prev protocol.Digest) ([]byte, error) {
	line, ok := bytes.CutSuffix(stored, tail(prev))
	if !ok || bytes.IndexByte(line, '\n') >= 0 {
		return nil, fmt.Errorf("%w: an entry does not end with its hash", errSeal)
	}
	return append(bytes.Clone(line), '\n'), nil
}

// unseal returns the entries of one seal as they were stored.
func unseal(b []byte) (stored [][]byte, err error) {
	var prev protocol.Digest
	if len(b) < len(prev) {
		return nil, errSeal
	}
	r := flate.NewReader(bytes.NewReader(b[copy(prev[:], b):]))
	text, err := io.ReadAll(io.LimitReader(r, maxSealed))
	if err != nil {
		return nil, errSeal
	}
	for line := range bytes.Lines(text) {
		e := append(bytes.TrimSuffix(bytes.Clone(line), []byte("\n")), tail(prev)...)
		stored, prev = append(stored, e), digest(e)
	}
	return stored, nil
}

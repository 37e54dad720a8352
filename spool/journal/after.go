package journal

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// After calls f with every entry behind a position, oldest first, while f wants more. Whoever follows the journal keeps the
// position of the last entry and comes back: what it costs depends on what is new, not on what has happened.
func (j *Journal) After(position uint64, f func(Entry) (more bool, err error)) error {
	tell := func(seq uint64, stored []byte) error {
		if seq <= position {
			return nil
		}
		e, err := decode(stored)
		if err != nil {
			return err
		}
		more, err := f(e)
		if err == nil && !more {
			err = errEnough
		}
		return err
	}
	err := j.db.View(func(tx *bolt.Tx) error {
		if err := sealedAfter(tx, position, tell); err != nil {
			return err
		}
		c := tx.Bucket(entriesBucket).Cursor()
		for k, v := c.Seek(key(position + 1)); k != nil; k, v = c.Next() {
			if err := tell(number(k), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return err
}

// sealedAfter begins with the seal that holds the entry behind a position.
func sealedAfter(tx *bolt.Tx, position uint64, tell func(seq uint64, stored []byte) error) error {
	c := tx.Bucket(sealedBucket).Cursor()
	for k, v := c.Seek(key(position + 1)); k != nil; k, v = c.Next() {
		all, err := unseal(v)
		if err != nil {
			return fmt.Errorf("%w: up to entry %d", err, number(k))
		}
		for i, stored := range all {
			if err := tell(number(k)-uint64(len(all)-1-i), stored); err != nil {
				return err
			}
		}
	}
	return nil
}

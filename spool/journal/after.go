package journal

import (
	"cmp"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// chunk is how many entries are read at a time: while somebody reads, a writer cannot make the file larger, and uses no page
// again.
const chunk = 4096

// After calls f with every entry behind a position, oldest first, while f wants more. Whoever follows the journal keeps the
// position of the last entry and comes back: what it costs depends on what is new, not on what has happened. Between two
// chunks of it writers come to their turn; f sees what they write, too.
func (j *Journal) After(position uint64, f func(Entry) (more bool, err error)) error {
	for read, more := chunk, true; more && read == chunk; {
		read = 0
		err := j.some(position, func(e Entry) (err error) {
			if more, err = f(e); err != nil || !more {
				return cmp.Or(err, errEnough)
			}
			position, read = e.Seq, read+1
			if read == chunk {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			return err
		}
	}
	return nil
}

// some calls f with the entries behind a position until f returns an error, in one look at the file.
func (j *Journal) some(position uint64, f func(Entry) error) error {
	tell := func(seq uint64, stored []byte) error {
		if seq <= position {
			return nil
		}
		e, err := decode(stored)
		if err != nil {
			return err
		}
		return f(e)
	}
	return j.db.View(func(tx *bolt.Tx) error {
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

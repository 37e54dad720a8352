package journal

import (
	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Head returns the journal's head as it was when e, as read from a journal, was its last entry.
func (e Entry) Head() (protocol.JournalHead, error) {
	b, err := e.encode()
	return protocol.JournalHead{Position: e.Seq, Head: digest(b)}, err
}

// Head returns the place of the last entry; zero while there is none.
func (j *Journal) Head() (h protocol.JournalHead, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		h.Position = tx.Bucket(entriesBucket).Sequence()
		copy(h.Head[:], tx.Bucket(metaBucket).Get(headKey))
		return nil
	})
	return h, err
}

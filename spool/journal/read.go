package journal

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Each calls f with every entry, oldest first, until f returns an error.
func (j *Journal) Each(f func(Entry) error) error {
	return j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(entriesBucket).ForEach(func(_, v []byte) error {
			e, err := decode(v)
			if err != nil {
				return err
			}
			return f(e)
		})
	})
}

// Verify reads the whole journal and reports the first entry whose chain is broken.
func (j *Journal) Verify() (entries int, head protocol.Digest, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		next := uint64(1)
		if err := tx.Bucket(entriesBucket).ForEach(func(k, v []byte) error {
			e, err := decode(v)
			if err != nil || e.Seq != next || number(k) != next || e.Prev != head {
				return fmt.Errorf("journal: chain broken at entry %d", next)
			}
			head, entries, next = digest(v), entries+1, next+1
			return nil
		}); err != nil {
			return err
		}
		if string(tx.Bucket(metaBucket).Get(headKey)) != string(head[:]) && entries > 0 {
			return fmt.Errorf("journal: cut after entry %d", entries)
		}
		return nil
	})
	return entries, head, err
}

// Unfinished returns the last entry ("accepted", "sending" or "handed") of every transaction without an outcome.
func (j *Journal) Unfinished() ([]Entry, error) { return j.list(openBucket) }

// Unsettled returns the "held" entries whose money was neither kept nor returned.
func (j *Journal) Unsettled() ([]Entry, error) { return j.list(moneyBucket) }

// Latches returns the "latched" entries of municipalities whose service is stopped on this terminal.
func (j *Journal) Latches() ([]Entry, error) { return j.list(latchBucket) }

// Outbox returns the outcomes and incidents that the centre has not acknowledged, in order.
func (j *Journal) Outbox() ([]Entry, error) { return j.list(outboxBucket) }

// Oldest returns the oldest entry of the outbox, or false.
func (j *Journal) Oldest() (e Entry, ok bool, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		_, v := tx.Bucket(outboxBucket).Cursor().First()
		if ok = v != nil; ok {
			e, err = decode(v)
		}
		return err
	})
	return e, ok, err
}

// Acknowledged takes an entry out of the outbox.
func (j *Journal) Acknowledged(seq uint64) error {
	return j.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(outboxBucket).Delete(key(seq)) })
}

// StaffNeeded returns why no visit may begin until staff have said that tray and path are empty, or "".
func (j *Journal) StaffNeeded() (why string, err error) {
	e, err := j.StaffCall()
	return e.Reason, err
}

// StaffCall returns the "staff-needed" entry that staff have not answered, or a zero Entry.
func (j *Journal) StaffCall() (e Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		if v := tx.Bucket(metaBucket).Get(staffKey); v != nil {
			e, err = decode(v)
		}
		return err
	})
	return e, err
}

func (j *Journal) list(bucket []byte) (out []Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, v []byte) error {
			e, err := decode(v)
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// Since calls f with every entry recorded at or after the instant, newest first.
func (j *Journal) Since(at protocol.Time, f func(Entry) error) error {
	return j.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(entriesBucket).Cursor()
		for k, v := c.Last(); k != nil; k, v = c.Prev() {
			e, err := decode(v)
			if err != nil || e.At.Before(at.Time) {
				return err
			}
			if err := f(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Outcome returns how a transaction ended, or "" while it has not.
func (j *Journal) Outcome(t protocol.Transaction) (o protocol.Outcome, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		seq := tx.Bucket(doneBucket).Get(t[:])
		if seq == nil {
			return nil
		}
		e, err := decode(tx.Bucket(entriesBucket).Get(seq))
		o = e.Outcome
		return err
	})
	return o, err
}

package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Each calls f with every entry, oldest first, until f returns an error.
func (j *Journal) Each(f func(Entry) error) error {
	return j.db.View(func(tx *bolt.Tx) error {
		return each(tx, func(_ uint64, stored []byte) error {
			e, err := decode(stored)
			if err != nil {
				return err
			}
			return f(e)
		})
	})
}

// each calls f with every entry as it is stored, sealed or live, oldest first. A position is that of the entry's place, whatever
// the entry says of itself.
func each(tx *bolt.Tx, f func(seq uint64, stored []byte) error) error {
	err := tx.Bucket(sealedBucket).ForEach(func(k, v []byte) error {
		all, err := unseal(v)
		if err != nil {
			return fmt.Errorf("%w: up to entry %d", err, number(k))
		}
		for i, stored := range all {
			if err := f(number(k)-uint64(len(all)-1-i), stored); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tx.Bucket(entriesBucket).ForEach(func(k, v []byte) error { return f(number(k), v) })
}

// Prove does what [Open] does: it replays the live entries on what stood at the last seal. It takes no longer the more has happened.
func (j *Journal) Prove() error { return j.guarded(prove) }

// Verify is VerifyContext with no end but its own.
func (j *Journal) Verify() (entries int, head protocol.Digest, err error) {
	return j.VerifyContext(context.Background())
}

// VerifyContext reads the whole journal and says where it first does not hold: an entry whose chain is broken, or a projection that
// does not follow from the entries. The number and the head are of what held. Where ctx ends first, the error is ctx's.
func (j *Journal) VerifyContext(ctx context.Context) (entries int, head protocol.Digest, err error) {
	s := newFresh()
	follow := func(seq uint64, stored []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.follow(seq, stored)
	}
	err = j.guarded(func(tx *bolt.Tx) error {
		if err := prove(tx); err != nil {
			if broken := each(tx, follow); broken != nil {
				return broken // it says where
			}
			return err
		}
		sealed, err := base(tx)
		if err != nil {
			return err
		}
		if err := each(tx, func(seq uint64, stored []byte) error {
			if err := follow(seq, stored); err != nil || seq != sealed.seq {
				return err
			}
			if s.sums() != sealed.sums || s.head != sealed.head {
				return fmt.Errorf("journal: what stood at entry %d is not what follows from the entries", seq)
			}
			return nil
		}); err != nil {
			return err
		}
		if tx.Bucket(doneBucket).Stats().KeyN != len(s.done) {
			return fmt.Errorf("journal: %s is not what follows from the entries", doneBucket)
		}
		return errors.Join(sumsOf(tx).are(s.sums()), s.agrees(tx))
	})
	return int(s.seq), s.head, cmp.Or(ctx.Err(), err)
}

// Holds reports whether the journal has, at this position, the entry of this digest.
func (j *Journal) Holds(h protocol.JournalHead) (is bool, err error) {
	err = j.guarded(func(tx *bolt.Tx) error {
		stored, err := storedAt(tx, h.Position)
		is = stored != nil && digest(stored) == h.Head
		return err
	})
	return is && err == nil, err
}

// storedAt returns the stored entry at a position, or nil.
func storedAt(tx *bolt.Tx, seq uint64) ([]byte, error) {
	if v := tx.Bucket(entriesBucket).Get(key(seq)); v != nil {
		return v, nil
	}
	last, blob := tx.Bucket(sealedBucket).Cursor().Seek(key(seq))
	if last == nil {
		return nil, nil
	}
	all, err := unseal(blob)
	i := len(all) - 1 - int(number(last)-seq)
	if err != nil || i < 0 || i >= len(all) {
		return nil, err
	}
	return all[i], nil
}

// Unfinished returns the last entry ("accepted" or "sending") of every transaction without an outcome.
func (j *Journal) Unfinished() ([]Entry, error) { return j.list(openBucket) }

// Unsettled returns the "held" entries whose money was neither kept nor returned.
func (j *Journal) Unsettled() ([]Entry, error) { return j.list(moneyBucket) }

// Outbox returns what the centre has not acknowledged, in order: as [Journal.Oldest] does.
func (j *Journal) Outbox() (out []Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(outboxBucket).ForEach(func(_, v []byte) error {
			e, _, err := posted(tx, v)
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// posted is the entry for which a value of the outbox stands, and its place. An incident that was gathered has its Storm.
func posted(tx *bolt.Tx, v []byte) (e Entry, head protocol.JournalHead, err error) {
	if e, err = decode(v); err != nil {
		return e, head, err
	}
	if storm := e.Storm; e.Kind == Gathered {
		if v, err = storedAt(tx, uint64(e.Of)); err == nil {
			e, err = entryOf(v)
		}
		e.Storm = storm
	}
	return e, protocol.JournalHead{Position: e.Seq, Head: digest(v)}, err
}

// Oldest returns the oldest entry of the outbox after a position and its place in the chain, or false. Of an incident that was
// gathered, its entry with the Storm that the latest "gathered" entry says.
func (j *Journal) Oldest(after uint64) (e Entry, head protocol.JournalHead, ok bool, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		_, v := tx.Bucket(outboxBucket).Cursor().Seek(key(after + 1))
		if ok = v != nil; ok {
			e, head, err = posted(tx, v)
		}
		return err
	})
	return e, head, ok, err
}

// StaffNeeded returns why no visit may begin until staff have said that tray and path are empty, or "".
func (j *Journal) StaffNeeded() (why string, err error) {
	e, err := j.StaffCall()
	if e.Kind == TestVisitBegun {
		return "test-visit", err
	}
	return e.Reason, err
}

// StaffCall returns the "staff-needed" entry that staff have not answered, or that of a test visit that has not ended, or a zero
// Entry.
func (j *Journal) StaffCall() (e Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		e, err = entryOf(tx.Bucket(stateBucket).Get(staffKey))
		return err
	})
	return e, err
}

// ServiceOff returns the "service-off" entry that no technician has ended, or a zero Entry.
func (j *Journal) ServiceOff() (e Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		e, err = entryOf(tx.Bucket(stateBucket).Get(serviceKey))
		return err
	})
	return e, err
}

// Sheet returns the "sheet-begun" entry of the service sheet whose end is not known, or a zero Entry.
func (j *Journal) Sheet() (e Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) (err error) {
		e, err = entryOf(tx.Bucket(stateBucket).Get(sheetKey))
		return err
	})
	return e, err
}

// Policy returns the highest policy that was in force, and the lowest version with which a visit may begin; zero where none is
// known.
func (j *Journal) Policy() (highest protocol.PolicyRef, least uint64, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		state := tx.Bucket(stateBucket)
		applied, err := entryOf(state.Get(policyKey))
		if err != nil {
			return err
		}
		demand, err := entryOf(state.Get(leastKey))
		highest, least = applied.Policy, demand.Least
		return err
	})
	return highest, least, err
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

var errEnough = errors.New("enough")

// Since calls f with every entry recorded at or after the instant, newest first.
func (j *Journal) Since(at protocol.Time, f func(Entry) error) error {
	return j.Back(func(e Entry) (more bool, err error) {
		if e.At.Before(at.Time) {
			return false, nil
		}
		return true, f(e)
	})
}

// Back calls f with every entry, newest first, while f wants more.
func (j *Journal) Back(f func(Entry) (more bool, err error)) error {
	tell := func(stored []byte) error {
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
		c := tx.Bucket(entriesBucket).Cursor()
		for k, v := c.Last(); k != nil; k, v = c.Prev() {
			if err := tell(v); err != nil {
				return err
			}
		}
		return sealedBack(tx, tell)
	})
	if err == errEnough {
		return nil
	}
	return err
}

func sealedBack(tx *bolt.Tx, tell func(stored []byte) error) error {
	c := tx.Bucket(sealedBucket).Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		all, err := unseal(v)
		if err != nil {
			return err
		}
		for i := range all {
			if err := tell(all[len(all)-1-i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Outcome returns how a transaction ended, or "" while it has not.
func (j *Journal) Outcome(t protocol.Transaction) (o protocol.Outcome, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		o = protocol.Outcome(tx.Bucket(doneBucket).Get(t[:]))
		return nil
	})
	return o, err
}

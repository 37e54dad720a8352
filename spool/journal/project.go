package journal

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// project brings the small buckets in step with a new entry, or refuses the entry (and with it the whole bbolt
// transaction) when it contradicts them.
func project(tx *bolt.Tx, e Entry, stored []byte) error {
	switch e.Kind {
	case Accepted:
		return accept(tx, e, stored)
	case Sending:
		return advance(tx.Bucket(openBucket), e, stored, Accepted)
	case Handed:
		return advance(tx.Bucket(openBucket), e, stored, Sending)
	case Ended:
		return end(tx, e, stored)
	case Held:
		return add(tx.Bucket(moneyBucket), e.Transaction[:], stored)
	case Kept, Returned:
		return remove(tx.Bucket(moneyBucket), e.Transaction[:])
	case Latched:
		return tx.Bucket(latchBucket).Put([]byte(e.Municipality), stored)
	case Unlatched:
		return tx.Bucket(latchBucket).Delete([]byte(e.Municipality))
	case Incident:
		return tx.Bucket(outboxBucket).Put(key(e.Seq), stored)
	case StaffNeeded:
		return tx.Bucket(metaBucket).Put(staffKey, stored)
	case StaffReady:
		return tx.Bucket(metaBucket).Delete(staffKey)
	}
	return nil
}

func add(b *bolt.Bucket, k, v []byte) error {
	if b.Get(k) != nil {
		return fmt.Errorf("%w: already there", ErrState)
	}
	return b.Put(k, v)
}

func remove(b *bolt.Bucket, k []byte) error {
	if b.Get(k) == nil {
		return fmt.Errorf("%w: not there", ErrState)
	}
	return b.Delete(k)
}

func accept(tx *bolt.Tx, e Entry, stored []byte) error {
	if tx.Bucket(doneBucket).Get(e.Transaction[:]) != nil {
		return fmt.Errorf("%w: accepted after its end", ErrState)
	}
	return add(tx.Bucket(openBucket), e.Transaction[:], stored)
}

// advance lets only an accepted, not yet sent transaction be sent, and only a sent one be handed: this is what makes
// a second sheet impossible even for a program that lost its way.
func advance(b *bolt.Bucket, e Entry, stored []byte, from Kind) error {
	last, err := entryAt(b, e.Transaction)
	if err != nil {
		return err
	}
	if last.Kind != from || last.Document != e.Document {
		return fmt.Errorf("%w: %s what was not %s, or twice", ErrState, e.Kind, from)
	}
	return b.Put(e.Transaction[:], stored)
}

func end(tx *bolt.Tx, e Entry, stored []byte) error {
	open := tx.Bucket(openBucket)
	last, err := entryAt(open, e.Transaction)
	if err != nil {
		return err
	}
	if paper := e.Outcome == protocol.Printed || e.Outcome == protocol.Unsure; paper && !last.begun() {
		return fmt.Errorf("%w: %s without sending", ErrState, e.Outcome)
	}
	if e.Outcome == protocol.Void && last.begun() {
		return fmt.Errorf("%w: void after sending", ErrState)
	}
	if err := add(tx.Bucket(doneBucket), e.Transaction[:], key(e.Seq)); err != nil {
		return err
	}
	if err := open.Delete(e.Transaction[:]); err != nil {
		return err
	}
	return tx.Bucket(outboxBucket).Put(key(e.Seq), stored)
}

// begun reports whether something of the document may be at the printer.
func (e Entry) begun() bool { return e.Kind == Sending || e.Kind == Handed }

// entryAt returns the entry kept for t, or a zero Entry.
func entryAt(b *bolt.Bucket, t protocol.Transaction) (Entry, error) {
	v := b.Get(t[:])
	if v == nil {
		return Entry{}, nil
	}
	return decode(v)
}

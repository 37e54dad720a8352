package journal

import (
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// shelf is one projection: a bucket of the file, or a map while entries are replayed.
type shelf interface {
	Get(k []byte) []byte
	Put(k, v []byte) error
	Delete(k []byte) error
}

// shelves are all projections.
type shelves struct{ open, money, latches, outbox, state, incidents, alike, done shelf }

func inFile(tx *bolt.Tx) shelves {
	return shelvesOf(tx.Bucket(doneBucket), func(i int) shelf { return inBucket(tx, i) })
}

// shelvesOf puts the projections in their places.
func shelvesOf(done shelf, at func(i int) shelf) shelves {
	return shelves{at(0), at(1), at(2), at(3), at(4), at(5), at(6), done}
}

// project brings the projections in step with a new entry, or refuses the entry (and with it the whole bbolt
// transaction) when it contradicts them.
func project(s shelves, e Entry, stored []byte) error {
	switch e.Kind {
	case VisitBegun:
		return s.state.Put(visitKey, key(e.Visit))
	case Accepted:
		return s.accept(e, stored)
	case Sending:
		return s.advance(e, stored, Accepted)
	case Handed:
		return s.advance(e, stored, Sending)
	case Out:
		return s.advance(e, stored, Sending, Handed)
	case Ended:
		return s.end(e, stored)
	case Held:
		return add(s.money, e.Transaction[:], stored)
	case Kept, Returned:
		return remove(s.money, e.Transaction[:])
	case Latched:
		return s.latch(e)
	case Incident:
		return s.raiseIncident(e, stored)
	case Gathered:
		return s.gather(e, stored)
	case Delivered, Undelivered:
		return s.deliver(e)
	case Escalated:
		return s.escalate(e, stored)
	case Acknowledged, Closed, Disbelieved:
		return s.moveIncident(e)
	case StaffNeeded:
		return s.state.Put(staffKey, stored)
	case StaffReady:
		return s.state.Delete(staffKey)
	case TestVisitBegun:
		return add(s.state, staffKey, stored)
	case TestVisitDone:
		return s.endTestVisit()
	case ServiceOff:
		return s.state.Put(serviceKey, stored)
	case ServiceOn:
		return s.state.Delete(serviceKey)
	case SheetBegun:
		return s.beginSheet(stored)
	case SheetDone:
		return s.endSheet(e)
	case PolicyApplied:
		return s.raise(policyKey, e, stored, func(e Entry) uint64 { return e.Policy.Version })
	case PolicyLeast:
		return s.raise(leastKey, e, stored, func(e Entry) uint64 { return e.Least })
	}
	return nil
}

// endTestVisit takes back what a test visit began. A word of staff may have done so.
func (s shelves) endTestVisit() error {
	e, err := entryOf(s.state.Get(staffKey))
	if err != nil || e.Kind != TestVisitBegun {
		return err
	}
	return s.state.Delete(staffKey)
}

// raise keeps the entry whose number is higher than that of the one kept before.
func (s shelves) raise(at []byte, e Entry, stored []byte, of func(Entry) uint64) error {
	last, err := entryOf(s.state.Get(at))
	if err == nil && of(e) <= of(last) {
		err = fmt.Errorf("%w: %s, and it is not higher", ErrState, e.Kind)
	}
	if err != nil {
		return err
	}
	return s.state.Put(at, stored)
}

func add(b shelf, k, v []byte) error {
	if b.Get(k) != nil {
		return fmt.Errorf("%w: already there", ErrState)
	}
	return b.Put(k, v)
}

func remove(b shelf, k []byte) error {
	if b.Get(k) == nil {
		return fmt.Errorf("%w: not there", ErrState)
	}
	return b.Delete(k)
}

func (s shelves) accept(e Entry, stored []byte) error {
	if s.done.Get(e.Transaction[:]) != nil {
		return fmt.Errorf("%w: accepted after its end", ErrState)
	}
	return add(s.open, e.Transaction[:], stored)
}

// advance lets only an accepted, not yet sent transaction be sent, and only a sent one be handed or out: this is what makes
// a second sheet impossible even for a program that lost its way.
func (s shelves) advance(e Entry, stored []byte, from ...Kind) error {
	last, err := entryAt(s.open, e.Transaction)
	if err != nil {
		return err
	}
	if e.Kind == Sending && s.state.Get(sheetKey) != nil {
		return fmt.Errorf("%w: %s while a service sheet is on its way", ErrState, e.Kind)
	}
	if !slices.Contains(from, last.Kind) || last.Document != e.Document {
		return fmt.Errorf("%w: %s what was not %s, or twice", ErrState, e.Kind, from[0])
	}
	return s.open.Put(e.Transaction[:], stored)
}

// beginSheet lets a service sheet go to paper alone, and only where nobody has to look for paper first.
func (s shelves) beginSheet(stored []byte) error {
	if s.state.Get(staffKey) != nil {
		return fmt.Errorf("%w: %s before staff have looked", ErrState, SheetBegun)
	}
	return add(s.state, sheetKey, stored)
}

func (s shelves) endSheet(e Entry) error {
	if last, err := entryOf(s.state.Get(sheetKey)); err != nil || last.Document != e.Document {
		return errors.Join(fmt.Errorf("%w: %s of another sheet", ErrState, e.Kind), err)
	}
	return remove(s.state, sheetKey)
}

func (s shelves) end(e Entry, stored []byte) error {
	last, err := entryAt(s.open, e.Transaction)
	if err != nil {
		return err
	}
	if paper := e.Outcome == protocol.Printed || e.Outcome == protocol.Unsure; paper && !last.begun() {
		return fmt.Errorf("%w: %s without sending", ErrState, e.Outcome)
	}
	if e.Outcome == protocol.Printed && last.Channel == protocol.Counter && (last.Kind != Out || e.Staff == "") {
		return fmt.Errorf("%w: %s at a counter, and nobody has confirmed the name", ErrState, e.Outcome)
	}
	if e.Outcome == protocol.Void && last.begun() {
		return fmt.Errorf("%w: void after sending", ErrState)
	}
	if err := add(s.done, e.Transaction[:], []byte(e.Outcome)); err != nil {
		return err
	}
	if err := s.open.Delete(e.Transaction[:]); err != nil {
		return err
	}
	return s.outbox.Put(key(e.Seq), stored)
}

// begun reports whether something of the document may be at the printer.
func (e Entry) begun() bool { return e.Kind == Sending || e.Kind == Handed || e.Kind == Out }

// entryAt returns the entry kept for t, or a zero Entry.
func entryAt(b shelf, t protocol.Transaction) (Entry, error) {
	return entryOf(b.Get(t[:]))
}

func entryOf(stored []byte) (Entry, error) {
	if stored == nil {
		return Entry{}, nil
	}
	return decode(stored)
}

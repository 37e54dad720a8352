package journal

import (
	"errors"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Latch is what an open incident stops on this terminal. It has no other life than the incident's: it begins with it or later, and
// ends when a person closes it, in the same bbolt transaction.
type Latch struct {
	Of           uint64                // the incident's position
	Municipality protocol.Municipality // whose service; "": every service
	Reason       string                // why, in one word
}

// encode is short, since all that is open is kept at every seal: the municipality, and the word after a space.
func (l Latch) encode() []byte { return []byte(string(l.Municipality) + " " + l.Reason) }

func latchOf(of uint64, b []byte) (Latch, error) {
	m, why, ok := strings.Cut(string(b), " ")
	if !ok {
		return Latch{}, fmt.Errorf("%w: what an incident stops is unreadable", ErrDamaged)
	}
	return Latch{Of: of, Municipality: protocol.Municipality(m), Reason: why}, nil
}

// latch has an open incident stop a service. It stops one thing, once, for one reason.
func (s shelves) latch(e Entry) error {
	of := key(uint64(e.Of))
	switch {
	case e.Reason == "" || strings.Contains(string(e.Municipality), " "):
		return fmt.Errorf("%w: %s without a reason, or for no municipality", ErrState, e.Kind)
	case s.incidents.Get(of) == nil:
		return fmt.Errorf("%w: %s by what is no open incident", ErrState, e.Kind)
	}
	return add(s.latches, of, Latch{0, e.Municipality, e.Reason}.encode())
}

// concerns refuses to stop another municipality's service than the incident's own, or every one.
func concerns(tx *bolt.Tx, e Entry) error {
	if e.Kind != Latched || e.Municipality == "" {
		return nil
	}
	stored, err := storedAt(tx, uint64(e.Of))
	if err != nil {
		return err
	}
	if of, err := entryOf(stored); err != nil || of.Municipality != e.Municipality {
		return errors.Join(err, fmt.Errorf("%w: %s for another municipality than the incident's", ErrState, e.Kind))
	}
	return nil
}

// held gives what is latched with no Of the incident of the same call, if there is one.
func (e Entry) held(by uint64) Entry {
	if e.Kind == Latched && e.Of == 0 {
		e.Of = int(by)
	}
	return e
}

// Latches returns what open incidents stop, the oldest incident first.
func (j *Journal) Latches() (out []Latch, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(latchBucket).ForEach(func(k, v []byte) error {
			l, err := latchOf(number(k), v)
			out = append(out, l)
			return err
		})
	})
	return out, err
}

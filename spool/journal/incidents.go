package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// Standing is where an incident stands that nobody has closed.
type Standing struct {
	protocol.JournalHead          // of its entry: together with the terminal's name, its own
	Gathered             uint64   // the entry that says for how many its event speaks; 0: nobody was told of it, or it speaks for itself
	Count                uint64   // so many incidents, itself among them
	Last                 uint64   // the last of them
	Delivered            uint64   // the entry that says so; 0: the centre has not given a receipt
	Acknowledged         uint64   // likewise
	Disbelieved          []string // the words for what the centre gave and what was not believed, each once
	Told                 []string // the contacts that were told, in order
	Over                 bool     // the last deadline passed, and nobody had acknowledged it
	link
}

// maxDisbelieved bounds what a hostile centre can have written about one incident.
const maxDisbelieved = 24

// An incident's value in the bucket is the head (32 bytes), five numbers, its link, and the words after one another.
const standingSize = 32 + 5*8 + linkSize

func (s Standing) encode() []byte {
	b := bytes.Clone(s.Head[:])
	for _, n := range []uint64{s.Delivered, s.Acknowledged, s.Gathered, s.Count, s.Last} {
		b = append(b, key(n)...)
	}
	return append(append(b, s.link.encode()...), s.words()...)
}

func standingOf(seq uint64, b []byte) (s Standing, err error) {
	if len(b) < standingSize {
		return s, fmt.Errorf("%w: where an incident stands is unreadable", ErrDamaged)
	}
	s.Position = seq
	copy(s.Head[:], b)
	s.Delivered, s.Acknowledged, s.Gathered = number(b[32:]), number(b[40:]), number(b[48:])
	s.Count, s.Last, s.link = number(b[56:]), number(b[64:]), linkOf(b[72:])
	s.read(string(b[standingSize:]))
	return s, nil
}

func (s shelves) raiseIncident(e Entry, stored []byte) error {
	if err := s.outbox.Put(key(e.Seq), stored); err != nil {
		return err
	}
	at := Standing{JournalHead: protocol.JournalHead{Head: digest(stored)}, Count: 1, Last: e.Seq}
	if err := s.join(&at, e); err != nil {
		return err
	}
	return s.incidents.Put(key(e.Seq), at.encode())
}

// deliver takes an entry out of the outbox. Only an outcome is given up; an incident would stay open all the same.
func (s shelves) deliver(e Entry) error {
	of := key(uint64(e.Of))
	if b := s.incidents.Get(of); b != nil && e.Kind == Delivered {
		at, err := standingOf(uint64(e.Of), b)
		if err != nil {
			return err
		}
		at.Delivered = e.Seq
		if err := s.apart(&at); err != nil {
			return err
		}
		if err := s.incidents.Put(of, at.encode()); err != nil {
			return err
		}
	}
	return remove(s.outbox, of)
}

// moveIncident brings an open incident on. It is the only way in which one is closed: by a named person, with a proof.
func (s shelves) moveIncident(e Entry) error {
	of := key(uint64(e.Of))
	b := s.incidents.Get(of)
	if b == nil {
		return fmt.Errorf("%w: %s what is no open incident", ErrState, e.Kind)
	}
	at, err := standingOf(uint64(e.Of), b)
	if err == nil {
		err = s.apart(&at) // whatever somebody said of one, it speaks for itself
	}
	switch {
	case err != nil:
		return err
	case e.Kind == Disbelieved && (e.Reason == "" || slices.Contains(at.Disbelieved, e.Reason) || len(at.Disbelieved) >= maxDisbelieved):
		return fmt.Errorf("%w: %s twice", ErrState, e.Kind)
	case e.Kind == Disbelieved:
		at.Disbelieved = append(at.Disbelieved, e.Reason)
	case e.Staff == "" || e.Proof == protocol.Digest{} || e.Signed.IsZero():
		return fmt.Errorf("%w: %s by nobody, or without a proof", ErrState, e.Kind)
	case e.Kind == Closed:
		return errors.Join(s.incidents.Delete(of), s.latches.Delete(of))
	case at.Acknowledged > 0:
		return fmt.Errorf("%w: %s twice", ErrState, e.Kind)
	default:
		at.Acknowledged = e.Seq
	}
	return s.incidents.Put(of, at.encode())
}

// Incidents returns at most n open incidents after a position, oldest first; n < 1: all.
func (j *Journal) Incidents(after uint64, n int) (out []Standing, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(incidentBucket).Cursor()
		for k, v := c.Seek(key(after + 1)); k != nil && (n < 1 || len(out) < n); k, v = c.Next() {
			s, err := standingOf(number(k), v)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

// ErrNoEntry is returned by [Journal.At] for a position that the journal does not have.
var ErrNoEntry = errors.New("journal: no such entry")

// At returns the entry at a position.
func (j *Journal) At(position uint64) (e Entry, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		stored, err := storedAt(tx, position)
		if err == nil && stored == nil {
			err = ErrNoEntry
		}
		if err == nil {
			e, err = decode(stored)
		}
		return err
	})
	return e, err
}

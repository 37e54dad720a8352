package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// What the centre is told of a storm: incidents that are alike, and of which nobody outside has heard, go as one event, under the
// name of the first. What that event stands for is fixed by "gathered" entries before it is sent for the first time, and is the
// same for ever: what happens after that is told by another. With it stands the event's digest: by that, receipts and closings are
// judged, whatever the next program would send. From then on those incidents are one: one receipt delivers them, one
// person's closing, who saw how many they are, closes them. Each transaction is named in an event, so a storm of documents is one event
// for every [MaxGathered] transactions, and of other documents one for each. An incident of which something is known already (delivered,
// acknowledged, doubted) speaks for itself.

// MaxGathered is how many different transactions one event tells of: each is named, so that none is dropped.
const MaxGathered = 64

// gatherStep bounds one bbolt transaction of gathering; the next goes on where it ended, after a restart, too.
const gatherStep = 1024

// gatherFew are taken in at once where the disk has no more room: to take them in gives more pages of the file back than it needs.
const gatherFew = MaxGathered

// gatherRoom is wanted for each incident of a step, in bytes of the file, where they are more than a few entries; and a visit's room
// besides, which may be in use.
const gatherRoom = 1 << 10

// Storm is what the event of an incident says of those that are alike.
type Storm struct {
	Count        uint64                 `json:"count"`                 // so many, the first among them
	Through      uint64                 `json:"through"`               // the position of the last
	Last         protocol.Time          `json:"last"`                  // when that was
	Transactions []protocol.Transaction `json:"transactions,omitzero"` // theirs, each once, at most [MaxGathered]
	More         bool                   `json:"more,omitzero"`         // they are not all yet: nothing is sent before
}

// link is an incident's place among those that are alike: a list, oldest first. Zero: it speaks for itself, or was gathered.
type link struct {
	kind        [16]byte // what makes it alike, see kindOf
	before      uint64
	after       uint64
	transaction protocol.Transaction
}

const linkSize = 16 + 8 + 8 + 16

func (l link) encode() []byte {
	return slices.Concat(l.kind[:], key(l.before), key(l.after), l.transaction[:])
}

func linkOf(b []byte) (l link) {
	l.before, l.after = number(b[16:]), number(b[24:])
	copy(l.kind[:], b)
	copy(l.transaction[:], b[32:])
	return l
}

// kindOf is the same for incidents that are alike: all that an entry says but when, in whose visit and in which transaction. What
// is about another document, or says anything else, is of another kind.
func kindOf(e Entry) (kind [16]byte, err error) {
	e.Seq, e.At, e.Visit, e.Prev, e.Transaction = 0, protocol.Time{}, 0, protocol.Digest{}, protocol.Transaction{}
	b, err := e.encode()
	sum := sha256.Sum256(b)
	copy(kind[:], sum[:])
	return kind, err
}

// kin is the list that the next of a kind joins: its last, and the transactions that it has.
type kin struct {
	tail         uint64
	transactions []byte // one after the other
}

func kinOf(b []byte) (k kin) {
	if len(b) >= 8 {
		k = kin{number(b), slices.Clone(b[8:])}
	}
	return k
}

func (k kin) encode() []byte { return append(key(k.tail), k.transactions...) }

// takes reports whether one more may join, and notes its transaction.
func (k *kin) takes(t protocol.Transaction) bool {
	for known := range slices.Chunk(k.transactions, len(t)) {
		if [16]byte(known) == t {
			return true
		}
	}
	if t.IsZero() {
		return true
	}
	if len(k.transactions) >= MaxGathered*len(t) {
		return false
	}
	k.transactions = append(k.transactions, t[:]...)
	return true
}

// join puts a new incident behind those that are alike.
func (s shelves) join(at *Standing, e Entry) (err error) {
	if at.kind, err = kindOf(e); err != nil {
		return err
	}
	at.transaction = e.Transaction
	k := kinOf(s.alike.Get(at.kind[:]))
	if !k.takes(e.Transaction) {
		k = kin{}
		k.takes(e.Transaction)
	}
	if at.before = k.tail; at.before > 0 {
		err = s.relink(at.before, func(l *link) { l.after = e.Seq })
	}
	k.tail = e.Seq
	if err == nil {
		err = s.alike.Put(at.kind[:], k.encode())
	}
	return err
}

func (s shelves) relink(seq uint64, how func(*link)) error {
	at, err := s.standing(seq)
	if err != nil {
		return err
	}
	how(&at.link)
	return s.incidents.Put(key(seq), at.encode())
}

// apart takes an incident out of its list: it speaks for itself. The caller writes at.
func (s shelves) apart(at *Standing) (err error) {
	l := at.link
	if at.link = (link{}); l.kind == [16]byte{} {
		return nil
	}
	if l.before > 0 {
		err = s.relink(l.before, func(o *link) { o.after = l.after })
	}
	if err == nil && l.after > 0 {
		err = s.relink(l.after, func(o *link) { o.before = l.before })
	}
	if err != nil {
		return err
	}
	return s.ends(l, at.Position, l.before)
}

// ends moves the end of a list, where it is the one that the next joins.
func (s shelves) ends(l link, was, is uint64) error {
	k := kinOf(s.alike.Get(l.kind[:]))
	switch {
	case k.tail != was:
		return nil
	case is == 0:
		return s.alike.Delete(l.kind[:])
	}
	k.tail = is
	return s.alike.Put(l.kind[:], k.encode())
}

// standing returns where an open incident stands, or an error under ErrState.
func (s shelves) standing(seq uint64) (Standing, error) {
	b := s.incidents.Get(key(seq))
	if b == nil {
		return Standing{}, fmt.Errorf("%w: no open incident", ErrState)
	}
	return standingOf(seq, b)
}

// next returns those that one more step of at most so many gathers behind at, and whether there are more.
func (s shelves) next(at Standing, step uint64) (all []Standing, more bool, err error) {
	for after := at.after; after > 0; {
		if uint64(len(all)) >= min(step, gatherStep) {
			return all, true, nil
		}
		m, err := s.standing(after)
		if err != nil {
			return nil, false, err
		}
		all, after = append(all, m), m.after
	}
	return all, false, nil
}

// count fills in what a "gathered" entry says: of the step before, and of what is behind it at most so many.
func (s shelves) count(e, before Entry, step uint64, lastAt func(uint64) (protocol.Time, error)) (Entry, error) {
	at, err := s.standing(uint64(e.Of))
	if err != nil {
		return e, err
	}
	all, more, err := s.next(at, step)
	if err != nil {
		return e, err
	}
	e.Storm.Count, e.Storm.Through, e.Storm.More, e.Storm.Transactions = at.Count+uint64(len(all)), at.Last, more, slices.Clone(before.Storm.Transactions)
	for _, m := range append([]Standing{at}, all...) {
		if t := m.transaction; !t.IsZero() && !slices.Contains(e.Storm.Transactions, t) {
			e.Storm.Transactions = append(e.Storm.Transactions, t)
		}
		e.Storm.Through = max(e.Storm.Through, m.Position)
	}
	e.Storm.Last, err = lastAt(e.Storm.Through)
	return e, err
}

// gather makes one of an incident and so many behind it as the entry says.
func (s shelves) gather(e Entry, stored []byte) error {
	at, err := s.standing(uint64(e.Of))
	if err == nil && at.told() {
		err = fmt.Errorf("%w: %s twice, or what was told", ErrState, e.Kind)
	}
	if err != nil {
		return err
	}
	all, more, err := s.next(at, e.Storm.Count-at.Count)
	if err == nil {
		err = s.takeIn(&at, all)
	}
	if err == nil && (e.Storm.Count != at.Count || e.Storm.Through != at.Last || e.Storm.More != more) {
		err = fmt.Errorf("%w: %s other than they are", ErrState, e.Kind)
	}
	if at.Gathered = e.Seq; err == nil && !more {
		err = s.apart(&at)
	}
	if err != nil {
		return err
	}
	if err := s.incidents.Put(key(at.Position), at.encode()); err != nil {
		return err
	}
	return s.outbox.Put(key(at.Position), stored)
}

// takeIn has an incident speak for those that follow it in its list.
func (s shelves) takeIn(at *Standing, all []Standing) error {
	l, last := at.link, at.Position
	for _, m := range all {
		at.after, at.Last, last = m.after, m.Position, m.Position
		if err := s.merge(at.Position, m); err != nil {
			return err
		}
	}
	at.Count += uint64(len(all))
	if at.after > 0 {
		return s.relink(at.after, func(o *link) { o.before = at.Position })
	}
	return s.ends(l, last, at.Position)
}

// fixed reports whether what its event says is settled, or its own alone.
func (at Standing) fixed() bool { return at.kind == [16]byte{} }

// told reports whether somebody may have heard of it.
func (at Standing) told() bool { return at.fixed() && at.Gathered+at.Delivered > 0 }

// merge takes away what stands of its own for an incident that another speaks for from now on. What it stops, that one stops.
func (s shelves) merge(into uint64, m Standing) error {
	k := key(m.Position)
	if err := s.incidents.Delete(k); err != nil {
		return err
	}
	if err := remove(s.outbox, k); err != nil {
		return err
	}
	return s.hold(into, m.Position)
}

// hold has one incident stop what another stopped. Where they stop not the same, it stops everything.
func (s shelves) hold(into, from uint64) error {
	b := s.latches.Get(key(from))
	if b == nil {
		return nil
	}
	held, err := latchOf(from, b)
	if have := s.latches.Get(key(into)); err == nil && have != nil {
		old, broken := latchOf(into, have)
		if old.Municipality != held.Municipality {
			held.Municipality = ""
		}
		held.Reason, err = old.Reason, broken
	}
	if err != nil {
		return err
	}
	return errors.Join(s.latches.Put(key(into), held.encode()), s.latches.Delete(key(from)))
}

// Event returns the digest of the event of an incident that is the entry at a head; nil: none is kept.
type Event func(Entry, protocol.JournalHead) (protocol.Digest, error)

// Gather fixes what the event of an open incident says, if nobody has been told of it, and returns the entry that says so, with the
// event's digest; false: that was done before. To repeat it is harmless, and finishes what a power cut left half done.
func (j *Journal) Gather(position uint64, event Event) (e Entry, gathered bool, err error) {
	for more := true; more; {
		at, open, err := j.standingAt(position)
		if err != nil || !open || at.told() {
			return e, gathered, err
		}
		if e, err = j.gatherSome(position, event); err != nil {
			return Entry{}, false, fmt.Errorf("journal: %s: %w", Gathered, err)
		}
		more, gathered = e.Storm.More, true
		j.tidy()
	}
	return e, gathered, nil
}

// gatherSome is one step of it, and a small one on a full disk.
func (j *Journal) gatherSome(position uint64, event Event) (e Entry, err error) {
	err = j.update(0, func(tx *bolt.Tx) error {
		if e, err = counted(tx, position, gatherStep); err != nil {
			return err
		}
		if e.Storm.Count > gatherFew && j.reserve(tx.Size()+visitRoom+gatherStep*gatherRoom) != nil {
			if e, err = counted(tx, position, gatherFew); err != nil {
				return err
			}
		}
		if event != nil && !e.Storm.More {
			if e.Proof, err = digestOf(tx, e, event); err != nil {
				return err
			}
		}
		e, err = appendEntry(tx, e, j.now())
		return err
	})
	return e, err
}

// digestOf is the digest of the event of which a "gathered" entry says how many it speaks for.
func digestOf(tx *bolt.Tx, e Entry, event Event) (protocol.Digest, error) {
	stored, err := storedAt(tx, uint64(e.Of))
	if err != nil {
		return protocol.Digest{}, err
	}
	of, err := entryOf(stored)
	if err != nil {
		return protocol.Digest{}, err
	}
	of.Storm = e.Storm
	return event(of, protocol.JournalHead{Position: of.Seq, Head: digest(stored)})
}

func (j *Journal) standingAt(position uint64) (at Standing, open bool, err error) {
	err = j.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(incidentBucket).Get(key(position))
		if open = b != nil; open {
			at, err = standingOf(position, b)
		}
		return err
	})
	return at, open, err
}

// counted is the "gathered" entry of one more step, from what the file holds.
func counted(tx *bolt.Tx, position, step uint64) (Entry, error) {
	e := Entry{Kind: Gathered, Of: int(position)}
	entry := func(seq uint64) (Entry, error) {
		stored, err := storedAt(tx, seq)
		if err != nil {
			return Entry{}, err
		}
		return entryOf(stored)
	}
	s := inFile(tx)
	at, err := s.standing(position)
	if err != nil {
		return e, err
	}
	before, err := entry(at.Gathered)
	if err != nil {
		return e, err
	}
	return s.count(e, before, step, func(seq uint64) (protocol.Time, error) {
		last, err := entry(seq)
		return last.At, err
	})
}

// Spoken returns which incident speaks for each of those that were gathered under another, closed ones among them. It reads the whole
// journal, as far as it holds.
func (j *Journal) Spoken() (by map[uint64]uint64, err error) {
	by = map[uint64]uint64{}
	s := newFresh()
	err = j.guarded(func(tx *bolt.Tx) error {
		return each(tx, func(seq uint64, stored []byte) error {
			e, err := decode(stored)
			if err != nil {
				return err
			}
			if e.Kind == Gathered {
				err = s.shelves.under(e, by)
			}
			return errors.Join(err, s.follow(seq, stored))
		})
	})
	return by, err
}

// under notes those that a "gathered" entry is about to gather.
func (s shelves) under(e Entry, by map[uint64]uint64) error {
	at, err := s.standing(uint64(e.Of))
	if err != nil {
		return err
	}
	all, _, err := s.next(at, e.Storm.Count-at.Count)
	for _, m := range all {
		by[m.Position] = at.Position
	}
	return err
}

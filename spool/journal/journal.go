// Package journal remembers what was intended and what happened, so that a terminal which lost its power knows
// what may be on paper.
//
// Parties: the spool and the session write; after a restart the spool reads what was left open; the delivery of
// outcomes reads the outbox; a technician reads it all. There is one file (bbolt), one writer, and every
// [Journal.Record] is one bbolt transaction that is synced before it returns: whoever goes on after it may rely
// on it. An entry is appended and never changed. Each holds the SHA-256 of the one before as stored, so an
// edited or cut middle shows ([Journal.Verify]).
//
// Beside the entries stand small projections, kept in the same transaction so that no restart has to read the
// whole journal: transactions left open, money held, latched municipalities, whether staff are needed, and the
// outbox of outcomes that the centre has not acknowledged.
//
// What can go wrong: a full or broken disk makes Record fail, and the terminal must then stop (nothing may be
// printed that cannot be journalled); a file that is not a journal, or a newer one, is refused at Open.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"honnin/config/protocol"
)

// ErrFormat is returned for a file that this program must not write to.
var ErrFormat = errors.New("journal: not a journal of this version")

// ErrInUse is returned by [Open] while another process has the file open: two terminals must not share a memory.
var ErrInUse = errors.New("journal: in use by another process")

// ErrState is returned when an entry contradicts what the journal knows, such as a second outcome.
var ErrState = errors.New("journal: entry contradicts the journal")

const version = "honnin-journal/1"

var (
	metaBucket    = []byte("meta")
	entriesBucket = []byte("entries")
	openBucket    = []byte("open")    // transaction → last entry (accepted, sending or handed)
	moneyBucket   = []byte("money")   // transaction → the "held" entry
	latchBucket   = []byte("latches") // municipality → the "latched" entry
	outboxBucket  = []byte("outbox")  // sequence → the "ended" or "incident" entry
	doneBucket    = []byte("done")    // transaction → sequence of its "ended" entry: it ends once
	buckets       = [][]byte{metaBucket, entriesBucket, openBucket, moneyBucket, latchBucket, outboxBucket, doneBucket}

	versionKey = []byte("version")
	visitKey   = []byte("visit")
	headKey    = []byte("head")
	staffKey   = []byte("staff-needed")
)

// Journal is the terminal's memory. It is safe for concurrent use.
type Journal struct {
	db  *bolt.DB
	now func() time.Time
}

// Open opens or makes the journal at path. A second process waits at most a second for the first, then fails.
func Open(path string, now func() time.Time) (*Journal, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: open: %w", err)
	}
	if err := db.Update(prepare); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Journal{db, now}, nil
}

func prepare(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(metaBucket)
	switch v := meta.Get(versionKey); {
	case v == nil:
		return meta.Put(versionKey, []byte(version))
	case string(v) != version:
		return ErrFormat
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.db.Close() }

// Record appends e (its Seq, At and Prev are set here) and brings the projections up to date; it returns when
// all of it is on the disk.
func (j *Journal) Record(e Entry) (Entry, error) {
	err := j.db.Update(func(tx *bolt.Tx) (err error) {
		e, err = appendEntry(tx, e, j.now())
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("journal: %s: %w", e.Kind, err)
	}
	return e, nil
}

// BeginVisit gives the next visit its number. Numbers rise for the life of the journal, so that an event, a
// note at the counter or an incident names one visit only.
func (j *Journal) BeginVisit() (visit uint64, err error) {
	err = j.db.Update(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		visit = number(meta.Get(visitKey)) + 1
		if err := meta.Put(visitKey, key(visit)); err != nil {
			return err
		}
		_, err := appendEntry(tx, Entry{Kind: VisitBegun, Visit: visit}, j.now())
		return err
	})
	return visit, err
}

func appendEntry(tx *bolt.Tx, e Entry, now time.Time) (Entry, error) {
	entries, meta := tx.Bucket(entriesBucket), tx.Bucket(metaBucket)
	seq, err := entries.NextSequence()
	if err != nil {
		return e, err
	}
	e.Seq, e.At = seq, protocol.At(now)
	copy(e.Prev[:], meta.Get(headKey))
	b, err := e.encode()
	if err != nil {
		return e, err
	}
	if err := entries.Put(key(seq), b); err != nil {
		return e, err
	}
	head := digest(b)
	if err := meta.Put(headKey, head[:]); err != nil {
		return e, err
	}
	return e, project(tx, e, b)
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

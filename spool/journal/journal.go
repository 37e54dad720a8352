// Package journal remembers what was intended and what happened, so that a terminal which lost its power knows
// what may be on paper.
//
// Parties: the spool and the session write; after a restart the spool reads what was left open; the delivery of
// outcomes reads the outbox; a technician reads it all, also while the terminal runs ([Copy]); the centre gets the
// head with every outcome. There is one file (bbolt), one writer, and every [Journal.Record] is one bbolt
// transaction that is synced before it returns: whoever goes on after it may rely on it. An entry is appended and
// never changed.
//
// Chain: each entry holds the SHA-256 of the one before as stored, so an edited or cut middle shows
// ([Journal.Verify]). A journal that was cut at its end, put back from an older copy or made anew is a sound chain
// too; it shows against a head that somebody else kept ([Journal.Holds]).
//
// Projections: beside the entries stand small buckets, kept in the same transaction so that no restart has to read
// the whole journal: transactions left open, money held, whether staff are needed, the outbox of
// outcomes that the centre has not acknowledged, incidents that nobody has closed ([Journal.Incidents]), and what those
// stop ([Journal.Latches]): closing them is the only way to open it. They follow from the entries and from nothing else.
// [Open] proves that they do: it replays the live entries on what stood when the last older one was sealed, and
// refuses a file in which anything differs (a write that the disk lost, a hand that took a latch away). Of that are kept
// sums, and what changed since: a seal costs nothing for what is open, however much that is.
//
// Storms: incidents that are alike, and of which nobody was told, are told as one, under the first of them, and are one from then
// on ([Journal.Gather]). Their entries stay; [Journal.Spoken] says which speaks for which.
//
// Growth: live entries are at most [sealAfter] and what one visit adds. Then the oldest [sealTake] are sealed: one
// compressed value in the same file, in one bbolt transaction, nothing left out and the chain unbroken. So all
// evidence stays, a visit costs some 450 bytes for ever, and opening does not depend on how much has happened.
//
// What can go wrong. A full disk: [Journal.BeginVisit] allocates room for all that the visit may have to say, and fails
// where there is none, so that a latch or an outcome is never lost for want of space ([visitRoom]). A failed write
// may be tried again; after a failed sync nobody knows what is on the disk, and nothing more is recorded until a
// restart has read it ([ErrBroken]). A file that is cut, damaged or of another version is refused, and never begun
// anew; a new one gets its name when it is whole.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// ErrFormat is returned for a file that this program must not write to.
var ErrFormat = errors.New("journal: not a journal of this version")

// ErrInUse is returned by [Open] while another process has the file open: two terminals must not share a memory.
var ErrInUse = errors.New("journal: in use by another process")

// ErrDamaged is returned for a file that is cut short, or in which one part contradicts another.
var ErrDamaged = errors.New("journal: cut or damaged")

// ErrBroken is returned after the disk failed to confirm an entry: what it holds is known after a restart only.
var ErrBroken = errors.New("journal: the disk did not confirm an earlier entry; nothing more is recorded before a restart")

// ErrState is returned when an entry contradicts what the journal knows, such as a second outcome.
var ErrState = errors.New("journal: entry contradicts the journal")

// advice is what to do about [ErrDamaged].
const advice = ": keep the file as evidence and call a technician; a terminal does not begin a new journal by itself"

const version = "honnin-journal/4"

var (
	metaBucket     = []byte("meta")
	entriesBucket  = []byte("entries")   // sequence → entry: the live ones
	sealedBucket   = []byte("sealed")    // last sequence → some older entries, see seal
	openBucket     = []byte("open")      // transaction → last entry (accepted or sending)
	moneyBucket    = []byte("money")     // transaction → the "held" entry
	latchBucket    = []byte("latches")   // sequence of an open incident → what it stops, see Latch
	outboxBucket   = []byte("outbox")    // sequence → the "ended", "incident" or "escalated" entry; of an incident that was gathered, the last "gathered" one
	doneBucket     = []byte("done")      // transaction → its outcome: it ends once
	incidentBucket = []byte("incidents") // sequence → where an incident stands, see Standing; gone once it is closed
	alikeBucket    = []byte("alike")     // what makes incidents alike → those of whom nobody was told, see kin
	undoBucket     = []byte("undo")      // a projection's number and key → what it held at the last seal; only what changed since
	stateBucket    = []byte("state")     // the number of the last visit; the "staff-needed" entry; what is known of policies
	buckets        = [][]byte{metaBucket, entriesBucket, sealedBucket, openBucket, moneyBucket, latchBucket, outboxBucket, doneBucket, stateBucket, incidentBucket, alikeBucket, undoBucket}

	versionKey = []byte("version")
	visitKey   = []byte("visit")
	headKey    = []byte("head")
	commitKey  = []byte("commit") // bbolt's number of the last transaction: a lost page of it shows
	baseKey    = []byte("base")   // what stood after the last sealed entry, see sealing
	staffKey   = []byte("needed")
	serviceKey = []byte("service")
	sheetKey   = []byte("sheet")  // the "sheet-begun" entry of a service sheet whose end is not known
	policyKey  = []byte("policy") // the highest "policy-applied" entry
	leastKey   = []byte("least")  // the highest "policy-least" entry
)

// Journal is the terminal's memory. It is safe for concurrent use.
type Journal struct {
	db   *bolt.DB
	file *os.File // the db's own
	now  func() time.Time

	mu     sync.Mutex // of writers
	room   int64      // bytes of the file that surely have their blocks
	broken error
}

// Open opens or makes the journal at path, and proves that its projections follow from its entries. A second process
// waits at most a second for the first, then fails.
func Open(path string, now func() time.Time) (*Journal, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("journal: making one: %w", err)
		}
	}
	j := &Journal{now: now}
	if err := j.open(path, &bolt.Options{Timeout: time.Second, OpenFile: existing}); err != nil {
		return nil, err
	}
	if err := j.guarded(prove); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (%s)%s", err, path, advice), j.Close())
	}
	return j, j.db.View(func(tx *bolt.Tx) error {
		_ = j.reserve(tx.Size() + restartRoom) // without it no visit begins, and that is said then
		return nil
	})
}

// Close closes the file.
func (j *Journal) Close() error { return j.db.Close() }

// Record appends e (its Seq, At and Prev are set here), and what has to be written with it or not at all, and brings the
// projections up to date; it returns e when all of it is on the disk, in one bbolt transaction. What is latched with no Of is
// held by the last incident before it here. A document is accepted only while there is room for all that has to be said
// of it; an escalation takes none that a visit may need.
func (j *Journal) Record(e Entry, with ...Entry) (Entry, error) {
	err := j.update(roomFor(e, len(with)), func(tx *bolt.Tx) (err error) {
		e, err = appendEntry(tx, e, j.now())
		last, incident := e, uint64(0)
		for i := 0; err == nil && i < len(with); i++ {
			if last.Kind == Incident {
				incident = last.Seq
			}
			last, err = appendEntry(tx, with[i].held(incident), j.now())
		}
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("journal: %s: %w", e.Kind, err)
	}
	if e.Kind == VisitEnded || e.Kind == Started {
		j.tidy()
	}
	return e, nil
}

// BeginVisit gives the next visit its number, if there is room for all that the visit may have to say. Numbers rise
// for the life of the journal, so that an event, a note at the counter or an incident names one visit only.
func (j *Journal) BeginVisit() (visit uint64, err error) {
	err = j.update(visitRoom, func(tx *bolt.Tx) error {
		visit = number(tx.Bucket(stateBucket).Get(visitKey)) + 1
		_, err := appendEntry(tx, Entry{Kind: VisitBegun, Visit: visit}, j.now())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("journal: %s: %w", VisitBegun, err)
	}
	return visit, nil
}

// update runs one bbolt transaction with at least room bytes to spare after it.
func (j *Journal) update(room int64, do func(*bolt.Tx) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	done := false
	err := j.db.Update(func(tx *bolt.Tx) error {
		if room > 0 {
			if err := j.reserve(tx.Size() + room); err != nil {
				return err
			}
		}
		err := errors.Join(do(tx), tx.Bucket(metaBucket).Put(commitKey, key(uint64(tx.ID()))))
		done = err == nil
		return err
	})
	if path := (*fs.PathError)(nil); err != nil && done && !errors.As(err, &path) { // not a write: a sync
		j.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return err
}

func appendEntry(tx *bolt.Tx, e Entry, now time.Time) (Entry, error) {
	entries, meta := tx.Bucket(entriesBucket), tx.Bucket(metaBucket)
	entries.FillPercent = 1 // keys only rise
	seq, err := entries.NextSequence()
	if err != nil {
		return e, err
	}
	e.Seq, e.At = seq, protocol.At(now)
	copy(e.Prev[:], meta.Get(headKey))
	if e.Kind == Ended || e.Kind == Incident {
		policy, err := entryOf(tx.Bucket(stateBucket).Get(policyKey))
		if err != nil {
			return e, err
		}
		e.Policy = policy.Policy
	}
	if err := concerns(tx, e); err != nil {
		return e, err
	}
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
	return e, project(inFile(tx), e, b)
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

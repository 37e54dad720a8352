package technician

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/spool/journal"
)

// A daemon that hangs has the journal, and answers nobody: then notes are set aside, each synced before what it is about is done, so that
// a technician who comes to repair just that can sign in, look, and restart the machine. They come into the journal, all in one
// transaction, as soon as a daemon answers again or none runs: once each, whatever is cut off when. An entry keeps the digest of its note,
// and notes are kept in order: so those up to the newest that the journal has were taken. A daemon that was only slow may have journalled
// a note that was set aside, too; then it stands there twice, in two kinds.
//
// The notes are files of the state directory's own directory, which only the daemon's user can enter; who can write them can write the
// journal.

const (
	asideDir   = "console.notes"
	takenDir   = "console.notes.taken" // what is in the journal, and on its way out
	unfinished = ".new"                // durable.Replace's
	mostAside  = 500                   // notes; then nothing is done any more
	longNote   = 1 << 10               // bytes
)

// shelf is where notes of one terminal are set aside.
type shelf struct {
	dir  string // the state directory
	disk durable.Disk
}

func shelfOf(state string) shelf { return shelf{state, durable.Real{}} }

// asideNote is one note, a file.
type asideNote struct {
	At    protocol.Time `json:"at"`
	Kind  journal.Kind  `json:"kind"`
	Who   string        `json:"who,omitzero"`
	Word  string        `json:"word"`
	Nonce string        `json:"nonce"` // no two notes are alike
}

// errFull is that no more is set aside.
var errFull = errors.New("technician: too many notes are set aside")

// alone runs f while no other process changes anything here. It does not wait for one.
func (s shelf) alone(f func() error) error {
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	return errors.Join(f(), unix.Flock(int(d.Fd()), unix.LOCK_UN)) // a child that is just being forked has d, too
}

// names are those of the notes, in order.
func (s shelf) names() (out []string, err error) {
	all, err := os.ReadDir(filepath.Join(s.dir, asideDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), unfinished) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// put sets a note aside. When it returns nil the note outlives a power cut.
func (s shelf) put(q question, at time.Time, random io.Reader) error {
	e, ok := q.entry()
	if !ok {
		return errors.New("technician: this is no note")
	}
	var nonce [16]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return err
	}
	b, err := json.Marshal(asideNote{protocol.At(at), e.Kind, e.Staff, e.Reason, hex.EncodeToString(nonce[:])})
	if err != nil {
		return err
	}
	return s.alone(func() error { return s.add(b) })
}

// add gives a note the next number.
func (s shelf) add(b []byte) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	if len(names) >= mostAside {
		return errFull
	}
	next := 1
	if len(names) > 0 {
		if _, err := fmt.Sscanf(names[len(names)-1], "%06d", &next); err != nil {
			return err
		}
		next++
	}
	home := filepath.Join(s.dir, asideDir)
	name := filepath.Join(home, fmt.Sprintf("%06d", next))
	if _, err := os.Lstat(home); errors.Is(err, os.ErrNotExist) {
		if err := durable.InOrder(func() error { return s.disk.Mkdir(home) }, func() error { return s.disk.Sync(s.dir) }); err != nil {
			return err
		}
	}
	return durable.Replace(s.disk, name, b)
}

// Book is the journal of a daemon that runs, or of nobody; *journal.Journal is it.
type Book interface {
	Recorder
	Back(f func(journal.Entry) (more bool, err error)) error
}

// take brings what was set aside into the journal.
func (s shelf) take(j Book) error {
	if names, err := s.names(); err != nil || len(names) == 0 {
		return err
	}
	return s.alone(func() error {
		all, err := s.entries()
		if err != nil || len(all) == 0 {
			return err
		}
		entries, err := untaken(j, all)
		if err == nil && len(entries) > 0 {
			_, err = j.Record(entries[0], entries[1:]...)
		}
		if err != nil {
			return err
		}
		home, taken := filepath.Join(s.dir, asideDir), filepath.Join(s.dir, takenDir)
		return durable.InOrder(
			func() error { return s.disk.Remove(taken) }, // of a power cut
			func() error { return s.disk.Rename(home, taken) },
			func() error { return s.disk.Sync(s.dir) },
			func() error { return s.disk.Remove(taken) })
	})
}

// entries are the notes as the journal keeps them. One that cannot be read is one, too.
func (s shelf) entries() (out []journal.Entry, err error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := bounded(filepath.Join(s.dir, asideDir, name), longNote)
		if err != nil {
			return nil, err
		}
		out = append(out, entryOf(b))
	}
	return out, nil
}

// bounded is what a file begins with: of one that is longer than most bytes, one more.
func bounded(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

func entryOf(b []byte) journal.Entry {
	e := journal.Entry{Kind: journal.TechnicianNoted, Reason: "damaged", Proof: sha256.Sum256(b)}
	var n asideNote
	if len(b) > longNote || json.Unmarshal(b, &n, json.RejectUnknownMembers(true)) != nil {
		return e
	}
	if was, ok := (question{Who: n.Who, Note: note{n.Kind, n.Word}}).entry(); ok {
		e.Staff, e.Signed = was.Staff, n.At
		e.Reason = strings.TrimPrefix(string(was.Kind), "technician-") + "." + was.Reason
	}
	return e
}

// untaken leaves out those that the journal has: all up to the newest that it has.
func untaken(j Book, all []journal.Entry) (out []journal.Entry, err error) {
	out = all
	err = j.Back(func(e journal.Entry) (more bool, err error) {
		if e.Kind != journal.TechnicianNoted {
			return true, nil
		}
		out = all[1+slices.IndexFunc(all, func(n journal.Entry) bool { return n.Proof == e.Proof }):]
		return false, nil
	})
	return out, err
}

package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/daemon/durable"
)

// Names of files, in slots and on sticks.
const (
	textFile     = "policy.toml"
	receivedFile = "received.json"
	appliedFile  = "applied.json"
	unfinished   = "new-" // before the name of what is not yet in its place
)

var (
	slotForm      = regexp.MustCompile(`^[0-9]{16}$`)
	signatureForm = regexp.MustCompile(`^policy\.toml\.[a-z0-9-]{1,64}\.p7s$`)
)

// Way is how a policy came.
type Way string

// The ways.
const (
	ByStick Way = "stick" // a mounted stick, or a directory that stands for one
	ByFile  Way = "file"
	ByLine  Way = "line" // the serial line

	ByCentre Way = "centre"
)

// Note is when something happened to a slot.
type Note struct {
	At time.Time `json:"at"`
	By Way       `json:"by,omitempty"`
}

// stored is a slot as it is found: not yet believed, and its text not yet read.
type stored struct {
	version  uint64
	dir      string
	files    sum // of the policy and its signatures
	received []byte
	applied  []byte // nil: absent
}

func (k stored) wasApplied() bool { return k.applied != nil }

// open reads and verifies a whole slot. files is the sum of what was read for it, which may be another by now than when k was found.
func (k stored) open(keys signed.Keys) (p *signed.Policy, files sum, err error) {
	f, err := openDir(unix.AT_FDCWD, k.dir)
	if err != nil {
		return nil, files, err
	}
	defer f.Close()
	b, err := readBundle(f)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, files, err
	}
	if p, err = keys.Open(b); err == nil && p.Head.Version != k.version {
		err = &signed.Refusal{Code: signed.Malformed, Err: fmt.Errorf("it is version %d", p.Head.Version)}
	}
	return p, sumOf(b), err
}

// notes reads when it came, and when it was applied.
func (k stored) notes(slot *Slot) error {
	if err := note(k.received, &slot.Received); err != nil || k.applied == nil {
		return err
	}
	slot.Applied = &Note{}
	return note(k.applied, slot.Applied)
}

func note(b []byte, n *Note) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(n); err != nil || n.At.IsZero() {
		return &signed.Refusal{Code: signed.Malformed, Err: errors.New("a note in its slot is damaged")}
	}
	return nil
}

func slotName(version uint64) string { return fmt.Sprintf("%016d", version) }

func (s *Store) slot(version uint64) string { return filepath.Join(s.o.Dir, slotName(version)) }

// find finds all slots, by version.
func (s *Store) find() (out []stored, err error) {
	entries, err := os.ReadDir(s.o.Dir) // sorted, and the names all have the same length
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !slotForm.MatchString(e.Name()) {
			continue
		}
		k, err := findSlot(filepath.Join(s.o.Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// findSlot finds one. What is missing is found when it is opened.
func findSlot(dir string) (k stored, err error) {
	k.dir = dir
	if k.version, err = strconv.ParseUint(filepath.Base(dir), 10, 64); err != nil {
		return k, err
	}
	f, err := openDir(unix.AT_FDCWD, dir)
	if err != nil {
		return k, err
	}
	defer f.Close()
	if k.files, err = sumOfFiles(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if k.received, err = readFile(f, receivedFile, maxNote); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if k.applied, err = readFile(f, appliedFile, maxNote); errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	return k, err
}

// put writes a slot beside its place and renames it into it.
func (s *Store) put(p *signed.Policy, n Note) error {
	place := s.slot(p.Head.Version)
	beside := filepath.Join(s.o.Dir, unfinished+slotName(p.Head.Version))
	said, err := json.Marshal(n)
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { return s.disk.Remove(place) }, // what waited here and was damaged
		func() error { return s.disk.Mkdir(beside) },
		func() error { return s.disk.Write(filepath.Join(beside, textFile), p.Bundle.Text) },
		func() error { return s.disk.Write(filepath.Join(beside, receivedFile), said) },
	}
	for i, sig := range p.Bundle.Signatures {
		steps = append(steps, func() error { return s.disk.Write(filepath.Join(beside, signatureFile(i)), sig.DER) })
	}
	steps = append(steps,
		func() error { return s.disk.Sync(beside) },
		func() error { return s.disk.Rename(beside, place) },
		func() error { return s.disk.Sync(s.o.Dir) })
	return durable.InOrder(steps...)
}

// mark says durably that a policy is in force.
func (s *Store) mark(p *signed.Policy, n Note) error {
	said, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.over(s.slot(p.Head.Version), appliedFile, said)
}

// over writes one file of a slot, whatever was there.
func (s *Store) over(slot, name string, b []byte) error {
	beside := filepath.Join(slot, unfinished+name)
	return durable.InOrder(
		func() error { return s.disk.Remove(beside) },
		func() error { return s.disk.Write(beside, b) },
		func() error { return s.disk.Rename(beside, filepath.Join(slot, name)) },
		func() error { return s.disk.Sync(slot) })
}

// mend writes a damaged slot's files anew, and its notes where they are damaged. Each is one rename: at no step does the slot
// look as if it had not come into force.
func (s *Store) mend(k stored, p *signed.Policy, n Note) error {
	said, err := json.Marshal(n)
	if err != nil {
		return err
	}
	files := map[string][]byte{textFile: p.Bundle.Text}
	for i, sig := range p.Bundle.Signatures {
		files[signatureFile(i)] = sig.DER
	}
	if note(k.received, new(Note)) != nil {
		files[receivedFile] = said
	}
	if k.wasApplied() && note(k.applied, new(Note)) != nil {
		files[appliedFile] = said
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.over(s.slot(k.version), name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

func signatureFile(i int) string { return fmt.Sprintf("%s.%d.p7s", textFile, i+1) }

// sweep removes what a power cut left beside its place, in the store and in its slots.
func (s *Store) sweep() error {
	for _, beside := range []string{unfinished + "*", "*/" + unfinished + "*"} {
		left, err := fs.Glob(os.DirFS(s.o.Dir), beside)
		for _, name := range left {
			err = errors.Join(err, s.disk.Remove(filepath.Join(s.o.Dir, name)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxNote bounds a note, in bytes; the text and the signatures of a slot have the bounds of a bundle.
const maxNote = 4 << 10

package provision

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/config/trust"
)

// A running terminal looks at its policies every minute. What it verified before it need not verify again as long as it is
// what it verified, to the byte: so each look reads every byte and holds its hash against those of the look before. Only
// what is needed of a policy is kept for that, not the policy; whoever wants one whole has it read and verified anew.

// sum is over a policy's text and signatures, with the names of their files; zero where a file is missing.
type sum [sha256.Size]byte

// Slot is what is known of one policy of the store.
type Slot struct {
	Head     policy.Head
	Digest   protocol.Digest // SHA-256 of its text
	Signers  []string        // names of the keys that signed, sorted
	Rotates  bool            // its keys are others than those before
	Received Note
	Applied  *Note // nil: it waits, or was passed over

	by signed.Keys // those before
}

// SlotOf is what is known of a policy before it has a place in a store.
func SlotOf(p *signed.Policy) Slot {
	return Slot{Head: p.Head, Digest: p.Digest, Signers: p.Signers, Rotates: p.Rotates}
}

// Ref names it to the journal and to the centre.
func (s Slot) Ref() protocol.PolicyRef {
	return protocol.PolicyRef{Version: s.Head.Version, Digest: s.Digest}
}

// chain is over the versions and sums from the first slot to one of them: under one root, that alone says whether the last is authentic,
// and in its place.
type chain = sum

func then(c chain, version uint64, files sum) chain {
	return sha256.Sum256(append(binary.BigEndian.AppendUint64(c[:], version), files[:]...))
}

// walked are the slots of a store, up to one of them.
type walked struct {
	slots []Slot
	keys  signed.Keys // that the next has to be signed by
	chain chain
	seen  map[chain]Slot // what was verified of them, without notes
}

func (s *Store) start() walked {
	return walked{keys: s.o.Root, seen: map[chain]Slot{}}
}

// next goes on to a slot, and stays where it is if that does not verify.
func (s *Store) next(w *walked, k stored) error {
	c := then(w.chain, k.version, k.files)
	var slot Slot
	seen := false
	if last := s.verified.Load(); last != nil {
		slot, seen = (*last)[c]
	}
	if !seen {
		p, files, err := k.open(w.keys)
		if err != nil {
			return err
		}
		c, slot = then(w.chain, k.version, files), SlotOf(p)
		slot.by = w.keys
	}
	w.seen[c] = slot
	if err := k.notes(&slot); err != nil {
		return err
	}
	w.slots, w.keys, w.chain = append(w.slots, slot), signed.KeysOf(slot.Head.Keys), c
	return nil
}

// whole reads and verifies a slot's policy.
func (s *Store) whole(slot *Slot) (*signed.Policy, error) {
	if slot == nil {
		return nil, nil
	}
	v := slot.Head.Version
	p, _, err := stored{version: v, dir: s.slot(v)}.open(slot.by)
	if err == nil && p.Digest != slot.Digest {
		err = &signed.Refusal{Code: signed.Fork, Err: fmt.Errorf("version %d was exchanged while it was looked at", v)}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func addFile(h hash.Hash, name string, content [sha256.Size]byte) {
	h.Write(append([]byte(name), 0))
	h.Write(content[:])
}

func sumOf(b signed.Bundle) (s sum) {
	h := sha256.New()
	addFile(h, textFile, sha256.Sum256(b.Text))
	for _, sig := range b.Signatures {
		addFile(h, sig.Name, sha256.Sum256(sig.DER))
	}
	h.Sum(s[:0])
	return s
}

// sumOfFiles is the sumOf what readBundle would read, of which nothing is kept.
func sumOfFiles(dir *os.File) (s sum, err error) {
	h, buffer := sha256.New(), make([]byte, 4<<10)
	add := func(name string, most int) error {
		return withFile(dir, name, most, func(f io.Reader) error {
			var content [sha256.Size]byte
			c := sha256.New()
			_, err := io.CopyBuffer(c, f, buffer)
			c.Sum(content[:0])
			addFile(h, name, content)
			return err
		})
	}
	if err := add(textFile, signed.MaxText); err != nil {
		return s, err
	}
	names, err := signatures(dir)
	if err != nil {
		return s, err
	}
	for _, name := range names {
		if err := add(name, trust.MaxDetached); err != nil {
			return s, err
		}
	}
	h.Sum(s[:0])
	return s, nil
}

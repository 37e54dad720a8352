package provision

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/daemon/durable/durabletest"
)

const here protocol.Terminal = "JP-14-000001"

var start = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// visit is one thing that staff do, and which version is in force afterwards.
type visit struct {
	bring   []signed.Bundle
	inForce uint64
	harm    func(s *Store) error // done to the store before; nil: nothing
}

func (v visit) done(s *Store) (received uint64, err error) {
	if v.harm != nil {
		if err := v.harm(s); err != nil {
			return 0, err
		}
	}
	a, err := s.Receive(v.bring, ByStick)
	if refusal(err) == signed.Here {
		return a.Kept.Head.Version, nil
	}
	if err != nil {
		return 0, err
	}
	return a.Last().Head.Version, nil
}

// played is how far a store came before the power was cut.
type played struct {
	received, applied uint64 // what the store said that it had
	next              visit  // what was being done
	cut               bool
}

func play(s *Store, visits []visit) (p played, err error) {
	for _, v := range visits {
		p.next = v
		received, err := v.done(s)
		if errors.Is(err, durabletest.ErrCut) {
			p.cut = true
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.received = received
		in, _, err := s.Apply()
		if errors.Is(err, durabletest.ErrCut) {
			p.cut = true
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.applied = in.Head.Version
	}
	return p, nil
}

// TestPowerCut cuts the power at every step of everything that a store does, and leaves on the disk what was durable,
// what was not, and either in the store with the other in its slots. What was said to be received is there, what was said to be in force is, nothing goes back, and
// the same stick brings the terminal on. What was damaged, or taken away, is whole or out of service, and never an earlier policy.
func TestPowerCut(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(6, signedtest.Head{}, signedtest.Head{Keys: []int{0, 1, 3}})
	last := uint64(len(all))
	damaged := func(version uint64, name string) func(*Store) error {
		return func(s *Store) error {
			path := filepath.Join(s.slot(version), name)
			return durable.InOrder(func() error { return s.disk.Remove(path) }, func() error { return s.disk.Write(path, []byte("no longer")) })
		}
	}
	visits := []visit{{bring: all[:1], inForce: 1}, {bring: all[:2], inForce: 2}, {bring: all[:4], inForce: 4}, {bring: all, inForce: last},
		{all, last, damaged(last, textFile)}, {all, last, damaged(2, appliedFile)},
		{all, last, func(s *Store) error { return s.disk.Remove(s.slot(2)) }}} // it rotated the keys
	open := func(dir string, d durable.Disk) *Store {
		s, err := Open(Options{Dir: dir, Root: o.Root(), Terminal: here, Now: func() time.Time { return start }})
		if err != nil {
			t.Fatal(err)
		}
		s.keep = 2
		s.disk = d
		return s
	}
	cuts, seen := 0, map[string]bool{}
	for at := 0; ; at++ {
		root := filepath.Join(t.TempDir(), "store")
		d := durabletest.New(root, at)
		p, err := play(open(root, d), visits)
		if err != nil {
			t.Fatal(at, err)
		}
		if !p.cut {
			break
		}
		step := d.Done[len(d.Done)-1]
		kind, _, _ := strings.Cut(step, " ")
		seen[kind] = true
		for i, image := range d.Images(t, t.TempDir()) {
			cuts++
			afterCut(t, fmt.Sprintf("step %d (%s), image %d", at, step, i), open(image, durabletest.Fast{}), p, visits)
		}
	}
	if cuts < 100 || len(seen) != 5 {
		t.Errorf("only %d cuts at %v", cuts, seen)
	}
	t.Logf("%d cuts", cuts)
}

func afterCut(t *testing.T, where string, s *Store, p played, visits []visit) {
	t.Helper()
	in, err := s.Load()
	var r *signed.Refusal
	harmed := p.next.harm != nil && (refusal(err) == signed.Unsigned || refusal(err) == signed.Malformed)
	switch {
	case err == nil && (in.Head.Version == p.applied || in.Head.Version == p.next.inForce):
	case p.applied == 0 && refusal(err) == signed.Missing, harmed:
	default:
		t.Fatalf("%s: in force before was %d: %v", where, p.applied, err)
	}
	slots, err := s.History()
	if harmed != (err != nil) || !harmed && p.received > 0 && (len(slots) == 0 || slots[len(slots)-1].Head.Version < p.received) {
		t.Fatalf("%s: %d was received, %d are here: %v", where, p.received, len(slots), err)
	}
	if _, err := s.Receive(visits[len(visits)-1].bring, ByStick); err != nil && !(errors.As(err, &r) && r.Code == signed.Here) {
		t.Fatalf("%s: the stick again: %v", where, err)
	}
	if in, _, err := s.Apply(); err != nil || in.Head.Version != visits[len(visits)-1].inForce {
		t.Fatalf("%s: not brought on: %v", where, err)
	}
	for _, beside := range []string{unfinished + "*", "*/" + unfinished + "*"} {
		if left, err := filepath.Glob(filepath.Join(s.o.Dir, beside)); err != nil || len(left) != 0 {
			t.Fatalf("%s: left beside: %v %v", where, left, err)
		}
	}
}

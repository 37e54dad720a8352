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
		a, err := s.Receive(v.bring, ByStick)
		if errors.Is(err, durabletest.ErrCut) {
			p.cut = true
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.received = a.Last().Head.Version
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
// the same stick brings the terminal on.
func TestPowerCut(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(6, signedtest.Head{}, signedtest.Head{Keys: []int{0, 1, 3}})
	visits := []visit{{all[:1], 1}, {all[:2], 2}, {all[:4], 4}, {all, uint64(len(all))}}
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
		last := d.Done[len(d.Done)-1]
		kind, _, _ := strings.Cut(last, " ")
		seen[kind] = true
		for i, image := range d.Images(t, t.TempDir()) {
			cuts++
			afterCut(t, fmt.Sprintf("step %d (%s), image %d", at, last, i), open(image, durabletest.Fast{}), p, visits)
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
	switch {
	case err == nil && (in.Head.Version == p.applied || in.Head.Version == p.next.inForce):
	case p.applied == 0 && errors.As(err, &r) && r.Code == signed.Missing:
	default:
		t.Fatalf("%s: in force before was %d: %v", where, p.applied, err)
	}
	slots, err := s.History()
	if err != nil || p.received > 0 && (len(slots) == 0 || slots[len(slots)-1].Head.Version < p.received) {
		t.Fatalf("%s: %d was received, %d are here: %v", where, p.received, len(slots), err)
	}
	if _, err := s.Receive(visits[len(visits)-1].bring, ByStick); err != nil && !(errors.As(err, &r) && r.Code == signed.Here) {
		t.Fatalf("%s: the stick again: %v", where, err)
	}
	if in, _, err := s.Apply(); err != nil || in.Head.Version != visits[len(visits)-1].inForce {
		t.Fatalf("%s: not brought on: %v", where, err)
	}
	if left, err := filepath.Glob(filepath.Join(s.o.Dir, unfinished+"*")); err != nil || len(left) != 0 {
		t.Fatalf("%s: left beside: %v %v", where, left, err)
	}
}

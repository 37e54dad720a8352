package provision

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
)

const here protocol.Terminal = "JP-14-000001"

var start = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

var errCut = errors.New("the power is cut")

// node is a file or a directory of a model of a disk.
type node struct {
	content []byte             // of a file
	now     map[string]*node   // of a directory; nil: a file
	seen    []map[string]*node // every state since it was last synced, the synced one first: after a power cut it is any of these
}

func newDir() *node { return &node{now: map[string]*node{}, seen: []map[string]*node{{}}} }

func (n *node) changed() { n.seen = append(n.seen, maps.Clone(n.now)) }

// fastDisk syncs nothing: in the tests nothing falls over but the model.
type fastDisk struct{ realDisk }

func (fastDisk) write(path string, b []byte) error { return os.WriteFile(path, b, 0o600) }
func (fastDisk) sync(string) error                 { return nil }

// cutDisk does everything really, and in a model that knows what is durable. The power is cut at one step.
type cutDisk struct {
	fastDisk
	root  string
	model *node
	steps int // up to the cut; negative: none
	done  []string
}

func (d *cutDisk) at(path string) (parent *node, name string) {
	rel, err := filepath.Rel(d.root, path)
	if err != nil {
		panic(err)
	}
	n := d.model
	parts := strings.Split(rel, "/")
	for _, p := range parts[:len(parts)-1] {
		n = n.now[p]
	}
	return n, parts[len(parts)-1]
}

func (d *cutDisk) step(name string) error {
	d.done = append(d.done, name)
	if d.steps == 0 {
		return errCut
	}
	d.steps--
	return nil
}

func (d *cutDisk) mkdir(path string) error {
	parent, name := d.at(path)
	if err := d.step("mkdir " + name); err != nil {
		return err
	}
	parent.now[name] = newDir()
	parent.changed()
	return d.fastDisk.mkdir(path)
}

func (d *cutDisk) write(path string, b []byte) error {
	parent, name := d.at(path)
	parent.now[name] = &node{content: b[:len(b)/2]}
	parent.changed()
	if err := d.step("write " + name); err != nil {
		return err
	}
	parent.now[name].content = b
	return d.fastDisk.write(path, b)
}

func (d *cutDisk) rename(from, to string) error {
	parent, name := d.at(from)
	_, other := d.at(to)
	if err := d.step("rename " + name); err != nil {
		return err
	}
	parent.now[other] = parent.now[name]
	delete(parent.now, name)
	parent.changed()
	return d.fastDisk.rename(from, to)
}

// remove takes the content away first, as os.RemoveAll does.
func (d *cutDisk) remove(path string) error {
	parent, name := d.at(path)
	n := parent.now[name]
	if n == nil {
		return d.fastDisk.remove(path)
	}
	for child := range n.now {
		delete(n.now, child)
		n.changed()
	}
	if err := d.step("remove " + name); err != nil {
		return err
	}
	delete(parent.now, name)
	parent.changed()
	return d.fastDisk.remove(path)
}

func (d *cutDisk) sync(dir string) error {
	n := d.model
	if dir != d.root {
		parent, name := d.at(dir)
		n = parent.now[name]
	}
	if err := d.step("sync " + filepath.Base(dir)); err != nil {
		return err
	}
	n.seen = []map[string]*node{maps.Clone(n.now)}
	return nil
}

// image writes what may be on the disk after the power cut: of every directory the state when it was synced, or its newest.
func (n *node) image(t *testing.T, path string, newest, below bool) {
	t.Helper()
	if n.now == nil {
		if err := os.WriteFile(path, n.content, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, child := range n.seen[map[bool]int{true: len(n.seen) - 1}[newest]] {
		child.image(t, filepath.Join(path, name), below, below)
	}
}

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
		if errors.Is(err, errCut) {
			p.cut = true
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.received = a.Last().Head.Version
		in, _, err := s.Apply()
		if errors.Is(err, errCut) {
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
	open := func(dir string, d disk) *Store {
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
		d := &cutDisk{root: root, model: newDir(), steps: at}
		p, err := play(open(root, d), visits)
		if err != nil {
			t.Fatal(at, err)
		}
		if !p.cut {
			break
		}
		last := d.done[len(d.done)-1]
		kind, _, _ := strings.Cut(last, " ")
		seen[kind] = true
		for i, newest := range [][2]bool{{false, false}, {true, true}, {false, true}, {true, false}} {
			cuts++
			image := filepath.Join(t.TempDir(), "store")
			d.model.image(t, image, newest[0], newest[1])
			afterCut(t, fmt.Sprintf("step %d (%s), image %d", at, last, i), open(image, fastDisk{}), p, visits)
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

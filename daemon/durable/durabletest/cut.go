// Package durabletest is a disk whose power is cut, for tests: it knows what would be durable, and what might be.
package durabletest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honnin/daemon/durable"
)

// ErrCut is what every step returns from the cut on.
var ErrCut = errors.New("the power is cut")

// Fast is a disk that syncs nothing: in a test nothing falls over but the model.
type Fast struct{ durable.Real }

// Write makes a file that is not there yet, as durable.Real does.
func (Fast) Write(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func (Fast) Sync(string) error { return nil }

// node is a file or a directory of the model.
type node struct {
	content []byte             // of a file
	now     map[string]*node   // of a directory; nil: a file
	seen    []map[string]*node // every state since it was last synced, the synced one first: after a power cut it is any of these
}

func newDir() *node { return &node{now: map[string]*node{}, seen: []map[string]*node{{}}} }

func (n *node) changed() { n.seen = append(n.seen, maps.Clone(n.now)) }

// Cut does everything really, and in a model that knows what is durable. The power is cut at one step.
type Cut struct {
	fast  Fast
	root  string
	model *node
	left  int
	Done  []string // the steps, "rename NAME"; the last is the one that was cut
}

// New makes a disk of the directory root, which is empty, with so many steps before the cut.
func New(root string, steps int) *Cut { return &Cut{root: root, model: newDir(), left: steps} }

func (d *Cut) at(path string) (parent *node, name string) {
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

func (d *Cut) step(name string) error {
	d.Done = append(d.Done, name)
	if d.left == 0 {
		return ErrCut
	}
	d.left--
	return nil
}

func (d *Cut) Mkdir(path string) error {
	parent, name := d.at(path)
	if err := d.step("mkdir " + name); err != nil {
		return err
	}
	parent.now[name] = newDir()
	parent.changed()
	return d.fast.Mkdir(path)
}

// Write may leave half a file.
func (d *Cut) Write(path string, b []byte) error {
	parent, name := d.at(path)
	parent.now[name] = &node{content: bytes.Clone(b[:len(b)/2])}
	parent.changed()
	if err := d.step("write " + name); err != nil {
		return err
	}
	parent.now[name].content = bytes.Clone(b) // whoever wrote a secret overwrites it
	return d.fast.Write(path, b)
}

func (d *Cut) Rename(from, to string) error {
	parent, name := d.at(from)
	_, other := d.at(to)
	if err := d.step("rename " + name); err != nil {
		return err
	}
	parent.now[other] = parent.now[name]
	delete(parent.now, name)
	parent.changed()
	return d.fast.Rename(from, to)
}

// Remove takes the content away first, as os.RemoveAll does.
func (d *Cut) Remove(path string) error {
	parent, name := d.at(path)
	n := parent.now[name]
	if n == nil {
		return d.fast.Remove(path)
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
	return d.fast.Remove(path)
}

func (d *Cut) Sync(dir string) error {
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

// Images writes what may be on the disk after the cut, each below dir: of every directory the state when it was synced,
// its newest, or the one at the root and the other below.
func (d *Cut) Images(t testing.TB, dir string) (paths []string) {
	t.Helper()
	for i, newest := range [][2]bool{{false, false}, {true, true}, {false, true}, {true, false}} {
		path := filepath.Join(dir, "image"+string(rune('0'+i)))
		d.model.image(t, path, newest[0], newest[1])
		paths = append(paths, path)
	}
	return paths
}

func (n *node) image(t testing.TB, path string, newest, below bool) {
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

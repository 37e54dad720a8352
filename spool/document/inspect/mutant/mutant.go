// Package mutant makes hostile PDFs out of good ones, on the level of structure: a good document is read into
// objects, a few things are changed in them, and it is written again. Most mutants have a frame without fault
// (every offset, /Length and /Size true), so that they get past the first look and reach the page tree, the
// statement, the tags, the fonts and the second reader; a few have a damaged frame. Some begin with something
// added that is in order (an image, a shading, a name tree, a deeper page tree), which is damaged next, so that
// more of the standard is met than our own sheets use.
//
// A mutant is a function of the samples and a seed alone. The reader and the writer here are written for tests and
// share nothing with the package that they test; only tests import this one.
package mutant

import (
	_ "embed"
	"errors"
	"math/rand/v2"
	"sync"
)

// Maker makes mutants of its samples. Its methods may be called at the same time.
type Maker struct {
	samples []*doc
	bombs   []func() []byte // zeros, compressed when first used
}

// New reads the samples: PDFs with one classic cross-reference table and streams of their stated length.
func New(samples ...[]byte) (*Maker, error) {
	m := &Maker{}
	for _, size := range []int{1 << 20, 1 << 24, 1 << 27, 1<<27 + 1, 1 << 28} {
		m.bombs = append(m.bombs, sync.OnceValue(func() []byte { return deflate(make([]byte, size)) }))
	}
	for _, b := range samples {
		d, err := read(b)
		if err != nil {
			return nil, err
		}
		m.samples = append(m.samples, d)
	}
	if len(samples) == 0 {
		return nil, errors.New("mutant: no sample")
	}
	return m, nil
}

// Make returns the mutant of seed, and the names of the changes that made it, in their order.
func (m *Maker) Make(seed uint64) (pdf []byte, changes []string) {
	r := &run{Rand: rand.New(rand.NewPCG(seed, 0x686f6e6e696e)), maker: m}
	r.doc = r.sample().clone()
	if r.one(2) {
		r.some(orderly, 1+r.IntN(3))
	}
	if !r.one(40) { // a few stay in order: what is accepted must be sound too
		r.some(r.temper(), 1+r.small(6))
	}
	f := frame{}
	if r.one(8) {
		r.some(frames(&f), 1+r.small(2))
	}
	return f.write(r.doc, r.Rand), r.changes
}

// run is the work on one mutant.
type run struct {
	*rand.Rand
	maker   *Maker
	doc     *doc
	changes []string
}

// change is one way to change a document. It does nothing where there is nothing to change.
type change struct {
	name   string
	weight int
	do     func(*run)
}

// temper chooses how rude a mutant is. The gentle ones break what is deep inside and leave what our own walk
// would stop at.
func (r *run) temper() []change {
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		return gentle
	case 4:
		return streams
	case 5, 6:
		return append(append([]change{}, gentle...), streams...)
	}
	return append(append([]change{}, rude...), streams...)
}

// some applies n changes of the list, each as likely as its weight.
func (r *run) some(list []change, n int) {
	sum := 0
	for _, c := range list {
		sum += c.weight
	}
	for range n {
		at := r.IntN(sum)
		for _, c := range list {
			if at -= c.weight; at < 0 {
				r.changes = append(r.changes, c.name)
				c.do(r)
				break
			}
		}
	}
}

// one is true once in n.
func (r *run) one(n int) bool { return r.IntN(n) == 0 }

// small returns 0 to most-1, the smaller the likelier.
func (r *run) small(most int) int { return r.IntN(1 + r.IntN(most)) }

func (r *run) sample() *doc { return r.maker.samples[r.IntN(len(r.maker.samples))] }

func pick[T any](r *run, list []T) T { return list[r.IntN(len(list))] }

// Sheet is a certificate as the practice issuer prints it, with real subset fonts; the sample that is most like
// what a terminal meets.
//
//go:embed testdata/sheet.pdf
var Sheet []byte

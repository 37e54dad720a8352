package mutant

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"honnin/config/reason"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/pdftest"
)

func maker(t *testing.T) *Maker {
	t.Helper()
	m, err := New(pdftest.Good([]byte("{}"), pdftest.Tags([32]byte{1}, [16]byte{2}, 2)).Bytes(), Sheet)
	if err != nil {
		t.Fatal(err)
	}
	m.bombs = m.bombs[:1] // the larger ones are for children
	return m
}

func start(m *Maker, sample int, seed uint64) *run {
	return &run{Rand: rand.New(rand.NewPCG(seed, 1)), maker: m, doc: m.samples[sample].clone()}
}

func (r *run) inspect() inspect.Facts {
	f := frame{}
	return inspect.Document(f.write(r.doc, r.Rand))
}

// TestInOrder: what is read and written again, with each of the garnishes and with other numbers, is accepted.
// Otherwise a mutant would be refused for what the mutator did not mean.
func TestInOrder(t *testing.T) {
	m := maker(t)
	for i := range m.samples {
		if f := start(m, i, 1).inspect(); len(f.Findings) != 0 {
			t.Errorf("sample %d: %v", i, f.Findings)
		}
	}
	for _, g := range garnishes {
		r := start(m, 0, 1)
		r.garnish(g)
		if f := r.inspect(); len(f.Findings) != 0 {
			t.Errorf("garnish %s of %s: %v", g.key, g.on, f.Findings)
		}
	}
	r := start(m, 0, 1)
	renumber(r)
	if f := r.inspect(); len(f.Findings) != 0 {
		t.Errorf("other numbers: %v", f.Findings)
	}
}

// TestEveryChange: each of them changes something, in half the tries at least.
func TestEveryChange(t *testing.T) {
	m := maker(t)
	for _, group := range [][]change{orderly, gentle, rude, streams} {
		for _, c := range group {
			if !changes(m, c) {
				t.Errorf("%s changes nothing", c.name)
			}
		}
	}
}

func changes(m *Maker, c change) bool {
	const tries = 10
	same := 0
	for seed := range uint64(tries) {
		r := start(m, 0, seed)
		c.do(r)
		var a, b frame
		still := rand.New(rand.NewPCG(0, 0))
		before := a.write(m.samples[0].clone(), still)
		still = rand.New(rand.NewPCG(0, 0))
		if bytes.Equal(before, b.write(r.doc, still)) {
			same++
		}
	}
	return same <= tries/2
}

// TestMake: a mutant is a function of its seed; mutants are accepted and refused for every reason that an
// inspection knows; and a good share of them gets as far as the second reader, which is asked last.
func TestMake(t *testing.T) {
	m := maker(t)
	got, last := map[reason.Code]int{}, 0
	const mutants = 250
	for seed := range uint64(mutants) {
		pdf, what := m.Make(seed)
		if again, _ := m.Make(seed); !bytes.Equal(pdf, again) {
			t.Fatalf("mutant %d is another one the second time: %q", seed, what)
		}
		f := inspect.Document(pdf)
		code := reason.Of(f.Err())
		if got[code]++; code == "" || strings.HasPrefix(f.Findings[0].Detail, "pdfcpu") {
			last++
		}
	}
	for _, c := range []reason.Code{"", reason.PDFUpdated, reason.PDFMalformed, reason.PDFActiveContent, reason.PDFPages, reason.PDFFont, reason.StatementMissing, reason.TagMissing} {
		if got[c] == 0 {
			t.Errorf("no mutant gives %q", c)
		}
	}
	if last < mutants/4 {
		t.Errorf("only %d of %d get as far as pdfcpu", last, mutants)
	}
}

func TestNoSample(t *testing.T) {
	for _, samples := range [][][]byte{nil, {[]byte("%PDF-1.7\n")}, {[]byte("startxref\n0\n")}} {
		if _, err := New(samples...); err == nil {
			t.Errorf("%q is a sample", samples)
		}
	}
}

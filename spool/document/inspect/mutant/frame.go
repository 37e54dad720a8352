package mutant

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// frames are changes of how the file is written. The first few are in order.
func frames(f *frame) []change {
	table := func(name string, weight int, do func(r *run, s string) string) change {
		return change{"frame: " + name, weight, func(r *run) { f.table = func(s string) string { return do(r, s) } }}
	}
	whole := func(name string, weight int, do func(r *run, b []byte) []byte) change {
		return change{"frame: " + name, weight, func(r *run) { f.whole = func(b []byte) []byte { return do(r, b) } }}
	}
	return []change{
		{"frame: line ends", 2, func(r *run) { f.eol = pick(r, []string{"\n", "\r\n"}) }},
		{"frame: comments", 1, func(r *run) { f.between = "% " + string(pick(r, texts)) + "\n" }},
		{"frame: header", 2, func(r *run) { f.header = pick(r, headers) }},
		{"frame: after the end", 2, func(r *run) { f.after = pick(r, tails) }},
		{"frame: /Size", 2, func(r *run) { f.size = pick(r, []int{-1, 1, 1000, 1 << 30}) }},
		{"frame: an offset", 4, func(r *run) { f.offset = r.offsets() }},
		{"frame: a generation", 2, func(r *run) { n := r.anyRef(); f.gen = func(num, gen int) int { return gen + b2i(num == int(n)) } }},
		table("a line of the table", 3, func(r *run, s string) string { return r.line(s) }),
		table("a subsection's head", 2, func(r *run, s string) string {
			return strings.Replace(s, "xref\n0 ", "xref\n"+string(pick(r, tokens))+" ", 1)
		}),
		table("noise in the table", 2, func(r *run, s string) string { return string(r.noisy([]byte(s))) }),
		whole("an update", 2, update),
		whole("cut", 1, func(r *run, b []byte) []byte { return b[:r.IntN(len(b)+1)] }),
		whole("noise", 3, func(r *run, b []byte) []byte { return r.noisy(b) }),
		whole("a part twice", 1, func(r *run, b []byte) []byte {
			i := r.IntN(len(b))
			j := i + r.IntN(len(b)-i)
			return slices.Insert(slices.Clone(b), j, b[i:j]...)
		}),
		whole("two files", 1, func(r *run, b []byte) []byte { return append(slices.Clip(b), b...) }),
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

var headers = []string{"%PDF-1.7\n", "%PDF-1.7\r\n%\xFF\xFF\n", "%PDF-1.4\n", "%PDF-2.0\n", "%PDF-1.77\n", "\n%PDF-1.7\n", "%PDF-1.7\n%PDF-1.7\n", "%PDF-1.7\n0 0 obj\nnull\nendobj\n", "%!PS-Adobe-3.0 PDF-1.7\n"}

var tails = []string{"\n\n", "\r", " ", "\x00", "%%EOF\n", "startxref\n0\n%%EOF\n", "1 0 obj\nnull\nendobj\n"}

// offsets makes one or all of the table's entries wrong.
func (r *run) offsets() func(num, at int) int {
	which, by := int(r.anyRef()), pick(r, []int{1, -1, 9, 1 << 20, 1 << 33})
	if r.one(3) {
		which = 0
	}
	return func(num, at int) int {
		if which == 0 || which == num {
			return max(0, at+by)
		}
		return at
	}
}

// line takes a line of the table out, doubles it or swaps it with the next.
func (r *run) line(s string) string {
	lines := strings.SplitAfter(s, "\n")
	i := r.IntN(len(lines) - 1)
	switch r.IntN(3) {
	case 0:
		lines = slices.Delete(lines, i, i+1)
	case 1:
		lines = slices.Insert(lines, i, lines[i])
	default:
		lines[i], lines[i+1] = lines[i+1], lines[i]
	}
	return strings.Join(lines, "")
}

// update appends an incremental update that replaces an object.
func update(r *run, b []byte) []byte {
	old := bytes.LastIndex(b, []byte("xref\n0 "))
	at, num := len(b), int(r.anyRef())
	var v bytes.Buffer
	value(&v, r.hostile(0))
	b = fmt.Appendf(slices.Clip(b), "%d 0 obj\n%s\nendobj\n", num, v.String())
	start := len(b)
	b = fmt.Appendf(b, "xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root 1 0 R", num, at, r.doc.free())
	if !r.one(4) {
		b = fmt.Appendf(b, " /Prev %d", old)
	}
	return fmt.Appendf(b, " >>\nstartxref\n%d\n%%%%EOF\n", start)
}

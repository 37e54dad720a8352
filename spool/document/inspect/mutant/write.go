package mutant

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// frame is how a document is written. Its zero value is the plain form without fault.
type frame struct {
	header  string
	eol     string
	between string
	after   string
	size    int                     // added to /Size
	offset  func(num, at int) int   // changes an entry
	gen     func(num, gen int) int  // changes an entry's generation
	table   func(s string) string   // changes table, trailer and end as a whole
	whole   func(pdf []byte) []byte // changes the file
}

// write writes the objects in a random order half the time, and a table that is true of them unless the frame
// says otherwise.
func (f *frame) write(d *doc, r *rand.Rand) []byte {
	var b bytes.Buffer
	if f.header == "" {
		f.header = "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n"
	}
	if f.eol == "" {
		f.eol = "\n"
	}
	b.WriteString(f.header)
	objects := slices.Clone(d.objects)
	if r.IntN(2) == 0 {
		r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	}
	offsets := map[int]int{}
	for _, o := range objects {
		b.WriteString(f.between)
		offsets[o.num] = b.Len()
		f.object(&b, o)
	}
	tail := f.tail(d, offsets, b.Len())
	if f.table != nil {
		tail = f.table(tail)
	}
	b.WriteString(tail + f.after)
	if f.whole != nil {
		return f.whole(b.Bytes())
	}
	return b.Bytes()
}

func (f *frame) object(b *bytes.Buffer, o *object) {
	fmt.Fprintf(b, "%d %d obj%s", o.num, o.gen, f.eol)
	d, ok := o.val.(*dict)
	if !ok || o.data == nil {
		value(b, o.val)
		fmt.Fprintf(b, "%sendobj%s", f.eol, f.eol)
		return
	}
	var length any = token(fmt.Sprint(len(o.data)))
	if o.length != nil {
		length = o.length
	}
	value(b, &dict{append(slices.Clip(d.entries), entry{"Length", length})})
	fmt.Fprintf(b, "%sstream\n", f.eol)
	b.Write(o.data)
	fmt.Fprintf(b, "\nendstream%sendobj%s", f.eol, f.eol)
}

// tail writes the table, the trailer and the end.
func (f *frame) tail(d *doc, offsets map[int]int, start int) string {
	var t strings.Builder
	size := d.free()
	fmt.Fprintf(&t, "xref\n0 %d\n0000000000 65535 f \n", size)
	gens := map[int]int{}
	for _, o := range d.objects {
		gens[o.num] = o.gen
	}
	for n := 1; n < size; n++ {
		at, used := offsets[n]
		if !used {
			t.WriteString("0000000000 00000 f \n")
			continue
		}
		gen := gens[n]
		if f.offset != nil {
			at = f.offset(n, at)
		}
		if f.gen != nil {
			gen = f.gen(n, gen)
		}
		fmt.Fprintf(&t, "%010d %05d n \n", at, gen)
	}
	var b bytes.Buffer
	value(&b, &dict{append([]entry{{"Size", token(fmt.Sprint(size + f.size))}}, d.trailer.entries...)})
	fmt.Fprintf(&t, "trailer\n%s\nstartxref\n%d\n%%%%EOF\n", b.String(), start)
	return t.String()
}

// value writes v. Between any two values there is a space.
func value(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case token:
		b.WriteString(string(v))
	case name:
		writeName(b, v)
	case ref:
		fmt.Fprintf(b, "%d 0 R", int(v))
	case text:
		writeText(b, v)
	case list:
		b.WriteString("[")
		for _, x := range v {
			b.WriteByte(' ')
			value(b, x)
		}
		b.WriteString(" ]")
	case *dict:
		b.WriteString("<<")
		for _, e := range v.entries {
			b.WriteByte(' ')
			writeName(b, e.key)
			b.WriteByte(' ')
			value(b, e.val)
		}
		b.WriteString(" >>")
	}
}

func writeName(b *bytes.Buffer, n name) {
	b.WriteByte('/')
	for _, c := range []byte(n) {
		if c <= ' ' || c > '~' || strings.IndexByte("()<>[]{}/%#", c) >= 0 {
			fmt.Fprintf(b, "#%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
}

func writeText(b *bytes.Buffer, t text) {
	if bytes.ContainsFunc(t, func(c rune) bool { return c < ' ' || c > '~' || c == '\\' || c == '(' || c == ')' }) {
		fmt.Fprintf(b, "<%X>", []byte(t))
		return
	}
	fmt.Fprintf(b, "(%s)", t)
}

package mutant

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reader reads the PDFs that we write ourselves; anything else is an error.
type reader struct {
	b []byte
	i int
}

var errSample = errors.New("mutant: a sample that is not read")

func read(pdf []byte) (d *doc, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errSample, p)
		}
	}()
	r := &reader{b: pdf, i: bytes.LastIndex(pdf, []byte("startxref"))}
	r.word()
	r.i, err = strconv.Atoi(r.word())
	if err != nil || r.word() != "xref" {
		return nil, errSample
	}
	offsets := r.table()
	trailer, ok := r.value().(*dict)
	if !ok {
		return nil, errSample
	}
	d = &doc{trailer: trailer}
	trailer.drop("Size")
	for _, at := range offsets {
		r.i = at
		d.objects = append(d.objects, r.object(offsets))
	}
	return d, nil
}

// table reads the subsections up to the word trailer and returns the offsets of the objects in use.
func (r *reader) table() (offsets []int) {
	for {
		first := r.word()
		if first == "trailer" {
			return offsets
		}
		count, _ := strconv.Atoi(r.word())
		for range count {
			at, _ := strconv.Atoi(r.word())
			r.word()
			if r.word() == "n" {
				offsets = append(offsets, at)
			}
		}
	}
}

func (r *reader) object(offsets []int) *object {
	o := &object{}
	o.num, _ = strconv.Atoi(r.word())
	o.gen, _ = strconv.Atoi(r.word())
	if r.word() != "obj" {
		panic("no object")
	}
	o.val = r.value()
	if d, ok := o.val.(*dict); ok && r.word() == "stream" {
		r.i += bytes.IndexByte(r.b[r.i:], '\n') + 1
		n := r.length(d.get("Length"), offsets)
		o.data = r.b[r.i : r.i+n : r.i+n]
		d.drop("Length")
	}
	return o
}

// length returns a direct or an indirect length.
func (r *reader) length(v any, offsets []int) int {
	if to, ok := v.(ref); ok {
		for _, at := range offsets {
			if k := (&reader{b: r.b, i: at}); k.word() == strconv.Itoa(int(to)) {
				k.word()
				k.word()
				v = k.value()
			}
		}
	}
	n, err := strconv.Atoi(string(v.(token)))
	if err != nil {
		panic(err)
	}
	return n
}

func (r *reader) space() {
	for {
		for r.i < len(r.b) && strings.IndexByte("\x00\t\n\f\r ", r.b[r.i]) >= 0 {
			r.i++
		}
		if r.i == len(r.b) || r.b[r.i] != '%' {
			return
		}
		r.i += bytes.IndexAny(r.b[r.i:], "\r\n")
	}
}

// word skips space and reads up to the next space or delimiter.
func (r *reader) word() string {
	r.space()
	at := r.i
	for r.i < len(r.b) && strings.IndexByte("\x00\t\n\f\r ()<>[]{}/%", r.b[r.i]) < 0 {
		r.i++
	}
	return string(r.b[at:r.i])
}

func (r *reader) value() any {
	switch r.space(); {
	case r.b[r.i] == '/':
		r.i++
		return unescape(r.word())
	case r.b[r.i] == '[':
		r.i++
		return r.list()
	case bytes.HasPrefix(r.b[r.i:], []byte("<<")):
		r.i += 2
		return r.dict()
	case r.b[r.i] == '<':
		return r.hex()
	case r.b[r.i] == '(':
		return r.literal()
	}
	return r.simple()
}

// simple reads a reference, or a word as it is.
func (r *reader) simple() any {
	w := r.word()
	if w == "" {
		panic("a delimiter astray")
	}
	at := r.i
	if n, err := strconv.Atoi(w); err == nil {
		if _, err := strconv.Atoi(r.word()); err == nil && r.word() == "R" {
			return ref(n)
		}
	}
	r.i = at
	if w == "null" {
		return nil
	}
	return token(w)
}

func unescape(s string) name {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '#' {
			continue
		}
		if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
			s = s[:i] + string([]byte{byte(c)}) + s[i+3:]
		}
	}
	return name(s)
}

func (r *reader) list() list {
	out := list{}
	for {
		if r.space(); r.b[r.i] == ']' {
			r.i++
			return out
		}
		out = append(out, r.value())
	}
}

func (r *reader) dict() *dict {
	d := &dict{}
	for {
		if r.space(); bytes.HasPrefix(r.b[r.i:], []byte(">>")) {
			r.i += 2
			return d
		}
		key := r.value().(name)
		d.entries = append(d.entries, entry{key, r.value()})
	}
}

func (r *reader) hex() text {
	end := r.i + bytes.IndexByte(r.b[r.i:], '>')
	digits := strings.Join(strings.Fields(string(r.b[r.i+1:end])), "")
	r.i = end + 1
	if len(digits)%2 != 0 {
		digits += "0"
	}
	out := make(text, len(digits)/2)
	for i := range out {
		c, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		if err != nil {
			panic(err)
		}
		out[i] = byte(c)
	}
	return out
}

// literal reads (…). Of the escapes it knows those that our writers use.
func (r *reader) literal() text {
	out, open := text{}, 1
	for r.i++; ; r.i++ {
		switch c := r.b[r.i]; {
		case c == '\\':
			r.i++
		case c == '(':
			open++
		case c == ')':
			if open--; open == 0 {
				r.i++
				return out
			}
		}
		out = append(out, r.b[r.i])
	}
}

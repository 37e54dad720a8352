package second

import (
	"bytes"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// The values of a PDF (ISO 32000-1, section 7.3). A string is a text, so that it is no Go string by accident; null is nil.
type (
	name string
	text string
	dict map[name]any
	ref  struct{ number, generation int }
	word string  // an operator or a keyword
	real float64 // a number with a point; an integer is a float64
	// stream is a dictionary with the bytes as they stand in the file.
	stream struct {
		dict dict
		raw  []byte
	}
)

var (
	errForm = errors.New("not this form")
	errLong = errors.New("longer than it may be")
)

// lexer reads values from b at p.
type lexer struct {
	b      []byte
	p      int
	values int
}

const (
	white  = "\x00\t\n\f\r "
	delims = "()<>[]{}/%"
)

func is(set string, c byte) bool { return bytes.IndexByte([]byte(set), c) >= 0 }

// skip passes white space and comments.
func (l *lexer) skip() {
	for l.p < len(l.b) {
		switch c := l.b[l.p]; {
		case is(white, c):
			l.p++
		case c == '%':
			if i := bytes.IndexAny(l.b[l.p:], "\r\n"); i >= 0 {
				l.p += i
			} else {
				l.p = len(l.b)
			}
		default:
			return
		}
	}
}

// regular reads the characters up to white space or a delimiter.
func (l *lexer) regular() string {
	from := l.p
	for l.p < len(l.b) && !is(white, l.b[l.p]) && !is(delims, l.b[l.p]) {
		l.p++
	}
	return string(l.b[from:l.p])
}

func (l *lexer) has(s string) bool {
	if bytes.HasPrefix(l.b[l.p:], []byte(s)) {
		l.p += len(s)
		return true
	}
	return false
}

var number = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)$`)

// value reads one value; an integer may turn out to begin a reference.
func (l *lexer) value(depth int) (any, error) {
	l.skip()
	if l.values++; depth > 64 || l.values > 1<<20 || l.p >= len(l.b) {
		return nil, errForm
	}
	switch {
	case l.has("<<"):
		return l.dict(depth)
	case l.has("<"):
		return l.hex()
	case l.has("("):
		return l.literal()
	case l.has("["):
		return l.array(depth)
	case l.has("/"):
		return l.name()
	}
	w := l.regular()
	if integer.MatchString(w) {
		if r, ok := l.reference(w); ok {
			return r, nil
		}
	}
	switch {
	case number.MatchString(w):
		f, err := strconv.ParseFloat(w, 64)
		if strings.Contains(w, ".") {
			return real(f), err
		}
		return f, err
	case w == "true" || w == "false":
		return w == "true", nil
	case w == "null":
		return nil, nil
	case w == "":
		return nil, errForm
	}
	return word(w), nil
}

var (
	integer   = regexp.MustCompile(`^\d{1,9}$`)
	remainder = regexp.MustCompile(`^[\x00\t\n\f\r ]+(\d{1,5})[\x00\t\n\f\r ]+R($|[\x00\t\n\f\r ()<>\[\]{}/%])`)
)

func (l *lexer) reference(w string) (r ref, ok bool) {
	window := l.b[l.p:min(len(l.b), l.p+40)]
	m := remainder.FindSubmatchIndex(window)
	if m == nil {
		return r, false
	}
	r.number, _ = strconv.Atoi(w)
	r.generation, _ = strconv.Atoi(string(window[m[2]:m[3]]))
	l.p += m[4]
	return r, true
}

func (l *lexer) dict(depth int) (any, error) {
	d := dict{}
	for {
		if l.skip(); l.has(">>") {
			return d, nil
		}
		if !l.has("/") {
			return nil, errForm
		}
		k, err := l.name()
		if err != nil {
			return nil, err
		}
		v, err := l.value(depth + 1)
		if _, twice := d[k]; err != nil || twice || isWord(v) {
			return nil, errForm
		}
		d[k] = v
	}
}

func isWord(v any) bool { _, ok := v.(word); return ok }

func (l *lexer) array(depth int) (any, error) {
	list := []any{}
	for {
		if l.skip(); l.has("]") {
			return list, nil
		}
		v, err := l.value(depth + 1)
		if err != nil || isWord(v) {
			return nil, errForm
		}
		list = append(list, v)
	}
}

var escaped = regexp.MustCompile(`#([0-9A-Fa-f]{2})?`)

func (l *lexer) name() (name, error) {
	bad := false
	s := escaped.ReplaceAllStringFunc(l.regular(), func(e string) string {
		b, err := hex.DecodeString(e[1:])
		bad = bad || err != nil || len(b) == 0 || b[0] == 0
		return string(b)
	})
	if bad {
		return "", errForm
	}
	return name(s), nil
}

func (l *lexer) hex() (any, error) {
	end := bytes.IndexByte(l.b[l.p:], '>')
	if end < 0 {
		return nil, errForm
	}
	digits := bytes.Join(bytes.FieldsFunc(l.b[l.p:l.p+end], func(r rune) bool { return r < 128 && is(white, byte(r)) }), nil)
	l.p += end + 1
	if len(digits)%2 == 1 {
		digits = append(digits, '0')
	}
	b, err := hex.DecodeString(string(digits))
	return text(b), err
}

// literal reads a (string) behind its first parenthesis.
func (l *lexer) literal() (any, error) {
	var out []byte
	for open := 1; l.p < len(l.b); {
		c := l.b[l.p]
		l.p++
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return text(out), nil
			}
		case '\\':
			out = append(out, l.escape()...)
			continue
		case '\r':
			l.has("\n")
			c = '\n'
		}
		out = append(out, c)
	}
	return nil, errForm
}

var octal = regexp.MustCompile(`^[0-7]{1,3}`)

func (l *lexer) escape() string {
	if o := octal.Find(l.b[l.p:min(len(l.b), l.p+3)]); o != nil {
		l.p += len(o)
		n, _ := strconv.ParseUint(string(o), 8, 16)
		return string([]byte{byte(n)})
	}
	if l.p >= len(l.b) || l.has("\r\n") || l.has("\n") || l.has("\r") {
		return ""
	}
	c := l.b[l.p]
	l.p++
	if i := bytes.IndexByte([]byte("nrtbf"), c); i >= 0 {
		return "\n\r\t\b\f"[i : i+1]
	}
	return string([]byte{c})
}

// scan is a file read from its first byte to its last.
type scan struct {
	lexer
	objects         map[ref]any
	offsets         map[int]ref
	trailer         dict
	xref            int
	xrefs, trailers int
	entries         []string
	outside         []byte // what is no stream's data
	copied          int    // up to here in b
	bad             bool
}

var (
	head  = regexp.MustCompile(`^%PDF-1\.7[\r\n]`)
	begin = regexp.MustCompile(`^(\d+)[\x00\t\n\f\r ]+(\d+)[\x00\t\n\f\r ]+obj`)
	entry = regexp.MustCompile(`^(\d{10}) (\d{5}) ([nf])( \r| \n|\r\n)`)
	whole = regexp.MustCompile(`^xref[ ]*(?:\r\n|\r|\n)0 (\d+)[ ]*(?:\r\n|\r|\n)`)
)

// read passes over the whole file. What breaks the form is noted in bad, and the rest is still looked at for the frame.
func read(b []byte) *scan {
	s := &scan{lexer: lexer{b: b}, objects: map[ref]any{}, offsets: map[int]ref{}}
	for s.skip(); s.p < len(b) && !s.bad; s.skip() {
		s.bad = !s.part()
	}
	s.outside = append(s.outside, b[s.copied:]...)
	return s
}

// part reads one object, table, trailer or startxref.
func (s *scan) part() bool {
	if m := begin.FindSubmatch(s.b[s.p:min(len(s.b), s.p+40)]); m != nil {
		return s.object(m)
	}
	if m := whole.FindSubmatch(s.b[s.p:min(len(s.b), s.p+40)]); m != nil {
		return s.table(m)
	}
	switch s.regular() {
	case "trailer":
		v, err := s.value(0)
		d, ok := v.(dict)
		if s.trailers++; s.trailer == nil {
			s.trailer = d
		}
		return err == nil && ok
	case "startxref":
		s.skip()
		at, err := strconv.Atoi(s.regular())
		return err == nil && at == s.xref
	}
	return false
}

func (s *scan) table(m [][]byte) bool {
	if s.xrefs++; s.xrefs == 1 {
		s.xref = s.p
	}
	s.p += len(m[0])
	n, _ := strconv.Atoi(string(m[1]))
	for range n {
		e := entry.Find(s.b[s.p:min(len(s.b), s.p+20)])
		if e == nil {
			return false
		}
		s.p += 20
		if s.xrefs == 1 {
			s.entries = append(s.entries, string(e))
		}
	}
	return true
}

func (s *scan) object(m [][]byte) bool {
	n, _ := strconv.Atoi(string(m[1]))
	g, _ := strconv.Atoi(string(m[2]))
	id, at := ref{n, g}, s.p
	s.p += len(m[0])
	v, err := s.value(1)
	if err != nil || isWord(v) {
		return false
	}
	s.skip()
	if d, ok := v.(dict); ok && s.has("stream") {
		raw, ok := s.body(d)
		if !ok {
			return false
		}
		v = stream{d, raw}
		s.skip()
	}
	_, twice := s.objects[id]
	s.objects[id], s.offsets[at] = v, id
	return s.has("endobj") && !twice
}

// body reads a stream's bytes.
func (s *scan) body(d dict) ([]byte, bool) {
	if !s.has("\r\n") && !s.has("\n") {
		return nil, false
	}
	from, length := s.p, s.length(d["Length"])
	if length >= 0 && from+length <= len(s.b) {
		s.p = from + length
		if !s.has("\r\n") && !s.has("\n") {
			s.has("\r")
		}
		if s.has("endstream") {
			s.outside, s.copied = append(s.outside, s.b[s.copied:from]...), from+length
			return s.b[from : from+length], true
		}
	}
	return nil, false
}

// length follows an indirect /Length, which may stand further down.
func (s *scan) length(v any) int {
	if r, ok := v.(ref); ok {
		e := regexp.MustCompile(`[\r\n]` + strconv.Itoa(r.number) + ` ` + strconv.Itoa(r.generation) + ` obj\s+(\d+)\s+endobj`)
		if m := e.FindSubmatch(s.b); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			return n
		}
	}
	if f, ok := v.(float64); ok && f == float64(int(f)) {
		return int(f)
	}
	return -1
}

// frame is the first row about the PDF.
func (s *scan) frame() bool {
	if !bytes.HasPrefix(s.b, []byte("%PDF-")) {
		return !bytes.Contains(s.b, []byte("%PDF-")) // no PDF at all is no matter of the frame
	}
	_, prev := s.trailer["Prev"]
	_, hybrid := s.trailer["XRefStm"]
	for _, v := range s.objects {
		if st, ok := v.(stream); ok {
			v = st.dict
		}
		if d, ok := v.(dict); ok && d["Linearized"] != nil {
			return false
		}
	}
	_, behind, _ := bytes.Cut(s.outside, []byte("%%EOF"))
	return !prev && !hybrid && s.xrefs <= 1 && s.trailers <= 1 && len(bytes.Trim(behind, "\r\n")) == 0 &&
		bytes.Count(s.outside, []byte("startxref")) == 1 && bytes.Count(s.outside, []byte("%%EOF")) == 1
}

// tableTrue says whether the table and the objects are the same.
func (s *scan) tableTrue() bool {
	used := 0
	for i, e := range s.entries {
		m := entry.FindStringSubmatch(e)
		at, _ := strconv.Atoi(m[1])
		g, _ := strconv.Atoi(m[2])
		if m[3] == "f" {
			continue
		}
		if id, ok := s.offsets[at]; !ok || id != (ref{i, g}) {
			return false
		}
		used++
	}
	size, _ := s.trailer["Size"].(float64)
	return len(s.entries) > 0 && s.entries[0][17] == 'f' && used == len(s.objects) && used <= 65536 && int(size) == len(s.entries)
}

var filters = map[name]bool{"FlateDecode": true, "LZWDecode": true, "ASCIIHexDecode": true, "ASCII85Decode": true, "RunLengthDecode": true, "DCTDecode": true, "CCITTFaxDecode": true}

// decodes runs every stream through its filters. Those that the standard library does not have are left to qpdf.
func (s *scan) decodes() bool {
	left := 128 << 20
	for _, v := range s.objects {
		st, ok := v.(stream)
		if !ok {
			continue
		}
		list, parms := s.list(st.dict["Filter"]), s.list(st.dict["DecodeParms"])
		if len(list) > 3 || len(parms) > len(list) {
			return false
		}
		for _, p := range parms {
			if d, ok := s.follow(p).(dict); s.follow(p) != nil && (!ok || !s.usable(d)) {
				return false
			}
		}
		data, known := st.raw, true
		for i, f := range list {
			n, ok := s.follow(f).(name)
			if !ok || !filters[n] {
				return false
			}
			limit := 32 << 20
			if i == len(list)-1 {
				limit = left
			}
			if known = known && decoders[n] != nil; !known {
				continue
			}
			var err error
			if data, err = decoders[n](data, limit); err != nil {
				return false
			}
			left -= len(data)
		}
	}
	return left >= 0
}

// list is an array's values, or the one value that stands for an array of one.
func (s *scan) list(v any) []any {
	switch t := s.follow(v).(type) {
	case nil:
		return nil
	case []any:
		return t
	default:
		return []any{t}
	}
}

// usable says whether a predictor's rows can be.
func (s *scan) usable(d dict) bool {
	for k, most := range map[name]float64{"Predictor": 15, "Colors": 32, "BitsPerComponent": 16, "Columns": 1 << 20} {
		if v, ok := d[k]; ok {
			n, isInt := s.follow(v).(float64)
			if !isInt || n < 1 || n > most {
				return false
			}
		}
	}
	return true
}

// follow returns what a reference leads to.
func (s *scan) follow(v any) any {
	for range 400 {
		r, ok := v.(ref)
		if !ok {
			return v
		}
		v = s.objects[r]
	}
	return nil
}

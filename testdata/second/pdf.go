package second

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"strconv"
)

// The values of a PDF (ISO 32000-1, section 7.3). A string is a text, so that it is no Go string by accident; null is nil.
type (
	name string
	text string
	dict map[name]any
	ref  struct{ number, generation int }
	word string // an operator or a keyword
	// stream is a dictionary with the bytes as they stand in the file.
	stream struct {
		dict dict
		raw  []byte
	}
)

var errForm = errors.New("not this form")

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

// skip passes white space and comments, and counts the comments that are %%EOF.
func (l *lexer) skip() (ends int) {
	for l.p < len(l.b) {
		switch c := l.b[l.p]; {
		case is(white, c):
			l.p++
		case c == '%':
			line := l.b[l.p:]
			if i := bytes.IndexAny(line, "\r\n"); i >= 0 {
				line = line[:i]
			}
			if bytes.HasPrefix(line, []byte("%%EOF")) {
				ends++
			}
			l.p += len(line)
		default:
			return ends
		}
	}
	return ends
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
		return strconv.ParseFloat(w, 64)
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
	objects             map[ref]any
	offsets             map[int]ref
	trailer             dict
	xref, start         int
	xrefs, starts, ends int
	entries             []string
	behind              int // first byte behind the first %%EOF
	bad                 bool
}

var (
	head  = regexp.MustCompile(`^%PDF-1\.7[\r\n]`)
	begin = regexp.MustCompile(`^(\d+)[\x00\t\n\f\r ]+(\d+)[\x00\t\n\f\r ]+obj`)
	entry = regexp.MustCompile(`^(\d{10}) (\d{5}) ([nf])( \r| \n|\r\n)`)
	whole = regexp.MustCompile(`^xref[ ]*(?:\r\n|\r|\n)0 (\d+)[ ]*(?:\r\n|\r|\n)`)
)

// read passes over the whole file. What breaks the form is noted in bad, and the rest is still looked at for the frame.
func read(b []byte) *scan {
	s := &scan{lexer: lexer{b: b}, objects: map[ref]any{}, offsets: map[int]ref{}, trailer: nil}
	for {
		n := s.skip()
		if s.ends += n; s.ends > 0 && s.behind == 0 {
			s.behind = bytes.Index(b[s.start:], []byte("%%EOF")) + s.start + 5
		}
		if s.p >= len(b) {
			return s
		}
		if !s.part() { // lost: count what is left as it stands
			s.bad = true
			s.ends += bytes.Count(b[s.p:], []byte("%%EOF"))
			s.starts += bytes.Count(b[s.p:], []byte("startxref"))
			return s
		}
	}
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
		if s.trailer == nil {
			s.trailer = d
		}
		return err == nil && ok
	case "startxref":
		s.starts++
		s.skip()
		s.start, _ = strconv.Atoi(s.regular())
		at := s.start
		if s.start = s.p; s.starts == 1 {
			s.bad = s.bad || at != s.xref
		}
		return true
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
	if _, twice := s.objects[id]; twice {
		s.bad = true
	}
	s.objects[id], s.offsets[at] = v, id
	return s.has("endobj")
}

// body reads a stream's bytes. Where /Length does not lead to endstream, it goes on behind the next one.
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
			return s.b[from : from+length], true
		}
	}
	s.bad = true
	i := bytes.Index(s.b[from:], []byte("endstream"))
	s.p = from + i + len("endstream")
	return nil, i >= 0
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
	return !prev && !hybrid && s.starts <= 1 && s.ends <= 1 && s.xrefs <= 1 && (s.behind == 0 || len(bytes.Trim(s.b[s.behind:], "\r\n")) == 0)
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

// decodes judges filters, and inflates what has FlateDecode alone. (The others are left to qpdf.)
func (s *scan) decodes() bool {
	left := int64(128 << 20)
	for _, v := range s.objects {
		st, ok := v.(stream)
		if !ok {
			continue
		}
		list, ok := s.follow(st.dict["Filter"]).([]any)
		if f := s.follow(st.dict["Filter"]); !ok && f != nil {
			list = []any{f}
		}
		for _, f := range list {
			if n, ok := s.follow(f).(name); !ok || !filters[n] || len(list) > 3 {
				return false
			}
		}
		if len(list) == 1 && list[0] == name("FlateDecode") {
			b, err := inflate(st.raw, left)
			left -= int64(len(b))
			if err != nil {
				return false
			}
		}
	}
	return true
}

func inflate(b []byte, limit int64) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(out)) > limit {
		err = errForm
	}
	return out, err
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

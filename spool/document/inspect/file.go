package inspect

import (
	"bytes"
	"cmp"
	"slices"

	"honnin/config/reason"
)

const (
	maxObjects = 1 << 16
	header     = "%PDF-1.7"
)

// file is a PDF that has passed [parse]: every byte of it belongs to the header, to one object of the table, to
// the table and trailer, or is white space or a comment between them.
type file struct {
	pdf     []byte
	objects map[int]*object
	ordered []*object // by offset
	trailer *dict
	left    int // values still allowed

	xrefAt, startxrefAt int
	scratch             scratch
}

type object struct {
	num, gen, at int
	val          any
	length       int // the value of an integer object that a stream's /Length refers to, once looked up; else -1
	span         [2]int
}

func updated(format string, args ...any) error {
	return reason.Errorf(reason.PDFUpdated, format, args...)
}

// parse reads the frame and all objects. Nothing is repaired: the first byte out of place is an error of
// pdf-updated (the frame) or pdf-malformed.
func parse(pdf []byte) (*file, error) {
	f := &file{pdf: pdf, left: maxValues, objects: map[int]*object{}}
	body, err := f.header()
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{f.tail, f.table, func() error { return f.body(body) }, f.onlyOnce} {
		if err := step(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// header returns the offset behind the header's line.
func (f *file) header() (int, error) {
	if !bytes.HasPrefix(f.pdf, []byte("%PDF-")) {
		if bytes.Contains(f.pdf[:min(len(f.pdf), 1024)], []byte("%PDF-")) {
			return 0, updated("bytes before the header")
		}
		return 0, malformed("not a PDF: no header")
	}
	n := len(header)
	if !bytes.HasPrefix(f.pdf, []byte(header)) || len(f.pdf) == n || f.pdf[n] != '\n' && f.pdf[n] != '\r' {
		return 0, malformed("the header is not %s and a line end", header)
	}
	return n, nil
}

// tail reads "startxref", the offset and "%%EOF" at the end of the file.
func (f *file) tail() error {
	f.startxrefAt = bytes.LastIndex(f.pdf, []byte("startxref"))
	if f.startxrefAt < 0 {
		return updated("no startxref")
	}
	if c := f.pdf[f.startxrefAt-1]; c != '\n' && c != '\r' {
		return malformed("startxref does not begin a line")
	}
	l := lexer{b: f.pdf, i: f.startxrefAt + len("startxref")}
	at, ok := l.natural()
	rest, found := bytes.CutPrefix(bytes.TrimLeft(f.pdf[l.i:], "\r\n \t"), []byte("%%EOF"))
	if !ok && bytes.Contains(f.pdf[f.startxrefAt:], []byte("%%EOF")) {
		return malformed("startxref without an offset")
	}
	if !found {
		return updated("no %%%%EOF behind startxref")
	}
	if len(bytes.Trim(rest, "\r\n")) != 0 {
		return updated("bytes after %%%%EOF")
	}
	f.xrefAt = at
	return nil
}

// table reads the one classic cross-reference table and the trailer dictionary.
func (f *file) table() error {
	if f.xrefAt >= f.startxrefAt {
		return malformed("startxref points behind itself")
	}
	l := &lexer{b: f.pdf[:f.startxrefAt], i: f.xrefAt, left: &f.left}
	if !bytes.HasPrefix(l.b[l.i:], []byte("xref")) || !l.keyword("xref") {
		return malformed("startxref does not point at a classic cross-reference table")
	}
	seen := map[int]bool{}
	for !l.keyword("trailer") {
		if err := f.subsection(l, seen); err != nil {
			return err
		}
	}
	v, err := l.value()
	if err != nil {
		return err
	}
	d, ok := v.(*dict)
	if !ok {
		return malformed("the trailer is not a dictionary")
	}
	f.trailer = d
	for _, key := range []name{"Prev", "XRefStm"} {
		if d.has(key) {
			return updated("the trailer has /%s", key)
		}
	}
	if l.space(); l.i != f.startxrefAt {
		return malformed("something stands between trailer and startxref")
	}
	return f.size(seen)
}

// subsection reads "first count" and its entries of 20 bytes each (ISO 32000-1, 7.5.4).
func (f *file) subsection(l *lexer, seen map[int]bool) error {
	first, ok1 := l.natural()
	count, ok2 := l.natural()
	if !ok1 || !ok2 {
		return malformed("malformed cross-reference subsection at byte %d", l.i)
	}
	for l.i < len(l.b) && l.b[l.i] == ' ' {
		l.i++
	}
	switch {
	case bytes.HasPrefix(l.b[l.i:], []byte("\r\n")):
		l.i += 2
	case l.i < len(l.b) && (l.b[l.i] == '\n' || l.b[l.i] == '\r'):
		l.i++
	default:
		return malformed("cross-reference subsection without a line end at byte %d", l.i)
	}
	if count > (len(l.b)-l.i)/20 || first+count > 1<<23 {
		return malformed("cross-reference subsection longer than the file")
	}
	for n := first; n < first+count; n++ {
		if seen[n] {
			return malformed("object %d twice in the table", n)
		}
		seen[n] = true
		if err := f.entry(n, l.b[l.i:l.i+20]); err != nil {
			return err
		}
		l.i += 20
	}
	return nil
}

// entry reads one line of 20 bytes.
func (f *file) entry(num int, line []byte) error {
	at, ok1 := decimal(line[:10])
	gen, ok2 := decimal(line[11:16])
	eol := string(line[18:])
	if !ok1 || !ok2 || line[10] != ' ' || line[16] != ' ' || eol != " \n" && eol != " \r" && eol != "\r\n" || gen > 65535 {
		return malformed("malformed cross-reference entry of object %d", num)
	}
	switch free := line[17] == 'f'; {
	case !free && line[17] != 'n':
		return malformed("malformed cross-reference entry of object %d", num)
	case num == 0 && (!free || gen != 65535):
		return malformed("entry 0 is not the head of the free list")
	case free:
		return nil
	case len(f.objects) == maxObjects:
		return malformed("more than %d objects", maxObjects)
	}
	o := &object{num: num, gen: gen, at: at, length: -1}
	f.objects[num] = o
	f.ordered = append(f.ordered, o)
	return nil
}

func decimal(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// size checks that the table begins with entry 0 and /Size is one more than the highest number (ISO 32000-1,
// table 15).
func (f *file) size(seen map[int]bool) error {
	if !seen[0] {
		return malformed("the table lacks entry 0")
	}
	highest := 0
	for n := range seen {
		highest = max(highest, n)
	}
	if n, ok := f.trailer.get("Size").(int64); !ok || n != int64(highest)+1 {
		return malformed("the trailer's /Size is not one more than the highest object number")
	}
	return nil
}

// body walks from the header to the table: object after object, each where the table says, nothing in between
// but white space and comments.
func (f *file) body(at int) error {
	slices.SortFunc(f.ordered, func(a, b *object) int { return cmp.Compare(a.at, b.at) })
	l := &lexer{b: f.pdf[:f.xrefAt], i: at, left: &f.left}
	for _, o := range f.ordered {
		if l.space(); l.i != o.at {
			return f.astray(l, o.num)
		}
		if err := f.object(l, o); err != nil {
			return err
		}
	}
	if l.space(); l.i != f.xrefAt {
		return f.astray(l, 0)
	}
	return nil
}

// astray says what stands at l.i instead of the next object of the table.
func (f *file) astray(l *lexer, next int) error {
	for _, w := range []string{"xref", "trailer", "startxref"} {
		if l.keyword(w) {
			return updated("a second %s at byte %d", w, l.i-len(w))
		}
	}
	if next == 0 {
		return malformed("something that the table does not name at byte %d", l.i)
	}
	return malformed("the table's entry for object %d does not point at it, or something else stands before it, at byte %d", next, l.i)
}

// object parses "n g obj value endobj" or its form with a stream.
func (f *file) object(l *lexer, o *object) error {
	if err := objectHeader(l, o); err != nil {
		return err
	}
	v, err := l.value()
	if err != nil {
		return err
	}
	if l.space(); bytes.HasPrefix(l.b[l.i:], []byte("stream")) {
		if v, err = f.stream(l, o, v); err != nil {
			return err
		}
	}
	if _, chain := v.(ref); chain {
		return malformed("object %d is nothing but a reference", o.num)
	}
	if !l.keyword("endobj") {
		return malformed("object %d: no endobj where it should be", o.num)
	}
	o.val = v
	if d, ok := asDict(v); ok && d.has("Linearized") {
		return updated("linearized")
	}
	return nil
}

func objectHeader(l *lexer, o *object) error {
	num, ok1 := l.natural()
	gen, ok2 := l.natural()
	if !ok1 || !ok2 || !l.keyword("obj") || num != o.num || gen != o.gen {
		return malformed("the table's entry for object %d does not point at it", o.num)
	}
	return nil
}

// stream takes the bytes behind the keyword at l.i; /Length says how many.
func (f *file) stream(l *lexer, o *object, v any) (*stream, error) {
	d, ok := v.(*dict)
	if !ok {
		return nil, malformed("object %d: a stream without a dictionary", o.num)
	}
	l.i += len("stream")
	switch {
	case bytes.HasPrefix(l.b[l.i:], []byte("\r\n")):
		l.i += 2
	case bytes.HasPrefix(l.b[l.i:], []byte("\n")):
		l.i++
	default:
		return nil, malformed("object %d: no line end after the keyword stream", o.num)
	}
	n, err := f.length(d.get("Length"), o.num)
	if err != nil {
		return nil, err
	}
	if n > len(l.b)-l.i {
		return nil, malformed("object %d: /Length leads out of the file", o.num)
	}
	o.span = [2]int{l.i, l.i + n}
	s := &stream{dict: d, raw: l.b[l.i : l.i+n : l.i+n]}
	l.i += n
	for _, eol := range []string{"\r\n", "\n", "\r", ""} {
		if bytes.HasPrefix(l.b[l.i:], []byte(eol+"endstream")) && l.keyword("endstream") {
			return s, nil
		}
	}
	return nil, malformed("object %d: /Length is not the length of the stream", o.num)
}

// length returns a direct or indirect /Length. An indirect one may stand behind the stream, so it is read ahead,
// once for each object it names.
func (f *file) length(v any, of int) (int, error) {
	switch v := v.(type) {
	case int64:
		if v >= 0 {
			return int(v), nil
		}
	case ref:
		o := f.objects[v.num]
		if o == nil || o.gen != v.gen || o.at >= f.xrefAt {
			break
		}
		if o.length >= 0 {
			return o.length, nil
		}
		l := &lexer{b: f.pdf[:f.xrefAt], i: o.at, left: &f.left}
		if err := objectHeader(l, o); err != nil {
			return 0, err
		}
		n, ok := l.natural()
		if !ok || !l.keyword("endobj") {
			break
		}
		o.length = n
		return n, nil
	}
	return 0, malformed("object %d: no usable /Length", of)
}

// onlyOnce counts the words that frame a file in all its bytes outside streams, comments and strings included:
// a reader that searches for them must not find a second one.
func (f *file) onlyOnce() error {
	var spans [][2]int
	for _, o := range f.ordered {
		if o.span[1] > 0 {
			spans = append(spans, o.span)
		}
	}
	return countFrames(f.pdf, spans)
}

func countFrames(pdf []byte, streams [][2]int) error {
	starts, ends, at := 0, 0, 0
	count := func(b []byte) {
		starts += bytes.Count(b, []byte("startxref"))
		ends += bytes.Count(b, []byte("%%EOF"))
	}
	for _, s := range streams {
		count(pdf[at:s[0]])
		at = s[1]
	}
	count(pdf[at:])
	if starts != 1 || ends != 1 {
		return updated("%d startxref and %d %%%%EOF outside streams", starts, ends)
	}
	return nil
}

// guessStreams finds streams by their keywords, for a file that is malformed anyway, to tell whether it was
// also updated.
func guessStreams(pdf []byte) (spans [][2]int) {
	for at := 0; ; {
		i := bytes.Index(pdf[at:], []byte("stream"))
		if i < 0 {
			return spans
		}
		i += at + len("stream")
		j := bytes.Index(pdf[i:], []byte("endstream"))
		if j < 0 {
			return spans
		}
		if i < len(pdf) && (pdf[i] == '\n' || pdf[i] == '\r') {
			spans = append(spans, [2]int{i, i + j})
			at = i + j + len("endstream")
		} else {
			at = i
		}
	}
}

// resolve follows a reference; after [file.references] it leads to an object and never to another reference.
func (f *file) resolve(v any) any {
	if r, ok := v.(ref); ok {
		if o := f.objects[r.num]; o != nil && o.gen == r.gen {
			return o.val
		}
		return nil
	}
	return v
}

// dictAt resolves the value of key to a dictionary (not a stream), or nil.
func (f *file) dictAt(d *dict, key name) *dict {
	v, _ := f.resolve(d.get(key)).(*dict)
	return v
}

package inspect

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"

	"golang.org/x/image/ccitt"
)

const (
	maxDecoded      = 128 << 20 // bytes that all streams of a document decode to together
	maxIntermediate = 32 << 20  // bytes between two filters
	maxFilters      = 3
)

var (
	errBudget = errors.New("decodes to too much")
	errData   = errors.New("does not decode")
	errParms  = errors.New("unusable decode parameters")
	errFilter = errors.New("a filter that this terminal does not read")
)

// filter decodes all of src into w and fails unless src ends where its data ends. d is the stream's dictionary.
type filter func(s *scratch, src []byte, parms *dict, d *dict, w io.Writer) error

// scratch is what decoding one stream needs and the next can use again. New memory is dear in a child that never
// collects any: each page of it is a fault, and many streams are shorter than a window.
type scratch struct {
	zlib io.ReadCloser
	buf  []byte
}

// filters are the ones a stream may have. JBIG2 and JPEG 2000 are missing on purpose: their decoders are the
// part of printers and viewers that has been broken into most often, and nothing here could say that they decode.
var filters = map[name]filter{
	"FlateDecode":     flate,
	"LZWDecode":       lzw,
	"ASCIIHexDecode":  asciiHex,
	"ASCII85Decode":   ascii85,
	"RunLengthDecode": runLength,
	"DCTDecode":       jpeg,
	"CCITTFaxDecode":  fax,
}

// stage is one filter of a stream with its parameters.
type stage struct {
	filter name
	parms  *dict
}

// stages reads /Filter and /DecodeParms.
func (f *file) stages(s *stream) ([]stage, error) {
	names, err := f.listOf(s.get("Filter"))
	if err != nil || len(names) > maxFilters {
		return nil, errFilter
	}
	parms, err := f.listOf(s.get("DecodeParms"))
	if err != nil || len(parms) > len(names) {
		return nil, errParms
	}
	out := make([]stage, len(names))
	for i, v := range names {
		n, ok := f.resolve(v).(name)
		if _, known := filters[n]; !ok || !known {
			return nil, errFilter
		}
		out[i].filter = n
		if i < len(parms) {
			p := f.resolve(parms[i])
			if out[i].parms, ok = p.(*dict); p != nil && !ok {
				return nil, errParms
			}
		}
	}
	return out, nil
}

// listOf returns an array's values, or the one value that stands for an array of one.
func (f *file) listOf(v any) (array, error) {
	switch v := f.resolve(v).(type) {
	case nil:
		return nil, nil
	case array:
		return v, nil
	case name, *dict:
		return array{v}, nil
	}
	return nil, errParms
}

// decoder decodes the streams of one document within one budget.
type decoder struct {
	f      *file
	budget int
}

// decode runs all of s through its filters; keep, if not nil, receives the result.
func (d *decoder) decode(s *stream, keep io.Writer) error {
	stages, err := d.f.stages(s)
	if err != nil {
		return err
	}
	src := s.raw
	for i, st := range stages {
		last := i == len(stages)-1
		out := &sink{budget: &d.budget, room: maxDecoded}
		var buf bytes.Buffer
		if !last {
			out.w, out.room = &buf, maxIntermediate
		} else if keep != nil {
			out.w = keep
		}
		if err := d.run(st, src, s.dict, out, last); err != nil {
			return err
		}
		src = buf.Bytes()
	}
	if len(stages) == 0 && keep != nil {
		_, err = keep.Write(src)
	}
	return err
}

// run decodes one stage and checks the rows of its predictor.
func (d *decoder) run(st stage, src []byte, of *dict, out *sink, last bool) error {
	var w io.Writer = out
	var p *rows
	if st.filter == "FlateDecode" || st.filter == "LZWDecode" {
		var err error
		if p, err = predictor(d.f, st.parms); err != nil {
			return err
		}
		if p != nil {
			if out.w != nil || !last { // nothing that is kept may need a predictor's arithmetic
				return errParms
			}
			w = io.MultiWriter(out, p)
		}
	}
	parms := d.f.flat(st.parms)
	if err := filters[st.filter](&d.f.scratch, src, parms, d.f.flat(of), w); err != nil {
		return err
	}
	if p != nil && p.at != 0 {
		return errData
	}
	return nil
}

// flat returns d with its references resolved, so that filters need not know the file.
func (f *file) flat(d *dict) *dict {
	out := &dict{}
	if d != nil {
		for _, e := range d.entries {
			out.add(e.key, f.resolve(e.val))
		}
	}
	return out
}

// sink counts what is decoded, and stores it where w is set.
type sink struct {
	w      io.Writer
	budget *int
	room   int
}

func (s *sink) Write(b []byte) (int, error) {
	*s.budget -= len(b)
	s.room -= len(b)
	if *s.budget < 0 || s.room < 0 {
		return 0, errBudget
	}
	if s.w != nil {
		return s.w.Write(b)
	}
	return len(b), nil
}

// rows checks that decoded data are whole rows, each beginning with a PNG predictor's tag where there is one.
type rows struct {
	size, at int
	tagged   bool
}

// predictor returns nil when parms ask for none.
func predictor(f *file, parms *dict) (*rows, error) {
	if parms == nil {
		return nil, nil
	}
	get := func(key name, absent, most int) int {
		switch v := f.resolve(parms.get(key)).(type) {
		case nil:
			return absent
		case int64:
			if v >= 1 && v <= int64(most) {
				return int(v)
			}
		}
		return -1
	}
	kind, colors, bits, columns := get("Predictor", 1, 15), get("Colors", 1, 32), get("BitsPerComponent", 8, 16), get("Columns", 1, 1<<20)
	switch {
	case kind < 0 || colors < 0 || bits < 0 || columns < 0 || kind > 2 && kind < 10:
		return nil, errParms
	case kind == 1:
		return nil, nil
	}
	r := &rows{size: (colors*bits*columns + 7) / 8, tagged: kind >= 10}
	if r.tagged {
		r.size++
	}
	return r, nil
}

func (r *rows) Write(b []byte) (int, error) {
	for i := 0; i < len(b); {
		if r.tagged && r.at == 0 && b[i] > 4 {
			return 0, errData
		}
		n := min(r.size-r.at, len(b)-i)
		i += n
		r.at = (r.at + n) % r.size
	}
	return len(b), nil
}

// ended reports whether nothing but line ends is left: writers differ in whether /Length counts the one before
// "endstream".
func ended(b []byte) bool { return len(b) <= 2 && len(bytes.Trim(b, "\r\n")) == 0 }

// flate: RFC 1950 with its checksum.
func flate(s *scratch, src []byte, _, _ *dict, w io.Writer) error {
	in := bytes.NewReader(src)
	if err := s.inflate(in); err != nil {
		return errData
	}
	return s.copyAll(w, s.zlib, func() bool { return ended(src[len(src)-in.Len():]) })
}

// inflate makes s.zlib read r.
func (s *scratch) inflate(r io.Reader) (err error) {
	if again, ok := s.zlib.(zlib.Resetter); ok {
		return again.Reset(r, nil)
	}
	s.zlib, err = zlib.NewReader(r)
	return err
}

// copyAll copies until r's end; a failure of w is reported as it is, one of r is errData.
func (s *scratch) copyAll(w io.Writer, r io.Reader, done func() bool) error {
	if s.buf == nil {
		s.buf = make([]byte, 32<<10)
	}
	for {
		n, err := r.Read(s.buf)
		if _, werr := w.Write(s.buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF && done() {
			return nil
		}
		if err != nil {
			return errData
		}
	}
}

// fax is ITU-T T.4 and T.6; mixed one- and two-dimensional encoding (K > 0) is not read.
func fax(s *scratch, src []byte, parms, d *dict, w io.Writer) error {
	columns, rows, k := int64(1728), int64(0), int64(0)
	for key, p := range map[name]*int64{"Columns": &columns, "Rows": &rows, "K": &k} {
		if v := parms.get(key); v != nil {
			n, ok := v.(int64)
			if !ok {
				return errParms
			}
			*p = n
		}
	}
	if h, ok := d.get("Height").(int64); ok && rows == 0 {
		rows = h
	}
	if columns < 1 || columns > 1<<16 || rows < 1 || rows > 1<<16 || k > 0 {
		return errParms
	}
	format := ccitt.Group3
	if k < 0 {
		format = ccitt.Group4
	}
	align, _ := parms.get("EncodedByteAlign").(bool)
	r := ccitt.NewReader(bytes.NewReader(src), ccitt.MSB, format, int(columns), int(rows), &ccitt.Options{Align: align})
	return s.copyAll(w, r, func() bool { return true }) // end-of-block marks and fill bits follow the last row
}

func asciiHex(_ *scratch, src []byte, _, _ *dict, w io.Writer) error {
	end := bytes.IndexByte(src, '>')
	if end < 0 || !ended(src[end+1:]) {
		return errData
	}
	l := lexer{b: append([]byte("<"), src[:end+1]...)}
	out, err := l.hex()
	if err != nil {
		return errData
	}
	_, err = w.Write(out)
	return err
}

func ascii85(_ *scratch, src []byte, _, _ *dict, w io.Writer) error {
	end := bytes.Index(src, []byte("~>"))
	if end < 0 || !ended(src[end+2:]) {
		return errData
	}
	var group [5]byte
	n, out := 0, make([]byte, 0, end)
	for _, c := range src[:end] {
		switch {
		case class[c] == white:
			continue
		case c == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
			continue
		case c < '!' || c > 'u':
			return errData
		}
		group[n] = c - '!'
		if n++; n == 5 {
			word, ok := word85(group)
			if !ok {
				return errData
			}
			out, n = append(out, word[:]...), 0
		}
	}
	out, err := tail85(out, group, n)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// tail85 appends the last group, of n characters.
func tail85(out []byte, group [5]byte, n int) ([]byte, error) {
	if n == 0 {
		return out, nil
	}
	for i := n; i < len(group); i++ {
		group[i] = 84
	}
	word, ok := word85(group)
	if !ok || n == 1 {
		return nil, errData
	}
	return append(out, word[:n-1]...), nil
}

func word85(g [5]byte) (w [4]byte, ok bool) {
	v := uint64(0)
	for _, c := range g {
		v = v*85 + uint64(c)
	}
	return [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, v < 1<<32
}

func runLength(_ *scratch, src []byte, _, _ *dict, w io.Writer) error {
	for i := 0; i < len(src); {
		n := int(src[i])
		i++
		var err error
		switch {
		case n == 128:
			if !ended(src[i:]) {
				return errData
			}
			return nil
		case n < 128 && i+n+1 <= len(src):
			_, err = w.Write(src[i : i+n+1])
			i += n + 1
		case n > 128 && i < len(src):
			_, err = w.Write(bytes.Repeat(src[i:i+1], 257-n))
			i++
		default:
			return errData
		}
		if err != nil {
			return err
		}
	}
	return errData
}

// jpeg walks the segments of a JPEG file (ITU-T T.81, annex B) from SOI to EOI; a picture's samples are not
// computed, but no data stands outside it.
func jpeg(_ *scratch, src []byte, _, _ *dict, _ io.Writer) error {
	if !bytes.HasPrefix(src, []byte{0xFF, 0xD8}) {
		return errData
	}
	frame, scan := false, false
	for i := 2; i+1 < len(src); {
		if src[i] != 0xFF {
			return errData
		}
		m := src[i+1]
		switch {
		case m == 0xFF: // fill
			i++
			continue
		case m == 0xD9:
			if !frame || !scan || !ended(src[i+2:]) {
				return errData
			}
			return nil
		case m < 0xC0 || m >= 0xD0 && m <= 0xD8 || i+4 > len(src):
			return errData
		}
		n := int(src[i+2])<<8 | int(src[i+3])
		if i += 2 + n; n < 2 || i > len(src) {
			return errData
		}
		frame = frame || m >= 0xC0 && m <= 0xC2
		if m == 0xDA {
			scan = true
			i = entropy(src, i)
		}
	}
	return errData
}

// entropy returns where the entropy-coded data from i on end: at the first marker that is not a restart.
func entropy(src []byte, i int) int {
	for ; i+1 < len(src); i++ {
		if src[i] == 0xFF && src[i+1] != 0 && (src[i+1] < 0xD0 || src[i+1] > 0xD7) {
			return i
		}
	}
	return len(src)
}

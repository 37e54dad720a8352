package mutant

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"fmt"
	"io"
	"slices"
	"strings"
)

var streams = []change{
	{"stream: noise in the data", 3, func(r *run) { r.eachStream(func(o *object) { o.data = r.noisy(o.data) }) }},
	{"stream: noise before compression", 6, func(r *run) { r.recompress(func(b []byte) []byte { return r.noisy(b) }) }},
	{"stream: cut before compression", 3, func(r *run) { r.recompress(func(b []byte) []byte { return b[:r.IntN(len(b)+1)] }) }},
	{"stream: doubled before compression", 2, func(r *run) { r.recompress(func(b []byte) []byte { return bytes.Repeat(b, 1<<r.small(8)) }) }},
	{"stream: operators", 2, func(r *run) { r.recompress(r.operators) }},
	{"stream: cut", 1, func(r *run) { r.eachStream(func(o *object) { o.data = o.data[:r.IntN(len(o.data)+1)] }) }},
	{"stream: longer", 1, func(r *run) {
		r.eachStream(func(o *object) { o.data = append(slices.Clip(o.data), r.noisy([]byte("endstream"))...) })
	}},
	{"stream: of another object", 2, func(r *run) { r.eachStream(func(o *object) { r.eachStream(func(p *object) { o.data = p.data }) }) }},
	{"stream: no data", 1, func(r *run) { r.eachStream(func(o *object) { o.data = []byte{} }) }},
	{"stream: bomb", 1, bomb},
	{"stream: another filter", 2, func(r *run) { r.eachStream(func(o *object) { o.dict().set("Filter", pick(r, filterNames)) }) }},
	{"stream: filters", 1, func(r *run) { r.eachStream(r.manyFilters) }},
	{"stream: decoded otherwise", 5, func(r *run) { r.eachStream(r.recode) }},
	{"stream: predictor", 4, func(r *run) { r.eachStream(r.predictor) }},
	{"stream: fax", 1, func(r *run) { r.eachStream(r.fax) }},
	{"stream: another length", 2, func(r *run) { r.eachStream(r.wrongLength) }},
	{"stream: data elsewhere", 1, func(r *run) {
		r.eachStream(func(o *object) { o.dict().set(pick(r, []name{"F", "FFilter", "FDecodeParms"}), pick(r, texts)) })
	}},
	{"stream: another type", 1, func(r *run) { r.eachStream(func(o *object) { o.dict().set("Type", pick(r, names)) }) }},
	{"stream: none any more", 1, func(r *run) { r.eachStream(func(o *object) { o.data = nil }) }},
	{"stream: an object stream", 1, objectStream},
}

func (o *object) dict() *dict {
	d, ok := o.val.(*dict)
	if !ok {
		d = &dict{}
		o.val = d
	}
	return d
}

// eachStream does f to one stream, at times to all of them.
func (r *run) eachStream(f func(o *object)) {
	var all []*object
	for _, o := range r.doc.objects {
		if o.data != nil {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return
	}
	if !r.one(20) {
		all = []*object{pick(r, all)}
	}
	for _, o := range all {
		f(o)
	}
}

// plain decodes a stream of one plain FlateDecode; others are taken as they are.
func plain(o *object) []byte {
	if o.dict().get("Filter") != any(name("FlateDecode")) || o.dict().get("DecodeParms") != nil {
		return o.data
	}
	z, err := zlib.NewReader(bytes.NewReader(o.data))
	if err != nil {
		return o.data
	}
	b, err := io.ReadAll(io.LimitReader(z, 1<<20))
	if err != nil {
		return o.data
	}
	return b
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed) // a level that exists, into a buffer that does not fail
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// recompress changes what a stream decodes to; its checksum is right afterwards.
func (r *run) recompress(f func([]byte) []byte) {
	r.eachStream(func(o *object) {
		b := plain(o)
		if b = f(slices.Clone(b)); len(b) > 4<<20 {
			b = b[:4<<20]
		}
		o.data = deflate(b)
		o.dict().set("Filter", name("FlateDecode"))
		o.dict().drop("DecodeParms")
	})
}

var operators = []string{"q", "Q", "BT", "ET", "BI", "ID", "EI", "Do", "sh", "gs", "Tf", "cm", "re f", "BDC", "EMC", "d0", "d1", "/F1", "/Gx", "<<", ">>", "[", "(", "<00", "scn", "\"", "999999999", "-1"}

func (r *run) operators(b []byte) []byte {
	for range 1 + r.small(200) {
		b = append(append(b, ' '), pick(r, operators)...)
	}
	return b
}

// recode writes the same data with other filters. The statement may have only one.
func (r *run) recode(o *object) {
	if o.dict().get("DecodeParms") != nil {
		return
	}
	b := plain(o)
	filters := list{}
	for range 1 + r.small(4) {
		switch r.IntN(4) {
		case 0:
			b, filters = fmt.Appendf(nil, "%x>", b), append(list{name("ASCIIHexDecode")}, filters...)
		case 1:
			out := make([]byte, ascii85.MaxEncodedLen(len(b)))
			b, filters = append(out[:ascii85.Encode(out, b)], "~>"...), append(list{name("ASCII85Decode")}, filters...)
		case 2:
			b, filters = runLengths(b), append(list{name("RunLengthDecode")}, filters...)
		default:
			b, filters = deflate(b), append(list{name("FlateDecode")}, filters...)
		}
	}
	o.data = b
	o.dict().set("Filter", filters)
}

func runLengths(b []byte) (out []byte) {
	for part := range slices.Chunk(b, 128) {
		out = append(append(out, byte(len(part)-1)), part...)
	}
	return append(out, 128)
}

func (r *run) manyFilters(o *object) {
	l := list{}
	for range r.small(9) {
		l = append(l, pick(r, filterNames))
	}
	o.dict().set("Filter", l)
}

// predictor asks for one; half the time the data have its rows.
func (r *run) predictor(o *object) {
	columns := 1 + r.small(300)
	parms := &dict{[]entry{{"Predictor", token(fmt.Sprint(10 + r.IntN(6)))}, {"Columns", token(fmt.Sprint(columns))}}}
	if r.one(2) {
		var rows []byte
		for row := range slices.Chunk(plain(o), columns) {
			rows = append(append(append(rows, byte(r.IntN(5))), row...), make([]byte, columns-len(row))...)
		}
		o.data = deflate(rows)
		o.dict().set("Filter", name("FlateDecode"))
	} else {
		parms.set(pick(r, []name{"Predictor", "Columns", "Colors", "BitsPerComponent", "EarlyChange"}), pick(r, tokens))
	}
	o.dict().set("DecodeParms", parms)
}

func (r *run) fax(o *object) {
	o.dict().set("Filter", name("CCITTFaxDecode"))
	parms := &dict{[]entry{{"K", pick(r, []token{"-1", "0", "1"})}, {"Columns", pick(r, tokens[:16])}, {"Rows", pick(r, tokens[:16])}}}
	o.dict().set("DecodeParms", parms)
}

func (r *run) wrongLength(o *object) {
	switch r.IntN(3) {
	case 0:
		o.length = token(fmt.Sprint(max(0, len(o.data)+r.IntN(9)-4)))
	case 1:
		o.length = r.doc.add(token(fmt.Sprint(len(o.data))), nil) // in order, but behind a reference
	default:
		o.length = r.hostile(2)
	}
}

// bomb replaces a stream by zeros that compress well, at times twice.
func bomb(r *run) {
	r.eachStream(func(o *object) {
		b := pick(r, r.maker.bombs)()
		var filter any = name("FlateDecode")
		if r.one(3) {
			b, filter = deflate(b), list{filter, filter}
		}
		o.data = b
		o.dict().set("Filter", filter)
		o.dict().drop("DecodeParms")
	})
}

// objectStream hides an object in a stream of objects, as PDF 1.5 has it.
func objectStream(r *run) {
	var b bytes.Buffer
	o := pick(r, r.doc.objects)
	value(&b, o.val)
	head := fmt.Sprintf("%d 0 ", o.num)
	d := &dict{[]entry{{"Type", name("ObjStm")}, {"N", token("1")}, {"First", token(fmt.Sprint(len(head)))}, {"Filter", name("FlateDecode")}}}
	r.doc.add(d, deflate([]byte(head+strings.TrimSpace(b.String()))))
}

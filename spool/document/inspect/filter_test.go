package inspect

import (
	"bytes"
	stdlzw "compress/lzw"
	std85 "encoding/ascii85"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"pgregory.net/rapid"

	"honnin/spool/document/inspect/pdftest"
)

// photo returns a JPEG file of 8 by 8 grey pixels.
func photo() []byte {
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func run85(b []byte) []byte {
	out := make([]byte, std85.MaxEncodedLen(len(b)))
	return append(out[:std85.Encode(out, b)], "~>"...)
}

func runLengths(b []byte) (out []byte) {
	for len(b) > 0 {
		n := 1
		for n < len(b) && n < 128 && b[n] == b[0] {
			n++
		}
		if n > 1 {
			out = append(out, byte(257-n), b[0])
		} else {
			out = append(out, 0, b[0])
		}
		b = b[n:]
	}
	return append(out, 128)
}

// encodeLZW writes PDF's LZW with codes of growing width and a clear code in front; early is /EarlyChange.
func encodeLZW(b []byte, early int) []byte {
	var out []byte
	var acc, bits uint
	table, next, width := map[string]int{}, 258, 9
	put := func(code int) {
		acc, bits = acc<<width|uint(code), bits+uint(width)
		for bits >= 8 {
			out = append(out, byte(acc>>(bits-8)))
			bits -= 8
		}
	}
	code := func(s []byte) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[string(s)]
	}
	put(256)
	var word []byte
	for _, c := range b {
		longer := append(append([]byte{}, word...), c)
		if _, ok := table[string(longer)]; ok || len(longer) == 1 {
			word = longer
			continue
		}
		put(code(word))
		table[string(longer)] = next
		next++
		// The reader is one entry behind the writer.
		if next-1+early >= 1<<width && width < 12 {
			width++
		}
		if next == 4094 {
			put(256)
			table, next, width = map[string]int{}, 258, 9
		}
		word = []byte{c}
	}
	if len(word) > 0 {
		put(code(word))
		if next+early >= 1<<width && width < 12 {
			width++
		}
	}
	put(257)
	if bits > 0 {
		out = append(out, byte(acc<<(8-bits)))
	}
	return out
}

func decodeOne(filter name, parms *dict, raw []byte) ([]byte, error) {
	d := &dict{}
	d.add("Filter", filter)
	if parms != nil {
		d.add("DecodeParms", parms)
	}
	var out bytes.Buffer
	err := (&decoder{f: &file{}, budget: maxDecoded}).decode(&stream{d, raw}, &out)
	return out.Bytes(), err
}

// TestFiltersReverse: what an encoder wrote comes back, and no shorter form of it does.
func TestFiltersReverse(t *testing.T) {
	late := &dict{}
	late.add("EarlyChange", int64(0))
	forms := []struct {
		filter name
		parms  *dict
		encode func([]byte) []byte
	}{
		{"FlateDecode", nil, pdftest.Deflate},
		{"ASCIIHexDecode", nil, func(b []byte) []byte { return fmt.Appendf(nil, "%x>", b) }},
		{"ASCII85Decode", nil, run85},
		{"RunLengthDecode", nil, runLengths},
		{"LZWDecode", nil, func(b []byte) []byte { return encodeLZW(b, 1) }},
		{"LZWDecode", late, func(b []byte) []byte { return encodeLZW(b, 0) }},
	}
	for _, f := range forms {
		t.Run(fmt.Sprint(f.filter, f.parms != nil), rapid.MakeCheck(func(t *rapid.T) {
			want := rapid.OneOf(
				rapid.SliceOfN(rapid.Byte(), 0, 3000),
				rapid.SliceOfN(rapid.ByteRange('a', 'c'), 0, 30000),
			).Draw(t, "data")
			raw := f.encode(want)
			got, err := decodeOne(f.filter, f.parms, raw)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: %d bytes of %d", err, len(got), len(want))
			}
			cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut")
			if _, err := decodeOne(f.filter, f.parms, raw[:cut]); err == nil {
				t.Fatalf("%d of %d bytes decode", cut, len(raw))
			}
			if _, err := decodeOne(f.filter, f.parms, append(raw, "more"...)); err == nil {
				t.Fatal("data behind the end decode")
			}
		}))
	}
}

// TestLZWAgainstGo: Go's encoder writes the same codes with late change.
func TestLZWAgainstGo(t *testing.T) {
	want := bytes.Repeat([]byte("住民票の写し"), 50)
	var b bytes.Buffer
	w := stdlzw.NewWriter(&b, stdlzw.MSB, 8)
	if _, err := w.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	parms := &dict{}
	parms.add("EarlyChange", int64(0))
	if got, err := decodeOne("LZWDecode", parms, b.Bytes()); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%v: %d bytes", err, len(got))
	}
}

func TestBadData(t *testing.T) {
	whole := photo()
	cases := []struct {
		filter name
		raw    []byte
	}{
		{"FlateDecode", nil},
		{"FlateDecode", []byte("x")},
		{"FlateDecode", append(pdftest.Deflate([]byte("abc")[:2])[:9], 0, 0, 0, 0)},
		{"ASCIIHexDecode", []byte("6x>")},
		{"ASCIIHexDecode", []byte("61")},
		{"ASCII85Decode", []byte("v~>")},
		{"ASCII85Decode", []byte("!~>")},
		{"ASCII85Decode", []byte("uuuuu~>")},
		{"ASCII85Decode", []byte("!!!!!")},
		{"ASCII85Decode", []byte("!z~>")},
		{"RunLengthDecode", []byte{5, 1, 128}},
		{"RunLengthDecode", []byte{200}},
		{"RunLengthDecode", []byte{0, 1}},
		{"LZWDecode", []byte{0xFF, 0xFF, 0xFF}},
		{"LZWDecode", []byte{0x80}},
		{"DCTDecode", nil},
		{"DCTDecode", whole[2:]},
		{"DCTDecode", whole[:len(whole)-2]},
		{"DCTDecode", append(whole[:len(whole):len(whole)], "tail"...)},
		{"DCTDecode", []byte{0xFF, 0xD8, 0xFF, 0xD9}},
		{"DCTDecode", []byte{0xFF, 0xD8, 0xFF, 0xC0, 0, 1}},
		{"CCITTFaxDecode", []byte("no fax")},
		{"JPXDecode", nil},
		{"JBIG2Decode", nil},
		{"Crypt", nil},
		{"Fl", pdftest.Deflate(nil)},
	}
	for i, c := range cases {
		if out, err := decodeOne(c.filter, nil, c.raw); err == nil {
			t.Errorf("%d: %s %x decodes to %d bytes", i, c.filter, c.raw, len(out))
		}
	}
}

// TestFax decodes two white lines of Group 4 (V0, V0, end of block).
func TestFax(t *testing.T) {
	parms := &dict{}
	for key, v := range map[name]any{"K": int64(-1), "Columns": int64(16), "Rows": int64(2)} {
		parms.add(key, v)
	}
	raw := []byte{0b1100_0000, 0b0000_0100, 0b0000_0000, 0b0100_0000}
	if got, err := decodeOne("CCITTFaxDecode", parms, raw); err != nil || len(got) != 4 {
		t.Fatalf("%x, %v", got, err)
	}
}

// TestPredictorRows: rows must be whole, and their tags known.
func TestPredictorRows(t *testing.T) {
	for _, c := range []struct {
		kind int64
		data []byte
		ok   bool
	}{
		{15, []byte{0, 1, 2, 4, 1, 2}, true},
		{15, []byte{0, 1, 2, 5, 1, 2}, false},
		{15, []byte{0, 1, 2, 0, 1}, false},
		{2, []byte{1, 2, 3, 4}, true},
		{2, []byte{1, 2, 3}, false},
		{3, []byte{1, 2}, false},
		{1, []byte{1, 2, 3}, true},
	} {
		parms, d := &dict{}, &dict{}
		parms.add("Predictor", c.kind)
		parms.add("Columns", int64(2))
		d.add("Filter", name("FlateDecode"))
		d.add("DecodeParms", parms)
		err := (&decoder{f: &file{}, budget: maxDecoded}).decode(&stream{d, pdftest.Deflate(c.data)}, nil)
		if (err == nil) != c.ok {
			t.Errorf("predictor %d, %v: %v", c.kind, c.data, err)
		}
	}
}

// TestBudget: a bomb ends when the budget does, through one filter or two.
func TestBudget(t *testing.T) {
	bomb := pdftest.Deflate(make([]byte, 1<<20))
	d := &dict{}
	d.add("Filter", array{name("FlateDecode"), name("FlateDecode")})
	dec := &decoder{f: &file{}, budget: 1 << 19}
	if err := dec.decode(&stream{d, pdftest.Deflate(bomb)}, nil); !errors.Is(err, errBudget) {
		t.Errorf("two filters: %v", err)
	}
	one := &dict{}
	one.add("Filter", name("FlateDecode"))
	dec = &decoder{f: &file{}, budget: 3 << 19}
	if err := dec.decode(&stream{one, bomb}, nil); err != nil {
		t.Errorf("first: %v", err)
	}
	if err := dec.decode(&stream{one, bomb}, nil); !errors.Is(err, errBudget) {
		t.Errorf("the budget is not the document's: %v", err)
	}
}

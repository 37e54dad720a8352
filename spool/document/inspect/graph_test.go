package inspect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"honnin/spool/document/inspect/pdftest"
)

// graphFaults are small files that cost a careless reader much.
var graphFaults = []broken{
	{"a bomb", is(mal), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Filter /FlateDecode", pdftest.Deflate(make([]byte, maxDecoded+1)))
	})},
	{"a bomb in a bomb", is(mal), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Filter [/FlateDecode /FlateDecode]", pdftest.Deflate(pdftest.Deflate(make([]byte, maxDecoded+1))))
	})},
	{"a bomb of run lengths", is(mal), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Filter [/FlateDecode /RunLengthDecode]", pdftest.Deflate(bytes.Repeat([]byte{129, 0}, maxDecoded/128+1)))
	})},
	{"a bomb in small pieces", is(mal), doc(func(d *pdftest.Doc) {
		piece := pdftest.Deflate(make([]byte, maxDecoded/16))
		for i := range 17 {
			d.AddStream(fmt.Sprintf("x%d", i), "/Filter /FlateDecode", piece)
		}
	})},
	{"too many filters", is(mal), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Filter ["+strings.Repeat("/ASCIIHexDecode ", 4)+"]", []byte(">"))
	})},
	{"arrays nested deep", is(mal), with(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))},
	{"dictionaries nested deep", is(mal), with(strings.Repeat("<< /A ", 100_000))},
	{"a million values", is(mal), with("[" + strings.Repeat("0 ", maxValues) + "]")},
	{"shared kids of an unused tree", is(mal), doc(func(d *pdftest.Doc) { shared(d, "/Kids [{%[1]s} {%[1]s}]"); d.Obj("info").Put("/X {n0}") })},
	{"shared functions", is(mal), doc(func(d *pdftest.Doc) {
		shared(d, "/FunctionType 3 /Domain [0 1] /Bounds [0.5] /Encode [0 1 0 1] /Functions [{%[1]s} {%[1]s}]")
		d.Obj("info").Put("/X {n0}")
	})},
	{"shared structure elements", is(mal), doc(func(d *pdftest.Doc) {
		shared(d, "/Type /StructElem /S /P /K [{%[1]s} {%[1]s}]")
		d.Obj("catalog").Put("/StructTreeRoot << /Type /StructTreeRoot /K {n0} >>")
	})},
	{"a chain of references", is(mal), doc(func(d *pdftest.Doc) {
		for i := range 1000 {
			d.Add(fmt.Sprintf("n%d", i), fmt.Sprintf("<< /Next {n%d} >>", i+1))
		}
		d.Add("n1000", "null")
		d.Obj("info").Put("/X {n0}")
	})},
	{"a page tree too deep", is(mal), doc(func(d *pdftest.Doc) {
		const depth = 100
		for i := range depth {
			d.Add(fmt.Sprintf("n%d", i), fmt.Sprintf("<< /Type /Pages /Count 1 /Kids [{n%d}] /Parent {n%d} >>", i+1, i-1))
		}
		d.Add(fmt.Sprintf("n%d", depth), fmt.Sprintf("<< /Type /Page /Parent {n%d} >>", depth-1))
		d.Obj("n0").Replace("{n-1}", "{pages}")
		d.Obj("pages").Replace("/Count 2", "/Count 3")
		d.Obj("pages").Replace("{page2}", "{page2} {n0}")
	})},
	{"a table too long", is(mal), doc(func(d *pdftest.Doc) {
		d.Table = func(s string) string {
			more := strings.Repeat("0000000020 00000 n \n", maxObjects+1)
			s = strings.Replace(s, "0 15\n", fmt.Sprintf("0 %d\n", 15+maxObjects+1), 1)
			return strings.Replace(s, "trailer", more+"trailer", 1)
		}
	})},
	{"a name tree that contains itself", is(mal, stm), doc(func(d *pdftest.Doc) {
		d.Add("tree", "<< /Kids [{tree}] >>")
		d.Obj("catalog").Replace("<< /Names [(issuance.json) {filespec}] >>", "{tree}")
	})},
	{"a name tree with a shared leaf", is(stm), doc(func(d *pdftest.Doc) {
		d.Add("tree", "<< /Kids [{leaf} {leaf}] >>")
		d.Add("leaf", "<< /Names [(issuance.json) {filespec}] >>")
		d.Obj("catalog").Replace("<< /Names [(issuance.json) {filespec}] >>", "{tree}")
	})},
}

// shared adds thirty objects n0 to n29, each with the next one twice.
func shared(d *pdftest.Doc, form string) {
	const n = 30
	for i := range n {
		d.Add(fmt.Sprintf("n%d", i), "<< "+fmt.Sprintf(form, fmt.Sprintf("n%d", i+1))+" >>")
	}
	d.Add(fmt.Sprintf("n%d", n), "null")
}

// TestLargeInputs runs the forms that make a quadratic reader stand still over the largest document; a reader
// that is not linear runs into the tests' own time limit.
func TestLargeInputs(t *testing.T) {
	size := maxDocument - 64<<10
	if raceDetector {
		size /= 16 // it makes everything ten times slower
	}
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	indirect := func(d *pdftest.Doc) { // many streams of one length, which stands behind much white space
		for i := range size / 1000 {
			d.AddStream(fmt.Sprintf("s%d", i), "", []byte("x")).Length = "{length}"
		}
		d.Add("length", strings.Repeat(" ", size/2)+"1")
	}
	cases := map[string]func() []byte{
		"white space":       doc(func(d *pdftest.Doc) { d.Header += fill(" ") }),
		"comments":          doc(func(d *pdftest.Doc) { d.Header += fill("%\n") }),
		"one comment":       doc(func(d *pdftest.Doc) { d.Header += "%" + fill("x") + "\n" }),
		"one string":        with("(" + fill("(x)") + ")"),
		"open parentheses":  with(fill("(")),
		"numbers":           with("[" + fill("1 ") + "]"),
		"empty strings":     with("[" + fill("<") + "]"),
		"numbers with tail": with("[" + fill("1 2 % x\n") + "]"),
		"open dictionaries": with(fill("<<")),
		"names":             with("<<" + fill("/a#61 1 ") + ">>"),
		"startxref":         func() []byte { return []byte("%PDF-1.7\n" + fill("startxref\n")) },
		"streams":           func() []byte { return []byte("%PDF-1.7\n" + fill("stream\n") + "startxref\n9\n%%EOF") },
		"objects":           func() []byte { return []byte("%PDF-1.7\n" + fill("1 0 obj\n") + "startxref\n9\n%%EOF") },
		"one length":        doc(indirect),
		"a long stream": doc(func(d *pdftest.Doc) {
			o := d.Obj("contents1")
			o.Body, o.Data = "<< >>", []byte(fill("endstream\n"))
		}),
	}
	for name, make := range cases {
		t.Run(name, func(t *testing.T) {
			f := Document(make())
			if err := sound(f); err != nil {
				t.Error(err)
			}
		})
	}
}

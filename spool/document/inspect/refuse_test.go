package inspect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

const (
	upd  = reason.PDFUpdated
	mal  = reason.PDFMalformed
	act  = reason.PDFActiveContent
	pgs  = reason.PDFPages
	fnt  = reason.PDFFont
	stm  = reason.StatementMissing
	tagm = reason.TagMissing
)

// broken is a document with one fault. All codes are given, the first names the refusal.
type broken struct {
	name  string
	codes []reason.Code
	make  func() []byte
}

func is(c ...reason.Code) []reason.Code { return c }

// doc breaks a good document of two pages before it is written.
func doc(change func(d *pdftest.Doc)) func() []byte {
	return func() []byte {
		d := good(2)
		change(d)
		return d.Bytes()
	}
}

// raw breaks the written file.
func raw(change func(b []byte) []byte) func() []byte {
	return func() []byte { return change(good(2).Bytes()) }
}

// swap replaces what must be there.
func swap(old, new string) func() []byte {
	return raw(func(b []byte) []byte {
		if !bytes.Contains(b, []byte(old)) {
			panic("no " + old)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	})
}

// put adds entries to an object's dictionary.
func put(object, entries string) func() []byte {
	return doc(func(d *pdftest.Doc) { d.Obj(object).Put(entries) })
}

// change replaces a part of an object's body.
func change(object, old, new string) func() []byte {
	return doc(func(d *pdftest.Doc) { d.Obj(object).Replace(old, new) })
}

// with adds an object that nothing leads to.
func with(body string) func() []byte {
	return doc(func(d *pdftest.Doc) { d.Add("extra", body) })
}

func table(f func(s string) string) func() []byte {
	return doc(func(d *pdftest.Doc) { d.Table = f })
}

var frameFaults = []broken{
	{"empty", is(mal), func() []byte { return nil }},
	{"not a PDF", is(mal), func() []byte { return []byte("<html></html>") }},
	{"version 1.4", is(mal), swap("%PDF-1.7", "%PDF-1.4")},
	{"version 2.0", is(mal), swap("%PDF-1.7", "%PDF-2.0")},
	{"no line end after the header", is(mal), swap("%PDF-1.7\n", "%PDF-1.7 ")},
	{"the header alone", is(mal), func() []byte { return []byte(header) }},
	{"the header and nothing", is(upd), func() []byte { return []byte(header + "\n") }},
	{"bytes before the header", is(upd), raw(func(b []byte) []byte { return append([]byte("\n"), b...) })},
	{"bytes after EOF", is(upd), raw(func(b []byte) []byte { return append(b, 'x') })},
	{"a space after EOF", is(upd), raw(func(b []byte) []byte { return append(b, ' ') })},
	{"a NUL after EOF", is(upd), raw(func(b []byte) []byte { return append(b, 0) })},
	{"a comment after EOF", is(upd), raw(func(b []byte) []byte { return append(b, "% end\n"...) })},
	{"no EOF", is(upd), swap("%%EOF\n", "")},
	{"cut short", is(upd), raw(func(b []byte) []byte { return b[:len(b)/2] })},
	{"an incremental update", is(upd), raw(incremental)},
	{"an update without Prev", is(upd, mal), raw(func(b []byte) []byte { return bytes.Replace(incremental(b), []byte("/Prev"), []byte("/Xrev"), 1) })},
	{"an update by a cross-reference stream", is(upd, mal), raw(updateByStream)},
	{"Prev", is(upd), doc(func(d *pdftest.Doc) { d.Trailer += " /Prev 17" })},
	{"hybrid", is(upd), doc(func(d *pdftest.Doc) { d.Trailer += " /XRefStm 17" })},
	{"linearized", is(upd), with("<< /Linearized 1 >>")},
	{"a second EOF in a comment", is(upd), doc(func(d *pdftest.Doc) { d.Between = "%%EOF\n" })},
	{"startxref in a comment", is(upd), doc(func(d *pdftest.Doc) { d.Header += "%startxref\n" })},
	{"startxref in a string", is(upd), with("(startxref)")},
	{"a table between the objects", is(upd), doc(func(d *pdftest.Doc) { d.Header += "xref\n0 0\n" })},
	{"a trailer between the objects", is(upd), doc(func(d *pdftest.Doc) { d.Header += "trailer\n<< >>\n" })},
	{"a startxref between the objects", is(upd), doc(func(d *pdftest.Doc) { d.Header += "startxref\n0\n" })},
}

// incremental appends an update that replaces the information dictionary.
func incremental(b []byte) []byte {
	old := bytes.LastIndex(b, []byte("xref\n0 "))
	at := len(b)
	b = append(b, "3 0 obj\n<< >>\nendobj\n"...)
	start := len(b)
	return fmt.Appendf(b, "xref\n0 1\n0000000000 65535 f \n3 1\n%010d 00000 n \ntrailer\n<< /Size 15 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", at, old, start)
}

func updateByStream(b []byte) []byte {
	at := len(b)
	return fmt.Appendf(b, "99 0 obj\n<< /Type /XRef /Length 0 >>\nstream\n\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n", at)
}

var syntaxFaults = []broken{
	{"no table where startxref points", is(mal), table(func(s string) string { return strings.Replace(s, "startxref\n", "startxref\n1", 1) })},
	{"startxref off by one", is(mal), table(func(s string) string { return "\n" + s })},
	{"startxref without a number", is(mal), table(func(s string) string { return s[:strings.Index(s, "startxref")] + "startxref\n%%EOF\n" })},
	{"startxref within a line", is(mal), table(func(s string) string { return strings.Replace(s, "\nstartxref", " startxref", 1) })},
	{"an entry off by one", is(mal), doc(func(d *pdftest.Doc) { d.Offset = func(n, at int) int { return at + n/3%2 } })},
	{"two entries for one place", is(mal), doc(func(d *pdftest.Doc) {
		first := 0
		d.Offset = func(n, at int) int {
			if n == 1 {
				first = at
			}
			if n == 2 {
				return first
			}
			return at
		}
	})},
	{"an entry of 19 bytes", is(mal), table(func(s string) string { return strings.Replace(s, " n \n", " n\n", 1) })},
	{"an entry with a bad letter", is(mal), table(func(s string) string { return strings.Replace(s, " n \n", " x \n", 1) })},
	{"an entry with a letter in the offset", is(mal), table(func(s string) string { return strings.Replace(s, "00000 n", "0000a n", 1) })},
	{"entry 0 in use", is(mal), table(func(s string) string { return strings.Replace(s, "65535 f", "65535 n", 1) })},
	{"entry 0 of generation 0", is(mal), table(func(s string) string { return strings.Replace(s, "65535 f", "00000 f", 1) })},
	{"no entry 0", is(mal), table(func(s string) string { return strings.Replace(s, "0 15\n0000000000 65535 f \n", "1 14\n", 1) })},
	{"Size too small", is(mal), table(func(s string) string { return strings.Replace(s, "/Size 15", "/Size 14", 1) })},
	{"Size too large", is(mal), table(func(s string) string { return strings.Replace(s, "/Size 15", "/Size 4000000000", 1) })},
	{"no Size", is(mal), table(func(s string) string { return strings.Replace(s, "/Size 15", "", 1) })},
	{"a subsection longer than the file", is(mal), table(func(s string) string { return strings.Replace(s, "0 15\n", "0 9999999\n", 1) })},
	{"an object twice in the table", is(mal), table(func(s string) string { return strings.Replace(s, "trailer", "1 1\n0000000015 00000 n \ntrailer", 1) })},
	{"an object in use that the table calls free", is(mal), table(func(s string) string { return strings.Replace(s, "00000 n", "00000 f", 1) })},
	{"a trailer that is no dictionary", is(mal), table(func(s string) string { return strings.Replace(s, "<< /Size", "[ /Size", 1) })},
	{"words between trailer and startxref", is(mal), table(func(s string) string { return strings.Replace(s, "startxref", "null\nstartxref", 1) })},
	{"words between objects", is(mal), doc(func(d *pdftest.Doc) { d.Between = "x\n" })},
	{"words before the table", is(mal), raw(func(b []byte) []byte { return bytes.Replace(b, []byte("endobj\nxref"), []byte("ENDOBJ\nxref"), 1) })},
	{"an object that the table does not name", is(mal), doc(func(d *pdftest.Doc) { d.Header += "77 0 obj\nnull\nendobj\n" })},
	{"another generation than in the table", is(mal), swap("\n3 0 obj", "\n3 1 obj")},
	{"no endobj", is(mal), swap("endobj", "endxxx")},
	{"a key twice", is(mal), put("info", "/Producer (other)")},
	{"a key twice, once escaped", is(mal), put("info", "/P#72oducer (other)")},
	{"a key twice deep inside", is(mal), put("info", "/X [<< /A << /B 1 /B 1 >> >>]")},
	{"a key twice in the trailer", is(mal), doc(func(d *pdftest.Doc) { d.Trailer += " /Root {catalog}" })},
	{"a key that is no name", is(mal), put("info", "(X) 1")},
	{"a name with a bad escape", is(mal), put("info", "/X /a#zz")},
	{"a name with a NUL", is(mal), put("info", "/X /a#00")},
	{"two points in a number", is(mal), put("info", "/X 1.2.3")},
	{"a number too large", is(mal), put("info", "/X 99999999999")},
	{"an unknown word", is(mal), put("info", "/X nil")},
	{"a string without an end", is(mal), put("info", "/X (((")},
	{"a hex string with other letters", is(mal), put("info", "/X <6g>")},
	{"a stray delimiter", is(mal), put("info", "/X )")},
	{"braces", is(mal), put("info", "/X { }")},
	{"an array without an end", is(mal), put("info", "/X [1")},
	{"an object that is a reference", is(mal), with("1 0 R")},
	{"a reference to nothing", is(mal), put("info", "/X 99 0 R")},
	{"a reference to another generation", is(mal), put("info", "/X 1 1 R")},
	{"a reference to a free object", is(mal), doc(func(d *pdftest.Doc) { d.Add("gone", "null").Absent = true; d.Obj("info").Put("/X {gone}") })},
	{"Length too short", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "3" })},
	{"Length too long", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "70" })},
	{"Length out of the file", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "4000000000" })},
	{"Length below 0", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "-1" })},
	{"no Length", is(mal), swap("/Length", "/Lemgth")},
	{"Length is a name", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "/X" })},
	{"Length refers to nothing", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "99 0 R" })},
	{"Length refers to a dictionary", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "{info}" })},
	{"Length refers to its own stream", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Length = "{contents1}" })},
	{"a stream without a line end", is(mal), swap("stream\n", "stream ")},
	{"a stream with CR alone", is(mal), swap("stream\n", "stream\r")},
	{"a stream without a dictionary", is(mal), doc(func(d *pdftest.Doc) { d.Add("x", "[1]\nstream\n\nendstream") })},
	{"a stream that does not inflate", is(mal), doc(func(d *pdftest.Doc) { d.Obj("contents1").Data[4] ^= 0xFF })},
	{"a stream with a wrong checksum", is(mal), doc(func(d *pdftest.Doc) { o := d.Obj("contents1"); o.Data[len(o.Data)-1] ^= 1 })},
	{"a stream cut short", is(mal), doc(func(d *pdftest.Doc) { o := d.Obj("contents1"); o.Data = o.Data[:len(o.Data)-5] })},
	{"data behind a stream's end", is(mal), doc(func(d *pdftest.Doc) { o := d.Obj("contents1"); o.Data = append(o.Data, "hidden"...) })},
	{"an unknown filter", is(mal), change("contents1", "FlateDecode", "FlatDecode")},
	{"an abbreviated filter", is(mal), change("contents1", "FlateDecode", "Fl")},
	{"a filter that is a number", is(mal), change("contents1", "/FlateDecode", "1")},
	{"JBIG2", is(mal), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Filter /JBIG2Decode", nil) })},
	{"JPEG 2000", is(mal), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Filter /JPXDecode", nil) })},
	{"a Crypt filter", is(mal), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Filter /Crypt", nil) })},
	{"decode parameters that are a number", is(mal), put("contents1", "/DecodeParms 1")},
	{"more parameters than filters", is(mal), put("contents1", "/DecodeParms [null null]")},
	{"an unknown predictor", is(mal), put("contents1", "/DecodeParms << /Predictor 3 >>")},
	{"a cross-reference stream", is(mal), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Type /XRef", nil) })},
	{"an object stream", is(mal), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Type /ObjStm /N 0 /First 0", nil) })},
	{"catalog version 1.4", is(mal), put("catalog", "/Version /1.4")},
	{"catalog version 2.0", is(mal), put("catalog", "/Version /2.0")},
	{"catalog version a number", is(mal), put("catalog", "/Version 1.7")},
	{"no Root", is(mal), doc(func(d *pdftest.Doc) { d.Trailer = "/Info {info}" })},
	{"Root is no catalog", is(mal), doc(func(d *pdftest.Doc) { d.Trailer = "/Root {info}" })},
	{"Root is inlined", is(mal), doc(func(d *pdftest.Doc) { d.Trailer = "/Root << /Type /Catalog /Pages {pages} >>" })},
	{"an object that contains itself", is(mal), put("info", "/X << /Y {info} >>")},
	{"a font dictionary only pdfcpu finds fault with", is(mal), change("descriptor", "/Flags 4", "/Flags (4)")},
	{"a date that is none", is(mal), change("info", "(D:20261121110305+09'00')", "(yesterday)")},
	{"AFRelationship", is(mal), put("filespec", "/AFRelationship /Data")},
}

var treeFaults = []broken{
	{"no page tree", is(mal), change("catalog", "/Pages {pages}", "")},
	{"a page twice", is(mal), change("pages", "{page2}", "{page1}")},
	{"a tree that contains itself", is(mal), change("pages", "{page2}", "{pages}")},
	{"a kid that is no page", is(mal), change("pages", "{page2}", "{info}")},
	{"a kid that is inlined", is(mal), change("pages", "{page2}", "<< /Type /Page /Parent {pages} >>")},
	{"a wrong count", is(mal), change("pages", "/Count 2", "/Count 1")},
	{"a negative count", is(mal), change("pages", "/Count 2", "/Count -2")},
	{"a wrong parent", is(mal), change("page2", "/Parent {pages}", "/Parent {page1}")},
	{"no parent", is(mal), change("page2", "/Parent {pages}", "")},
	{"a root with a parent", is(mal), put("pages", "/Parent {page1}")},
	{"a page as the root", is(mal), change("catalog", "/Pages {pages}", "/Pages {page1}")},
	{"no kids", is(mal), change("pages", "/Kids", "/Kind")},
}

var pageFaults = []broken{
	{"no pages", is(pgs), func() []byte { return good(0).Bytes() }},
	{"31 pages", is(pgs), func() []byte { return good(31).Bytes() }},
	{"A5", is(pgs), change("page2", "595.276 841.89", "420 595")},
	{"US letter", is(pgs), change("page2", "595.276 841.89", "612 792")},
	{"A4 and 2.1 points", is(pgs), change("page2", "595.276 841.89", "595.276 844")},
	{"no MediaBox", is(pgs), change("page2", "/MediaBox [0 0 595.276 841.89]", "")},
	{"a MediaBox of three numbers", is(pgs), change("page2", "[0 0 595.276 841.89]", "[0 0 595]")},
	{"a MediaBox of names", is(pgs), change("page2", "[0 0 595.276 841.89]", "[/A /B /C /D]")},
	{"a smaller CropBox", is(pgs), put("page2", "/CropBox [0 0 595.276 800]")},
	{"an inherited CropBox", is(pgs), put("pages", "/CropBox [0 0 100 100]")},
	{"a moved CropBox", is(pgs), put("page1", "/CropBox [1 0 596.276 841.89]")},
	{"a smaller TrimBox", is(pgs), put("page2", "/TrimBox [1 1 595 841]")},
	{"a smaller BleedBox", is(pgs), put("page2", "/BleedBox [1 1 595 841]")},
	{"a smaller ArtBox", is(pgs), put("page2", "/ArtBox [1 1 595 841]")},
	{"turned", is(pgs), put("page2", "/Rotate 90")},
	{"turned by inheritance", is(pgs), put("pages", "/Rotate 180")},
	{"turned in full", is(pgs), put("page2", "/Rotate 360")},
	{"a user unit", is(pgs), put("page2", "/UserUnit 2")},
	{"a user unit of 1", is(pgs), put("page2", "/UserUnit 1.0")},
}

var fontFaults = []broken{
	{"a standard font", is(fnt), with("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")},
	{"a font without a program", is(fnt), change("descriptor", "/FontFile2 {fontfile}", "")},
	{"a program that is no stream", is(fnt), change("descriptor", "{fontfile}", "{info}")},
	{"an empty program", is(fnt), doc(func(d *pdftest.Doc) { o := d.Obj("fontfile"); o.Body, o.Data = "<< >>", []byte{} })},
	{"two programs", is(fnt), put("descriptor", "/FontFile3 {fontfile}")},
	{"no descriptor", is(fnt), change("cidfont", "/FontDescriptor {descriptor}", "")},
	{"Type 3", is(fnt), with("<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /CharProcs << >> /Encoding << /Differences [] >> /FirstChar 0 /LastChar 0 /Widths [0] >>")},
	{"a font without a subtype", is(fnt), with("<< /Type /Font >>")},
	{"a font without a type", is(fnt), with("<< /Subtype /TrueType /BaseFont /Arial >>")},
	{"a font of an unknown subtype", is(fnt), with("<< /Type /Font /Subtype /Type7 >>")},
	{"no descendant", is(fnt), change("font", "[{cidfont}]", "[]")},
	{"two descendants", is(fnt), change("font", "[{cidfont}]", "[{cidfont} {cidfont}]")},
	{"a descendant that is none", is(fnt), change("font", "[{cidfont}]", "[{info}]")},
	{"resources with something else", is(fnt), change("page1", "/F1 {font}", "/F1 {info}")},
	{"resources with null", is(fnt), change("page1", "/F1 {font}", "/F1 {font} /F2 null")},
	{"a graphics state with something else", is(fnt), with("<< /Type /ExtGState /Font [{info} 12] >>")},
	{"a font inlined in resources nobody uses", is(fnt), with("<< /Font << /F9 << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >>")},
}

var statementFaults = []broken{
	{"no name tree", is(stm), doc(func(d *pdftest.Doc) {
		d.Obj("catalog").Replace("/Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>", "")
		d.Obj("filespec").Body, d.Obj("statement").Body = "null", "<< /Filter /FlateDecode >>"
	})},
	{"attached outside the name tree", is(stm), change("catalog", "/Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>", "/AF [{filespec}]")},
	{"an empty name tree", is(stm), change("catalog", "[(issuance.json) {filespec}]", "[]")},
	{"another key", is(stm), change("catalog", "(issuance.json)", "(statement.json)")},
	{"another F", is(stm), change("filespec", "/F (issuance.json)", "/F (statement.json)")},
	{"another UF", is(stm), change("filespec", "/UF (issuance.json)", "/UF (Issuance.json)")},
	{"no UF", is(stm), change("filespec", "/UF (issuance.json)", "")},
	{"no EF", is(stm), change("filespec", "/EF << /F {statement} >>", "")},
	{"EF without F", is(stm), change("filespec", "<< /F {statement} >>", "<< >>")},
	{"an odd name tree", is(stm), change("catalog", "(issuance.json) {filespec}", "(issuance.json)")},
	{"a tree with names and kids", is(stm), change("catalog", "/Names [(issuance.json)", "/Kids [] /Names [(issuance.json)")},
	{"uncompressed", is(stm), doc(func(d *pdftest.Doc) {
		o := d.Obj("statement")
		o.Replace("/Filter /FlateDecode", "")
		o.Data = statement
	})},
	{"another filter", is(stm), doc(func(d *pdftest.Doc) {
		o := d.Obj("statement")
		o.Replace("/FlateDecode", "/ASCIIHexDecode")
		o.Data = fmt.Appendf(nil, "%x>", statement)
	})},
	{"a predictor", is(stm), put("statement", "/DecodeParms << /Predictor 2 >>")},
	{"a file system's own name", is(stm), put("filespec", "/Unix (issuance.json)")},
}

var tagFaults = []broken{
	{"no PieceInfo", is(tagm), change("page2", "/PieceInfo", "/PieceInf")},
	{"no LastModified of the page", is(tagm), change("page2", "/Contents {contents2} /LastModified (D:20261121110305+09'00')", "/Contents {contents2}")},
	{"inherited", is(tagm), doc(func(d *pdftest.Doc) {
		d.Obj("page2").Replace("/PieceInfo", "/PieceInf")
		d.Obj("pages").Put("/PieceInfo " + tagOf(2).String())
	})},
	{"indirect", is(tagm), doc(func(d *pdftest.Doc) {
		t := tagOf(2).String()
		d.Obj("page2").Replace(t, "{piece}")
		d.Add("piece", t)
	})},
	{"an indirect number", is(tagm), doc(func(d *pdftest.Doc) { d.Obj("page2").Replace("/Page 2", "/Page {n}"); d.Add("n", "2") })},
	{"another application's piece", is(tagm), change("page2", "/PieceInfo <<", "/PieceInfo << /Other << /LastModified (D:2026) >>")},
	{"another application's name", is(tagm), change("page2", "/Honnin", "/JPKI")},
	{"a key too many", is(tagm), change("page2", "/Pages 2", "/Pages 2 /Name (x)")},
	{"a key too many beside Private", is(tagm), change("page2", "/Private <<", "/Public 1 /Private <<")},
	{"no date", is(tagm), change("page2", "/Honnin << /LastModified (D:20261121110305+09'00')", "/Honnin <<")},
	{"no SubjectHash", is(tagm), change("page2", "/SubjectHash", "/SubjectHas")},
	{"SubjectHash too short", is(tagm), change("page2", "<010203", "<0102")},
	{"SubjectHash too long", is(tagm), change("page2", "<010203", "<01020304")},
	{"SubjectHash a name", is(tagm), change("page2", "/SubjectHash <", "/SubjectHash /A /X <")},
	{"Transaction too short", is(tagm), change("page2", "/Transaction <0908", "/Transaction <08")},
	{"page 0", is(tagm), change("page2", "/Page 2", "/Page 0")},
	{"page below 0", is(tagm), change("page2", "/Page 2", "/Page -2")},
	{"a real number", is(tagm), change("page2", "/Page 2", "/Page 2.0")},
	{"a page number too large", is(tagm), change("page2", "/Pages 2", "/Pages 10000")},
}

func TestRefused(t *testing.T) {
	all := [][]broken{frameFaults, syntaxFaults, activeFaults, treeFaults, pageFaults, fontFaults, statementFaults, tagFaults, graphFaults}
	seen := map[string]bool{}
	for _, group := range all {
		for _, b := range group {
			if seen[b.name] {
				t.Errorf("two cases are named %q", b.name)
			}
			seen[b.name] = true
			if raceDetector && strings.Contains(b.name, "bomb") {
				continue // of full size: minutes under the race detector, and run without it
			}
			t.Run(b.name, func(t *testing.T) {
				f := Document(b.make())
				if fmt.Sprint(codes(f)) != fmt.Sprint(b.codes) {
					t.Errorf("findings %v, want %v", f.Findings, b.codes)
				}
				if err := sound(f); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if len(seen) < 80 {
		t.Errorf("only %d cases", len(seen))
	}
}

// TestTagsThatDisagree: whether a tag is true is not judged here; it is reported as it stands.
func TestTagsThatDisagree(t *testing.T) {
	other := pdftest.Page{SubjectHash: [32]byte{7}, Transaction: [16]byte{8}, Page: 1, Pages: 9}
	f := Document(pdftest.Good(statement, []pdftest.Page{{SubjectHash: subject, Transaction: transaction, Page: 2, Pages: 2}, other}).Bytes())
	if len(f.Findings) != 0 || len(f.Tags) != 2 {
		t.Fatalf("%+v", f)
	}
	if f.Tags[0].Page != 2 || f.Tags[1].Page != 1 || f.Tags[1].Pages != 9 || f.Tags[1].SubjectHash[0] != 7 {
		t.Errorf("%+v", f.Tags)
	}
}

// TestSeveralFaults: findings come in the order of the table, each once.
func TestSeveralFaults(t *testing.T) {
	d := good(2)
	d.Obj("catalog").Put("/OpenAction [{page1} /Fit] /AcroForm << /Fields [] >>")
	d.Obj("page1").Put("/Rotate 90")
	d.Obj("page2").Put("/Rotate 90")
	d.Obj("descriptor").Replace("/FontFile2 {fontfile}", "")
	d.Obj("filespec").Replace("/UF (issuance.json)", "")
	d.Obj("page2").Replace("/PieceInfo", "/PieceInf")
	f := Document(d.Bytes())
	if got, want := fmt.Sprint(codes(f)), fmt.Sprint(is(act, pgs, fnt, stm, tagm)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if f.Err() == nil || reason.Of(f.Err()) != act {
		t.Errorf("first: %v", f.Err())
	}
	if none := Document(good(1).Bytes()); none.Err() != nil {
		t.Error(none.Err())
	}
}

// TestDetails: what the document says does not come out in a detail.
func TestDetails(t *testing.T) {
	const secret = "SecretName"
	for _, make := range []func() []byte{
		with("<< /Type /Font /Subtype /" + secret + " >>"),
		put("info", "/"+secret+" ("+secret+") /"+secret+" 1"),
		put("info", "/X "+secret),
		change("catalog", "(issuance.json)", "("+secret+")"),
		put("page1", "/Annots [("+secret+")]"),
		change("info", "(D:20261121110305+09'00')", "("+secret+")"),
		change("contents1", "FlateDecode", secret),
	} {
		f := Document(make())
		if len(f.Findings) == 0 {
			t.Error("no findings")
		}
		for _, x := range f.Findings {
			if strings.Contains(x.Detail, secret) || x.Detail == "" {
				t.Errorf("detail %q", x.Detail)
			}
		}
	}
}

// Package pdftest writes PDFs for tests: a good document of the protocol page's PDF table, and through its
// objects, which are text, any broken one. It is deliberately simple and knows nothing of the package that it
// tests; only tests, daemon/figures and daemon/selftest import it.
//
// In the body of an object, {name} stands for a reference to the object of that name: "<< /Font {font} >>".
package pdftest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// Object is one indirect object. Change its fields before [Doc.Bytes].
type Object struct {
	Name   string
	Num    int
	Gen    int
	Body   string // a dictionary without /Length when Data is not nil
	Data   []byte // a stream's bytes as they stand in the file
	Length string // replaces the true /Length
	Absent bool   // keep the number free
}

// Doc is a document under construction. The zero value of each hook means the plain form.
type Doc struct {
	Header  string // with its line end
	Objects []*Object
	Trailer string // the dictionary's entries without /Size
	EOL     string // line end between and inside objects
	XrefEOL string // the last two bytes of a table entry
	After   string // behind %%EOF and its line end

	Between string                    // written before each object
	Table   func(table string) string // changes the whole table, trailer included
	Offset  func(num, at int) int     // changes what the table says
}

// Page is what a page's tag says.
type Page struct {
	SubjectHash [32]byte
	Transaction [16]byte
	Page, Pages int
}

// Tags returns n true tags.
func Tags(subject [32]byte, transaction [16]byte, n int) []Page {
	out := make([]Page, n)
	for i := range out {
		out[i] = Page{subject, transaction, i + 1, n}
	}
	return out
}

const (
	date  = "D:20261121110305+09'00'"
	stamp = "(" + date + ")"
)

// Good returns a document without fault: one page for each tag, an embedded font, the statement attached.
// Its objects are named catalog, pages, info, statement, filespec, font, cidfont, descriptor, fontfile,
// tounicode, page1, contents1, page2, …
func Good(statement []byte, tags []Page) *Doc {
	d := &Doc{Header: "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", EOL: "\n", XrefEOL: " \n"}
	d.Trailer = "/Root {catalog} /Info {info} /ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]"
	kids := make([]string, len(tags))
	for i := range tags {
		kids[i] = fmt.Sprintf("{page%d}", i+1)
	}
	d.Add("catalog", "<< /Type /Catalog /Pages {pages} /Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >> >>")
	d.Add("pages", fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(tags), strings.Join(kids, " ")))
	d.Add("info", "<< /Producer (honnin test) /CreationDate "+stamp+" >>")
	d.AddStream("statement", "/Type /EmbeddedFile /Subtype /application#2Fjson /Filter /FlateDecode", Deflate(statement))
	d.Add("filespec", "<< /Type /Filespec /F (issuance.json) /UF (issuance.json) /EF << /F {statement} >> >>")
	d.addFont()
	for i, t := range tags {
		d.AddPage(i+1, t)
	}
	return d
}

func (d *Doc) addFont() {
	program := Font()
	d.Add("font", "<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Box /Encoding /Identity-H /DescendantFonts [{cidfont}] /ToUnicode {tounicode} >>")
	d.Add("cidfont", "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Box /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 /CIDToGIDMap /Identity /FontDescriptor {descriptor} >>")
	d.Add("descriptor", "<< /Type /FontDescriptor /FontName /AAAAAA+Box /Flags 4 /FontBBox [0 -120 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 800 /StemV 80 /FontFile2 {fontfile} >>")
	d.AddStream("fontfile", fmt.Sprintf("/Filter /FlateDecode /Length1 %d", len(program)), Deflate(program))
	d.AddStream("tounicode", "/Filter /FlateDecode", Deflate([]byte(toUnicode)))
}

const toUnicode = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfchar <0001> <25A0> endbfchar
endcmap CMapName currentdict /CMap defineresource pop end end
`

// AddPage adds page n (from 1) with its tag and a line of boxes.
func (d *Doc) AddPage(n int, t Page) {
	d.Add(fmt.Sprintf("page%d", n), fmt.Sprintf("<< /Type /Page /Parent {pages} /MediaBox [0 0 595.276 841.89] /Resources << /Font << /F1 {font} >> >> /Contents {contents%d} /LastModified %s /PieceInfo %s >>", n, stamp, t))
	d.AddStream(fmt.Sprintf("contents%d", n), "/Filter /FlateDecode", Deflate([]byte("BT /F1 24 Tf 72 720 Td <000100010001> Tj ET\n")))
}

// String is the page-piece dictionary.
func (p Page) String() string {
	return fmt.Sprintf("<< /Honnin << /LastModified %s /Private << /SubjectHash <%x> /Transaction <%x> /Page %d /Pages %d >> >> >>", stamp, p.SubjectHash, p.Transaction, p.Page, p.Pages)
}

// Add appends an object with the next number.
func (d *Doc) Add(name, body string) *Object {
	o := &Object{Name: name, Num: len(d.Objects) + 1, Body: body}
	d.Objects = append(d.Objects, o)
	return o
}

// AddStream appends a stream; entries are those of its dictionary without /Length.
func (d *Doc) AddStream(name, entries string, data []byte) *Object {
	o := d.Add(name, "<< "+entries+" >>")
	o.Data = data
	if data == nil {
		o.Data = []byte{}
	}
	return o
}

// Obj returns the object of that name; it panics when there is none.
func (d *Doc) Obj(name string) *Object {
	for _, o := range d.Objects {
		if o.Name == name {
			return o
		}
	}
	panic("pdftest: no object " + name)
}

// Put adds entries at the end of a dictionary.
func (o *Object) Put(entries string) {
	i := strings.LastIndex(o.Body, ">>")
	o.Body = o.Body[:i] + entries + " " + o.Body[i:]
}

// Replace changes the body; it panics when old is not in it, so that no test breaks nothing.
func (o *Object) Replace(old, new string) {
	if !strings.Contains(o.Body, old) {
		panic("pdftest: " + o.Name + " has no " + old)
	}
	o.Body = strings.ReplaceAll(o.Body, old, new)
}

// Deflate compresses b as FlateDecode expects it.
func Deflate(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer does not fail
	_ = w.Close()
	return out.Bytes()
}

var placeholder = regexp.MustCompile(`\{[a-z]+[0-9]*\}`)

func (d *Doc) expand(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		o := d.Obj(m[1 : len(m)-1])
		return fmt.Sprintf("%d %d R", o.Num, o.Gen)
	})
}

// Bytes writes the file.
func (d *Doc) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(d.Header)
	offsets := make([]int, len(d.Objects))
	for i, o := range d.Objects {
		if o.Absent {
			continue
		}
		b.WriteString(d.Between)
		offsets[i] = b.Len()
		d.object(&b, o)
	}
	d.tail(&b, offsets)
	return b.Bytes()
}

func (d *Doc) object(b *bytes.Buffer, o *Object) {
	body := d.expand(o.Body)
	if o.Data != nil {
		length := o.Length
		if length == "" {
			length = fmt.Sprint(len(o.Data))
		}
		i := strings.LastIndex(body, ">>")
		body = body[:i] + "/Length " + d.expand(length) + " " + body[i:]
	}
	fmt.Fprintf(b, "%d %d obj%s%s%s", o.Num, o.Gen, d.EOL, body, d.EOL)
	if o.Data != nil {
		eol := d.EOL
		if eol == "\r" { // the keyword stream ends with LF or CR LF
			eol = "\r\n"
		}
		fmt.Fprintf(b, "stream%s%s%sendstream%s", eol, o.Data, d.EOL, d.EOL)
	}
	fmt.Fprintf(b, "endobj%s", d.EOL)
}

func (d *Doc) tail(b *bytes.Buffer, offsets []int) {
	start := b.Len()
	var t strings.Builder
	fmt.Fprintf(&t, "xref%s0 %d%s%010d 65535 f%s", d.EOL, len(offsets)+1, d.EOL, 0, d.XrefEOL)
	for i, at := range offsets {
		if d.Offset != nil {
			at = d.Offset(i+1, at)
		}
		kind := "n"
		if d.Objects[i].Absent {
			at, kind = 0, "f"
		}
		fmt.Fprintf(&t, "%010d %05d %s%s", at, d.Objects[i].Gen, kind, d.XrefEOL)
	}
	fmt.Fprintf(&t, "trailer%s<< /Size %d %s >>%sstartxref%s%d%s%%%%EOF%s", d.EOL, len(offsets)+1, d.expand(d.Trailer), d.EOL, d.EOL, start, d.EOL, d.EOL)
	table := t.String()
	if d.Table != nil {
		table = d.Table(table)
	}
	b.WriteString(table)
	b.WriteString(d.After)
}

// Weigh puts a picture of size bytes on the first page, noise that no compression makes smaller.
func (d *Doc) Weigh(size int) {
	pixels, r := make([]byte, size), rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = byte(r.Uint32())
	}
	d.AddStream("picture", fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", size), Deflate(pixels))
	d.Obj("page1").Replace("/Resources <<", "/Resources << /XObject << /Im1 {picture} >>")
}

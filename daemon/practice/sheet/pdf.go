package sheet

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"honnin/config/protocol"
	"honnin/config/tokyo"
)

// writer writes a PDF 1.7 file with one classic cross-reference table (ISO 32000-1 section 7.5).
type writer struct {
	buf     []byte
	offsets []int // of object i+1
}

// object begins the next object and returns its number.
func (w *writer) object() int {
	w.offsets = append(w.offsets, len(w.buf))
	w.buf = append(strconv.AppendInt(w.buf, int64(len(w.offsets)), 10), " 0 obj\n"...)
	return len(w.offsets)
}

// next is the number that object returns next.
func (w *writer) next() int { return len(w.offsets) + 1 }

func (w *writer) printf(format string, a ...any) { w.buf = fmt.Appendf(w.buf, format, a...) }

func (w *writer) dict(format string, a ...any) int {
	n := w.object()
	w.buf = append(w.buf, "<<"...)
	w.printf(format, a...)
	w.buf = append(w.buf, ">>\nendobj\n"...)
	return n
}

// stream writes a FlateDecode stream object; zlib is its finished content, extra further entries.
func (w *writer) stream(zlib []byte, extra string) int {
	n := w.object()
	w.buf = append(append(w.buf, "<<"...), extra...)
	w.buf = append(w.buf, "/Filter/FlateDecode/Length "...)
	w.buf = append(strconv.AppendInt(w.buf, int64(len(zlib)), 10), ">>\nstream\n"...)
	w.buf = append(w.buf, zlib...)
	w.buf = append(w.buf, "\nendstream\nendobj\n"...)
	return n
}

// pdfTime is a date string (ISO 32000-1 section 7.9.4) in Asia/Tokyo, which sorts like a protocol time in whole seconds.
func pdfTime(t time.Time) string { return t.In(tokyo.Zone()).Format("(D:20060102150405+09'00')") }

// Object numbers that are known before they are written.
const (
	catalogObject = 1 + iota
	pagesObject
	infoObject
)

// writeDocument writes pages and statement as one file. Objects: catalog, page tree, info, the embedded file
// and its specification, the fonts, the ground, the seals, then each page with its content.
func writeDocument(pages []Page, at time.Time, statement []byte) []byte {
	w := &writer{buf: make([]byte, 0, 128<<10)}
	w.buf = append(w.buf, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"...)
	fonts, seals := gather(pages)
	const spec = infoObject + 2
	const firstFont = spec + 1
	const groundObjects, fontObjects = 5, 5
	firstSeal := firstFont + fontObjects*int(numFonts) + groundObjects
	firstPage := firstSeal + len(seals)
	w.dict("/Type/Catalog/Pages %d 0 R/Names<</EmbeddedFiles<</Names[(%s)%d 0 R]>>>>/Lang(ja-JP)", pagesObject, protocol.StatementName, spec)
	w.pageTree(len(pages), firstPage)
	w.dict("/Producer(Honnin practice issuer)/CreationDate%s/ModDate%[1]s", pdfTime(at))
	w.embed(statement, at)
	for id := range numFonts {
		w.font(faces()[id], fonts[id])
	}
	groundNumber := w.ground()
	numbers := map[*Office]int{}
	for _, o := range seals {
		numbers[o] = w.stream(o.seal, fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 %.2f %.2f %.2f]/Resources<<>>",
			pageHeight-officialSealSize, officialSealSize, pageHeight))
	}
	for _, p := range pages {
		w.page(p, groundNumber, numbers[p.page.office], firstFont, firstFont+fontObjects)
	}
	return w.finish(pages)
}

// gather returns the glyphs that pages use and the offices that certify them, each once.
func gather(pages []Page) (fonts [numFonts]glyphSet, offices []*Office) {
	seen := map[*Office]bool{}
	for _, p := range pages {
		for id := range fonts {
			fonts[id].union(&p.page.used[id])
		}
		if o := p.page.office; !seen[o] {
			seen[o], offices = true, append(offices, o)
		}
	}
	return fonts, offices
}

func (w *writer) pageTree(n, first int) {
	w.object()
	w.printf("<</Type/Pages/Count %d/Kids[", n)
	for i := range n {
		w.printf("%d 0 R ", first+2*i)
	}
	w.printf("]>>\nendobj\n")
}

// embed writes the statement and its file specification.
func (w *writer) embed(statement []byte, at time.Time) {
	file := w.stream(deflate(statement), fmt.Sprintf("/Type/EmbeddedFile/Subtype/application#2Fjson/Params<</Size %d/ModDate%s>>",
		len(statement), pdfTime(at)))
	w.dict("/Type/Filespec/F(%s)/UF(%[1]s)/EF<</F %d 0 R/UF %[2]d 0 R>>", protocol.StatementName, file)
}

// font writes the five objects of a composite font (ISO 32000-1 section 9.7) holding the glyphs of used.
func (w *writer) font(f *face, used glyphSet) {
	p := f.subset(used)
	name := p.tag + "+" + f.name
	n := w.next()
	w.dict("/Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R", name, n+1, n+4)
	w.dict("/Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"+
		"/DW 1000/W%s/CIDToGIDMap/Identity/FontDescriptor %d 0 R", name, f.widths, n+2)
	w.dict("/Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d/CapHeight %[6]d/StemV 80/FontFile2 %[8]d 0 R",
		name, f.bbox[0], f.bbox[1], f.bbox[2], f.bbox[3], f.ascent, f.descent, n+3)
	w.stream(p.zlib, fmt.Sprintf("/Length1 %d", p.length))
	w.stream(f.toUnicode, "")
}

// ground writes the sheet's ground after its patterns and forms, and returns the number of the ground.
func (w *writer) ground() int {
	g := theGround()
	tile := func(zlib []byte, width, height float64) int {
		return w.stream(zlib, fmt.Sprintf("/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 %g %g]/XStep %[1]g/YStep %[2]g/Resources<<>>", width, height))
	}
	around := func(zlib []byte, r float64) int {
		return w.stream(zlib, fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[%.2f %.2f %.2f %.2f]/Resources<<>>", -r, pageHeight-r, r, pageHeight+r))
	}
	waves, dots := tile(g.waves, waveWidth, waveHeight), tile(g.dots, dotStep, dotStep)
	copied, rosette := around(g.copied, 60), around(g.rosette, rosetteRadius+1)
	return w.stream(g.sheet, fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 %.2f %.2f]/Resources<</Pattern<</Waves %d 0 R/Dots %d 0 R>>/XObject<</Copied %d 0 R/Rosette %d 0 R>>>>",
		pageWidth, pageHeight, waves, dots, copied, rosette))
}

// page writes a page dictionary with its tag (PROTOCOL.md, the PDF table) and its content.
func (w *writer) page(p Page, ground, seal, f1, f2 int) {
	date := pdfTime(p.tag.At)
	w.dict("/Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Resources<</Font<</F1 %d 0 R/F2 %d 0 R>>/XObject<</Ground %d 0 R/Seal %d 0 R>>>>"+
		"/Contents %d 0 R/LastModified%s/PieceInfo<</Honnin<</LastModified%[9]s/Private<</SubjectHash<%x>/Transaction<%x>/Page %d/Pages %d>>>>>>",
		pagesObject, pageWidth, pageHeight, f1, f2, ground, seal, w.next()+1, date, p.tag.Subject[:], p.tag.Transaction[:], p.n, p.of)
	w.stream(p.page.content, "")
}

// finish writes the cross-reference table and the trailer. The file identifier is the first page's transaction.
func (w *writer) finish(pages []Page) []byte {
	xref := len(w.buf)
	w.printf("xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		line := []byte("0000000000 00000 n \n")
		digits := strconv.Itoa(o)
		copy(line[10-len(digits):], digits)
		w.buf = append(w.buf, line...)
	}
	var id string
	if len(pages) > 0 {
		id = hex.EncodeToString(pages[0].tag.Transaction[:])
	}
	w.printf("trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%s><%[4]s>]>>\nstartxref\n%[5]d\n%%%%EOF\n",
		len(w.offsets)+1, catalogObject, infoObject, id, xref)
	return w.buf
}

package sheet

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"time"

	"honnin/config/tokyo"
)

const pointsPerMM = 72 / 25.4

// pen writes the page's content. Places are in millimetres from the top left corner, letters in points.
type pen struct {
	font *face
	b    bytes.Buffer
	err  error
}

func (p *pen) op(format string, a ...any) { fmt.Fprintf(&p.b, format, a...) }

// at is a place on the page in points from the bottom left corner.
func at(x, y float64) (float64, float64) { return x * pointsPerMM, (pageHigh - y) * pointsPerMM }

// grey is what is drawn from here on: 0 is black.
func (p *pen) grey(g float64) { p.op("%.2f g %.2f G\n", g, g) }

func (p *pen) colour(c [3]float64) { p.op("%.0f %.0f %.0f rg\n", c[0], c[1], c[2]) }

// fill paints a rectangle.
func (p *pen) fill(x, y, wide, high float64) {
	px, py := at(x, y+high)
	p.op("%.3f %.3f %.3f %.3f re f\n", px, py, wide*pointsPerMM, high*pointsPerMM)
}

// box draws the outline of a rectangle, its line inside it.
func (p *pen) box(x, y, wide, high, line float64) {
	px, py := at(x+line/2, y+high-line/2)
	p.op("%.3f w %.3f %.3f %.3f %.3f re S\n", line*pointsPerMM, px, py, (wide-line)*pointsPerMM, (high-line)*pointsPerMM)
}

// text writes a line of this package's own, or of checked facts; its base line begins at x, y.
func (p *pen) text(x, y, size float64, s string) {
	px, py := at(x, y)
	p.op("BT /F %.1f Tf %.2f %.2f Td <", size, px, py)
	for _, r := range s {
		g, has := p.font.glyph[r]
		if !has {
			p.err = fmt.Errorf("sheet: no letter for %U", r)
		}
		p.op("%04X", g)
	}
	p.op("> Tj ET\n")
}

// file is the PDF (ISO 32000-1, section 7.5): one page, one font, one table.
func (p *pen) file(made time.Time) ([]byte, error) {
	if p.err != nil {
		return nil, p.err
	}
	date := made.In(tokyo.Zone()).Format("(D:20060102150405+09'00')")
	w := &file{}
	w.b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	w.object("<</Type/Catalog/Pages 2 0 R/Lang(ja-JP)>>")
	w.object("<</Type/Pages/Count 1/Kids[3 0 R]>>")
	w.object(fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>", pageWide*pointsPerMM, pageHigh*pointsPerMM))
	w.stream(p.b.Bytes(), "")
	w.object("<</Type/Font/Subtype/Type0/BaseFont/" + fontName + "/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 9 0 R>>")
	w.object("<</Type/Font/Subtype/CIDFontType2/BaseFont/" + fontName + "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 1000/W[" +
		p.font.widths() + "]/CIDToGIDMap/Identity/FontDescriptor 7 0 R>>")
	w.object(fmt.Sprintf("<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 80/FontFile2 8 0 R>>",
		fontName, p.font.box[0], p.font.box[1], p.font.box[2], p.font.box[3]))
	w.stream(p.font.file, fmt.Sprintf("/Length1 %d", len(p.font.file)))
	w.stream(p.font.unicode(), "")
	info := w.object("<</Producer(honnind)/Title(SERVICE SHEET)/CreationDate" + date + ">>")
	return w.end(info, p.b.Bytes()), nil
}

// file is a PDF as it is written.
type file struct {
	b  bytes.Buffer
	at []int // of object i+1
}

func (w *file) object(body string) int {
	w.at = append(w.at, w.b.Len())
	fmt.Fprintf(&w.b, "%d 0 obj\n%s\nendobj\n", len(w.at), body)
	return len(w.at)
}

func (w *file) stream(content []byte, more string) {
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestCompression) // which is a level
	_, _ = z.Write(content)                                    // a bytes.Buffer does not fail
	_ = z.Close()
	w.object(fmt.Sprintf("<</Filter/FlateDecode/Length %d%s>>\nstream\n%s\nendstream", packed.Len(), more, packed.String()))
}

// end writes the cross-reference table and the trailer.
func (w *file) end(info int, content []byte) []byte {
	table := w.b.Len()
	fmt.Fprintf(&w.b, "xref\n0 %d\n0000000000 65535 f \n", len(w.at)+1)
	for _, at := range w.at {
		fmt.Fprintf(&w.b, "%010d 00000 n \n", at)
	}
	id := idOf(content)
	fmt.Fprintf(&w.b, "trailer\n<</Size %d/Root 1 0 R/Info %d 0 R/ID[<%x><%[3]x>]>>\nstartxref\n%[4]d\n%%%%EOF\n", len(w.at)+1, info, id, table)
	return w.b.Bytes()
}

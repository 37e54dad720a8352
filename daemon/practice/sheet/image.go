package sheet

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A page image is a page as a print program may leave it in a file: the tag and the place in the document, the
// glyphs that are used, and the content stream. Who certifies is not in it.
const (
	tagSize   = 32 + 16 + 8 + 2 + 2
	glyphSize = maxGlyphs / 8
)

// Image returns the page as the bytes of a file.
func (p Page) Image() []byte {
	b := append(append([]byte(nil), p.tag.Subject[:]...), p.tag.Transaction[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.tag.At.Unix()))
	b = binary.BigEndian.AppendUint16(b, uint16(p.n))
	b = binary.BigEndian.AppendUint16(b, uint16(p.of))
	for _, set := range p.page.used {
		for _, w := range set {
			b = binary.BigEndian.AppendUint64(b, w)
		}
	}
	return append(b, p.page.content...)
}

// ReadImage reads an image that [Page.Image] wrote.
func ReadImage(b []byte, office *Office) (Page, error) {
	if len(b) < tagSize+int(numFonts)*glyphSize {
		return Page{}, fmt.Errorf("%w: page image", ErrContent)
	}
	var p Page
	copy(p.tag.Subject[:], b)
	copy(p.tag.Transaction[:], b[32:])
	p.tag.At = time.Unix(int64(binary.BigEndian.Uint64(b[48:])), 0)
	p.n, p.of = int(binary.BigEndian.Uint16(b[56:])), int(binary.BigEndian.Uint16(b[58:]))
	p.page = &page{office: office}
	b = b[tagSize:]
	for f := range p.page.used {
		for i := range p.page.used[f] {
			p.page.used[f][i], b = binary.BigEndian.Uint64(b), b[8:]
		}
	}
	p.page.content = b
	return p, nil
}

package sheet

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The font holds the letters of font/gothic.txt: ASCII, and what this page's own texts need. To write another, add it there and run go
// generate with Debian's fonts-morisawa-bizud-gothic and python3-fonttools. No name is reserved by the font's licence, so a subset keeps
// its font's.
//
//go:generate /usr/bin/python3 -m fontTools.subset /usr/share/fonts/truetype/bizud-gothic/BIZUDGothic-Regular.ttf --text-file=font/gothic.txt --output-file=font/gothic.ttf --no-hinting --layout-features= --drop-tables+=DSIG,GSUB,vhea,vmtx,gasp,meta,post,OS/2 --name-IDs=0,1,2,13,14 --notdef-outline

//go:embed font/gothic.ttf
var gothicTTF []byte

// fontName is of a subset (ISO 32000-1, section 9.6.4).
const fontName = "HONNIN+BIZUDGothic"

// face is the font, read here because x/image's sfnt refuses a file without a post table, which a subset has no use for: of fixed pitch, ASCII half as wide as all else.
type face struct {
	file  []byte
	glyph map[rune]uint16
	box   [4]int // in thousandths of an em
}

// gothic reads the committed font on first use. It panics only over bytes that a test reads, too.
var gothic = sync.OnceValue(func() *face {
	f := &face{file: gothicTTF, glyph: map[rune]uint16{}}
	be, tables := binary.BigEndian, map[string][]byte{}
	for i := range int(be.Uint16(gothicTTF[4:])) {
		r := gothicTTF[12+16*i:]
		tables[string(r[:4])] = gothicTTF[be.Uint32(r[8:]):][:be.Uint32(r[12:])]
	}
	em := int(be.Uint16(tables["head"][18:]))
	for i := range f.box {
		f.box[i] = int(int16(be.Uint16(tables["head"][36+2*i:]))) * 1000 / em
	}
	cmap := tables["cmap"]
	for i := range int(be.Uint16(cmap[2:])) {
		if r := cmap[4+8*i:]; be.Uint16(r) == 3 && be.Uint16(r[2:]) == 1 {
			f.segments(cmap[be.Uint32(r[4:]):])
		}
	}
	return f
})

// segments reads a cmap subtable of format 4 (OpenType, "cmap").
func (f *face) segments(s []byte) {
	be := binary.BigEndian
	n := int(be.Uint16(s[6:])) // twice the number of segments
	for i := 0; i < n; i += 2 {
		end, start := int(be.Uint16(s[14+i:])), int(be.Uint16(s[16+n+i:]))
		delta, at := int(be.Uint16(s[16+2*n+i:])), 16+3*n+i
		offset := int(be.Uint16(s[at:]))
		for c := start; c <= end && c < 0xffff; c++ {
			g := c
			if offset != 0 {
				g = int(be.Uint16(s[at+offset+2*(c-start):]))
			}
			f.glyph[rune(c)] = uint16(g + delta)
		}
	}
}

// widths is the content of /W: ASCII is half an em.
func (f *face) widths() string {
	var b strings.Builder
	for _, r := range slices.Sorted(maps.Keys(f.glyph)) {
		if r <= '~' {
			fmt.Fprintf(&b, "%d[500]", f.glyph[r])
		}
	}
	return b.String()
}

// unicode is the ToUnicode CMap (ISO 32000-1, section 9.10.3).
func (f *face) unicode() []byte {
	b := []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for part := range slices.Chunk(slices.Sorted(maps.Keys(f.glyph)), 100) { // a section holds at most 100 entries
		b = fmt.Appendf(b, "%d beginbfchar\n", len(part))
		for _, r := range part {
			b = fmt.Appendf(b, "<%04X> <%04X>\n", f.glyph[r], r)
		}
		b = append(b, "endbfchar\n"...)
	}
	return append(b, "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"...)
}

// idOf names a file by its content.
func idOf(content []byte) []byte {
	sum := sha256.Sum256(content)
	return sum[:16]
}

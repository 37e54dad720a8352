package sheet

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"sync"
)

// The subsets hold the characters of the text files beside them. mincho.txt has ASCII and its full-width forms,
// kana, punctuation, every character of this package's own texts, those of common names, places and registers,
// and the most frequent other kanji (by KANJIDIC's ranking) as far as 400 kB go; gothic.txt has what labels
// need. To print another character, add it to mincho.txt and run go generate with Debian's
// fonts-morisawa-bizud-mincho, fonts-morisawa-bizud-gothic and python3-fonttools. No name is reserved by the
// fonts' licence, so a subset keeps its font's.
//
//go:generate /usr/bin/python3 -m fontTools.subset /usr/share/fonts/truetype/bizud-mincho/BIZUDMincho-Regular.ttf --text-file=fonts/mincho.txt --output-file=fonts/mincho.ttf --no-hinting --layout-features= --drop-tables+=DSIG,GSUB,vhea,vmtx,gasp,meta,post,OS/2 --name-IDs=0,1,2,13,14 --notdef-outline
//go:generate /usr/bin/python3 -m fontTools.subset /usr/share/fonts/truetype/bizud-gothic/BIZUDGothic-Regular.ttf --text-file=fonts/gothic.txt --output-file=fonts/gothic.ttf --no-hinting --layout-features= --drop-tables+=DSIG,GSUB,vhea,vmtx,gasp,meta,post,OS/2 --name-IDs=0,1,2,13,14 --notdef-outline

var (
	//go:embed fonts/mincho.ttf
	minchoTTF []byte
	//go:embed fonts/gothic.ttf
	gothicTTF []byte
)

// fontID chooses one of the two faces.
type fontID int

const (
	mincho fontID = iota // values
	gothic               // labels, titles, small print
	numFonts
)

// faces parses the committed fonts on first use, not when the process starts.
var faces = sync.OnceValue(func() [numFonts]*face {
	return [numFonts]*face{mustFace("BIZUDMincho", minchoTTF), mustFace("BIZUDGothic", gothicTTF)}
})

// mustFace panics only over the bytes committed in this package, which a test parses.
func mustFace(name string, ttf []byte) *face {
	f, err := parseFace(name, ttf)
	if err != nil {
		panic("sheet: committed font " + name + ": " + err.Error())
	}
	return f
}

// Has reports whether values holding r can be printed.
func Has(r rune) bool { return faces()[mincho].glyph.of(r) != 0 }

// maxGlyphs is the room of a glyphSet.
const maxGlyphs = 2048

// glyphSet says which glyphs of a face a page uses.
type glyphSet [maxGlyphs / 64]uint64

func (s *glyphSet) add(g uint16) { s[g/64] |= 1 << (g % 64) }

func (s *glyphSet) union(o *glyphSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// all yields the glyphs of s in order.
func (s *glyphSet) all(yield func(uint16) bool) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			if !yield(uint16(64*i + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}

// glyphMap maps the runes of the basic multilingual plane to glyphs: each character is looked up thrice.
type glyphMap [256]*[256]uint16

// of returns the glyph of r, or 0 (.notdef).
func (m *glyphMap) of(r rune) uint16 {
	if r < 0 || r > 0xffff || m[r>>8] == nil {
		return 0
	}
	return m[r>>8][r&0xff]
}

func (m *glyphMap) set(r rune, g uint16) {
	if m[r>>8] == nil {
		m[r>>8] = new([256]uint16)
	}
	m[r>>8][r&0xff] = g
}

// all yields the runes that have a glyph, in order.
func (m *glyphMap) all(yield func(rune, uint16) bool) {
	for r := range rune(0x10000) {
		if g := m.of(r); g != 0 && !yield(r, g) {
			return
		}
	}
}

// face is one parsed TrueType subset, read-only. Glyph numbers stay the committed font's own in every
// document, so that pages drawn apart can share one font program.
type face struct {
	name    string
	upem    int
	glyph   glyphMap
	advance []uint16 // font units
	bearing []int16
	outline [][]byte // glyf entries, padded to four bytes
	sums    []uint32 // their TrueType checksums
	tables  map[string][]byte
	bbox    [4]int
	ascent  int
	descent int

	constant  []byte // the constant tables of every program
	toUnicode []byte // a whole stream
	widths    string // the /W array
}

var errFont = errors.New("not the TrueType subset this package reads")

func parseFace(name string, ttf []byte) (f *face, err error) {
	defer func() { // a short table is an index out of range
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("%w: %v", errFont, r)
		}
	}()
	f = &face{name: name, tables: map[string][]byte{}}
	ttf = ttf[:len(ttf):len(ttf)] // a table may not reach into spare capacity
	be := binary.BigEndian
	for i := range int(be.Uint16(ttf[4:])) {
		r := ttf[12+16*i:]
		off, n := be.Uint32(r[8:]), be.Uint32(r[12:])
		f.tables[string(r[:4])] = ttf[off : off+n]
	}
	f.readMetrics()
	if len(f.advance) > maxGlyphs {
		return nil, fmt.Errorf("%w: too many glyphs", errFont)
	}
	f.readOutlines()
	f.readCmap()
	if err := f.prepare(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *face) readMetrics() {
	be := binary.BigEndian
	head, hhea, hmtx := f.tables["head"], f.tables["hhea"], f.tables["hmtx"]
	f.upem = int(be.Uint16(head[18:]))
	for i := range f.bbox {
		f.bbox[i] = f.em(int(int16(be.Uint16(head[36+2*i:]))))
	}
	f.ascent, f.descent = f.em(int(int16(be.Uint16(hhea[4:])))), f.em(int(int16(be.Uint16(hhea[6:]))))
	long := int(be.Uint16(hhea[34:]))
	for g := range int(be.Uint16(f.tables["maxp"][4:])) {
		f.advance = append(f.advance, be.Uint16(hmtx[4*min(g, long-1):]))
		at := 4*g + 2
		if g >= long {
			at = 4*long + 2*(g-long)
		}
		f.bearing = append(f.bearing, int16(be.Uint16(hmtx[at:])))
	}
}

// em converts font units to thousandths of an em.
func (f *face) em(units int) int { return units * 1000 / f.upem }

func (f *face) readOutlines() {
	be := binary.BigEndian
	loca, glyf := f.tables["loca"], f.tables["glyf"]
	at := func(g int) uint32 { return 2 * uint32(be.Uint16(loca[2*g:])) }
	if be.Uint16(f.tables["head"][50:]) == 1 {
		at = func(g int) uint32 { return be.Uint32(loca[4*g:]) }
	}
	for g := range f.advance {
		o := append([]byte(nil), glyf[at(g):at(g+1)]...)
		for len(o)%4 != 0 {
			o = append(o, 0)
		}
		f.outline = append(f.outline, o)
	}
}

// readCmap reads the Windows BMP subtable, format 4 (OpenType, "cmap").
func (f *face) readCmap() {
	be := binary.BigEndian
	cmap := f.tables["cmap"]
	for i := range int(be.Uint16(cmap[2:])) {
		if r := cmap[4+8*i:]; be.Uint16(r) == 3 && be.Uint16(r[2:]) == 1 {
			f.readSegments(cmap[be.Uint32(r[4:]):])
		}
	}
}

func (f *face) readSegments(s []byte) {
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
			f.glyph.set(rune(c), uint16(g+delta))
		}
	}
}

// width returns the advance of g in thousandths of an em.
func (f *face) width(g uint16) int { return f.em(int(f.advance[g])) }

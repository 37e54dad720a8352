package sheet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"unicode/utf16"
)

// program is a font program made for one document.
type program struct {
	zlib   []byte
	length int    // before compression
	tag    string // six letters, ISO 32000-1 section 9.6.4
}

// constantTables are the tables of a program that are the same in every document, in their order in the file.
var constantTables = []string{"head", "hhea", "hmtx", "maxp"}

// prepare makes everything that does not depend on the document.
func (f *face) prepare() error {
	for g, o := range f.outline {
		if len(o) > 1 && int16(binary.BigEndian.Uint16(o)) < 0 {
			return fmt.Errorf("%w: glyph %d is a composite", errFont, g)
		}
		f.sums = append(f.sums, sfntSum(o))
	}
	head := bytes.Clone(f.tables["head"])
	binary.BigEndian.PutUint32(head[8:], 0)  // checkSumAdjustment: meant for files, not for programs
	binary.BigEndian.PutUint16(head[50:], 1) // long loca
	f.tables["head"] = head
	for _, name := range constantTables {
		f.constant = append(f.constant, f.tables[name]...)
		f.constant = append(f.constant, make([]byte, -len(f.constant)&3)...)
	}
	f.toUnicode = deflateOnce(f.toUnicodeMap())
	f.widths = f.widthArray()
	return nil
}

// subset makes the program that holds the outlines of used and of .notdef; all others are empty.
func (f *face) subset(used glyphSet) program {
	used.add(0)
	loca := make([]byte, 0, 4*(len(f.outline)+1))
	size, sum := 0, uint32(0)
	for g := range used.all {
		for len(loca) <= 4*int(g) {
			loca = binary.BigEndian.AppendUint32(loca, uint32(size))
		}
		size += len(f.outline[g])
		sum += f.sums[g]
	}
	for len(loca) <= 4*len(f.outline) {
		loca = binary.BigEndian.AppendUint32(loca, uint32(size))
	}
	b := f.directory(loca, size, sum)
	b = slices.Grow(b, len(f.constant)+len(loca)+size)
	b = append(append(b, f.constant...), loca...)
	for g := range used.all {
		b = append(b, f.outline[g]...)
	}
	return program{store(b), len(b), subsetTag(sum)}
}

// directory is the sfnt header for the constant tables, loca and glyf, in this order in the file and sorted
// by name in the directory (OpenType, "Table Directory").
func (f *face) directory(loca []byte, glyfSize int, glyfSum uint32) []byte {
	n := len(constantTables) + 2
	off := uint32(12 + 16*n)
	records := map[string][3]uint32{}
	for _, name := range constantTables {
		t := f.tables[name]
		records[name] = [3]uint32{sfntSum(t), off, uint32(len(t))}
		off += uint32(len(t)+3) &^ 3
	}
	records["loca"] = [3]uint32{sfntSum(loca), off, uint32(len(loca))}
	records["glyf"] = [3]uint32{glyfSum, off + uint32(len(loca)), uint32(glyfSize)}
	d := []byte{0, 1, 0, 0, 0, byte(n), 0, 64, 0, 2, 0, byte(16*n - 64)}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		d = append(d, name...)
		for _, v := range records[name] {
			d = binary.BigEndian.AppendUint32(d, v)
		}
	}
	return d
}

// sfntSum is the TrueType table checksum of b, padded with zeros.
func sfntSum(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}

// subsetTag names a subset by its contents.
func subsetTag(sum uint32) string {
	var tag [6]byte
	for i := range tag {
		tag[i] = 'A' + byte(sum%26)
		sum /= 26
	}
	return string(tag[:])
}

// toUnicodeMap is the ToUnicode CMap of all glyphs (ISO 32000-1 section 9.10.3).
func (f *face) toUnicodeMap() []byte {
	runes := make([]rune, len(f.advance)) // the lowest rune of each glyph
	for r, g := range f.glyph.all {
		if runes[g] == 0 {
			runes[g] = r
		}
	}
	var lines []string
	for g, r := range runes {
		if r == 0 {
			continue
		}
		line := fmt.Sprintf("<%04X> <", g)
		for _, u := range utf16.Encode([]rune{r}) {
			line += fmt.Sprintf("%04X", u)
		}
		lines = append(lines, line+">\n")
	}
	b := []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for part := range slices.Chunk(lines, 100) { // a section holds at most 100 entries
		b = fmt.Appendf(b, "%d beginbfchar\n", len(part))
		for _, l := range part {
			b = append(b, l...)
		}
		b = append(b, "endbfchar\n"...)
	}
	return append(b, "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"...)
}

// widthArray is the /W array: runs of glyphs that are not as wide as /DW 1000.
func (f *face) widthArray() string {
	b := []byte("[")
	for g := 0; g < len(f.advance); {
		w, first := f.width(uint16(g)), g
		for g < len(f.advance) && f.width(uint16(g)) == w {
			g++
		}
		if w != 1000 {
			b = fmt.Appendf(b, "%d %d %d ", first, g-1, w)
		}
	}
	return string(append(b, ']'))
}

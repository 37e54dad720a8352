package sheet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The subsets hold what the lists beside them say, are small enough to commit, and bring their licence.
func TestCommittedFonts(t *testing.T) {
	for id, name := range map[fontID]string{mincho: "mincho", gothic: "gothic"} {
		list, err := os.ReadFile("fonts/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range strings.ReplaceAll(string(list), "\n", "") {
			n++
			if faces()[id].glyph.of(r) == 0 {
				t.Errorf("%s lacks %q", name, r)
			}
		}
		if n < 500 {
			t.Errorf("%s: a list of %d characters", name, n)
		}
		licence, err := os.ReadFile("fonts/OFL-" + faces()[id].name + ".txt")
		if err != nil || !bytes.Contains(licence, []byte("SIL OPEN FONT LICENSE Version 1.1")) || !bytes.HasPrefix(licence, []byte("Copyright 2022 The BIZ UD")) {
			t.Errorf("%s: no licence beside the font (%v)", name, err)
		}
	}
	for _, ttf := range [][]byte{minchoTTF, gothicTTF} {
		if len(ttf) > 400<<10 {
			t.Errorf("a font of %d bytes is too much to commit", len(ttf))
		}
	}
}

func TestHas(t *testing.T) {
	for r, want := range map[rune]bool{'架': true, 'ア': true, 'あ': true, '　': true, '髙': true, '﨑': true, 'A': true, '\n': false, 0: false, '𠮷': false, -1: false, '😀': false} {
		if Has(r) != want {
			t.Errorf("Has(%q) is %t", r, !want)
		}
	}
}

// A document's program is a TrueType font: true sums, the outlines asked for, all others empty.
func TestSubsetProgram(t *testing.T) {
	face := faces()[mincho]
	rapid.Check(t, func(t *rapid.T) {
		var used glyphSet
		for _, g := range rapid.SliceOf(rapid.Uint16Range(0, uint16(len(face.advance)-1))).Draw(t, "glyphs") {
			used.add(g)
		}
		p := face.subset(used)
		ttf := inflate(t, p.zlib)
		if len(ttf) != p.length {
			t.Fatalf("Length1 %d, truly %d", p.length, len(ttf))
		}
		tables := checkedTables(t, ttf)
		loca, glyf := tables["loca"], tables["glyf"]
		used.add(0)
		for g := range face.outline {
			from, to := binary.BigEndian.Uint32(loca[4*g:]), binary.BigEndian.Uint32(loca[4*g+4:])
			want := face.outline[g]
			if used[g/64]>>(g%64)&1 == 0 {
				want = nil
			}
			if !bytes.Equal(glyf[from:to], want) {
				t.Fatalf("glyph %d has another outline", g)
			}
		}
	})
}

func checkedTables(t *rapid.T, ttf []byte) map[string][]byte {
	tables := map[string][]byte{}
	be := binary.BigEndian
	before := ""
	for i := range int(be.Uint16(ttf[4:])) {
		r := ttf[12+16*i:]
		name, off, n := string(r[:4]), be.Uint32(r[8:]), be.Uint32(r[12:])
		if name <= before || off%4 != 0 {
			t.Fatalf("directory out of order at %s", name)
		}
		before, tables[name] = name, ttf[off:off+n]
		if sfntSum(tables[name]) != be.Uint32(r[4:]) {
			t.Fatalf("wrong sum of %s", name)
		}
	}
	return tables
}

// A damaged font is an error, never a panic.
func FuzzParseFace(f *testing.F) {
	f.Add(0, byte(1), len(gothicTTF))
	f.Add(4, byte(0xff), len(gothicTTF))
	f.Add(200, byte(7), 300)
	f.Add(140, byte(0x90), len(gothicTTF))
	f.Fuzz(func(t *testing.T, at int, x byte, n int) {
		if at < 0 || n < 0 || n > len(gothicTTF) || at >= n {
			return
		}
		ttf := bytes.Clone(gothicTTF[:n])
		ttf[at] ^= x
		if face, err := parseFace("damaged", ttf); err != nil && (face != nil || !errors.Is(err, errFont)) {
			t.Fatalf("a face and an error, or a stranger's error: %v", err)
		}
	})
}

func TestDamagedFontsAreRefused(t *testing.T) {
	composite := bytes.Clone(gothicTTF)
	face := faces()[gothic]
	at := bytes.Index(composite, face.outline[face.glyph.of('見')])
	if at < 0 {
		t.Fatal("the outline is not in the file")
	}
	binary.BigEndian.PutUint16(composite[at:], 0xffff)
	for name, ttf := range map[string][]byte{"empty": {}, "cut": gothicTTF[:1000], "composite": composite} {
		if _, err := parseFace(name, ttf); !errors.Is(err, errFont) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Outlines are read right: their ink is the box that each glyph's header states (control points lie within it
// in these fonts, or the curve's extremes are on points).
func TestOutlinesFillTheirBoxes(t *testing.T) {
	for _, face := range faces() {
		drawn := 0
		for g, b := range face.outline {
			contours := face.contours(uint16(g))
			if len(b) == 0 {
				continue
			}
			drawn++
			low, high := ink(contours)
			var box [4]float64
			for i := range box {
				box[i] = float64(int16(binary.BigEndian.Uint16(b[2+2*i:])))
			}
			if low.x > box[0] || low.y > box[1] || high.x < box[2] || high.y < box[3] || low.x < box[0]-200 || high.x > box[2]+200 {
				t.Fatalf("%s glyph %d: ink %v %v, box %v", face.name, g, low, high, box)
			}
		}
		if drawn < 400 {
			t.Errorf("%s: %d outlines", face.name, drawn)
		}
	}
}

func TestWidths(t *testing.T) {
	for s, want := range map[string]float64{"架空": 20, "AB": 10, "": 0, "架A": 15} {
		if got := value.sized(10).measure(s); got != want {
			t.Errorf("%q is %v points wide, want %v", s, got, want)
		}
	}
	wide := value.sized(10)
	wide.spaced, wide.scale = 2, 0.5
	if got := wide.measure("架空"); got != 11 {
		t.Errorf("spaced and condensed: %v", got)
	}
}

package sheet

import "strings"

// narrowest is how far a value is condensed before it is set in several lines.
const narrowest = 0.8

// maxRunes is the longest value that is set at all.
const maxRunes = 300

// noLineStart are characters that do not begin a line (行頭禁則).
const noLineStart = "、。，．・：；？！）］｝」』】〕〉》ー々ゝゞヽヾぁぃぅぇぉっゃゅょァィゥェォッャュョ,.)]}"

// fit sets s into a width: in one line, condensed if need be, else in several lines.
func fit(f font, s string, width float64) (font, []string) {
	natural := f.measure(s)
	if natural <= width {
		return f, []string{s}
	}
	if natural*narrowest <= width {
		f.scale = width / natural
		return f, []string{s}
	}
	f.size *= 0.9
	return f, wrap(f, s, width)
}

// within condenses f as far as it takes to set s in one line of a width.
func (f font) within(s string, width float64) font {
	if natural := f.measure(s); natural > width {
		f.scale *= width / natural
	}
	return f
}

// wrap breaks s into lines of at most width, keeping forbidden characters from the beginning of a line.
func wrap(f font, s string, width float64) []string {
	var lines []string
	runes := []rune(s)
	for len(runes) > 0 {
		n := f.fitting(runes, width)
		for n < len(runes) && n > 1 && strings.ContainsRune(noLineStart, runes[n]) {
			n--
		}
		lines, runes = append(lines, string(runes[:n])), runes[n:]
	}
	return lines
}

// fitting returns how many of runes fit into width: at least one.
func (f font) fitting(runes []rune, width float64) int {
	face := faces()[f.id]
	em := 0
	for i, r := range runes {
		em += face.width(face.glyph.of(r))
		if i > 0 && float64(em)/1000*f.size*f.scale > width {
			return i
		}
	}
	return len(runes)
}

package console

import (
	"unicode"

	"golang.org/x/text/width"
)

// cells is how many columns of a screen a character takes: 2 for the wide ones of Japanese (Unicode Standard Annex 11), 0
// for what is not printed. A character of ambiguous width takes one, as in terminals that speak UTF-8.
func cells(r rune) int {
	switch {
	case r < ' ' || r >= 0x7F && r < 0xA0:
		return 0
	case r < 0x300:
		return 1
	case !unicode.IsPrint(r) && r != '\u3000' || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// columns is how many columns a text takes.
func columns[S string | []rune](s S) (n int) {
	for _, r := range []rune(string(s)) {
		n += cells(r)
	}
	return n
}

// wrap breaks a text into lines of at most so many columns: at a space where there is one, else, as in Japanese, anywhere.
func wrap(s string, most int) (lines []string) {
	line, space, n := []rune{}, -1, 0
	for _, r := range s {
		if w := cells(r); n+w > most && len(line) > 0 {
			rest := []rune{}
			if space > 0 && r != ' ' {
				rest = append(rest, line[space+1:]...)
				line = line[:space]
			}
			lines = append(lines, string(line))
			line, space = rest, -1
			n = columns(line)
			if r == ' ' {
				continue
			}
		}
		if r == ' ' {
			space = len(line)
		}
		line = append(line, r)
		n += cells(r)
	}
	return append(lines, string(line))
}

// Package individual knows what could be somebody's Individual Number (個人番号, My Number), so that no text that leaves the terminal holds one.
//
// The number has twelve digits (行政手続における特定の個人を識別するための番号の利用等に関する法律施行令, article 8), which people write with single spaces or
// hyphens within. A longer number, as of an account, is taken for one, too.
package individual

import "unicode"

// digits is how many the number has.
const digits = 12

// Within reports whether s has that many digits in a row, single spaces and hyphens between them not counted.
func Within(s string) bool {
	n, gap := 0, false
	for _, r := range s {
		switch {
		case unicode.IsDigit(r): // full-width ones, too
			n, gap = n+1, false
		case n > 0 && !gap && (r == ' ' || r == '-'):
			gap = true
		default:
			n, gap = 0, false
		}
		if n >= digits {
			return true
		}
	}
	return false
}

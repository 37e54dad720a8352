package console

import (
	"context"
	"strconv"
	"strings"
)

// screen is the far end as far as it is known. A dumb one gets printable characters, CR, LF and backspace, nothing else:
// with those alone everything works. One that shows by a key or an answer that it speaks VT100 gets its control sequences
// where they save bytes.
type screen struct {
	wire          *wire
	vt            bool
	rows, columns int
	paged         bool
	sizing        bool // it was asked for its size
}

// The screen of which nothing is known.
const defaultRows, defaultColumns = 24, 80

func (s *screen) write(text string) error {
	if text == "" {
		return nil
	}
	_, err := s.wire.write(context.Background(), []byte(text))
	return err
}

// move goes from one column to another of a line whose characters are shown.
func (s *screen) move(shown []rune, from, to int) string {
	switch {
	case to < from:
		return s.back(from - to)
	case to > from:
		over := string(between(shown, from, to))
		if ahead := "\x1b[" + strconv.Itoa(to-from) + "C"; s.vt && len(ahead) < len(over) {
			return ahead
		}
		return over
	}
	return ""
}

func (s *screen) back(n int) string {
	if n > 4 && s.vt {
		return "\x1b[" + strconv.Itoa(n) + "D"
	}
	return strings.Repeat("\b", n)
}

// between are the characters in the columns from one to another.
func between(shown []rune, from, to int) []rune {
	a, b, n := 0, len(shown), 0
	for i, r := range shown {
		if n == from {
			a = i
		}
		if n == to {
			b = i
			break
		}
		n += cells(r)
	}
	return shown[a:b]
}

// change is what turns one line with the cursor in a column into another: no more than what differs, from the first
// difference on.
func (s *screen) change(old []rune, at int, now []rune, to int) string {
	p := 0
	for p < len(old) && p < len(now) && old[p] == now[p] {
		p++
	}
	if p == len(old) && p == len(now) {
		return s.move(now, at, to)
	}
	same, all := columns(old[:p]), columns(now)
	out := s.move(old, at, same) + string(now[p:])
	if gone := columns(old) - all; gone > 0 {
		out += s.blank(gone)
	}
	return out + s.move(now, all, to)
}

// blank takes away so many columns behind the cursor, and leaves it there.
func (s *screen) blank(n int) string {
	if s.vt && n > 1 {
		return "\x1b[K"
	}
	return strings.Repeat(" ", n) + s.back(n)
}

// ask asks the far end what it is: a VT100 and everything after it answers the question for its device attributes, whenever it
// gets to it. A dumb one shows the question as "[c" at most, which is written over at once.
func (s *screen) ask() error { return s.write("\r\x1b[c\r    \r") }

// answered takes an answer: it is a VT100, so it is asked where the cursor is in the far corner; that is its size.
func (s *screen) answered(k key) error {
	s.vt = s.vt || k.sequence && k.act != ignored
	switch {
	case k.act == identity:
		s.sizing = true
		return s.write("\x1b7\x1b[999;999H\x1b[6n\x1b8")
	case k.act == place && s.sizing:
		s.sizing = false
		s.size(k.rows, k.cols)
	}
	return nil
}

func (s *screen) size(rows, columns int) {
	if rows >= 2 && rows <= 500 {
		s.rows = rows
	}
	if columns >= 20 && columns <= 500 {
		s.columns = columns
	}
}

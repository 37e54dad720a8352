package console

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// terminal is the far end: a screen on which what is written ends up. A dumb one knows no control sequences and shows them.
type terminal struct {
	mu         sync.Mutex
	t          testing.TB
	vt         bool
	rows, cols int
	screen     [][]rune // 0 is the second column of a wide character
	y, x       int
	kept       [2]int
	esc        string
	part       []byte
	answers    string // what it sends back
	last       bool   // something was written into the last column
}

func newTerminal(t testing.TB, vt bool, rows, cols int) *terminal {
	m := &terminal{t: t, vt: vt, rows: rows, cols: cols}
	for range rows {
		m.screen = append(m.screen, m.blank())
	}
	return m
}

func (m *terminal) blank() []rune { return []rune(strings.Repeat(" ", m.cols)) }

func (m *terminal) write(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := string(append(m.part, p...))
	m.part = nil
	for i, r := range text {
		if r == '\uFFFD' { // a character was cut between two writes
			m.part = []byte(text[i:])
			return
		}
		m.put(r)
	}
}

func (m *terminal) put(r rune) {
	switch {
	case m.esc != "":
		m.sequence(r)
	case r == 0x1B && m.vt:
		m.esc = "\x1b"
	case r == 0x1B: // dumb: not shown
	case r == '\r':
		m.x = 0
	case r == '\n':
		m.feed()
	case r == '\b':
		m.x = max(0, m.x-1)
	case r < ' ':
		m.t.Errorf("control character %q", r)
	default:
		m.show(r)
	}
}

func (m *terminal) show(r rune) {
	if m.x+cells(r) > m.cols {
		m.x = 0
		m.feed()
	}
	if row := m.screen[m.y]; row[m.x] == 0 && m.x > 0 { // half of a wide one is gone
		row[m.x-1] = ' '
	}
	if next := m.x + cells(r); next < m.cols && m.screen[m.y][next] == 0 {
		m.screen[m.y][next] = ' '
	}
	m.screen[m.y][m.x] = r
	if cells(r) == 2 {
		m.screen[m.y][m.x+1] = 0
	}
	m.x += cells(r)
	m.last = m.last || m.x == m.cols
}

func (m *terminal) feed() {
	if m.y++; m.y == m.rows {
		m.y--
		m.screen = append(m.screen[1:], m.blank())
	}
}

func (m *terminal) sequence(r rune) {
	m.esc += string(r)
	if r == '[' && len(m.esc) == 2 || r >= '0' && r < 0x40 && len(m.esc) > 2 {
		return
	}
	s := m.esc
	m.esc = ""
	n, _ := strconv.Atoi(strings.Trim(s[2:], "ABCDHJKRc[;"))
	switch {
	case s == "\x1b7":
		m.kept = [2]int{m.y, m.x}
	case s == "\x1b8":
		m.y, m.x = m.kept[0], m.kept[1]
	case s == "\x1b[c":
		m.answers += "\x1b[?1;2c"
	case s == "\x1b[6n":
		m.answers += fmt.Sprintf("\x1b[%d;%dR", m.y+1, m.x+1)
	case s == "\x1b[999;999H":
		m.y, m.x = m.rows-1, m.cols-1
	case s == "\x1b[H":
		m.y, m.x = 0, 0
	case s == "\x1b[2J":
		for i := range m.screen {
			m.screen[i] = m.blank()
		}
	case s == "\x1b[K":
		copy(m.screen[m.y][m.x:], m.blank())
	case r == 'C':
		m.x = min(m.cols-1, m.x+n)
	case r == 'D':
		m.x = max(0, m.x-n)
	default:
		m.t.Errorf("a VT100 does not know %q", s)
	}
}

// row is a row of the screen as it is read.
func (m *terminal) row(y int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.TrimRight(strings.ReplaceAll(string(m.screen[y]), "\x00", ""), " ")
}

func (m *terminal) text() (out string) {
	for y := range m.rows {
		out += m.row(y) + "\n"
	}
	return strings.TrimRight(out, "\n")
}

// answer is what it sends back, once.
func (m *terminal) answer() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.answers
	m.answers = ""
	return s
}

package console

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// still is a wire on which nothing comes and everything is taken at once.
func still(t testing.TB, m *terminal) *wire {
	l := newLine()
	l.sees = m.write
	w := newWire(l, time.Minute, time.Now)
	t.Cleanup(func() { close(l.hung) })
	return w
}

func newEditor(t testing.TB, m *terminal) *editor {
	w := still(t, m)
	e := &editor{screen: &screen{wire: w, vt: m.vt, rows: m.rows, columns: m.cols}, keyboard: &keyboard{wire: w}, past: &history{}, complete: completion, prompt: "honnin> "}
	if err := e.show(); err != nil {
		t.Fatal(err)
	}
	return e
}

// model is an editor without a screen.
type model struct {
	line []rune
	at   int
}

func (m *model) press(a act, r rune) {
	cut := func(a, b int) {
		if a >= 0 && b <= len(m.line) && a < b {
			m.line = append(append([]rune{}, m.line[:a]...), m.line[b:]...)
			m.at = a
		}
	}
	switch a {
	case char:
		m.line = append(append(append([]rune{}, m.line[:m.at]...), r), m.line[m.at:]...)
		m.at++
	case erase:
		cut(m.at-1, m.at)
	case remove:
		cut(m.at, m.at+1)
	case left:
		m.at = max(0, m.at-1)
	case right:
		m.at = min(len(m.line), m.at+1)
	case home:
		m.at = 0
	case end:
		m.at = len(m.line)
	case killEnd:
		cut(m.at, len(m.line))
	case killAll:
		cut(0, m.at)
	case killWord:
		head := strings.TrimRight(string(m.line[:m.at]), " ")
		cut(len([]rune(head[:strings.LastIndexByte(head, ' ')+1])), m.at)
	}
}

// TestScreenShowsTheLine: whatever is typed, on a dumb terminal and on a VT100 of any width, the row of the screen is the part
// of the line that has room, the cursor is where it should be, and the last column stays free.
func TestScreenShowsTheLine(t *testing.T) {
	acts := []act{char, char, char, char, char, char, erase, remove, left, left, right, home, end, killEnd, killAll, killWord}
	rapid.Check(t, func(rt *rapid.T) {
		m := newTerminal(t, rapid.Bool().Draw(rt, "vt"), 4, rapid.IntRange(20, 60).Draw(rt, "columns"))
		e, want := newEditor(t, m), model{}
		for range rapid.IntRange(1, 80).Draw(rt, "keys") {
			a := rapid.SampledFrom(acts).Draw(rt, "key")
			k := key{act: a, r: rapid.SampledFrom([]rune("ab 12-状態ｱé")).Draw(rt, "character")}
			if a != char {
				k.r = 0
			}
			if done, err := e.press(k); done || err != nil {
				rt.Fatal(done, err)
			}
			want.press(k.act, k.r)
			if string(e.line) != string(want.line) || e.at != want.at {
				rt.Fatalf("%q at %d, want %q at %d", string(e.line), e.at, string(want.line), want.at)
			}
			part, col := e.visible()
			if shown := "honnin> " + string(part); m.row(0) != strings.TrimRight(shown, " ") || m.x != 8+col || m.y != 0 {
				rt.Fatalf("%q, cursor %d;%d, want %q, 0;%d", m.row(0), m.y, m.x, shown, 8+col)
			}
			if !strings.Contains(string(e.line), string(part)) || col > e.room() || m.last {
				rt.Fatalf("%q shows %q, cursor %d", string(e.line), string(part), col)
			}
		}
	})
}

// TestFewBytes: at 9600 baud a byte is a millisecond.
func TestFewBytes(t *testing.T) {
	for _, c := range []struct {
		what    string
		vt      bool
		line    string
		at      int
		press   key
		written string
	}{
		{"a character at the end", false, "statu", 5, key{r: 's'}, "s"},
		{"backspace at the end", false, "status", 6, key{act: erase}, "\b \b"},
		{"backspace over a wide one", false, "状態", 2, key{act: erase}, "\b\b  \b\b"},
		{"a wide one on a VT100", true, "状態", 2, key{act: erase}, "\b\b\x1b[K"},
		{"a character in the middle", false, "satus", 1, key{r: 't'}, "tatus\b\b\b\b"},
		{"left", true, "status", 6, key{act: left}, "\b"},
		{"home", true, "journal tail", 12, key{act: home}, "\x1b[12D"},
		{"home, dumb", false, "log", 3, key{act: home}, "\b\b\b"},
		{"end", true, "journal tail", 0, key{act: end}, "\x1b[12C"},
		{"right", true, "status", 2, key{act: right}, "a"},
		{"kill", true, "journal tail", 8, key{act: killEnd}, "\x1b[K"},
		{"kill, dumb", false, "journal", 4, key{act: killEnd}, "   \b\b\b"},
		{"nothing to do", true, "status", 0, key{act: erase}, ""},
	} {
		e := newEditor(t, newTerminal(t, c.vt, 24, 80))
		e.line, e.at = []rune(c.line), c.at
		if err := e.draw(); err != nil {
			t.Fatal(err)
		}
		l := newLine()
		e.screen.wire = newWire(l, time.Minute, time.Now)
		if _, err := e.press(c.press); err != nil || string(l.out) != c.written {
			t.Errorf("%s: %q, want %q (%v)", c.what, l.out, c.written, err)
		}
		close(l.hung)
	}
}

func TestHistory(t *testing.T) {
	h := &history{}
	for _, s := range []string{"a", "b", "b", "", "c"} {
		h.add(s)
	}
	got := []string{h.older("x"), h.older("c"), h.older("b"), h.older("a"), h.newer("a"), h.newer("b"), h.newer("c"), h.newer("x")}
	if s := strings.Join(got, ""); s != "cbaabcxx" {
		t.Error(s)
	}
	for i := range 3 * historyLines {
		h.add(strings.Repeat("x", i+1))
	}
	if len(h.lines) != historyLines || len(h.lines[historyLines-1]) != 3*historyLines {
		t.Error(len(h.lines))
	}
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "状態": 4, "ｱｲ": 2, "é": 1, "e\u0301": 1, "　": 2, "\x1b\u009b": 0, "ー。": 4} {
		if columns(s) != want {
			t.Errorf("%q: %d, want %d", s, columns(s), want)
		}
	}
	for s, want := range map[string]string{"one two three": "one two|three", "一二三四五六七": "一二三四|五六七", "abcdefghijkl": "abcdefgh|ijkl", "": "", "one two th": "one two|th"} {
		if got := strings.Join(wrap(s, 8), "|"); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

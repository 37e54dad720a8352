package console

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

var (
	errBreak  = errors.New("console: break")
	errNoise  = errors.New("console: noise")
	errLong   = errors.New("console: too long")
	errCancel = errors.New("console: Ctrl-C")
	errBye    = errors.New("console: Ctrl-D")
)

// mostOdd is how many unknown keys, or tabs, somebody may press in a row; more are noise.
const mostOdd = 32

// editor is the line that is being typed, and what of it is on the screen.
type editor struct {
	screen   *screen
	keyboard *keyboard
	complete func(before string) (insert string, choices []string)
	past     *history

	prompt string
	line   []rune
	at     int // of the cursor, in line
	first  int // of what the screen has room for
	shown  []rune
	col    int  // of the cursor, in columns of shown
	drawn  bool // the prompt is on the screen
	odd    int  // unknown keys and tabs, one after the other
}

// read edits one line and returns it. The prompt is written as soon as nothing more waits to be read, so that a flood is
// not answered by one. idle is asked at each key. Errors: errQuiet after it, errCancel, errBye (on an empty line), errBreak, errNoise, errLong, the line's.
func (e *editor) read(ctx context.Context, prompt string, idle func() time.Duration) (string, error) {
	*e = editor{screen: e.screen, keyboard: e.keyboard, complete: e.complete, past: e.past, prompt: prompt}
	e.past.back = 0
	for {
		if !e.drawn && !e.keyboard.wire.pending() {
			if err := e.show(); err != nil {
				return "", err
			}
		}
		k, err := e.keyboard.next(ctx, idle())
		if err != nil {
			return "", err
		}
		if e.odd++; k.act != ignored && k.act != tab {
			e.odd = 0
		}
		if e.odd > mostOdd {
			return "", errNoise
		}
		if err := e.screen.answered(k); err != nil {
			return "", err
		}
		done, err := e.press(k)
		if done || err != nil {
			return string(e.line), err
		}
	}
}

func (e *editor) press(k key) (done bool, err error) {
	switch k.act {
	case enter:
		return true, e.enter()
	case cancel:
		if e.drawn {
			err = e.screen.write("^C\r\n")
		}
		return false, errors.Join(err, errCancel)
	case brk:
		return false, errBreak
	case noise:
		return false, errNoise
	case bye:
		if len(e.line) == 0 {
			return false, errBye
		}
		e.cut(e.at, e.at+1)
	case tab:
		return false, e.tab()
	case clear:
		return false, e.clear()
	case char:
		if !e.insert([]rune{k.r}) {
			return false, errLong
		}
	default:
		e.edit(k.act)
	}
	return false, e.draw()
}

// enter leaves the line as it was typed: what is behind the cursor is passed over.
func (e *editor) enter() error {
	e.at = len(e.line)
	if !e.drawn && len(e.line) == 0 { // one of a flood of them
		return nil
	}
	if !e.drawn {
		if err := e.show(); err != nil {
			return err
		}
	}
	if err := e.draw(); err != nil {
		return err
	}
	return e.screen.write("\r\n")
}

// edit is what the other keys do to the line.
func (e *editor) edit(a act) {
	switch a {
	case erase:
		e.cut(e.at-1, e.at)
	case remove:
		e.cut(e.at, e.at+1)
	case left:
		e.at = max(0, e.at-1)
	case right:
		e.at = min(len(e.line), e.at+1)
	case home:
		e.at = 0
	case end:
		e.at = len(e.line)
	case killEnd:
		e.cut(e.at, len(e.line))
	case killAll:
		e.cut(0, e.at)
	case killWord:
		e.cut(e.wordBefore(), e.at)
	case up:
		e.replace(e.past.older(string(e.line)))
	case down:
		e.replace(e.past.newer(string(e.line)))
	}
}

func (e *editor) wordBefore() int {
	i := e.at
	for i > 0 && e.line[i-1] == ' ' {
		i--
	}
	for i > 0 && e.line[i-1] != ' ' {
		i--
	}
	return i
}

// cut takes characters away. Outside the line there are none.
func (e *editor) cut(from, to int) {
	from, to = max(0, from), min(to, len(e.line))
	if from < to {
		e.line = slices.Delete(e.line, from, to)
		e.at = from
	}
}

// insert is false where the line would be longer than any command. A character without width is left out.
func (e *editor) insert(r []rune) bool {
	r = slices.DeleteFunc(r, func(r rune) bool { return cells(r) == 0 })
	if len(string(e.line))+len(string(r)) > MaxLine {
		return false
	}
	e.line = slices.Insert(e.line, e.at, r...)
	e.at += len(r)
	return true
}

func (e *editor) replace(text string) {
	e.line = []rune(text)
	e.at = len(e.line)
}

// room is how many columns the line has on the screen; the last one stays free, for there some terminals begin a new line.
func (e *editor) room() int { return max(8, e.screen.columns-columns(e.prompt)-1) }

// draw brings the screen up to date.
func (e *editor) draw() error {
	if !e.drawn {
		return nil
	}
	now, to := e.visible()
	out := e.screen.change(e.shown, e.col, now, to)
	e.shown, e.col = slices.Clone(now), to
	return e.screen.write(out)
}

// visible is the part of the line that has room, and the cursor's column in it. Where the cursor leaves it, it moves by
// half of the room, so that it does so seldom.
func (e *editor) visible() (part []rune, col int) {
	room := e.room()
	if e.at < e.first || columns(e.line[e.first:e.at]) > room {
		e.first = e.at
		for e.first > 0 && columns(e.line[e.first-1:e.at]) <= room/2 {
			e.first--
		}
	}
	part = e.line[e.first:]
	for n, i := 0, 0; i < len(part); i++ {
		if n += cells(part[i]); n > room {
			part = part[:i]
			break
		}
	}
	return part, columns(e.line[e.first:e.at])
}

// show writes the prompt and the line, at the beginning of a line of the screen.
func (e *editor) show() error {
	e.drawn, e.shown, e.col = true, nil, 0
	if err := e.screen.write(e.prompt); err != nil {
		return err
	}
	return e.draw()
}

// clear empties the screen, or begins a new line where that cannot be done.
func (e *editor) clear() error {
	out := "\r\n"
	if e.screen.vt {
		out = "\x1b[H\x1b[2J"
	}
	if err := e.screen.write(out); err != nil {
		return err
	}
	return e.show()
}

// tab completes the word before the cursor, or shows what it may become.
func (e *editor) tab() error {
	insert, choices := e.complete(string(e.line[:e.at]))
	if insert != "" {
		if !e.insert([]rune(insert)) {
			return nil
		}
		return e.draw()
	}
	if len(choices) == 0 || !e.drawn || e.keyboard.wire.pending() {
		return nil
	}
	out := "\r\n"
	for _, s := range wrap(strings.Join(choices, "  "), e.screen.columns-1) {
		out += s + "\r\n"
	}
	if err := e.screen.write(out); err != nil {
		return err
	}
	return e.show()
}

// history is the lines of a session, the newest last.
type history struct {
	lines []string
	back  int    // how far the editor has gone back
	draft string // what was being typed then
}

const historyLines = 100

func (h *history) add(line string) {
	h.back = 0
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > historyLines {
		h.lines = slices.Delete(h.lines, 0, 1)
	}
}

func (h *history) older(typed string) string {
	if h.back == len(h.lines) {
		return typed
	}
	if h.back == 0 {
		h.draft = typed
	}
	h.back++
	return h.lines[len(h.lines)-h.back]
}

func (h *history) newer(typed string) string {
	if h.back == 0 {
		return typed
	}
	if h.back--; h.back == 0 {
		return h.draft
	}
	return h.lines[len(h.lines)-h.back]
}

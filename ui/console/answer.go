package console

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
)

// Answer takes the lines of one command's answer, holds each against the table, and writes them: aligned and paged for
// people, as objects for programs. Its methods are for the goroutine that Do runs on.
type Answer struct {
	call  Call
	lang  string
	who   Who
	width int
	print func(line string) error                                               // one line of the screen, or of JSON
	wire  func(ctx context.Context, do func(context.Context, Wire) error) error // nil: no file goes over it

	rows   [][]Value
	of     Line
	titled string // the code of the title that was written last
	shown  []int  // the columns of its table
	said   bool   // a line was written
	err    error
}

// batch is how many rows of a table are aligned together.
const batch = 200

// Row writes one line of the answer: a value for each field of the row in the table with this code. An error ends the
// answer: Do returns it.
func (a *Answer) Row(code string, values ...Value) error {
	if a.err != nil {
		return a.err
	}
	l, ok := a.call.Command.line(code)
	if !ok || !l.fits(values) {
		a.err = Fail(Unfit)
		return a.err
	}
	values = l.for_(a.who, values)
	if a.call.JSON {
		a.err = a.print(l.object(values, a.lang))
		return a.err
	}
	if a.of.Code != l.Code || len(a.rows) == batch {
		if err := a.Flush(); err != nil {
			return err
		}
	}
	a.of, a.rows = l, append(a.rows, values)
	return nil
}

// fits reports whether there is a value for each field, of its kind or not known.
func (l Line) fits(values []Value) bool {
	return slices.EqualFunc(l.Fields, values, func(f Field, v Value) bool { return v.kind == f.Kind || v.kind == "" })
}

// for_ leaves out what is not for somebody.
func (l Line) for_(w Who, values []Value) []Value {
	out := slices.Clone(values)
	for i, f := range l.Fields {
		if f.Signed && w.Role == Nobody {
			out[i] = None()
		}
	}
	return out
}

func (l Line) object(values []Value, lang string) string {
	pairs := []pair{{"code", l.Code}}
	for i, f := range l.Fields {
		pairs = append(pairs, pair{f.Key, values[i].json(lang)})
	}
	return object(pairs...)
}

// Flush writes the rows that wait to be aligned: for a command that goes on for long.
func (a *Answer) Flush() error {
	rows := a.rows
	a.rows = nil
	for _, s := range a.laidOut(rows) {
		if a.err != nil {
			break
		}
		a.err = a.say(s)
	}
	return a.err
}

// say writes a line.
func (a *Answer) say(line string) error {
	a.said = true
	return a.print(line)
}

func (a *Answer) laidOut(rows [][]Value) (out []string) {
	if len(rows) == 0 {
		return nil
	}
	shown := a.of.shows(a.who, rows)
	if a.titled == a.of.Code { // titles stay for what comes later and has less
		shown = slices.Compact(slices.Sorted(slices.Values(slices.Concat(shown, a.shown))))
	}
	again := a.titled == a.of.Code && slices.Equal(a.shown, shown)
	a.titled, a.shown = a.of.Code, shown
	if len(shown) == 0 {
		return nil
	}
	if !a.of.Many {
		return a.records(rows)
	}
	cells := [][]string{}
	if !again {
		out = append(out, "== "+a.of.Title.In(a.lang))
		cells = append(cells, a.of.titles(a.lang, shown))
	}
	for _, r := range rows {
		cells = append(cells, a.of.texts(r, a.lang, shown))
	}
	for n := len(shown); n > 2 || n == len(shown); n-- {
		if lines, ok := align(folded(cells, n), a.width); ok {
			return append(out, lines...)
		}
	}
	return a.records(rows)
}

// folded are rows of n columns, the last of them with all that is left, so that it can be broken into lines.
func folded(rows [][]string, n int) (out [][]string) {
	for _, r := range rows {
		out = append(out, append(slices.Clone(r[:n-1]), strings.Join(r[n-1:], " / ")))
	}
	return out
}

// shows are the fields that people are shown: none that is not for them, and of a table none without a value in any row.
func (l Line) shows(w Who, rows [][]Value) (shown []int) {
	for i, f := range l.Fields {
		hidden := f.Signed && w.Role == Nobody
		if !hidden && (!l.Many || slices.ContainsFunc(rows, func(r []Value) bool { return r[i].kind != "" })) {
			shown = append(shown, i)
		}
	}
	return shown
}

// records writes each row field by field.
func (a *Answer) records(rows [][]Value) (out []string) {
	titles := a.of.titles(a.lang, a.shown)
	for _, r := range rows {
		out = append(out, "== "+a.of.Title.In(a.lang))
		cells := [][]string{}
		for i, s := range a.of.texts(r, a.lang, a.shown) {
			cells = append(cells, []string{titles[i] + ":", s})
		}
		lines, _ := align(cells, max(a.width, 60))
		out = append(out, lines...)
	}
	return out
}

func (l Line) titles(lang string, shown []int) (out []string) {
	for _, i := range shown {
		t := l.Fields[i].Title.In(lang)
		if l.Fields[i].Kind == KindTime {
			t += " (JST)"
		}
		out = append(out, t)
	}
	return out
}

func (l Line) texts(values []Value, lang string, shown []int) (out []string) {
	for _, i := range shown {
		out = append(out, l.Fields[i].text(values[i], lang))
	}
	return out
}

func (f Field) text(v Value, lang string) string {
	if v.kind == KindWord {
		return wordIn(f.Key, v.s, lang)
	}
	return v.text(lang, f.Unit)
}

// lastLeast is the least width of a last column in which text is broken into lines.
const lastLeast = 20

// align puts rows into columns within a width; the last one is broken into lines. It is false where that cannot be.
func align(rows [][]string, most int) (out []string, ok bool) {
	n := len(rows[0])
	widths := make([]int, n)
	for _, r := range rows {
		for i, s := range r {
			widths[i] = max(widths[i], columns(s))
		}
	}
	left := 0
	for _, w := range widths[:n-1] {
		left += w + 2
	}
	last := min(widths[n-1], most-1-left)
	if last < min(lastLeast, widths[n-1]) {
		return nil, false
	}
	for _, r := range rows {
		var b strings.Builder
		for i, s := range r[:n-1] {
			b.WriteString(s + strings.Repeat(" ", widths[i]-columns(s)+2))
		}
		for i, s := range wrap(r[n-1], max(last, 2)) {
			if i > 0 {
				b.Reset()
				b.WriteString(strings.Repeat(" ", left))
			}
			out = append(out, strings.TrimRight(b.String()+s, " "))
		}
	}
	return out, true
}

// Record has a machine do a line as a program in this role would type it, and returns the objects of its answer, one a line, "done" the last: for files
// that are made of answers, and so hold what the table lets through. Nothing is asked or journalled.
func Record(ctx context.Context, m Machine, who Who, line string) ([]byte, error) {
	c, err := Parse(line + " --json")
	if err != nil {
		return nil, err
	}
	if !may(who.Role, c.Command.Need) || c.Command.own || c.Command.Ask != (Text{}) {
		return nil, Fail(RoleNeeded)
	}
	var out bytes.Buffer
	a := &Answer{call: c, lang: "en", who: who, print: func(line string) error {
		out.WriteString(line + "\n")
		return nil
	}}
	err = m.Do(ctx, who, c, a)
	err = errors.Join(err, a.done(err))
	return out.Bytes(), err
}

// Transfer gives the line to do, for a file. Nothing else is read or written meanwhile; Ctrl-C is a byte like any other.
func (a *Answer) Transfer(ctx context.Context, do func(context.Context, Wire) error) error {
	if err := a.Flush(); err != nil {
		return err
	}
	if a.wire == nil {
		return Fail(NoLine)
	}
	if !a.call.JSON && a.call.Command.Moves != (Text{}) {
		if err := a.say(a.call.Command.Moves.In(a.lang)); err != nil {
			return err
		}
	}
	return a.wire(ctx, do)
}

// nothing says that there was none of what the command lists.
func (a *Answer) nothing() error {
	if c := a.call.Command; a.said || c == nil || len(c.Lines) == 0 || !c.Lines[0].Many {
		return nil
	}
	return a.say(noneWords.In(a.lang))
}

// done writes the last line of an answer: for programs always, for people where something was wrong.
func (a *Answer) done(err error) error {
	a.err = nil
	f := failure(err)
	if !a.call.JSON {
		if f == nil {
			return a.nothing()
		}
		return a.print(f.text(a.lang))
	}
	pairs := []pair{{"code", "done"}, {"command", nil}, {"result", "ok"}}
	if a.call.Command != nil {
		pairs[1].value = a.call.Command.Name
	}
	if f != nil {
		pairs[2].value = string(f.Code)
		pairs = append(pairs, pair{"text", f.Code.In(a.lang)})
		pairs = f.more(pairs)
	}
	return a.print(object(pairs...))
}

// more adds what is known of a failure.
func (f *Failure) more(pairs []pair) []pair {
	for _, p := range []pair{{"why", f.Why}, {"about", f.About}, {"hint", f.Hint}} {
		if p.value != "" {
			pairs = append(pairs, p)
		}
	}
	if f.After > 0 {
		pairs = append(pairs, pair{"after", f.After})
	}
	return pairs
}

// failure is what people and programs are told of an error; what is no Failure is not repeated.
func failure(err error) *Failure {
	var f *Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return &Failure{Code: f.Code, Why: blank(Word(f.Why)), About: f.About, Hint: f.Hint, Is: f.Is, After: f.After}
	case errors.Is(err, context.Canceled), errors.Is(err, errQuit):
		return &Failure{Code: Cancelled}
	case errors.Is(err, errQuiet):
		return &Failure{Code: Idle}
	case errors.Is(err, errBreak):
		return &Failure{Code: Break}
	case errors.Is(err, errNoise):
		return &Failure{Code: Noise}
	case errors.Is(err, errLong):
		return &Failure{Code: TooLong}
	}
	return &Failure{Code: Failed}
}

// blank is a word, or nothing where it was none.
func blank(v Value) string {
	if v.s == withheld {
		return ""
	}
	return v.s
}

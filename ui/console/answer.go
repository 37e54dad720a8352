package console

import (
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
	print func(line string) error // one line of the screen, or of JSON
	wire  func(ctx context.Context, do func(context.Context, Wire) error) error

	rows   [][]Value
	of     Line
	titled string // the code of the title that was written last
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
		a.err = a.print(s)
	}
	return a.err
}

func (a *Answer) laidOut(rows [][]Value) (out []string) {
	if len(rows) == 0 {
		return nil
	}
	again := a.titled == a.of.Code
	a.titled = a.of.Code
	if !a.of.Many {
		return a.records(rows)
	}
	cells := [][]string{}
	if !again {
		out = append(out, "== "+a.of.Title.In(a.lang))
		cells = append(cells, a.of.titles(a.lang))
	}
	for _, r := range rows {
		cells = append(cells, a.of.texts(r, a.lang))
	}
	if lines, ok := align(cells, a.width); ok {
		return append(out, lines...)
	}
	return a.records(rows)
}

// records writes each row field by field.
func (a *Answer) records(rows [][]Value) (out []string) {
	titles := a.of.titles(a.lang)
	for _, r := range rows {
		out = append(out, "== "+a.of.Title.In(a.lang))
		cells := [][]string{}
		for i, s := range a.of.texts(r, a.lang) {
			cells = append(cells, []string{titles[i] + ":", s})
		}
		lines, _ := align(cells, max(a.width, 60))
		out = append(out, lines...)
	}
	return out
}

func (l Line) titles(lang string) (out []string) {
	for _, f := range l.Fields {
		out = append(out, f.Title.In(lang))
	}
	return out
}

func (l Line) texts(values []Value, lang string) (out []string) {
	for i, f := range l.Fields {
		out = append(out, values[i].text(lang, f.Unit))
	}
	return out
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

// Transfer gives the line to do, for a file. Nothing else is read or written meanwhile; Ctrl-C is a byte like any other.
func (a *Answer) Transfer(ctx context.Context, do func(context.Context, Wire) error) error {
	if err := a.Flush(); err != nil {
		return err
	}
	return a.wire(ctx, do)
}

// done writes the last line of an answer: for programs always, for people where something was wrong.
func (a *Answer) done(err error) error {
	a.err = nil
	f := failure(err)
	if !a.call.JSON {
		if f == nil {
			return nil
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
		return &Failure{Code: f.Code, Why: blank(Word(f.Why)), About: f.About, Hint: f.Hint, After: f.After}
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

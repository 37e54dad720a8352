package console

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxLine is how long a line may be, in bytes of UTF-8.
const MaxLine = 1024

// words splits a line at spaces. 'single' and "double" quotes keep spaces; a backslash outside single quotes takes the
// next character as it is.
func words(line string) (out []string, err error) {
	var w strings.Builder
	inside, quote, escaped := false, rune(0), false
	for _, r := range line {
		switch {
		case escaped:
			w.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			w.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ' || r == '\t' || r == '\u3000': // the space of Japanese input
			if inside {
				out = append(out, w.String())
			}
			w.Reset()
			inside = false
		default:
			w.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 || escaped {
		return nil, Fail(BadQuote)
	}
	if inside {
		out = append(out, w.String())
	}
	return out, nil
}

// Parse reads one line. An empty one is a Call without a Command. Failures never repeat what was typed.
func Parse(line string) (Call, error) { return parse(table(), line) }

// parse reads a line where only some commands are offered: no other is ever named as what may have been meant.
func parse(offered []Command, line string) (Call, error) {
	if len(line) > MaxLine {
		return Call{}, Fail(TooLong)
	}
	w, err := words(line)
	if err != nil || len(w) == 0 {
		return Call{}, err
	}
	if name, ok := also[w[0]]; ok {
		w[0] = name
	}
	c, rest := find(table(), w)
	if c == nil {
		return Call{JSON: slices.Contains(w, "--json")}, &Failure{Code: UnknownCommand, Hint: meant(offered, w)}
	}
	if !slices.ContainsFunc(offered, func(o Command) bool { return o.Name == c.Name }) {
		return Call{Command: c, JSON: slices.Contains(w, "--json")}, Fail(NotHere)
	}
	return c.read(offered, rest)
}

// also are words that people type for a command out of habit.
var also = map[string]string{"exit": "logout", "quit": "logout", "bye": "logout", "?": "help"}

// find takes the longest name that the words begin with.
func find(all []Command, w []string) (*Command, []string) {
	for n := min(2, len(w)); n > 0; n-- {
		for i := range all {
			if all[i].Name == strings.Join(w[:n], " ") {
				return &all[i], w[n:]
			}
		}
	}
	return nil, w
}

// read holds arguments and flags against the row.
func (c *Command) read(offered []Command, w []string) (Call, error) {
	call := Call{Command: c, given: map[string]string{}, JSON: slices.Contains(w, "--json")}
	arguments, flags := c.arguments(), true
	for len(w) > 0 {
		var err error
		switch typed := w[0]; {
		case flags && typed == "--":
			flags, w = false, w[1:]
		case flags && strings.HasPrefix(typed, "--"):
			w, err = call.takeFlag(w)
		case len(arguments) == 0:
			return call, c.tooMany(offered, typed)
		default:
			err = call.take(arguments[0], typed)
			arguments, w = arguments[1:], w[1:]
		}
		if err != nil {
			return call, err
		}
	}
	if len(arguments) > 0 && arguments[0].Required {
		return call, &Failure{Code: MissingArgument, About: arguments[0].about(), Hint: c.usage(), Is: Usage}
	}
	return call, nil
}

// tooMany is the failure for a word that the row has no place for; "service of" is most likely a name.
func (c *Command) tooMany(offered []Command, typed string) error {
	if hint := meant(offered, []string{c.Name, typed}); hint != c.Name && hint != "" {
		return &Failure{Code: TooManyWords, Hint: hint}
	}
	return &Failure{Code: TooManyWords, Hint: c.usage(), Is: Usage}
}

// takeFlag takes "--name", "--name value" or "--name=value", and returns the words behind it.
func (call *Call) takeFlag(w []string) ([]string, error) {
	typed, value, joined := strings.Cut(strings.TrimPrefix(w[0], "--"), "=")
	in, ok := call.Command.flag(typed)
	if !ok {
		return nil, call.Command.noFlag(typed)
	}
	w = w[1:]
	switch {
	case in.Form == FormNone && len(in.Words) == 0 && joined:
		return nil, &Failure{Code: BadValue, About: in.about()}
	case in.Form == FormNone && len(in.Words) == 0:
	case !joined && len(w) == 0:
		return nil, &Failure{Code: MissingArgument, About: in.about(), Hint: call.Command.usage(), Is: Usage}
	case !joined:
		value, w = w[0], w[1:]
	}
	return w, call.take(in, value)
}

// take keeps a value that its input allows. Nothing may be said twice.
func (call *Call) take(in Input, value string) error {
	if call.Has(in.Name) || !in.allows(value) {
		hint, is := in.hint(value)
		return &Failure{Code: BadValue, About: in.about(), Hint: hint, Is: is}
	}
	call.given[in.Name] = value
	call.yes = call.yes || in.Flag && in.Name == "yes"
	return nil
}

// about is an input's name, as failures have it.
func (in Input) about() string {
	if in.Flag {
		return "--" + in.Name
	}
	return in.Name
}

// hint is what an input takes; of words the nearest one.
func (in Input) hint(value string) (string, Hint) {
	switch {
	case len(in.Words) > 0:
		if n := nearest(value, in.Words); n != "" {
			return n, Meant
		}
		return strings.Join(in.Words, "|"), Allowed
	case in.Form == FormNumber:
		return strconv.Itoa(in.Least) + "-" + strconv.Itoa(in.Most), Allowed
	case in.Form == FormDuration:
		return "90s, 15m, 2h, <= " + (time.Duration(in.Most) * time.Second).String(), Allowed
	}
	return "", Meant
}

func (in Input) allows(value string) bool {
	if len(in.Words) > 0 {
		return slices.Contains(in.Words, value)
	}
	switch in.Form {
	case FormNone:
		return value == ""
	case FormNumber:
		n, err := count(value)
		return err == nil && n >= in.Least && n <= in.Most
	case FormDuration:
		d, err := time.ParseDuration(value)
		return err == nil && d > 0 && d <= time.Duration(in.Most)*time.Second
	}
	return len(value) > 0 && len(value) <= 64 && !strings.ContainsFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '/' && r != '-' && r != '.' && r != '_'
	})
}

// count reads digits and nothing else.
func count(s string) (int, error) {
	if s == "" || len(s) > 16 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, errors.New("console: no number")
	}
	return strconv.Atoi(s)
}

// meant is the command that the words most likely meant, or "".
func meant(offered []Command, w []string) string {
	var names []string
	for _, c := range offered {
		names = append(names, c.Name)
		if first, _, two := strings.Cut(c.Name, " "); two && first == w[0] && len(w) == 1 {
			return c.Name
		}
	}
	if len(w) > 1 {
		if n := nearest(w[0]+" "+w[1], names); n != "" {
			return n
		}
	}
	return nearest(w[0], names)
}

// noFlag is the failure for a flag that the row does not have.
func (c *Command) noFlag(typed string) error {
	var names []string
	for _, i := range slices.Concat(c.Inputs, c.everybodys()) {
		if i.Flag {
			names = append(names, i.Name)
		}
	}
	if n := nearest(typed, names); n != "" {
		return &Failure{Code: UnknownFlag, Hint: "--" + n}
	}
	return &Failure{Code: UnknownFlag, Hint: c.usage(), Is: Usage}
}

// nearest is the word at most a third of its letters away, or "". Of two as near, it is the one that was begun.
func nearest(typed string, all []string) (best string) {
	least := 0
	for _, w := range all {
		d := distance(typed, w)
		if d <= (len(w)+2)/3 && (best == "" || d < least || d == least && strings.HasPrefix(w, typed)) {
			best, least = w, d
		}
	}
	return best
}

// distance counts letters to change, add or leave out, and neighbours to swap (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}

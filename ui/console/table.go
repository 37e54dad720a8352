package console

import (
	"slices"
	"strings"
	"time"

	"honnin/config/policy"
)

// Nobody is the role of who has not signed in. Above it stand policy.Look and policy.Service; who may repair may look.
const Nobody policy.Role = ""

// ranks are the roles of the console, lowest first.
var ranks = map[policy.Role]int{Nobody: 1, policy.Look: 2, policy.Service: 3}

// may reports whether somebody with one role may do what needs another. A role that the console does not know may nothing.
func may(has, needs policy.Role) bool {
	return ranks[has] > 0 && ranks[needs] > 0 && ranks[has] >= ranks[needs]
}

// Command is one row of the table: parser, completion, help, both pages and the check of every answer read it.
type Command struct {
	Name     string // one word or two: "journal tail"
	Need     policy.Role
	Does     Text
	Inputs   []Input
	Lines    []Line // of the answer; "help" and the like, which the console does itself, have none
	Examples []Example
	Lapsed   bool // of what needs the role service: it can be done under a policy that is out of its time, since it opens nothing
	Ask      Text // what must be answered with "yes" first, or --yes; empty: nothing
	Moves    Text // what people are told before a file goes out over the line; empty: none does. Where one comes in rz speaks first, and sz loses that if words come before it
	own      bool // done by the console itself
}

// Input is an argument, or a flag where Flag is set.
type Input struct {
	Name     string
	Flag     bool
	Required bool     // arguments only
	Words    []string // one of these; nil: what Form says
	Form     Form
	Least    int // of a number
	Most     int // of a number, or of a duration in seconds
	Does     Text
}

// Form is what may be typed for an input without Words.
type Form string

// The forms of inputs.
const (
	FormNone     Form = ""         // a flag that takes nothing
	FormNumber   Form = "number"   // Least to Most
	FormDuration Form = "duration" // 90s, 15m, 2h: up to Most seconds
	FormName     Form = "name"     // a name as of a package or a command: a-z, 0-9, slash, hyphen; at most 64
)

// Line is one kind of line in an answer, for people as a row and for programs as an object whose "code" is Code.
type Line struct {
	Code   string // the command's first word, a dot, and a word: "reader.state"
	Title  Text
	Many   bool // a table of rows; else one record, written field by field
	Fields []Field
}

// Field is one value of a line.
type Field struct {
	Key    string // in JSON
	Kind   Kind
	Unit   string // of a number: "%", "days"
	Title  Text
	Signed bool // shown only to who has signed in: "-" or null to everybody else, whatever the machine gave
}

// Example is a line that can be typed, and what for.
type Example struct {
	Line string
	Does Text
}

// Call is a command as it was typed, checked against the table.
type Call struct {
	Command *Command
	JSON    bool
	yes     bool
	given   map[string]string
}

// Has reports whether an argument or a flag was typed.
func (c Call) Has(name string) bool { _, ok := c.given[name]; return ok }

// Word returns what was typed for an input, or "".
func (c Call) Word(name string) string { return c.given[name] }

// Number returns the number typed for an input, or otherwise.
func (c Call) Number(name string, otherwise int) int {
	if n, err := count(c.given[name]); err == nil {
		return n
	}
	return otherwise
}

// Duration returns the duration typed for an input, or otherwise.
func (c Call) Duration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(c.given[name]); err == nil {
		return d
	}
	return otherwise
}

// arguments are the inputs that are not flags.
func (c *Command) arguments() (out []Input) {
	for _, i := range c.Inputs {
		if !i.Flag {
			out = append(out, i)
		}
	}
	return out
}

// flag finds a flag; --json and --yes are everybody's.
func (c *Command) flag(name string) (Input, bool) {
	for _, i := range slices.Concat(c.Inputs, c.everybodys()) {
		if i.Flag && i.Name == name {
			return i, true
		}
	}
	return Input{}, false
}

// everybodys are the flags that need no row: --json where there is an answer to write, --yes where something is asked.
func (c *Command) everybodys() (out []Input) {
	out = append(out, Input{Name: "json", Flag: true, Does: T("一行に一つの JSON で答える。", "Answer in JSON, one object a line.")})
	if c.Ask != (Text{}) {
		out = append(out, Input{Name: "yes", Flag: true, Does: T("確認の問いを出さない。", "Do not ask back.")})
	}
	return out
}

// line finds the kind of line with a code.
func (c *Command) line(code string) (Line, bool) {
	for _, l := range c.Lines {
		if l.Code == code {
			return l, true
		}
	}
	return Line{}, false
}

// usage is the command with its inputs: "journal tail [--lines NUMBER]".
func (c *Command) usage() string {
	words := []string{c.Name}
	for _, i := range c.Inputs {
		words = append(words, i.usage())
	}
	for _, i := range c.everybodys() {
		words = append(words, i.usage())
	}
	return strings.Join(words, " ")
}

func (i Input) usage() string {
	s := i.value()
	if i.Flag {
		s = strings.TrimSpace("--" + i.Name + " " + s)
	}
	if i.Required {
		return s
	}
	return "[" + s + "]"
}

// many is an input of so many words that they are no usage.
func (i Input) many() bool { return len(i.Words) > 8 }

// value is what stands for an input's content: the words, or its name in capitals.
func (i Input) value() string {
	switch {
	case i.many():
		return strings.ToUpper(i.Name)
	case len(i.Words) > 0:
		return strings.Join(i.Words, "|")
	case i.Flag && i.Form == FormNone:
		return ""
	case i.Flag:
		return strings.ToUpper(string(i.Form))
	}
	return strings.ToUpper(i.Name)
}

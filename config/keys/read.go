package keys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Error is what is wrong with a file, and where. It quotes no value: some are secret.
type Error struct {
	File string // "" where whoever read it knows no name
	Line int    // of the key; where it is missing, of its table
	Key  string // "municipality[141003].name"; "" where it is the file as a whole
	Says string
}

func (e *Error) Error() string {
	var out []string
	if e.File != "" {
		out = append(out, e.File)
	}
	if e.Line > 0 {
		out = append(out, fmt.Sprintf("line %d", e.Line))
	}
	if e.Key != "" {
		out = append(out, e.Key)
	}
	return strings.Join(append(out, e.Says), ": ")
}

// Node is a value of a file, with its place.
type Node struct {
	Line  int
	Path  string // "municipality[141003].name"; a table without its name bears its number, from 1
	typ   string // as [Form].Type; "other" for what no key may be
	text  string
	items []*Node
	names []string // of a table, in the order of the file
	table map[string]*Node
}

// Read reads a file and holds all of it against the table. The error is an [*Error].
func (f File) Read(text []byte) (*Node, error) {
	if err := toml.Unmarshal(text, new(map[string]any)); err != nil {
		return nil, syntax(err)
	}
	root := &Node{Line: 1, typ: "object", table: map[string]*Node{}}
	here := root
	r := &reader{text: text, line: 1}
	r.Reset(text)
	for r.NextExpression() {
		switch e := r.Expression(); e.Kind {
		case unstable.KeyValue:
			here.put(r, e)
		case unstable.Table, unstable.ArrayTable:
			here = root.open(r, e)
		}
	}
	if err := r.Error(); err != nil {
		return nil, &Error{Says: err.Error()}
	}
	return root, f.check("", root)
}

func syntax(err error) error {
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return &Error{Says: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	line, _ := bad.Position()
	return &Error{Line: line, Key: strings.Join(bad.Key(), "."), Says: strings.TrimPrefix(bad.Error(), "toml: ")}
}

// Get returns the value of a key of a table, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	return n.table[key]
}

// Has reports whether the key of a path stands anywhere in a table: "municipality.service.fee".
func (n *Node) Has(path string) bool {
	first, rest, deeper := strings.Cut(path, ".")
	at := n.Get(first)
	if at == nil || !deeper {
		return at != nil
	}
	return at.Has(rest) || slices.ContainsFunc(at.items, func(t *Node) bool { return t.Has(rest) })
}

// Items are a list's.
func (n *Node) Items() []*Node {
	if n == nil {
		return nil
	}
	return n.items
}

// Wrong returns an [*Error] about a key of the table n, "" being the table itself, whether it stands there or not. A key of a table
// within is "printer.ca".
func (n *Node) Wrong(key, format string, args ...any) error {
	e := &Error{Line: n.Line, Key: n.Path, Says: fmt.Sprintf(format, args...)}
	if key == "" {
		return e
	}
	e.Key = strings.TrimPrefix(n.Path+"."+key, ".")
	for _, k := range strings.Split(key, ".") {
		if n = n.Get(k); n != nil {
			e.Line = n.Line
		}
	}
	return e
}

// WrongItem is Wrong about one entry of a list, the first being 0.
func (n *Node) WrongItem(key string, i int, format string, args ...any) error {
	if at := n.Get(key); at != nil && i < len(at.items) {
		return &Error{Line: at.items[i].Line, Key: fmt.Sprintf("%s[%d]", at.Path, i+1), Says: fmt.Sprintf(format, args...)}
	}
	return n.Wrong(key, format, args...)
}

func (n *Node) set(key string, to *Node) {
	if n.table[key] == nil {
		n.names = append(n.names, key)
	}
	n.table[key] = to
}

// step goes to a table within n, in a list of tables to its last; one that is not there yet is made.
func (n *Node) step(key string, line int) *Node {
	to := n.table[key]
	if to == nil {
		to = &Node{Line: line, typ: "object", table: map[string]*Node{}}
		n.set(key, to)
	}
	if len(to.items) > 0 {
		return to.items[len(to.items)-1]
	}
	return to
}

// open goes to the table of a header.
func (n *Node) open(r *reader, header *unstable.Node) *Node {
	path, line := words(r, header)
	for _, k := range path[:len(path)-1] {
		n = n.step(k, line)
	}
	last := path[len(path)-1]
	if header.Kind == unstable.Table {
		return n.step(last, line)
	}
	if n.table[last] == nil {
		n.set(last, &Node{Line: line, typ: "array"})
	}
	to := &Node{Line: line, typ: "object", table: map[string]*Node{}}
	n.table[last].items = append(n.table[last].items, to)
	return to
}

func (n *Node) put(r *reader, pair *unstable.Node) {
	path, line := words(r, pair)
	for _, k := range path[:len(path)-1] {
		n = n.step(k, line)
	}
	n.set(path[len(path)-1], value(r, pair.Value(), line))
}

func words(r *reader, n *unstable.Node) (path []string, line int) {
	for it := n.Key(); it.Next(); {
		if line == 0 {
			line = r.lineOf(it.Node())
		}
		path = append(path, string(it.Node().Data))
	}
	return path, line
}

// reader is the parser, and a count of lines that does not begin anew for each value.
type reader struct {
	unstable.Parser
	text     []byte
	at, line int
}

func (r *reader) lineOf(n *unstable.Node) int {
	to := int(n.Raw.Offset)
	if to < r.at {
		r.at, r.line = 0, 1
	}
	r.line += bytes.Count(r.text[r.at:to], []byte("\n"))
	r.at = to
	return r.line
}

func value(r *reader, from *unstable.Node, line int) *Node {
	n := &Node{Line: line, typ: "other", text: string(from.Data)}
	switch from.Kind {
	case unstable.String:
		n.typ, n.Line = "string", r.lineOf(from)
	case unstable.Integer:
		n.typ = "integer"
	case unstable.Bool:
		n.typ = "boolean"
	case unstable.Array:
		n.typ = "array"
		for it := from.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				n.items = append(n.items, value(r, it.Node(), line))
			}
		}
	case unstable.InlineTable:
		n.typ, n.table = "object", map[string]*Node{}
		for it := from.Children(); it.Next(); {
			if len(n.names) == 0 {
				_, n.Line = words(r, it.Node())
			}
			n.put(r, it.Node())
		}
	}
	return n
}

// check holds a table against the keys, fills in paths, and returns what is wrong first.
func (f File) check(table string, n *Node) error {
	for _, key := range n.names {
		k, ok := f.Find(strings.TrimPrefix(table+"."+key, "."))
		if !ok {
			return n.Wrong(key, "unknown key; allowed are %s", f.names(table))
		}
		at := n.table[key]
		at.Path = strings.TrimPrefix(n.Path+"."+key, ".")
		if err := f.checkKey(k, n, at); err != nil {
			return err
		}
	}
	for _, k := range f.In(table) {
		if k.Need && n.table[k.last()] == nil {
			return n.Wrong(k.last(), "is missing; %s", k.Allowed())
		}
	}
	return nil
}

func (f File) checkKey(k Key, in, n *Node) error {
	if !k.List && k.Form != Tables {
		return f.checkValue(k, n)
	}
	if n.typ != "array" {
		return n.Wrong("", "must be %s", k.Allowed())
	}
	if count := int64(len(n.items)); k.Max > 0 && (count < k.Min || count > k.Max) {
		return n.Wrong("", "must be %s", k.Allowed())
	}
	for i, item := range n.items {
		item.Path = fmt.Sprintf("%s[%d]", n.Path, i+1)
		if k.Form == Tables {
			item.name(f, k)
		}
		if err := f.checkValue(k, item); err != nil {
			return err
		}
	}
	return k.twice(in, n)
}

// name gives a table of a list a path with its name, where that has its form.
func (n *Node) name(f File, k Key) {
	by, ok := f.Find(k.Path + "." + k.Name)
	if at := n.table[k.Name]; ok && at != nil && f.checkValue(by, at) == nil {
		n.Path = n.Path[:strings.LastIndexByte(n.Path, '[')] + "[" + at.text + "]"
	}
}

// twice: in no list does anything stand twice, and no two tables of a list have one name.
func (k Key) twice(in, n *Node) error {
	seen := map[string]bool{}
	for i, item := range n.items {
		what := item
		if k.Form == Tables {
			if what = item.table[k.Name]; what == nil {
				continue
			}
		}
		if id := k.plain(what.text); seen[id] {
			if k.Form == Tables {
				return item.Wrong(k.Name, "stands twice")
			}
			return in.WrongItem(k.last(), i, "stands twice")
		} else {
			seen[id] = true
		}
	}
	return nil
}

func (k Key) plain(s string) string {
	if k.Form.Plain == nil {
		return s
	}
	return k.Form.Plain(s)
}

func (f File) checkValue(k Key, n *Node) error {
	want := k.Form.Type
	if k.Form == Tables {
		want = Table.Type
	}
	if n.typ != want {
		return n.Wrong("", "must be %s", k.one())
	}
	switch {
	case want == Table.Type:
		return f.check(k.Path, n)
	case len(k.Words) > 0 && !slices.Contains(k.Words, n.text), k.Form.Fits != nil && !k.Form.Fits(n.text), !k.within(n.text):
		return n.Wrong("", "must be %s", k.one())
	}
	return nil
}

// within holds a number or a duration against its bounds.
func (k Key) within(s string) bool {
	v, ok := int64(0), true
	switch k.Form {
	case Number:
		v, ok = number(s)
	case Duration:
		v = nanoseconds(s)
	default:
		return true
	}
	return ok && (k.Max == 0 || k.Min <= v && v <= k.Max)
}

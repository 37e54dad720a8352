// Package keys is what may stand in a configuration file, as a table: of each key its form, bounds, default and meaning.
// Everything that speaks of keys is made from that one table, so that none of it can say another thing than the rest: the
// strict check of a file ([File.Read]), whose errors name line, key and what is allowed; the explanation of a key
// ([File.Explain]), the page of all of them ([File.Page]), the JSON Schema ([File.Schema]); and the difference between two
// files in words ([File.Diff]).
//
// A package with a configuration file has the table, and a test that holds it against the struct it decodes into. What one
// value alone shows is judged here; what needs two, or the content of a certificate, is judged there, with [Node.Wrong].
package keys

import (
	"fmt"
	"slices"
	"strings"
)

// File is one kind of configuration file.
type File struct {
	Name   string // "policy.toml"
	Ja, En string // what it is
	See    string // where to read on, in Markdown, for the page
	Keys   []Key  // in the order of the page; a table stands before its keys
}

// Key is one key, wherever it stands in a file.
type Key struct {
	Path     string // "municipality.service.fee"
	Form     *Form
	List     bool     // a list of such values
	Need     bool     // must be there, once its table is
	Name     string   // of a list of tables: the key that tells one from the other
	Ordered  bool     // of a list of tables: its order counts
	Default  string   // what counts without it, as it would be written
	Words    []string // the only values allowed
	Min, Max int64    // bounds: of numbers; of durations in nanoseconds; of lists and lists of tables how many. Max 0: none
	Unit     string   // "yen"
	Label    string   // in differences; "" means the key's own name, "-" none
	Secret   bool     // differences do not show it
	Later    string   // what it is kept for, where nothing follows it yet
	Ja, En   string   // what it means
}

// Find returns the key of a path.
func (f File) Find(path string) (Key, bool) {
	i := slices.IndexFunc(f.Keys, func(k Key) bool { return k.Path == path })
	if i < 0 {
		return Key{}, false
	}
	return f.Keys[i], true
}

// In returns the keys of a table; "" is the file itself.
func (f File) In(table string) (in []Key) {
	for _, k := range f.Keys {
		if k.table() == table {
			in = append(in, k)
		}
	}
	return in
}

func (f File) names(table string) string {
	var out []string
	for _, k := range f.In(table) {
		out = append(out, k.last())
	}
	return strings.Join(out, ", ")
}

func (k Key) table() string {
	i := strings.LastIndexByte(k.Path, '.')
	return k.Path[:max(i, 0)]
}

func (k Key) last() string { return k.Path[strings.LastIndexByte(k.Path, '.')+1:] }

// Allowed says in words what may stand behind the key.
func (k Key) Allowed() string {
	what := k.one()
	if k.List {
		what = "a list; each " + what
	}
	if (k.List || k.Form == Tables) && k.Max > 0 {
		what += fmt.Sprintf("; %d to %d of them", k.Min, k.Max)
	}
	return what
}

// one says what one value may be.
func (k Key) one() string {
	what := k.Form.Says
	switch {
	case len(k.Words) > 0:
		what = "one of " + strings.Join(quoted(k.Words), ", ")
	case k.Form == Number && k.Max > 0 && k.Min == k.Max:
		what = fmt.Sprintf("the number %d", k.Min)
	case k.Form == Number && k.Max > 0:
		what = fmt.Sprintf("a number from %d to %d", k.Min, k.Max)
	case k.Form == Duration && k.Max > 0:
		what += fmt.Sprintf(", from %s to %s", short(k.Min), short(k.Max))
	}
	if k.Unit != "" {
		what += " " + k.Unit
	}
	return what
}

func quoted(words []string) (out []string) {
	for _, w := range words {
		out = append(out, `"`+w+`"`)
	}
	return out
}

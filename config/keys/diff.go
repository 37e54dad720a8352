package keys

import (
	"slices"
	"strings"
)

// Change is one difference between two files, in words: "seal-registration in 141003: 250 → 200 yen".
type Change struct {
	Subject string // "seal-registration in 141003"; "" for what concerns everybody
	Key     string // "municipality.service.fee"
	label   string
	What    string // "250 → 200 yen"
}

func (c Change) String() string {
	return strings.Join(slices.DeleteFunc([]string{c.Subject, c.label, c.What}, func(s string) bool { return s == "" }), ": ")
}

// Side is one of two files: what [File.Read] returned, and the content of a file that it names.
type Side struct {
	Root *Node
	Load func(name string) ([]byte, error)
}

// Diff says what is otherwise in the new file. What is written in another way and means the same is no difference; a key that
// is missing counts as its default. Of a secret it says only that it changed.
func (f File) Diff(old, new Side) []Change {
	d := differ{f: f, old: old, new: new}
	d.table("", "", "", old.Root, new.Root)
	return d.all
}

type differ struct {
	f        File
	old, new Side
	all      []Change
}

// table compares two tables, either of which may be missing. above is the path of the nearest list of tables.
func (d *differ) table(table, above, subject string, old, new *Node) {
	for _, k := range d.f.In(table) {
		was, is := old.Get(k.last()), new.Get(k.last())
		switch k.Form {
		case Table:
			d.table(k.Path, above, subject, was, is)
		case Tables:
			d.tables(k, subject, was, is)
		default:
			if what := k.change(k.values(was, d.old), k.values(is, d.new)); what != "" {
				d.all = append(d.all, Change{subject, k.Path, k.label(above), what})
			}
		}
	}
}

func (d *differ) tables(k Key, subject string, old, new *Node) {
	for _, is := range new.Items() {
		was := old.named(k, is)
		if was == nil {
			d.all = append(d.all, Change{k.subject(is, subject), k.Path, "", strings.TrimSuffix("new: "+d.f.summary(k.Path, k.Path, is, d.new), ": ")})
			continue
		}
		d.table(k.Path, k.Path, k.subject(is, subject), was, is)
	}
	for _, was := range old.Items() {
		if new.named(k, was) == nil {
			d.all = append(d.all, Change{k.subject(was, subject), k.Path, "", "gone"})
		}
	}
	if before, after := old.shared(k, new), new.shared(k, old); k.Ordered && !slices.Equal(before, after) {
		d.all = append(d.all, Change{subject, k.Path, k.last(), "order: " + strings.Join(before, ", ") + " → " + strings.Join(after, ", ")})
	}
}

// shared are the names in a list of tables that are in another, too.
func (n *Node) shared(k Key, other *Node) (names []string) {
	for _, t := range n.Items() {
		if other.named(k, t) != nil {
			names = append(names, t.Get(k.Name).text)
		}
	}
	return names
}

// named finds the table of a list that has the name of another.
func (n *Node) named(k Key, other *Node) *Node {
	i := slices.IndexFunc(n.Items(), func(t *Node) bool { return t.Get(k.Name).text == other.Get(k.Name).text })
	if i < 0 {
		return nil
	}
	return n.items[i]
}

// subject names a table of a list: "seal-registration in 141003", "staff 1207".
func (k Key) subject(n *Node, in string) string {
	s := strings.TrimPrefix(k.Label+" "+n.Get(k.Name).text, " ")
	if in != "" {
		s += " in " + in
	}
	return s
}

// summary is what stands in a new table.
func (f File) summary(table, above string, n *Node, side Side) string {
	var out []string
	for _, k := range f.In(table) {
		at := n.Get(k.last())
		list, _ := f.Find(above)
		switch {
		case at == nil || k.Path == above+"."+list.Name:
		case k.Form == Table:
			out = append(out, f.summary(k.Path, above, at, side))
		case k.Form == Tables:
			for _, t := range at.Items() {
				out = append(out, k.subject(t, "")+" ("+f.summary(k.Path, k.Path, t, side)+")")
			}
		case k.Secret:
			out = append(out, k.last()+" …")
		default:
			out = append(out, k.last()+" "+k.shown(k.values(at, side)))
		}
	}
	return strings.Join(out, ", ")
}

func (k Key) label(above string) string {
	switch k.Label {
	case "":
		return strings.TrimPrefix(strings.TrimPrefix(k.Path, above), ".")
	case "-":
		return ""
	}
	return k.Label
}

// values are what stands behind a key, in the one way of writing it, or its default.
func (k Key) values(n *Node, side Side) (out []string) {
	if n == nil {
		if k.Default != "" {
			return strings.Split(k.Default, ", ")
		}
		return nil
	}
	for _, item := range append(slices.Clip(n.items), n) {
		switch {
		case item.typ == "array":
		case k.Form == PEM:
			out = append(out, item.prints(side)...)
		default:
			out = append(out, k.plain(item.text))
		}
	}
	return out
}

// Inline reports whether what stands behind a key of the form [PEM] is the thing itself, and no file's name.
func Inline(s string) bool {
	return strings.Contains(s, "-----BEGIN") || strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-")
}

func (n *Node) prints(side Side) []string {
	if Inline(n.text) || side.Load == nil {
		return fingerprints([]byte(n.text))
	}
	b, err := side.Load(n.text)
	if err != nil {
		return []string{n.text + " (cannot be read)"}
	}
	return fingerprints(b)
}

func (k Key) shown(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	s := strings.Join(values, ", ")
	if k.Unit != "" {
		s += " " + k.Unit
	}
	return s
}

// change says in words how the values differ; "" is not at all.
func (k Key) change(old, new []string) string {
	switch {
	case slices.Equal(old, new):
		return ""
	case k.Secret:
		return "changed"
	}
	var out []string
	for _, v := range new {
		if !slices.Contains(old, v) {
			out = append(out, "+ "+v)
		}
	}
	for _, v := range old {
		if !slices.Contains(new, v) {
			out = append(out, "− "+v)
		}
	}
	if k.List && len(out) > 0 && len(old) > 0 && len(new) > 0 || k.Form == PEM && len(out) > 0 {
		return strings.Join(out, ", ")
	}
	if len(old) == 0 || len(new) == 0 {
		return k.shown(old) + " → " + k.shown(new)
	}
	return strings.Join(old, ", ") + " → " + k.shown(new)
}

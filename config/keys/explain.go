package keys

import (
	"fmt"
	"slices"
	"strings"
)

// Explain says in words what a key means, for a person at a terminal. The error for a key that is none names those alike.
func (f File) Explain(path string) (string, error) {
	k, ok := f.Find(path)
	if !ok {
		return "", fmt.Errorf("%s has no key %q%s", f.Name, path, f.alike(path))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n  %s\n  %s\n  値 / value: %s\n", f.Name, k.Path, k.Ja, k.En, k.Allowed())
	switch {
	case k.Need:
		fmt.Fprintf(&b, "  必須 / must be there\n")
	case k.Default != "":
		fmt.Fprintf(&b, "  省略時 / without it: %s\n", k.shown([]string{k.Default}))
	default:
		fmt.Fprintf(&b, "  省略可 / may be left out\n")
	}
	if k.Later != "" {
		fmt.Fprintf(&b, "  未実装 / not yet: %s\n", k.Later)
	}
	if in := f.names(k.Path); in != "" {
		fmt.Fprintf(&b, "  キー / keys in it: %s\n", in)
	}
	return b.String(), nil
}

// alike lists keys that have a word of path in them, or whose own word is in path.
func (f File) alike(path string) string {
	var out []string
	words := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '_' })
	for _, k := range f.Keys {
		if strings.Contains(path, k.last()) || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(k.Path, w) }) {
			out = append(out, k.Path)
		}
	}
	if len(out) == 0 {
		return "; its keys are " + f.names("")
	}
	return "; alike are " + strings.Join(out, ", ")
}

// Page returns every key as Markdown: the tables first, then one section for each.
func (f File) Page() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n%s\n\n%s", f.Name, f.Ja, f.En, unless(f.See == "", f.See+"\n\n"))
	tables := f.tables()
	for _, k := range tables {
		fmt.Fprintf(&b, "- [`%s`](#%s) %s %s%s\n", k.header(), anchor(k.Path), k.Ja, k.En, unless(k.Need, " *省略可 / optional*"))
	}
	f.section(&b, "", "ファイルの先頭 / at the top of the file", "")
	for _, k := range tables {
		f.section(&b, k.Path, "`"+k.header()+"`", k.Ja+"<br>"+k.En+later(k)+"<br>"+k.must())
	}
	return []byte(b.String())
}

// tables returns the keys that are tables, or lists of them.
func (f File) tables() (out []Key) {
	for _, k := range f.Keys {
		if k.Form == Table || k.Form == Tables {
			out = append(out, k)
		}
	}
	return out
}

// header is the line with which a table begins.
func (k Key) header() string {
	if k.Form == Tables {
		return "[[" + k.Path + "]]"
	}
	return "[" + k.Path + "]"
}

// anchor is what a heading with that path is called on a page.
func anchor(path string) string { return strings.ReplaceAll(path, ".", "") }

func unless(is bool, s string) string {
	if is {
		return ""
	}
	return s
}

func (f File) section(b *strings.Builder, table, title, about string) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if about != "" {
		fmt.Fprintf(b, "%s\n\n", about)
	}
	b.WriteString("| キー / key | 値 / value | 省略時 / without it | 意味 / meaning |\n|---|---|---|---|\n")
	for _, k := range f.In(table) {
		if k.Form != Table && k.Form != Tables {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s<br>%s%s |\n", k.last(), cell(k.Allowed()), cell(k.must()), cell(k.Ja), cell(k.En), cell(later(k)))
		}
	}
}

func (k Key) must() string {
	switch {
	case k.Need:
		return "必須 / must be there"
	case k.Default != "":
		return "`" + k.shown([]string{k.Default}) + "`"
	}
	return "省略可 / may be left out"
}

func later(k Key) string {
	if k.Later == "" {
		return ""
	}
	return "<br>*未実装 / not yet:* " + k.Later
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

package policy

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"honnin/config/keys"
)

// TestTableIsTheWire: every key that is read is in the table with its form, and every key of the table is read.
func TestTableIsTheWire(t *testing.T) {
	f := Table()
	read := map[string]bool{}
	var walk func(table string, of reflect.Type)
	walk = func(table string, of reflect.Type) {
		for i := range of.NumField() {
			field := of.Field(i)
			if field.Anonymous {
				walk(table, field.Type)
				continue
			}
			path := strings.TrimPrefix(table+"."+field.Tag.Get("toml"), ".")
			read[path] = true
			k, ok := f.Find(path)
			if !ok {
				t.Errorf("%s is read, and not in the table", path)
				continue
			}
			if inner, many := bare(field.Type); k.Form == keys.Table || k.Form == keys.Tables {
				if many != (k.Form == keys.Tables) || inner.Kind() != reflect.Struct {
					t.Errorf("%s: %s", path, field.Type)
				}
				walk(path, inner)
			} else if many != k.List {
				t.Errorf("%s: a list in one place and none in the other", path)
			}
		}
	}
	walk("", reflect.TypeFor[wire]())
	for _, k := range f.Keys {
		if !read[k.Path] {
			t.Errorf("%s is in the table, and not read", k.Path)
		}
	}
	if len(read) < 60 {
		t.Errorf("only %d keys", len(read))
	}
}

// bare takes pointers and lists off a type.
func bare(of reflect.Type) (inner reflect.Type, many bool) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() == reflect.Slice {
		return of.Elem(), true
	}
	return of, false
}

// TestTableIsWhole: what the page, the schema and the differences need of a key.
func TestTableIsWhole(t *testing.T) {
	f := Table()
	var seen []string
	for _, k := range f.Keys {
		if slices.Contains(seen, k.Path) {
			t.Errorf("%s stands twice", k.Path)
		}
		seen = append(seen, k.Path)
		if k.Ja == "" || k.En == "" || k.Form == nil {
			t.Errorf("%s says nothing of itself", k.Path)
		}
		if k.Need && k.Default != "" {
			t.Errorf("%s: what must be there has no default", k.Path)
		}
		if _, ok := f.Find(k.Path + "." + k.Name); k.Form == keys.Tables && !ok {
			t.Errorf("%s: its tables have no name", k.Path)
		}
		for _, d := range strings.Split(k.Default, ", ") {
			if d != "" && (k.Form.Fits != nil && !k.Form.Fits(d) || len(k.Words) > 0 && !slices.Contains(k.Words, d)) {
				t.Errorf("%s: its own default is not allowed", k.Path)
			}
		}
		if in := k.Path[:max(0, strings.LastIndexByte(k.Path, '.'))]; in != "" && !slices.Contains(seen, in) {
			t.Errorf("%s stands before its table", k.Path)
		}
	}
}

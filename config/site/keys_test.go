package site

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"honnin/config/keys"
)

// TestTableIsTheWire: every key that is read is in the table, and every key of the table is read.
func TestTableIsTheWire(t *testing.T) {
	f := Table()
	read := map[string]bool{}
	var walk func(string, reflect.Type)
	walk = func(table string, of reflect.Type) {
		for i := range of.NumField() {
			path := strings.TrimPrefix(table+"."+of.Field(i).Tag.Get("toml"), ".")
			read[path] = true
			k, ok := f.Find(path)
			if !ok || (k.Form == keys.Table) != (of.Field(i).Type.Kind() == reflect.Struct) || k.Ja == "" || k.En == "" {
				t.Errorf("%s: %+v", path, k)
			}
			if k.Form == keys.Table {
				walk(path, of.Field(i).Type)
			}
		}
	}
	walk("", reflect.TypeFor[wire]())
	for _, k := range f.Keys {
		if !read[k.Path] {
			t.Errorf("%s is in the table, and not read", k.Path)
		}
	}
	if len(read) < 10 {
		t.Errorf("only %d keys", len(read))
	}
}

var update = flag.Bool("update", false, "write the page and the schema anew")

// TestPageAndSchemaAreCurrent: both are made from the table.
func TestPageAndSchemaAreCurrent(t *testing.T) {
	f := Table()
	schema, err := f.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"SITE.md": f.Page(), "site.schema.json": schema} {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the table says (%v); go test ./config/site -update writes it", name, err)
		}
	}
}

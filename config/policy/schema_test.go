package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/keys"
	"honnin/config/policy"
)

var update = flag.Bool("update", false, "write the page and the schema anew")

// TestPageAndSchemaAreCurrent: both are made from the table.
func TestPageAndSchemaAreCurrent(t *testing.T) {
	f := policy.Table()
	for name, want := range map[string][]byte{"POLICY.md": f.Page(), "policy.schema.json": must[[]byte](t)(f.Schema())} {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the table says (%v); go test ./config/policy -update writes it", name, err)
		}
	}
}

// mutants are documents that differ from one in one key.
type mutant struct {
	what string
	doc  map[string]any
}

func tree(t testing.TB, text string) (out map[string]any) {
	t.Helper()
	if err := toml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// change does something in the first table that has the key of a path.
func change(in map[string]any, path string, do func(map[string]any, string)) bool {
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		_, ok := in[first]
		if ok {
			do(in, first)
		}
		return ok
	}
	switch at := in[first].(type) {
	case map[string]any:
		return change(at, rest, do)
	case []any:
		for _, item := range at {
			if change(item.(map[string]any), rest, do) {
				return true
			}
		}
	}
	return false
}

func mutants(t *testing.T, f keys.File) (out []mutant) {
	for _, k := range f.Keys {
		wrong := any(map[string]any{"x": "y"})
		if k.Form == keys.Table {
			wrong = "a text"
		}
		for what, do := range map[string]func(map[string]any, string){
			"type":    func(m map[string]any, key string) { m[key] = wrong },
			"unknown": func(m map[string]any, key string) { m["no_such_key"] = "x" },
			"gone":    func(m map[string]any, key string) { delete(m, key) },
			"value": func(m map[string]any, key string) {
				if _, ok := m[key].([]any); ok {
					m[key] = []any{"\x01"}
				} else {
					m[key] = "\x01"
				}
			},
			"empty": func(m map[string]any, key string) { m[key] = []any{} },
		} {
			doc := tree(t, full)
			if !change(doc, k.Path, do) {
				t.Fatalf("%s is not in the example", k.Path)
			}
			out = append(out, mutant{what + " " + k.Path, doc})
		}
	}
	return out
}

// TestSchemaAgrees holds the schema against the strict check, with another's validator: it accepts whatever is accepted here, and
// refuses keys that are unknown, missing or of another type.
func TestSchemaAgrees(t *testing.T) {
	if exec.Command("python3", "-c", "import jsonschema").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-jsonschema is missing")
		}
		t.Skip("no python3-jsonschema")
	}
	f := policy.Table()
	all := append(mutants(t, f), mutant{"full", tree(t, full)}, mutant{"good", tree(t, good)}, mutant{"least", tree(t, least)})
	var docs []map[string]any
	for _, m := range all {
		docs = append(docs, m.doc)
	}
	accepted, refused := 0, 0
	for i, theirs := range validate(t, must[[]byte](t)(f.Schema()), docs) {
		_, err := f.Read(must[[]byte](t)(toml.Marshal(all[i].doc)))
		what, _, _ := strings.Cut(all[i].what, " ")
		switch {
		case err == nil && !theirs:
			t.Errorf("%s: the schema refuses what is accepted here", all[i].what)
		case err != nil && theirs && what != "value":
			t.Errorf("%s: the schema accepts it, and here it is refused: %v", all[i].what, err)
		case (what == "type" || what == "unknown") && err == nil:
			t.Errorf("%s: accepted", all[i].what)
		case theirs:
			accepted++
		default:
			refused++
		}
	}
	if accepted < 50 || refused < 200 {
		t.Errorf("%d accepted and %d refused show little", accepted, refused)
	}
}

func validate(t *testing.T, schema []byte, docs []map[string]any) (verdicts []bool) {
	t.Helper()
	c := exec.Command("python3", "-c", `
import json, sys, jsonschema
v = jsonschema.Draft202012Validator
schema, docs = json.load(sys.stdin)
v.check_schema(schema)
print(json.dumps([v(schema).is_valid(d) for d in docs]))`)
	c.Stdin = bytes.NewReader(must[[]byte](t)(json.Marshal([]any{json.RawMessage(schema), docs})))
	c.Stderr = os.Stderr
	if err := json.Unmarshal(must[[]byte](t)(c.Output()), &verdicts); err != nil || len(verdicts) != len(docs) {
		t.Fatalf("%d verdicts, %v", len(verdicts), err)
	}
	return verdicts
}

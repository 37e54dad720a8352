package centre_test

import (
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"honnin/config/protocol"
)

// description is as much of openapi.yaml as can get out of step with the code.
type description struct {
	OpenAPI    string                          `yaml:"openapi"`
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type operation struct {
	ID         string              `yaml:"operationId"`
	Parameters []map[string]string `yaml:"parameters"`
	Body       struct {
		Content map[string]media `yaml:"content"`
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Content map[string]media `yaml:"content"`
	} `yaml:"responses"`
}

type media struct {
	Schema struct {
		Ref string `yaml:"$ref"`
	} `yaml:"schema"`
}

type schema struct {
	Type       any                  `yaml:"type"`
	Additional any                  `yaml:"additionalProperties"`
	Required   []string             `yaml:"required"`
	Properties map[string]yaml.Node `yaml:"properties"`
	Enum       []string             `yaml:"enum"`
}

func describe(t *testing.T) (d description, operations map[string]operation) {
	t.Helper()
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	operations = map[string]operation{}
	for path, methods := range d.Paths {
		for method, node := range methods {
			var o operation
			if method == "parameters" {
				continue
			}
			if err := node.Decode(&o); err != nil {
				t.Fatal(path, method, err)
			}
			operations[strings.ToUpper(method)+" "+path] = o
		}
	}
	return d, operations
}

// wire is the Go side: what each operation sends, and what its success brings.
var wire = map[string]struct {
	sends, brings any
	media         string
	status        string
}{
	"begin":         {protocol.Begin{}, protocol.Begun{}, plainJSON, "200"},
	"applicant":     {protocol.Applicant{}, protocol.Offers{}, plainJSON, "200"},
	"application":   {protocol.Order{}, nil, "", "202"},
	"package":       {nil, []byte{}, "application/pkcs7-mime", "200"},
	"inForce":       {protocol.InForceQuestion{}, protocol.InForceAnswer{}, "application/pkcs7-mime", "200"},
	"outcome":       {protocol.OutcomeReport{}, nil, "", "204"},
	"cancel":        {nil, nil, "", "204"},
	"incident":      {protocol.Event{}, protocol.Receipt{}, "application/pkcs7-mime", "201"},
	"escalation":    {protocol.Escalation{}, protocol.Receipt{}, "application/pkcs7-mime", "201"},
	"heartbeat":     {protocol.Heartbeat{}, protocol.HeartbeatAnswer{}, plainJSON, "200"},
	"policy":        {nil, protocol.PolicyBundle{}, plainJSON, "200"},
	"suspensions":   {protocol.SuspensionsQuestion{}, protocol.Suspensions{}, "application/pkcs7-mime", "200"},
	"incidentState": {nil, protocol.IncidentState{}, "application/pkcs7-mime", "200"},
}

func TestOpenAPINamesWhatTheClientSends(t *testing.T) {
	_, operations := describe(t)
	seen := map[string]bool{}
	for name, call := range calls {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			path := strings.Replace(strings.Replace(r.URL.Path, tx.String(), "{t}", 1), "/i-1", "/{id}", 1)
			path = strings.Replace(path, "/policies/8", "/policies/{version}", 1)
			o, ok := operations[r.Method+" "+path]
			if !ok {
				t.Errorf("%s: %s %s is not described", name, r.Method, path)
			}
			seen[o.ID] = true
			if _, ok := o.Body.Content[r.Header.Get("Content-Type")]; ok != (r.Method == "POST") {
				t.Errorf("%s: sends %q", name, r.Header.Get("Content-Type"))
			}
			keyed := slices.ContainsFunc(o.Parameters, func(p map[string]string) bool { return strings.HasSuffix(p["$ref"], "/IdempotencyKey") })
			if keyed != (r.Header.Get("Idempotency-Key") != "") {
				t.Errorf("%s: Idempotency-Key described: %v", name, keyed)
			}
			answer(w, 403, "application/problem+json", `{"type":"urn:honnin:problem:unknown","title":"","status":403}`)
		})
		_ = call(t.Context(), s.Client)
	}
	if len(seen) != len(operations) || len(seen) != len(wire) {
		t.Errorf("%d operations described, %d called", len(operations), len(seen))
	}
}

func TestOpenAPIBodiesAreTheWireTypes(t *testing.T) {
	d, operations := describe(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Error(d.OpenAPI)
	}
	checked := map[string]bool{}
	for line, o := range operations {
		want := wire[o.ID]
		for _, m := range o.Body.Content {
			d.same(t, m.Schema.Ref, reflect.TypeOf(want.sends), checked)
		}
		success, ok := o.Responses[want.status]
		if !ok || o.Responses["default"].Content != nil {
			t.Error(line, "has no", want.status)
		}
		if m, ok := success.Content[want.media]; ok && want.brings != nil {
			d.same(t, m.Schema.Ref, reflect.TypeOf(want.brings), checked)
		} else if want.brings != nil {
			t.Error(line, "does not bring", want.media)
		}
	}
	d.same(t, "Problem", reflect.TypeFor[protocol.Problem](), checked)
	for name, s := range d.Components.Schemas {
		if s.Type == "object" && !checked[name] {
			t.Error(name, "is described and never used")
		}
	}
	if len(checked) < 14 {
		t.Error("schemas checked:", checked)
	}
}

// same compares a schema's members with a struct's, and goes on into the structs in them.
func (d description) same(t *testing.T, ref string, typ reflect.Type, checked map[string]bool) {
	t.Helper()
	name := ref[strings.LastIndex(ref, "/")+1:]
	if typ == nil || typ.Kind() != reflect.Struct || checked[name] {
		return
	}
	checked[name] = true
	s, members, required := d.Components.Schemas[name], []string{}, []string{}
	for f := range typ.Fields() {
		member, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "InForceAnswer" {
			member = inForceMember(f.Name)
		}
		members = append(members, member)
		if rest != "omitzero" {
			required = append(required, member)
		}
		sub := f.Type
		if sub.Kind() == reflect.Pointer {
			sub = sub.Elem()
		}
		if sub.PkgPath() == reflect.TypeFor[protocol.Offer]().PkgPath() && sub.Kind() == reflect.Struct && sub.Name() != "Time" {
			d.same(t, sub.Name(), sub, checked)
		} else if sub.Kind() == reflect.Slice && sub.Elem().Kind() == reflect.Struct {
			d.same(t, sub.Elem().Name(), sub.Elem(), checked)
		}
	}
	if name == "InForceAnswer" {
		members, required = append(members, "format"), append(required, "format")
	}
	var described []string
	for p := range s.Properties {
		described = append(described, p)
	}
	for _, l := range [][]string{members, required, described, s.Required} {
		slices.Sort(l)
	}
	if !slices.Equal(members, described) || !slices.Equal(required, s.Required) {
		t.Errorf("%s: members %v, described %v; required %v, described %v", name, members, described, required, s.Required)
	}
	if s.Additional != false && name != "Problem" {
		t.Error(name, "allows further members")
	}
}

// inForceMember is the member of a field of the answer, whose wire form has a type of its own.
func inForceMember(field string) string {
	var b strings.Builder
	for i, r := range field {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

func TestOpenAPIKnowsEveryProblem(t *testing.T) {
	d, _ := describe(t)
	b, err := os.ReadFile("../../config/protocol/problem.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "Problem") || !strings.Contains(line, "= \"") {
			continue
		}
		word := strings.Split(line, `"`)[1]
		n++
		if !slices.Contains(d.Components.Schemas["ProblemWord"].Enum, word) {
			t.Error("not described:", word)
		}
	}
	if n != len(d.Components.Schemas["ProblemWord"].Enum) || n < 10 {
		t.Error(n, "words in the code,", len(d.Components.Schemas["ProblemWord"].Enum), "described")
	}
	certificates := d.Components.Schemas["Certificate"].Enum
	for i, c := range protocol.Certificates() {
		if i >= len(certificates) || certificates[i] != string(c) {
			t.Error("certificates:", certificates)
		}
	}
}

package console

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"honnin/config/policy"
)

var update = flag.Bool("update", false, "write the pages anew")

// TestPagesAreCurrent: both pages are made from the table, and say every command, input, line, field and failure.
func TestPagesAreCurrent(t *testing.T) {
	for name, lang := range map[string]string{"CONSOLE.md": "en", "CONSOLE.ja.md": "ja"} {
		want := Page(lang)
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(name); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the table says (%v); go test ./ui/console -update writes it", name, err)
		}
		for _, c := range Commands() {
			for _, s := range append(said(c, lang), c.usage()) {
				if !bytes.Contains(want, []byte(s)) {
					t.Errorf("%s: %s: nothing of %q", name, c.Name, s)
				}
			}
		}
		for _, c := range codes {
			if !bytes.Contains(want, []byte("| `"+string(c.Code)+"` | "+c.Text.In(lang)+" |")) {
				t.Errorf("%s: nothing of %s", name, c.Code)
			}
		}
	}
}

// said is every text of a row.
func said(c Command, lang string) (out []string) {
	out = []string{c.Does.In(lang), c.Ask.In(lang)}
	for _, i := range c.Inputs {
		out = append(out, i.label(), i.Does.In(lang))
	}
	for _, e := range c.Examples {
		out = append(out, e.Line, e.Does.In(lang))
	}
	for _, l := range c.Lines {
		out = append(out, l.Code, l.Title.In(lang))
		for _, f := range l.Fields {
			out = append(out, "`"+f.Key+"`", f.Title.In(lang))
		}
	}
	return out
}

// issued are the commands that a technician was promised.
var issued = strings.Fields("status doctor reader printer centre usb selftest visit incidents journal policy config counters log service reboot support report help version lang login logout history")

func TestTableIsWhole(t *testing.T) {
	all, keys := Commands(), map[string]bool{}
	for _, w := range issued {
		if !slices.ContainsFunc(all, func(c Command) bool { return c.Name == w || strings.HasPrefix(c.Name, w+" ") }) {
			t.Errorf("no %s", w)
		}
	}
	open, repairs := []string{}, []string{}
	for _, c := range all {
		if keys[c.Name] || len(strings.Fields(c.Name)) > 2 || ranks[c.Need] == 0 || len(c.Examples) == 0 || !c.own && len(c.Lines) == 0 {
			t.Errorf("%q is twice, of no role, without an example or without an answer", c.Name)
		}
		keys[c.Name] = true
		if sends := slices.ContainsFunc(c.Lines, func(l Line) bool { return strings.HasSuffix(l.Code, ".sent") }); (c.Moves == takeHere) != sends {
			t.Errorf("%s says nothing, or the wrong thing, of the file that it moves", c.Name)
		}
		if c.Need == Nobody {
			open = append(open, c.Name)
		}
		if c.Need == policy.Service {
			repairs = append(repairs, c.Name)
		}
		checkExamples(t, c)
		checkLines(t, c)
		checkInputs(t, c)
		for _, s := range said(c, "en") {
			if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hiragana, r) }) {
				t.Errorf("%s: not English: %s", c.Name, s)
			}
		}
	}
	if want := []string{"help", "version", "lang", "terminal", "history", "login", "logout", "status", "doctor"}; !slices.Equal(open, want) {
		t.Errorf("without a sign-in: %v, want %v", open, want)
	}
	if want := []string{"printer sheet", "printer path-empty", "selftest", "visit", "log level", "policy receive", "policy apply", "service on", "service off", "reboot"}; !slices.Equal(repairs, want) {
		t.Errorf("who may only look does not: %v, want %v", repairs, want)
	}
}

// checkExamples: each can be typed, and means its row.
func checkExamples(t *testing.T, c Command) {
	t.Helper()
	for _, e := range c.Examples {
		if call, err := Parse(e.Line); err != nil || call.Command.Name != c.Name || e.Does == (Text{}) {
			t.Errorf("%s: the example %q is %v, %v", c.Name, e.Line, call.Command, err)
		}
	}
}

func checkLines(t *testing.T, c Command) {
	t.Helper()
	first := strings.Fields(c.Name)[0]
	for i, l := range c.Lines {
		if !strings.HasPrefix(l.Code, first+".") || l.Title.ja == "" || len(l.Fields) == 0 || slices.IndexFunc(c.Lines, func(o Line) bool { return o.Code == l.Code }) != i {
			t.Errorf("%s: line %q", c.Name, l.Code)
		}
		for k, f := range l.Fields {
			if f.Key == "code" || f.Key == "" || f.Title.ja == "" || slices.IndexFunc(l.Fields, func(o Field) bool { return o.Key == f.Key }) != k || f.Unit != "" && f.Kind != KindNumber {
				t.Errorf("%s: field %q", l.Code, f.Key)
			}
			if f.Signed && c.Need != Nobody {
				t.Errorf("%s: %s is for who has signed in; nobody else gets here", l.Code, f.Key)
			}
		}
	}
}

func checkInputs(t *testing.T, c Command) {
	t.Helper()
	optional := false
	for i, in := range c.Inputs {
		if in.Does.ja == "" || slices.IndexFunc(c.Inputs, func(o Input) bool { return o.Name == in.Name }) != i || in.Required && (in.Flag || optional) {
			t.Errorf("%s: input %q", c.Name, in.Name)
		}
		if (in.Form == FormNumber || in.Form == FormDuration) && in.Most <= in.Least {
			t.Errorf("%s: %q has no bounds", c.Name, in.Name)
		}
		optional = optional || !in.Flag && !in.Required
	}
}

func TestRoles(t *testing.T) {
	order := []policy.Role{Nobody, policy.Look, policy.Service}
	for i, has := range order {
		for k, needs := range order {
			if may(has, needs) != (i >= k) {
				t.Errorf("%q may %q: %t", has, needs, may(has, needs))
			}
		}
	}
	for _, r := range []policy.Role{policy.Confirm, policy.Close, "root"} {
		if may(r, Nobody) || may(policy.Service, r) {
			t.Errorf("%q is a role of the console", r)
		}
	}
}

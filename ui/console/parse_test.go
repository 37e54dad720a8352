package console

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		``:                     nil,
		`  a   b `:             {"a", "b"},
		`'a b' "c d"`:          {"a b", "c d"},
		`a\ b "it\"s" '\'`:     {"a b", `it"s`, `\`},
		`""`:                   {""},
		`a''b`:                 {"ab"},
		"状態　見る":                {"状態", "見る"},
		`--since=2h -- --json`: {"--since=2h", "--", "--json"},
	} {
		if got, err := words(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`, `"a\"`} {
		if _, err := words(line); failure(err) == nil || failure(err).Code != BadQuote {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestParse(t *testing.T) {
	c, err := Parse(`log --level warning --since=24h "--package" drivers/card --json`)
	if err != nil || c.Command.Name != "log" || c.Word("level") != "warning" || c.Duration("since", 0) != 24*time.Hour || c.Word("package") != "drivers/card" || !c.JSON || c.Has("follow") {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Parse("journal tail --lines 7"); err != nil || c.Command.Name != "journal tail" || c.Number("lines", 20) != 7 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Parse("journal tail"); err != nil || c.Number("lines", 20) != 20 || c.Duration("for", time.Hour) != time.Hour {
		t.Errorf("%+v, %v", c, err)
	}
	for typed, want := range map[string]string{"exit": "logout", "quit": "logout", "bye --json": "logout", "?": "help", "? status": "help"} {
		if c, err = Parse(typed); err != nil || c.Command.Name != want {
			t.Errorf("%s: %+v, %v", typed, c, err)
		}
	}
	if c, err = Parse("   "); err != nil || c.Command != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]Failure{
		"statsu":                                 {Code: UnknownCommand, Hint: "status"},
		"journal":                                {Code: UnknownCommand, Hint: "journal tail"},
		"jornal veryfy":                          {Code: UnknownCommand, Hint: "journal verify"},
		"service of":                             {Code: UnknownCommand, Hint: "service off"},
		"printer sheat":                          {Code: TooManyWords, Hint: "printer sheet"},
		"rm -rf /":                               {Code: UnknownCommand},
		"status now":                             {Code: TooManyWords, Hint: "status [--json]", Is: Usage},
		"status --jsn":                           {Code: UnknownFlag, Hint: "--json"},
		"status --zzzzzz":                        {Code: UnknownFlag, Hint: "status [--json]", Is: Usage},
		"status --json=1":                        {Code: BadValue, About: "--json"},
		"status --json --json":                   {Code: BadValue, About: "--json"},
		"status --yes":                           {Code: UnknownFlag, Hint: "status [--json]", Is: Usage},
		"lang":                                   {Code: MissingArgument, About: "language", Hint: "lang ja|en [--json]", Is: Usage},
		"lang jp":                                {Code: BadValue, About: "language", Hint: "ja"},
		"journal tail --lines":                   {Code: MissingArgument, About: "--lines", Hint: "journal tail [--lines NUMBER] [--incidents] [--json]", Is: Usage},
		"journal tail --lines 0":                 {Code: BadValue, About: "--lines", Hint: "1-10000", Is: Allowed},
		"journal tail --lines +5":                {Code: BadValue, About: "--lines", Hint: "1-10000", Is: Allowed},
		"journal tail --lines 1e3":               {Code: BadValue, About: "--lines", Hint: "1-10000", Is: Allowed},
		"log --since -5m":                        {Code: BadValue, About: "--since", Hint: "90s, 15m, 2h, <= 8784h0m0s", Is: Allowed},
		"log level drivers/card debug --for 25h": {Code: BadValue, About: "--for", Hint: "90s, 15m, 2h, <= 24h0m0s", Is: Allowed},
		"log --package 山田":                       {Code: BadValue, About: "--package", Hint: strings.Join(logPackages, "|"), Is: Allowed},
		"log --package driver/card":              {Code: BadValue, About: "--package", Hint: "drivers/card"},
		"log level driver/card/ccid debug":       {Code: BadValue, About: "package", Hint: "drivers/card/ccid"},
		"status 'x":                              {Code: BadQuote},
		strings.Repeat("a", MaxLine+1):           {Code: TooLong},
	} {
		_, err := Parse(line)
		f := failure(err)
		if f == nil || *f != want {
			t.Fatalf("%.40q: %+v, want %+v", line, f, want)
		}
		if said := f.text("en"); f.Hint != "" && !strings.HasSuffix(said, []string{"Did you mean: ", "Allowed: ", "Usage: "}[want.Is]+want.Hint) {
			t.Errorf("%q: %q", line, said)
		}
	}
}

func TestComplete(t *testing.T) {
	for before, want := range map[string]struct {
		insert  string
		choices []string
	}{
		"sta":                  {insert: "tus "},
		"jour":                 {insert: "nal "},
		"journal ":             {choices: []string{"export", "tail", "verify"}},
		"journal t":            {insert: "ail "},
		"journal tail --l":     {insert: "ines "},
		"lang ":                {choices: []string{"en", "ja"}},
		"service o":            {choices: []string{"off", "on"}},
		"log --level w":        {insert: "arning "},
		"log level x d":        {insert: "ebug "},
		"help journal v":       {insert: "erify "},
		"policy apply --":      {choices: []string{"--json", "--yes"}},
		"zzz":                  {},
		"status --json zzz zz": {},
	} {
		insert, choices := completion(before)
		if insert != want.insert || want.insert == "" && !slices.Equal(choices, want.choices) {
			t.Errorf("%q: %q %q", before, insert, choices)
		}
	}
}

// FuzzParse: whatever is typed, the call fits its row, and a failure repeats nothing of it.
func FuzzParse(f *testing.F) {
	for _, c := range Commands() {
		for _, e := range c.Examples {
			f.Add(e.Line)
		}
	}
	for _, s := range []string{`log "--since" '2h`, "help help help help", "printer\\ sheet", "journal tail --lines=9999999999999999999999", "\x00\xff", "incidents 0x10", "status -- --json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		completion(line)
		if err != nil {
			var fail *Failure
			if !errors.As(err, &fail) || fail.Code.In("en") == string(fail.Code) {
				t.Fatalf("%q: %v", line, err)
			}
			return
		}
		if c.Command == nil {
			if strings.Trim(line, " \t\u3000") != "" {
				t.Fatalf("%q is nothing", line)
			}
			return
		}
		for _, in := range c.Command.Inputs {
			if c.Has(in.Name) && (!in.allows(c.Word(in.Name)) || !utf8.ValidString(c.Word(in.Name))) || in.Required && !c.Has(in.Name) {
				t.Fatalf("%q: %s is %q", line, in.Name, c.Word(in.Name))
			}
		}
		if c.yes && c.Command.Ask == (Text{}) || len(c.given) > len(c.Command.Inputs)+2 {
			t.Fatalf("%q: %+v", line, c)
		}
	})
}

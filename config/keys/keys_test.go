package keys_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/keys"
	"honnin/config/tokyo"
)

// shop is a file with a key of every kind.
var shop = keys.File{Name: "shop.toml", Ja: "店", En: "A shop.", Keys: []keys.Key{
	{Path: "name", Form: keys.Text, Need: true, Ja: "名", En: "Its name."},
	{Path: "open", Form: keys.Flag, Default: "true", Ja: "開", En: "Open at all."},
	{Path: "words", Form: keys.Word, List: true, Min: 1, Max: 3, Default: "a, b", Ja: "語", En: "Words."},
	{Path: "wait", Form: keys.Duration, Min: int64(time.Second), Max: int64(time.Hour), Default: "90s", Ja: "待", En: "How long."},
	{Path: "till", Form: keys.Table, Ja: "金", En: "The till."},
	{Path: "till.code", Form: keys.Text, Need: true, Secret: true, Ja: "鍵", En: "Its code."},
	{Path: "shelf", Form: keys.Tables, Name: "id", Max: 3, Label: "shelf", Ja: "棚", En: "A shelf."},
	{Path: "shelf.id", Form: keys.Digits, Need: true, Ja: "番", En: "Its number."},
	{Path: "shelf.thing", Form: keys.Tables, Name: "name", Max: 3, Ja: "物", En: "A thing.", Later: "nobody sells it"},
	{Path: "shelf.thing.name", Form: keys.Word, Need: true, Ja: "名", En: "Its name."},
	{Path: "shelf.thing.price", Form: keys.Number, Need: true, Min: 0, Max: 900, Unit: "yen", Label: "-", Ja: "値", En: "Its price."},
	{Path: "shelf.thing.kind", Form: keys.Text, Words: []string{"tea", "salt"}, Ja: "種", En: "Its kind."},
}}

const stocked = `name = "A"
wait = "60s" # a remark

[till]
code = "1234"
[[shelf]]
id = "1"
[[shelf.thing]]
name = "tea"
price = 1_00
[[shelf.thing]]
name = "salt"
price = 50
kind = "salt"
[[shelf]]
id = "2"
thing = [
  {name = "tea", price = 200},
  {name = "cup",
   price = 300},
]
`

// TestErrorsSayWhere: file, line, key and what is allowed, and nothing of what was written.
func TestErrorsSayWhere(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no value":             {`name = "A"`, `name = `, "line 1: "},
		"twice":                {`name = "A"`, "name = \"A\"\nname = \"B\"", "line 2: "},
		"unknown":              {"[till]", "tilt = 1\n[till]", "line 4: tilt: unknown key; allowed are name, open, words, wait, till, shelf"},
		"unknown within":       {"kind =", "knd =", "line 14: shelf[1].thing[salt].knd: unknown key; allowed are name, price, kind"},
		"unknown dotted":       {"[till]", "till.secret = 1\n[till2]", "line 4: till.secret: unknown key; allowed are code"},
		"missing at the top":   {`name = "A"`, "", "line 1: name: is missing; a text of 1 to 256 bytes"},
		"missing in a table":   {`code = "1234"`, "", "line 4: till.code: is missing"},
		"missing in a list":    {"price = 50\n", "", "line 11: shelf[1].thing[salt].price: is missing; a number from 0 to 900 yen"},
		"missing in line":      {",\n   price = 300", "", "line 19: shelf[2].thing[cup].price: is missing"},
		"no name":              {"id = \"2\"", "", "line 15: shelf[2].id: is missing; 1 to 8 digits"},
		"a name of bad form":   {"id = \"2\"", "id = \"hanako\"", "line 16: shelf[2].id: must be 1 to 8 digits"},
		"too much":             {"price = 50", "price = 901", "line 13: shelf[1].thing[salt].price: must be a number from 0 to 900 yen"},
		"too much in line":     {"300", "9000", "line 20: shelf[2].thing[cup].price: must be a number from 0 to 900 yen"},
		"a type":               {"price = 50", `price = "50"`, "line 13: shelf[1].thing[salt].price: must be a number"},
		"a fraction":           {"price = 50", `price = 5.0`, "line 13: shelf[1].thing[salt].price: must be a number"},
		"a date":               {"price = 50", `price = 2026-01-01`, "line 13: shelf[1].thing[salt].price: must be a number"},
		"a word":               {`kind = "salt"`, `kind = "pepper"`, `line 14: shelf[1].thing[salt].kind: must be one of "tea", "salt"`},
		"too short a time":     {`"60s"`, `"1ms"`, `line 2: wait: must be a duration such as "90s", "5m", "24h", from 1s to 1h`},
		"no time":              {`"60s"`, `60`, "line 2: wait: must be a duration"},
		"a flag as a text":     {"[till]", "open = \"no\"\n[till]", "line 4: open: must be true or false"},
		"one for a list":       {"[till]", "words = \"a\"\n[till]", "line 4: words: must be a list; each 1 to 64 of a-z, 0-9 and hyphen; 1 to 3 of them"},
		"an empty list":        {"[till]", "words = []\n[till]", "line 4: words: must be a list"},
		"too long a list":      {"[till]", "words = [\"a\", \"b\", \"c\", \"d\"]\n[till]", "line 4: words: must be a list"},
		"an item on a line":    {"[till]", "words = [\n\"a\",\n\n\"B\"]\n[till]", "line 7: words[2]: must be 1 to 64 of a-z"},
		"an item twice":        {"[till]", "words = [\n\"a\",\n\"a\"]\n[till]", "line 6: words[2]: stands twice"},
		"a list in a list":     {"[till]", "words = [[\"a\"]]\n[till]", "line 4: words[1]: must be 1 to 64"},
		"a table twice":        {"id = \"2\"", "id = \"1\"", "line 16: shelf[1].id: stands twice"},
		"a table for a value":  {`wait = "60s" # a remark`, "wait.a = 1", "line 2: wait: must be a duration"},
		"a value for a table":  {"[till]\ncode = \"1234\"", "till = 3", "line 4: till: must be a table"},
		"a table for tables":   {"thing = [\n", "thing = {name = \"x\", price = 1}\nkind = [\n", "line 17: shelf[2].thing: must be a list of tables"},
		"four tables":          {"[[shelf]]\nid = \"2\"", "[[shelf]]\nid = \"7\"\n[[shelf]]\nid = \"8\"\n[[shelf]]\nid = \"2\"", "line 6: shelf: must be a list of tables; 0 to 3 of them"},
		"texts for tables":     {"thing = [\n", "thing = [\"x\",\n", "line 17: shelf[2].thing[1]: must be a list"},
		"nested beyond reason": {`"60s"`, strings.Repeat("[", 100_000), "line 2: "},
	} {
		text := strings.Replace(stocked, c.old, c.new, 1)
		if text == stocked {
			t.Fatalf("%s: the case changes nothing", name)
		}
		n, err := shop.Read([]byte(text))
		var e *keys.Error
		if n != nil && err == nil || !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
			continue
		}
		if e.File = "shop.toml"; !strings.HasPrefix(err.Error(), "shop.toml: "+c.want) {
			t.Errorf("%s: %v does not name the file", name, err)
		}
		if strings.Contains(err.Error(), "hanako") || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: repeats what was written: %v", name, err)
		}
	}
	if _, err := shop.Read([]byte(stocked)); err != nil {
		t.Error(err)
	}
}

func TestWrong(t *testing.T) {
	n, err := shop.Read([]byte(stocked))
	if err != nil {
		t.Fatal(err)
	}
	thing := n.Get("shelf").Items()[1].Get("thing").Items()[1]
	for want, got := range map[string]error{
		"line 20: shelf[2].thing[cup].price: 7": thing.Wrong("price", "%d", 7),
		"line 19: shelf[2].thing[cup].kind: x":  thing.Wrong("kind", "x"),
		"line 19: shelf[2].thing[cup]: x":       thing.Wrong("", "x"),
		"line 5: till.code: x":                  n.Wrong("till.code", "x"),
		"line 4: till.lock: x":                  n.Wrong("till.lock", "x"),
		"line 1: words: x":                      n.WrongItem("words", 0, "x"),
		"line 15: shelf[2]: x":                  n.WrongItem("shelf", 1, "x"),
	} {
		if got.Error() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	if n.Get("none").Items() != nil || n.Get("none").Get("more") != nil || n.Has("shelf.thing.color") || !n.Has("shelf.thing.kind") || !n.Has("till") {
		t.Error("what is not there")
	}
}

// TestForms: what has a form and what has not; the pattern of the schema takes whatever the form takes.
func TestForms(t *testing.T) {
	for form, c := range map[*keys.Form]struct{ good, bad []string }{
		keys.Text:         {[]string{"a", "名　№ 横浜市", "é→\u200d"}, []string{"", strings.Repeat("a", 257), "a\nb", "City → x\x1b[2K\x1b[1AHIDDEN", "a\u0085", "a\u2028b", "\u202egnol", "\u2066a\u2069", "\xff"}},
		keys.Duration:     {[]string{"0", "0s", "1.5h", "1h2m3s", "+5m", "90s"}, []string{"", "5", "-5m", "5 minutes", "h"}},
		keys.Instant:      {[]string{"2026-12-01T00:00:00+09:00", "2026-12-01T00:00:00Z"}, []string{"", "2026-12-01", "2026-12-01T00:00:00", "2026-12-01T00:00:00.5Z", "2026-12-01T00:00:00,0Z", "2026-02-30T00:00:00Z"}},
		keys.Day:          {[]string{"2028-02-29"}, []string{"", "2027-02-29", "2027-2-3", "02-29"}},
		keys.Days:         {[]string{"2027-05-03", "2027-05-03/2027-05-05", "02-29", "12-29/01-03", "05-03/05-03"}, []string{"", "/", "2027-05-05/2027-05-03", "02-30", "12-29/2027-01-03", "12-29/", "1-1", "2027-05-03/2027-05-04/2027-05-05"}},
		keys.Hours:        {[]string{"06:30-23:00", "00:00-24:00", "09:00-09:01"}, []string{"", "6:30-23:00", "23:00-06:30", "09:00-09:00", "09:00", "00:00-24:01", "25:00-26:00", "06:60-07:00", "24:00-24:00"}},
		keys.Digest:       {[]string{strings.Repeat("a1", 32)}, []string{"", strings.Repeat("A1", 32), strings.Repeat("a", 63)}},
		keys.Municipality: {[]string{"141003"}, []string{"", "14100", "14100a", "1410033"}},
		keys.Terminal:     {[]string{"T-1"}, []string{"", "t-1", "T_1", "T-*", strings.Repeat("T", 33)}},
		keys.Target:       {[]string{"T-1", "T-*", "*"}, []string{"", "t-*", "**", "*T", "T*1"}},
		keys.Version:      {[]string{"1.4.0", "2.0.0-rc.1"}, []string{"", "1.4", "v1.4.0", "01.4.0"}},
		keys.Word:         {[]string{"office-a", "1"}, []string{"", "Office", "a b", "a_b", strings.Repeat("a", 65)}},
		keys.Digits:       {[]string{"1", "12345678"}, []string{"", "123456789", "-1", "１"}},
		keys.PEM:          {[]string{"file.pem", "-----BEGIN"}, []string{""}},
		keys.URL:          {[]string{"https://centre", "https://centre:444", "https://[::1]:444"}, []string{"", "http://centre", "https://centre/", "https://a@centre", "https://", "https://centre?x", "https://centre#x", "HTTPS://centre"}},
		keys.Place:        {[]string{"log.example:6514", "127.0.0.1:1", "[::1]:65535", "LOG-1:6514"}, []string{"", "log.example", "log.example:", ":6514", "log.example:0", "log.example:06514", "log.example:65536", "log example:6514", "::1:6514", "[::1%lo]:6514", "a/b:1", "[a]:1"}},
		keys.Reach:        {[]string{"tel:+81-3-0000-0000", "mailto:a@b.example", "https://b.example/x?y"}, []string{"", "tel:", "+81", "http://b.example", "https://", "https://a:b@b.example", "mailto:a b", "javascript:1", "tel:１"}},
		keys.USB:          {[]string{"054c:0dc9"}, []string{"", "054C:0DC9", "054c", "054c:0dc", "054c0dc9", ":054c0dc9"}},
	} {
		pattern := regexp.MustCompile(form.Pattern)
		for _, s := range c.good {
			if !form.Fits(s) || !pattern.MatchString(s) {
				t.Errorf("%q should be %s (%v)", s, form.Says, pattern.MatchString(s))
			}
			if form.Plain != nil && form.Plain(form.Plain(s)) != form.Plain(s) {
				t.Errorf("%q has two plain forms", s)
			}
		}
		for _, s := range c.bad {
			if form.Fits(s) {
				t.Errorf("%q should not be %s", s, form.Says)
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		days, day string
		want      bool
	}{
		{"2027-05-03/2027-05-05", "2027-05-02", false}, {"2027-05-03/2027-05-05", "2027-05-03", true}, {"2027-05-03/2027-05-05", "2027-05-05", true},
		{"2027-05-03/2027-05-05", "2027-05-06", false}, {"2027-05-03", "2028-05-03", false}, {"05-03", "2028-05-03", true},
		{"12-29/01-03", "2026-12-28", false}, {"12-29/01-03", "2026-12-29", true}, {"12-29/01-03", "2027-01-03", true}, {"12-29/01-03", "2027-01-04", false},
		{"02-28/03-01", "2028-02-29", true}, {"02-29", "2027-02-28", false},
	} {
		r, err := keys.ParseDays(c.days)
		day, err2 := time.ParseInLocation(time.DateOnly, c.day, tokyo.Zone())
		if err != nil || err2 != nil || r.Has(day.Add(23*time.Hour)) != c.want {
			t.Errorf("%s in %s: want %v (%v)", c.day, c.days, c.want, err)
		}
	}
	for _, s := range []string{"06:30-23:00", "00:00-24:00", "09:05-10:00"} {
		if h, err := keys.ParseHours(s); err != nil || h.String() != s {
			t.Errorf("%s: %s %v", s, h, err)
		}
	}
	if h, _ := keys.ParseHours("06:30-24:00"); h != (keys.Span{From: 390, To: 1440}) {
		t.Error(h)
	}
}

func TestDiffInWords(t *testing.T) {
	read := func(text string) keys.Side {
		n, err := shop.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return keys.Side{Root: n}
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"the default":   {`name = "A"`, "name = \"A\"\nopen = true\nwords = [\"a\", \"b\"]", ""},
		"moved":         {"price = 1_00", "price = 100", ""},
		"a flag":        {`name = "A"`, "name = \"A\"\nopen = false", "open: true → false"},
		"a time":        {`"60s"`, `"2m"`, "wait: 1m → 2m"},
		"a word more":   {`name = "A"`, "name = \"A\"\nwords = [\"a\", \"b\", \"c\"]", "words: + c"},
		"another order": {`name = "A"`, "name = \"A\"\nwords = [\"b\", \"a\"]", "words: a, b → b, a"},
		"price":         {"price = 50", "price = 60", "salt in shelf 1: 50 → 60 yen"},
		"kind":          {"kind = \"salt\"\n", "", "salt in shelf 1: kind: salt → none"},
		"secret":        {"1234", "4321", "till.code: changed"},
		"secret new":    {"[till]\ncode = \"1234\"", "", "till.code: changed"},
		"gone and new":  {"id = \"2\"", "id = \"3\"", "shelf 3: new: tea (price 200 yen), cup (price 300 yen)\nshelf 2: gone"},
	} {
		var got []string
		for _, d := range shop.Diff(read(stocked), read(strings.Replace(stocked, c.old, c.new, 1))) {
			got = append(got, d.String())
		}
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	for path, want := range map[string]string{
		"shelf.thing.price": "shop.toml: shelf.thing.price\n  値\n  Its price.\n  値 / value: a number from 0 to 900 yen\n  必須 / must be there\n",
		"wait":              "省略時 / without it: 90s\n",
		"shelf.thing":       "  未実装 / not yet: nobody sells it\n  キー / keys in it: name, price, kind\n",
	} {
		if text, err := shop.Explain(path); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %s%v", path, text, err)
		}
	}
	for path, want := range map[string]string{"prices": "alike are shelf.thing.price", "zzz": "its keys are name, open", "": "its keys are"} {
		if text, err := shop.Explain(path); err == nil || text != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s%v, want %s", path, text, err, want)
		}
	}
}

// TestPageHasEverything: each key once in its table, and the schema is JSON with every key.
func TestPageHasEverything(t *testing.T) {
	page := string(shop.Page())
	schema, err := shop.Schema()
	var parsed map[string]any
	if err != nil || json.Unmarshal(schema, &parsed) != nil {
		t.Fatal(err)
	}
	for _, k := range shop.Keys {
		last := k.Path[strings.LastIndex(k.Path, ".")+1:]
		row := fmt.Sprintf("| `%s` | ", last)
		switch k.Form {
		case keys.Table:
			row = "## `[" + k.Path + "]`"
		case keys.Tables:
			row = "## `[[" + k.Path + "]]`"
		}
		if !strings.Contains(page, row) || !strings.Contains(page, k.En) || !strings.Contains(string(schema), fmt.Sprintf("%q: {", last)) {
			t.Errorf("%s is missing", k.Path)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(page, -1) {
		if !slices.ContainsFunc(strings.Split(page, "\n"), func(line string) bool {
			return strings.HasPrefix(line, "## ") && regexp.MustCompile("[^a-z0-9_-]").ReplaceAllString(line[3:], "") == m[1]
		}) {
			t.Errorf("nothing is called %s", m[1])
		}
	}
	if n := strings.Count(page, "](#"); n != strings.Count(page, "## `[") || n == 0 {
		t.Errorf("%d tables are listed", n)
	}
	if !strings.Contains(page, "nobody sells it") {
		t.Error("what is not yet")
	}
}

// FuzzRead: whatever is given is refused with a place, or is a tree that can be walked; and reading it again gives no difference.
func FuzzRead(f *testing.F) {
	f.Add([]byte(stocked))
	for _, s := range []string{"", "name = \"A\"", "[[shelf]]\nid = \"1\"\nthing = [{}]", "a.b.c = 1", "name = '''\nx'''", "[till]\n[till]", "\"name\" = \"A\"", "words = [\"a\",#x\n\"b\"]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := shop.Read(text)
		var e *keys.Error
		if err != nil {
			if !errors.As(err, &e) || e.Line > strings.Count(string(text), "\n")+1 {
				t.Fatalf("%v", err)
			}
			return
		}
		if d := shop.Diff(keys.Side{Root: n}, keys.Side{Root: n}); len(d) > 0 {
			t.Fatalf("differs from itself: %v", d)
		}
	})
}

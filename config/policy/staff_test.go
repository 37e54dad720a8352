package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// rounds is as few as a policy may have: the tests need no slower ones.
const rounds = 100_000

const here, elsewhere = protocol.Terminal("JP-14-000007"), protocol.Terminal("JP-14-000008")

func member(t testing.TB, id, code string, more ...string) string {
	t.Helper()
	v := must[string](t)(policy.StaffCode(id, []byte(code), rounds))
	return fmt.Sprintf("\n[[staff]]\nid = %q\nroles = [\"confirm\"]\ncode = %q\nexpires = \"2026-11-21\"\n%s\n", id, v, strings.Join(more, "\n"))
}

func TestConfirms(t *testing.T) {
	text := good + member(t, "1207", "482913") + member(t, "31", "111111222222", `municipality = "131016"`) +
		member(t, "32", "987654", `terminals = ["JP-14-000008"]`)
	p := must[*policy.Policy](t)(policy.Parse([]byte(text), newWorld(t).load))
	end := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC) // of that day in Japan
	for name, c := range map[string]struct {
		id, code string
		at       protocol.Terminal
		of       protocol.Municipality
		now      time.Time
		is       bool
		known    string
	}{
		"right":                  {"1207", "482913", here, "141003", now, true, "1207"},
		"the last second":        {"1207", "482913", here, "141003", end.Add(-time.Second), true, "1207"},
		"the day after":          {"1207", "482913", here, "141003", end, false, "1207"},
		"another's code":         {"1207", "987654", here, "141003", now, false, "1207"},
		"longer":                 {"1207", "4829130", here, "141003", now, false, "1207"},
		"no code":                {"1207", "", here, "141003", now, false, "1207"},
		"nobody":                 {"9", "482913", here, "141003", now, false, ""},
		"the code as the id":     {"482913", "482913", here, "141003", now, false, ""},
		"another municipality":   {"31", "111111222222", here, "141003", now, false, "31"},
		"their own municipality": {"31", "111111222222", here, "131016", now, true, "31"},
		"another terminal":       {"32", "987654", here, "141003", now, false, "32"},
		"their own terminal":     {"32", "987654", elsewhere, "141003", now, true, "32"},
	} {
		if is, known := p.Confirms(c.id, []byte(c.code), c.at, c.of, c.now); is != c.is || known != c.known {
			t.Errorf("%s: %v %q", name, is, known)
		}
	}
	if !p.Staffed(here, now) || p.Staffed(here, end) {
		t.Error("whether somebody may confirm here")
	}
	alone := must[*policy.Policy](t)(policy.Parse([]byte(good+member(t, "32", "987654", `terminals = ["JP-14-000008"]`)), newWorld(t).load))
	if alone.Staffed(here, now) || !alone.Staffed(elsewhere, now) {
		t.Error("staff of another terminal")
	}
	only := must[*policy.Policy](t)(policy.Parse([]byte(good+member(t, "31", "111111222222", `municipality = "131016"`)), newWorld(t).load))
	if !only.Staffed(here, now) || !only.StaffedFor("131016", here, now) || only.StaffedFor("141003", here, now) || only.StaffedFor("131016", here, end) {
		t.Error("staff of another municipality")
	}
	if none := must[*policy.Policy](t)(policy.Parse([]byte(good), newWorld(t).load)); none.Staffed(here, now) {
		t.Error("a policy without staff")
	} else if is, known := none.Confirms("1207", []byte("482913"), here, "141003", now); is || known != "" {
		t.Error("a policy without staff knows a code")
	}
}

// A verifier moved to another member of staff fits nobody's code.
func TestCodeIsBoundToItsOwner(t *testing.T) {
	moved := strings.Replace(member(t, "1207", "482913"), `id = "1207"`, `id = "1208"`, 1)
	p := must[*policy.Policy](t)(policy.Parse([]byte(good+moved), newWorld(t).load))
	if is, _ := p.Confirms("1208", []byte("482913"), here, "141003", now); is {
		t.Error("another's verifier fits")
	}
}

func TestBadStaffNameTheKey(t *testing.T) {
	one := member(t, "1207", "482913")
	code := one[strings.Index(one, "pbkdf2"):strings.Index(one, "\"\nexpires")]
	for name, c := range map[string]struct{ text, want string }{
		"no id":            {strings.Replace(one, "id = \"1207\"\n", "", 1), "staff[1].id: is missing"},
		"a name":           {strings.Replace(one, "1207", "sato", 1), "staff[1].id: must be 1 to 8 digits"},
		"too long an id":   {strings.Replace(one, "1207", "123456789", 1), "id:"},
		"twice":            {one + one, "staff[1207].id: stands twice"},
		"no roles":         {strings.Replace(one, `["confirm"]`, `[]`, 1), "roles:"},
		"unknown role":     {strings.Replace(one, `["confirm"]`, `["admin"]`, 1), "roles[1]: must be one of"},
		"role twice":       {strings.Replace(one, `["confirm"]`, `["confirm", "confirm"]`, 1), "roles: must be a list; each one of \"confirm\"; 1 to 1"},
		"no code":          {strings.Replace(one, "code = \""+code+"\"\n", "", 1), "code:"},
		"a code in clear":  {strings.Replace(one, code, "482913", 1), "code: must be pbkdf2-sha256"},
		"too few rounds":   {strings.Replace(one, ":100000:", ":99999:", 1), "code: must be"},
		"too many rounds":  {strings.Replace(one, ":100000:", ":5000001:", 1), "code: must be"},
		"another scheme":   {strings.Replace(one, "pbkdf2-sha256", "md5", 1), "code: must be"},
		"a cut hash":       {strings.Replace(one, code, code[:len(code)-2], 1), "code: must be"},
		"a sign":           {strings.Replace(one, ":100000:", ":+100000:", 1), "code: must be"},
		"no expiry":        {strings.Replace(one, "expires = \"2026-11-21\"\n", "", 1), "expires:"},
		"no such day":      {strings.Replace(one, "2026-11-21", "2026-02-30", 1), "expires: must be a day"},
		"foreign town":     {one + `municipality = "011002"`, "municipality: is not one"},
		"no such town":     {one + `municipality = "1"`, "municipality: must be a code"},
		"no such terminal": {one + `terminals = ["a b"]`, "terminals[1]: must be a terminal"},
		"unknown key":      {one + `name = "Sample"`, "staff[1207].name: unknown key; allowed are id, roles, code, expires, municipality, terminals"},
	} {
		_, err := policy.Parse([]byte(good+c.text), newWorld(t).load)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "482913") {
			t.Errorf("%s: the error repeats what was written: %v", name, err)
		}
	}
}

func TestStaffCodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id, code string
		rounds   int
	}{
		"a name": {"sato", "482913", rounds}, "no id": {"", "482913", rounds}, "short": {"1", "48291", rounds}, "long": {"1", "4829134829134", rounds},
		"letters": {"1", "48291x", rounds}, "few rounds": {"1", "482913", rounds - 1}, "many": {"1", "482913", 5_000_001},
	} {
		if v, err := policy.StaffCode(c.id, []byte(c.code), c.rounds); err == nil || v != "" || c.code != "" && strings.Contains(err.Error(), c.code) {
			t.Errorf("%s: %q %v", name, v, err)
		}
	}
	first, second := must[string](t)(policy.StaffCode("1", []byte("482913"), rounds)), must[string](t)(policy.StaffCode("1", []byte("482913"), rounds))
	if first == second {
		t.Error("the same salt twice")
	}
}

// Whatever two codes: only the one that was given fits.
func TestOnlyTheCodeFits(t *testing.T) {
	digits := rapid.StringMatching(`[0-9]{6,12}`)
	w := newWorld(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		if n++; n > 5 {
			return // each costs a hash that is slow on purpose
		}
		mine, other := digits.Draw(t, "mine"), digits.Draw(t, "other")
		v, err := policy.StaffCode("7", []byte(mine), rounds)
		if err != nil {
			t.Fatal(err)
		}
		p, err := policy.Parse(fmt.Appendf(nil, "%s\n[[staff]]\nid=\"7\"\nroles=[\"confirm\"]\ncode=%q\nexpires=\"2030-01-01\"\n", good, v), w.load)
		if err != nil {
			t.Fatal(err)
		}
		is, _ := p.Confirms("7", []byte(mine), here, "141003", now)
		not, _ := p.Confirms("7", []byte(other), here, "141003", now)
		if !is || not != (mine == other) {
			t.Fatalf("%v %v", is, not)
		}
	})
	if n < 5 {
		t.Errorf("only %d", n)
	}
}

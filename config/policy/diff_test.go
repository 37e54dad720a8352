package policy_test

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"honnin/config/keys"
	"honnin/config/policy"
)

func diff(t *testing.T, w *world, old, new string) (words []string) {
	t.Helper()
	was, is := must[*policy.Policy](t)(policy.Parse([]byte(old), w.load)), must[*policy.Policy](t)(policy.Parse([]byte(new), w.load))
	for _, c := range policy.Diff(was, is) {
		words = append(words, c.String())
	}
	return words
}

func TestDiff(t *testing.T) {
	w := fullWorld(t)
	print := func(name string) string {
		block, _ := pem.Decode(w.files[name])
		return fmt.Sprintf("SHA-256 %x", sha256.Sum256(block.Bytes))
	}
	for name, c := range map[string]struct {
		old, new string // replaced in full
		want     []string
	}{
		"nothing":               {"version", "version", nil},
		"written otherwise":     {`clock_skew = "5m"`, `clock_skew = "300s" # the same`, nil},
		"the same instant":      {"2026-12-01T00:00:00+09:00", "2026-11-30T15:00:00Z", nil},
		"the default, in words": {"printers_without_ipp = false\n", "", nil},
		"a number otherwise":    {"version = 7", "version = 0x7", nil},
		"fee":                   {"fee = 250", "fee = 200", []string{"seal-registration in 141003: 250 → 200 yen"}},
		"counter fee":           {"counter_fee = 300\n", "", []string{"seal-registration in 141003: counter_fee: 300 yen → none"}},
		"floor":                 {"1.4.0", "1.5.0", []string{"practice-issuer in 141003: floor: 1.4.0 → 1.5.0"}},
		"latch":                 {"defective = 4", "defective = 3", []string{"latch.defective: 4 → 3"}},
		"back to the default":   {"defective = 4\n", "", []string{"latch.defective: 4 → 3"}},
		"name":                  {"Practice Town", "Sample Town", []string{"131016: name: Practice Town → Sample Town"}},
		"a day more":            {`["2027-01-16"]`, `["2027-01-16", "2027-01-17"]`, []string{"141003: closed: + 2027-01-17"}},
		"a day for another":     {`["2027-01-16"]`, `["2027-01-17"]`, []string{"141003: closed: + 2027-01-17, − 2027-01-16"}},
		"order":                 {`["en", "ja"]`, `["ja", "en"]`, []string{"languages: en, ja → ja, en"}},
		"service gone":          {"  [[municipality.service]]\n  certificate = \"seal-registration\"\n  fee = 250\n  counter_fee = 300\n", "", []string{"seal-registration in 141003: gone"}},
		"service new": {"[[municipality]]\ncode = \"131016\"", "[[municipality.service]]\ncertificate = \"tax-paid\"\nfee = 300\n[[municipality]]\ncode = \"131016\"",
			[]string{"tax-paid in 141003: new: fee 300 yen"}},
		"contact new": {"[deadlines]", "[[contact]]\nid = \"night\"\nreach = \"tel:119\"\n[deadlines]", []string{"contact night: new: reach tel:119"}},
		"who is told first": {"id = \"operations\"\nreach = \"tel:+81-3-0000-0000\"\n[[contact]]\nid = \"city-office\"\nreach = \"mailto:office@city.example\"\nmunicipality = \"141003\"\n",
			"id = \"city-office\"\nreach = \"mailto:office@city.example\"\nmunicipality = \"141003\"\n[[contact]]\nid = \"operations\"\nreach = \"tel:+81-3-0000-0000\"\n",
			[]string{"contact: order: operations, city-office → city-office, operations"}},
		"code":              {"600000:AAAA", "600000:BBBB", []string{"staff 1207: code: changed"}},
		"key":               {"\"office-b.pem\"", "\"closer.pem\"", []string{"policy key office-b: pem: + " + print("closer.pem") + ", − " + print("office-b.pem")}},
		"anchor":            {`["issuing-ca.pem"]`, `["issuing-ca.pem", "card-ca.pem"]`, []string{"141003: issuing_anchors: + " + print("card-ca.pem")}},
		"municipality gone": {"[[municipality]]\ncode = \"131016\"\nname = \"Practice Town\"\npinned_signers = [\"signer.pem\"]\n", "", []string{"131016: gone"}},
	} {
		if !strings.Contains(full, c.old) {
			t.Fatalf("%s: %q is not in the example", name, c.old)
		}
		if got := diff(t, w, full, strings.Replace(full, c.old, c.new, 1)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestDiffSeesEveryKey: whatever key is left out of the policy, or a whole table with it, is a difference that names it.
func TestDiffSeesEveryKey(t *testing.T) {
	f := policy.Table()
	all := must[*keys.Node](t)(f.Read([]byte(full)))
	none := must[*keys.Node](t)(f.Read([]byte(least)))
	seen := map[string]bool{}
	for _, c := range append(f.Diff(keys.Side{Root: none}, keys.Side{Root: all}), f.Diff(keys.Side{Root: all}, keys.Side{Root: none})...) {
		seen[c.Key] = true
		if c.What == "" || strings.Contains(c.String(), "pbkdf2") {
			t.Errorf("%+v", c)
		}
	}
	for _, k := range f.Keys {
		list := slices.ContainsFunc(f.Keys, func(t keys.Key) bool { return t.Form == keys.Tables && strings.HasPrefix(k.Path, t.Path+".") })
		same := k.Default != "" && slices.Contains([]string{"devices.pin_pad", "devices.printers_without_ipp", "policy_keys.threshold"}, k.Path)
		if k.Form != keys.Table && !list && !same && !seen[k.Path] {
			t.Errorf("%s differs, and nobody says so", k.Path)
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d keys differ", len(seen))
	}
}

const least = `version = 1
clock_skew = "1m"
package_lifetime = "1m"
[card]
anchors = ["other.pem"]
[[municipality]]
code = "011002"
name = "Another City"
pinned_signers = ["other.pem"]
`

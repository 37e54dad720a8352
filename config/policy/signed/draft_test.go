package signed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
)

// A draft keeps its comments, holds its files, and follows the policy before.
func TestDraft(t *testing.T) {
	o := signedtest.New(t, now)
	files := map[string][]byte{"city.pem": []byte(signedtest.Armour(o.Keys[3].Certificate)), "city.der": o.Keys[2].Certificate.Raw}
	load := func(name string) ([]byte, error) {
		if b, is := files[name]; is {
			return b, nil
		}
		return nil, errors.New("no such file")
	}
	edited := strings.Replace(string(o.Text(signedtest.Head{})), `issuing_anchors = [`, "# the city's own\nissuing_anchors = [\"city.pem\", 'city.der', ", 1)
	first, err := signed.Draft([]byte("# autumn\n"+strings.Replace(edited, "version = 1\n", "", 1)), load, nil, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	one, err := policy.Parse(first, nil)
	if err != nil || !strings.Contains(string(first), "# autumn\n") || !strings.Contains(string(first), "# the city's own\n") || strings.Contains(string(first), "city.pem") {
		t.Fatalf("%v\n%s", err, first)
	}
	second, err := signed.Draft(first, load, one, first, 0)
	if err != nil {
		t.Fatal(err)
	}
	third, err := signed.Draft(second, nil, must(policy.Parse(second, nil))(t), second, 0)
	if err != nil {
		t.Fatal(err)
	}
	added, _, err := signed.Start{Root: o.Root()}.Extend(o.Bundle(first), o.Bundle(second), o.Bundle(third))
	if err != nil || len(added) != 1 || added[0].Head.Version != 3 { // the highest that the root opens begins
		t.Fatal(added, err)
	}
	if on, _, err := (signed.Start{Last: must(o.Root().Open(o.Bundle(first)))(t)}).Extend(o.Bundle(third), o.Bundle(second)); err != nil || len(on) != 2 {
		t.Error(on, err)
	}
	if high, err := signed.Draft(first, load, one, first, 12); err != nil || !strings.HasPrefix(string(high), "version = 12\nprevious = ") {
		t.Errorf("version 12: %v", err)
	}
	if _, err := signed.Draft(first, load, one, first, 1); err == nil {
		t.Error("version 1 after version 1")
	}
	for name, text := range map[string]string{
		"no head":              "version = 1\n" + o.Body,
		"a file is gone":       strings.Replace(edited, "city.pem", "town.pem", 1),
		"no TOML":              "version = ",
		"an unknown key":       "skip_check = true\n" + edited,
		"version stands twice": fmt.Sprint("version = 2\n", edited, "\n[policy_keys]\n"),
	} {
		if b, err := signed.Draft([]byte(text), load, nil, nil, 0); err == nil {
			t.Errorf("%s: taken\n%s", name, b)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

package vectors_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"honnin/config/policy"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/testdata/vectors"
)

// The manifest is whole: every entry parses, every package is named once, every verdict is one that can be given.
func TestManifest(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	accepted := 0
	for _, v := range all {
		if seen[v.Name] || v.File != v.Name+".p7m" || v.Description == "" {
			t.Errorf("%s: doubled, or without file or description", v.Name)
		}
		seen[v.Name] = true
		b, err := v.Package()
		if err != nil || len(b) > trust.MaxPackage && v.Reason != reason.PackageMalformed {
			t.Errorf("%s: %d bytes, %v", v.Name, len(b), err)
		}
		p, err := v.Policy()
		if err != nil || !p.Practice() {
			t.Errorf("%s: %v; or a policy that a production terminal would take", v.Name, err)
		}
		w, err := v.Want()
		if err != nil || w.Card == nil || w.At.IsZero() {
			t.Errorf("%s: %v", v.Name, err)
		}
		if (v.Verdict == "accepted") != (v.Reason == "") || v.Verdict != "accepted" && (v.Verdict != "refused" || !v.Reason.Known()) {
			t.Errorf("%s: %s, %s", v.Name, v.Verdict, v.Reason)
		}
		if slices.ContainsFunc(v.Also, func(c reason.Code) bool { return !c.Known() || c == v.Reason }) {
			t.Errorf("%s: also %v", v.Name, v.Also)
		}
		if v.Verdict == "accepted" {
			accepted++
		}
	}
	if len(all) < 250 || accepted < 40 {
		t.Errorf("%d vectors, %d accepted", len(all), accepted)
	}
	packages, err := filepath.Glob("*.p7m")
	if err != nil || len(packages) != len(all) {
		t.Errorf("%d packages for %d entries", len(packages), len(all))
	}
}

func TestCompare(t *testing.T) {
	accepted, refused := vectors.Vector{Name: "a"}, vectors.Vector{Name: "r", Reason: reason.OtherTransaction, Also: []reason.Code{reason.SubjectMismatch}}
	for _, c := range []struct {
		v    vectors.Vector
		got  []reason.Code
		same bool
	}{
		{accepted, nil, true}, {accepted, []reason.Code{reason.PDFFont}, false}, {refused, nil, false},
		{refused, []reason.Code{reason.OtherTransaction, reason.SubjectMismatch}, true},
		{refused, []reason.Code{reason.OtherTransaction, reason.SubjectMismatch, reason.TagMismatch}, false},
		{refused, []reason.Code{reason.OtherTransaction}, false}, {refused, []reason.Code{reason.SubjectMismatch, reason.OtherTransaction}, false},
	} {
		if got := c.v.Compare(c.got...); (got == "") != c.same {
			t.Errorf("%s against %v: %q", c.v.Name, c.got, got)
		}
	}
}

// The policy is read from disk as honnind reads it, and as the embedded files give it.
func TestPolicyLoads(t *testing.T) {
	if _, err := os.Stat("policy.toml"); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load("policy.toml"); err != nil {
		t.Error(err)
	}
}

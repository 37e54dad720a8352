package document

import (
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/reason"
	"honnin/spool/document/inspect"
	"honnin/testdata/vectors"
)

// once inspects each document in this process, and remembers.
type once struct {
	mu    sync.Mutex
	facts map[[32]byte]inspect.Facts
}

func (o *once) Inspect(_ context.Context, pdf []byte) (inspect.Facts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := sha256.Sum256(pdf)
	f, ok := o.facts[key]
	if !ok {
		f = inspect.Document(pdf)
		o.facts[key] = f
	}
	return f, nil
}

// TestEveryRuleIsMissed takes each rule out of the check in turn. Some vector must notice: a rule that nobody would
// miss is not tested, or not needed. Only those vectors are asked that break the rule: to the others it said nothing.
func TestEveryRuleIsMissed(t *testing.T) {
	all := opened(t)
	eye := &once{facts: map[[32]byte]inspect.Facts{}}
	breaks := map[string][]openVector{}
	details := map[string]bool{}
	for _, v := range all {
		got := v.examine(t, eye, theRules)
		if d := v.Compare(said(got)...); d != "" {
			t.Fatalf("the whole check: %s", d)
		}
		for _, s := range got.Steps {
			if s.Result == Broken {
				breaks[s.Rule] = append(breaks[s.Rule], v)
				details[s.Detail] = true
			}
		}
	}
	everyPartIsBroken(t, details)
	for n, r := range theRules {
		if r.name == parseRule {
			continue // without it there is no message, and nothing is accepted: see TestRowsNeedTheirGround
		}
		without := slices.Delete(slices.Clone(theRules), n, n+1)
		if !slices.ContainsFunc(breaks[r.name], func(v openVector) bool { return v.Compare(said(v.examine(t, eye, without))...) != "" }) {
			t.Errorf("nobody misses %q (%s)", r.name, r.code)
		}
	}
}

// refusals are the calls that name what is wrong, and the functions that return it, in the files of the rules' parts.
var refusals = regexp.MustCompile(`(?:malformed|invalid|weak|untrusted|reason\.Errorf)\((?:reason\.\w+, )?"([^"]*)"|return "([a-z][^"]+)"`)

// everyPartIsBroken demands that each thing that a row may find wrong is found wrong in some vector.
func everyPartIsBroken(t *testing.T, details map[string]bool) {
	t.Helper()
	given := strings.Join(slices.Sorted(maps.Keys(details)), "\n")
	parts := 0
	for _, f := range []string{"message", "attribute", "algorithm", "candidate", "certificate", "path", "card"} {
		b, err := os.ReadFile("../../config/trust/" + f + ".go")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range refusals.FindAllStringSubmatch(string(b), -1) {
			what, _, _ := strings.Cut(m[1]+m[2], "%")
			if parts++; !strings.Contains(given, what) {
				t.Errorf("no vector is refused because: %s", what)
			}
		}
	}
	if parts < 50 {
		t.Errorf("only %d things may be wrong", parts)
	}
}

const parseRule = "the package is strict DER CMS SignedData with its content"

// openVector is a vector with all that it names.
type openVector struct {
	vectors.Vector
	policy *policy.Policy
	want   vectors.Want
	pkg    []byte
}

// opened reads every vector; those that name one policy share it, and with it the paths that it remembers.
func opened(t *testing.T) (out []openVector) {
	t.Helper()
	all, err := vectors.All()
	if err != nil || len(all) < 250 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	policies := map[string]*policy.Policy{}
	for _, v := range all {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		if policies[v.PolicyFile] == nil {
			policies[v.PolicyFile] = p
		}
		out = append(out, openVector{v, policies[v.PolicyFile], w, pkg})
	}
	return out
}

func (v openVector) examine(t *testing.T, eye Inspector, rules []rule) Verdict {
	t.Helper()
	check := &Verifier{v.policy, eye, func() time.Time { return v.want.At }, rules}
	got, err := check.Examine(t.Context(), v.pkg, Expectation{Terminal: v.want.Terminal, Transaction: v.want.Transaction, Nonce: v.want.Nonce,
		Card: v.want.Card, Application: v.want.Application, Began: v.want.Began})
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return got
}

// said is a verdict as [vectors.Vector.Compare] takes it.
func said(v Verdict) []reason.Code {
	if v.Refusal == nil {
		return nil
	}
	return append([]reason.Code{v.Refusal.Code}, v.Refusal.Also...)
}

// TestRowsNeedTheirGround: with the row that reads the package left out, nothing is accepted.
func TestRowsNeedTheirGround(t *testing.T) {
	rules := slices.DeleteFunc(slices.Clone(theRules), func(r rule) bool { return r.name == parseRule })
	if len(rules) != len(theRules)-1 {
		t.Fatal("the row is not there")
	}
	for _, v := range opened(t)[:3] {
		if got := v.examine(t, &once{facts: map[[32]byte]inspect.Facts{}}, rules); got.Refusal == nil {
			t.Errorf("%s: accepted unread", v.Name)
		}
	}
}

package document

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"

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
// miss is not tested, or not needed.
func TestEveryRuleIsMissed(t *testing.T) {
	all, err := vectors.All()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	eye := &once{facts: map[[32]byte]inspect.Facts{}}
	if v := noticed(t, all, eye, theRules); v != "" {
		t.Fatalf("the whole check gives another verdict on %s", v)
	}
	for n, r := range theRules {
		if r.name == parseRule {
			continue // without it there is no message, and nothing is accepted: see TestRowsNeedTheirGround
		}
		without := slices.Delete(slices.Clone(theRules), n, n+1)
		if noticed(t, all, eye, without) == "" {
			t.Errorf("nobody misses %q (%s)", r.name, r.code)
		}
	}
}

const parseRule = "the package is strict DER CMS SignedData with its content"

// noticed returns the first vector whose verdict is not the one it must get.
func noticed(t *testing.T, all []vectors.Vector, eye Inspector, rules []rule) string {
	t.Helper()
	for _, v := range all {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		check := &Verifier{p, eye, func() time.Time { return w.At }, rules}
		got, err := check.Examine(t.Context(), pkg, Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began})
		if err != nil {
			t.Fatal(err)
		}
		var said []reason.Code
		if got.Refusal != nil {
			said = append([]reason.Code{got.Refusal.Code}, got.Refusal.Also...)
		}
		if v.Compare(said...) != "" {
			return v.Name
		}
	}
	return ""
}

// TestRowsNeedTheirGround: with the row that reads the package left out, nothing is accepted.
func TestRowsNeedTheirGround(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	rules := slices.DeleteFunc(slices.Clone(theRules), func(r rule) bool { return r.name == parseRule })
	if len(rules) != len(theRules)-1 {
		t.Fatal("the row is not there")
	}
	for _, v := range all[:3] {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		check := &Verifier{p, &once{facts: map[[32]byte]inspect.Facts{}}, func() time.Time { return w.At }, rules}
		got, err := check.Examine(t.Context(), pkg, Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began})
		if err == nil && got.Refusal == nil {
			t.Errorf("%s: accepted unread", v.Name)
		}
	}
}

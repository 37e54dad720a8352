package practice_test

import (
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/spool/incident"
)

// BenchmarkSuspensions measures one ask, from the nonce to the list that is believed; a visit that prints makes three.
func BenchmarkSuspensions(b *testing.B) {
	w := start(b, practice.Options{})
	c := connect(b, w, terminal)
	p, err := policy.Parse([]byte(w.Policy()), nil)
	if err != nil {
		b.Fatal(err)
	}
	now := protocol.At(time.Now())
	if err := w.Suspend(terminal, protocol.Suspension{Municipality: people.Reiji, Since: now, Incident: "i-1"}); err != nil {
		b.Fatal(err)
	}
	judge := incident.Judge{Policy: p, Terminal: terminal, Now: time.Now()}
	for b.Loop() {
		fresh := protocol.NewNonce()
		der, err := c.Suspensions(b.Context(), fresh)
		if err != nil {
			b.Fatal(err)
		}
		if all, err := judge.Suspensions(fresh, der); err != nil || !all.Whole(people.Reiji) {
			b.Fatal(all, err)
		}
	}
}

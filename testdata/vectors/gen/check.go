package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"honnin/config/reason"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/testdata/vectors"
)

// examine runs the offline check on one vector and says how the verdict differs, or "".
func examine(v vectors.Vector, pool *inspect.Pool) string {
	p := must(v.Policy())
	w := must(v.Want())
	e := document.Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began}
	verdict, err := document.NewVerifier(p, pool, func() time.Time { return w.At }).Examine(context.Background(), must(v.Package()), e)
	if err != nil {
		return err.Error()
	}
	var got []reason.Code
	detail := ""
	if r := verdict.Refusal; r != nil {
		got, detail = append([]reason.Code{r.Code}, r.Also...), r.Detail
	}
	switch {
	case v.Verdict == "accepted" && len(got) > 0:
		return fmt.Sprintf("refused as %v (%s), want accepted", got, detail)
	case v.Verdict == "accepted":
		return ""
	case len(got) == 0:
		return fmt.Sprintf("accepted, want %s", v.Reason)
	case got[0] != v.Reason:
		return fmt.Sprintf("refused as %v (%s), want %s first", got, detail, v.Reason)
	}
	for _, c := range v.Also {
		if !slices.Contains(got[1:], c) {
			return fmt.Sprintf("refused as %v, want %s among the others", got, c)
		}
	}
	return ""
}

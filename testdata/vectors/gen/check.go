package main

import (
	"context"
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
	if r := verdict.Refusal; r != nil {
		return v.Compare(append([]reason.Code{r.Code}, r.Also...)...)
	}
	return v.Compare()
}

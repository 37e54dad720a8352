//go:build nocompile

// Package x must not compile: what the offline check says is not a Verified.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
)

func f(q *spool.Queue, v document.Verdict) { q.Accept(context.Background(), 1, v) }

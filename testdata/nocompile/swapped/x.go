//go:build nocompile

// Package x must not compile: the two proofs are not exchangeable.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
)

func f(q *spool.Queue, v document.Verified, i document.InForce, s document.ReleaseSignature) {
	q.Release(context.Background(), 1, v, s, i)
}

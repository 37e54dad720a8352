//go:build nocompile

// Package x must not compile: bytes are not a release signature.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
)

func f(q *spool.Queue, v document.Verified, i document.InForce) {
	q.Release(context.Background(), 1, v, i, []byte{1})
}

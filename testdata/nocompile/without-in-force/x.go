//go:build nocompile

// Package x must not compile: no release without the register's answer and the card's signature.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
)

func f(q *spool.Queue, v document.Verified, s document.ReleaseSignature) {
	q.Release(context.Background(), 1, v, s)
}

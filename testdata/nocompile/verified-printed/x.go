//go:build nocompile

// Package x must not compile: a Verified alone does not print.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
)

func f(p spool.Printer, v document.Verified) { p.Print(context.Background(), v, nil) }

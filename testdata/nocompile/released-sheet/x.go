//go:build nocompile

// Package x must not compile: a document is no service sheet, released or verified.
package x

import (
	"context"

	"honnin/spool"
)

func f(p spool.ServicePrinter, r spool.Released) { p.PrintService(context.Background(), r) }

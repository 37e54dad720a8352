//go:build nocompile

// Package x must not compile: a printer does not take bytes.
package x

import (
	"context"

	"honnin/spool"
)

func f(p spool.Printer) { p.Print(context.Background(), []byte("%PDF-"), nil) }

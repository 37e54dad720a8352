//go:build nocompile

// Package x must not compile: a printer takes no bytes for a service sheet.
package x

import (
	"context"

	"honnin/spool"
)

func f(p spool.ServicePrinter) { p.PrintService(context.Background(), []byte("%PDF-")) }

//go:build nocompile

// Package x must not compile: a service sheet is no Released.
package x

import (
	"context"

	"honnin/spool"
)

func f(p spool.Printer, s spool.ServiceSheet) { p.Print(context.Background(), s, nil) }

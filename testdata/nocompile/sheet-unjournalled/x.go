//go:build nocompile

// Package x must not compile: a service sheet that is not journalled is none that a printer takes.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/sheet"
)

func f(p spool.ServicePrinter, s sheet.Service) { p.PrintService(context.Background(), s) }

//go:build nocompile

// Package x must not compile: a document that passed the check is no service sheet.
package x

import (
	"context"

	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/journal"
)

func f(j *journal.Journal, p spool.Printer, v document.Verified) {
	spool.PrintService(context.Background(), j, p, v, "tech-7")
}

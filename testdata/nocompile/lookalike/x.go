//go:build nocompile

// Package x must not compile: a type with the same methods is not a Released for the printer.
package x

import (
	"context"
	"io"

	"honnin/spool"
)

type lookalike struct{}

func (lookalike) Job() spool.Job               { return spool.Job{} }
func (lookalike) Open() (io.ReadSeeker, error) { return nil, nil }

func f(p spool.Printer) { p.Print(context.Background(), lookalike{}, nil) }

//go:build nocompile

// Package x must not compile: a lookalike does not become a Verified.
package x

import "honnin/spool/document"

type mine struct{ p *int }

var v = document.Verified(mine{})

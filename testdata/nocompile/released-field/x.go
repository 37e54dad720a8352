//go:build nocompile

// Package x must not compile: what is in a Released cannot be reached.
package x

import "honnin/spool"

func f(r spool.Released) { r.r = nil }

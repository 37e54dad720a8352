//go:build nocompile

// Package x must not compile: a Released has no fields to fill.
package x

import "honnin/spool"

var r = spool.Released{bytes: nil}

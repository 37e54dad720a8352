//go:build nocompile

// Package x must not compile: a Verified cannot be written down.
package x

import "honnin/spool/document"

var v = document.Verified{nil}

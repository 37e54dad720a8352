//go:build nocompile

// Package x must not compile: paper cannot be written down.
package x

import "honnin/spool/document"

var p = document.Paper{nil}

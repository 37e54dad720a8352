//go:build nocompile

// Package x must not compile: an in-force answer cannot be written down.
package x

import (
	"time"

	"honnin/spool/document"
)

var i = document.InForce{nil, time.Time{}}

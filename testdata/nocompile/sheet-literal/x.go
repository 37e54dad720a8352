//go:build nocompile

// Package x must not compile: nobody but sheet.New makes a service sheet, and it takes no bytes.
package x

import "honnin/spool/sheet"

var s = sheet.Service{nil}

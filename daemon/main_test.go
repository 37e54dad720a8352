package main

import (
	"os"
	"testing"

	"honnin/spool/document/inspect"
)

// TestMain lets this test binary be its own inspection child, as honnind is.
func TestMain(m *testing.M) {
	if inspect.IsChild() {
		inspect.ChildMain()
		return
	}
	os.Exit(m.Run())
}

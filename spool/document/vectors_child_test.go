//go:build !race

package document_test

import (
	"testing"

	"honnin/spool/document/inspect"
)

// TestVectorsByChildren: each document in a child of its own gives the same verdicts. The race detector sees nothing
// there, and its children start slowly.
func TestVectorsByChildren(t *testing.T) {
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	everyVector(t, pool)
}

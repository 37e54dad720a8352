//go:build slow

package selftest

import "testing"

// TestMutants takes every row and every check out in turn.
func TestMutants(t *testing.T) { eachMutant(t, 1) }

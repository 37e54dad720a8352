//go:build slow

package journal

import "testing"

// TestStormOfAHundredThousand: as TestStormIsOneAndNothingElse, at its size.
func TestStormOfAHundredThousand(t *testing.T) { stormIsOne(t, 100_000) }

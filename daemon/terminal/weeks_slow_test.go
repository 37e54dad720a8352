//go:build slow

package terminal

import "testing"

// TestSixWeeksOfflineThousands is [sixWeeks] with a line of thousands waiting, more than the journal keeps unsealed.
func TestSixWeeksOfflineThousands(t *testing.T) { sixWeeks(t, 4000, longestDelay) }

//go:build slow

package main

import (
	"testing"

	"honnin/daemon/practice/scenario"
)

// TestScenariosOnEightTerminals plays every scenario with hundreds of visits.
func TestScenariosOnEightTerminals(t *testing.T) {
	lines, sum, _, code := play(t, practiceFlags{scenario: "all", visits: 150, terminals: 8})
	for _, s := range scenario.All() {
		struck(t, s, sum.Scenarios[s.ID], lines)
	}
	if code != exitOK {
		t.Errorf("exit %d: %+v", code, sum)
	}
	t.Logf("%d visits, %d wrong offered, %.1f/s; refused %v", sum.Visits, sum.WrongOffered, sum.RatePerS, sum.Refused)
}

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

// TestScenarioAlone: each strikes at a terminal that is alone in the world, in as many visits as PROOF.md has.
func TestScenarioAlone(t *testing.T) {
	for _, s := range scenario.All() {
		t.Run(string(s.ID), func(t *testing.T) {
			lines, sum, _, code := play(t, practiceFlags{scenario: string(s.ID), visits: 20})
			struck(t, s, sum.Scenarios[s.ID], lines)
			if code != exitOK {
				t.Errorf("exit %d", code)
			}
		})
	}
}

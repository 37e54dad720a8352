//go:build slow

package main

import "testing"

// TestCentreFaultsAtEveryCall is [TestCentreFaults] with every fault at every call.
func TestCentreFaultsAtEveryCall(t *testing.T) {
	s, m := newMeddled(t, nil)
	for fault := range centreFaults {
		for _, c := range visitCalls {
			s.endsAt(t, m, fault, c.name, c.outcome)
		}
	}
	s.wasNobody(t)
}

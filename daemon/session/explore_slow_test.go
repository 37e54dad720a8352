//go:build slow

package session

import "testing"

// TestExploreTwoVisits explores two cards laid down one after the other: what is old meets the next visit.
func TestExploreTwoVisits(t *testing.T) {
	wholly(t, small{puts: 2, renews: 1}, 50_000)
	wholly(t, small{puts: 2, swaps: 1}, 50_000)
}

// TestExploreOneFault explores one card and one fault, whichever and whenever.
func TestExploreOneFault(t *testing.T) { wholly(t, small{puts: 1, faults: 1}, 100_000) }

// TestExploreCounter does the same at a counter.
func TestExploreCounter(t *testing.T) {
	wholly(t, small{puts: 1, faults: 1, counter: true}, 100_000)
}

// TestExplorePad does the same where the PIN is typed at the reader.
func TestExplorePad(t *testing.T) { wholly(t, small{puts: 1, faults: 1, pad: true}, 100_000) }

// TestExploreNotMine does the same where "this is not mine" is said: within the visit, and after it with any card and a fault.
func TestExploreNotMine(t *testing.T) {
	wholly(t, small{puts: 1, faults: 1, disowns: 1}, 100_000)
	wholly(t, small{puts: 2, swaps: 1, disowns: 1}, 50_000)
	wholly(t, small{puts: 1, swaps: 1, stops: true, disowns: 2, printed: true}, 50_000)
}

func TestExploreFindsDeepFaults(t *testing.T) { findAll(t, deepFaults) }

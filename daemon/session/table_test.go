package session

import "testing"

func TestTableIsTotal(t *testing.T) {
	cells := 0
	for s := range numStates {
		for e := range numEvents {
			cells++
			if table[s][e].verdict == unwritten {
				t.Errorf("%v/%v is not written", s, e)
			}
		}
	}
	if want := int(numStates) * int(numEvents); cells != want || cells < 900 {
		t.Fatalf("%d cells", cells)
	}
}

//go:build slow

package practice_test

import (
	"maps"
	"slices"
	"testing"

	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
)

// Over a longer run, at one terminal and at eight, every reason of a scenario's row occurs, and right paper as well.
func TestScenariosLonger(t *testing.T) {
	w := start(t, practice.Options{})
	for _, s := range scenario.All() {
		t.Run(string(s.ID), func(t *testing.T) {
			play(t, w, s.ID)
			for _, terminals := range []int{1, 8} {
				if naive := run(t, w, s, terminals, 24, false); naive.wrongPrinted == 0 {
					t.Error("naive terminals hand out no wrong paper")
				}
				held(t, s, run(t, w, s, terminals, 48, true))
			}
			missing := map[string]bool{}
			for _, code := range s.Refused {
				missing[string(code)] = s.ID != scenario.Munakata || code != reason.RecordSuperseded // TestMunakataChangedLater
			}
			maps.DeleteFunc(missing, func(_ string, m bool) bool { return !m })
			for round := 0; round < 40 && len(missing) > 0; round++ {
				for code := range run(t, w, s, 1+round%2*7, 48, true).reasons {
					delete(missing, string(code))
				}
			}
			if len(missing) > 0 {
				t.Error("never seen:", slices.Collect(maps.Keys(missing)))
			}
		})
	}
}

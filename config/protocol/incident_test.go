package protocol

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIncidentPlace: an incident's name says whose it is and where it stands; what is no such name says nothing.
func TestIncidentPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terminal := Terminal(rapid.StringMatching(`[A-Z0-9-]{1,32}`).Draw(t, "terminal"))
		at := JournalHead{Position: rapid.Uint64Range(1, 1<<62).Draw(t, "position"), Head: Digest{byte(rapid.IntRange(0, 255).Draw(t, "hash"))}}
		name, err := ParseIncidentID(string(NameIncident(terminal, at)))
		if err != nil {
			t.Fatal(err)
		}
		if who, where, err := name.Place(); who != terminal || where != at.Position || err != nil {
			t.Errorf("%s: %s %d %v", name, who, where, err)
		}
	})
	for _, bad := range []IncidentID{"", "-", "a", "a-1", "-1-01020304", "a-1-0102", "a-x-01020304", "a--01020304", "a_b-1-01020304"} {
		if who, where, err := bad.Place(); err == nil || who != "" || where != 0 {
			t.Errorf("%q: %s %d", bad, who, where)
		}
	}
}

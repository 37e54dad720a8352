package presence

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type look struct {
	present bool
	serial  uint64
	away    bool // the reader itself
}

func TestTracker(t *testing.T) {
	for name, c := range map[string]struct {
		looks []look
		want  []bool
	}{
		"nothing is said at once":  {[]look{{false, 0, false}}, []bool{false}},
		"a card that was there":    {[]look{{true, 7, false}}, []bool{true}},
		"in and out":               {[]look{{false, 0, false}, {true, 1, false}, {false, 2, false}}, []bool{false, true, false}},
		"the same look twice":      {[]look{{true, 1, false}, {true, 1, false}, {true, 1, false}}, []bool{true}},
		"exchanged between looks":  {[]look{{true, 1, false}, {true, 3, false}}, []bool{true, false, true}},
		"came and went unseen":     {[]look{{false, 0, false}, {false, 2, false}}, []bool{false}},
		"exchanged, then taken":    {[]look{{true, 1, false}, {true, 3, false}, {false, 4, false}}, []bool{true, false, true, false}},
		"an empty reader goes":     {[]look{{false, 1, false}, {false, 0, true}, {false, 0, true}}, []bool{false, false}},
		"and is back":              {[]look{{false, 0, true}, {false, 0, false}, {false, 0, false}}, []bool{false, false}},
		"it goes with its card":    {[]look{{true, 1, false}, {false, 0, true}, {true, 1, false}}, []bool{true, false, true}},
		"a reader that lost count": {[]look{{true, 9, false}, {false, 0, false}, {true, 9, false}}, []bool{true, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := follow(c.looks); !slices.Equal(got, c.want) {
				t.Errorf("events %v, want %v", got, c.want)
			}
		})
	}
}

func follow(looks []look) (events []bool) {
	tr := Tracker{Notify: func(p bool) { events = append(events, p) }}
	for _, l := range looks {
		tr.Set(!l.away, l.present, l.serial)
	}
	return events
}

// TestEvents: two equal events in a row tell of a reader, and the last one is what the slot looks like.
func TestEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		looks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) look {
			l := look{present: rapid.Bool().Draw(t, "present"), serial: rapid.Uint64Range(0, 3).Draw(t, "serial")}
			l.away = !l.present && rapid.Bool().Draw(t, "away")
			return l
		}), 1, 50).Draw(t, "looks")
		moves := 0
		for i := 1; i < len(looks); i++ {
			if looks[i].away != looks[i-1].away && !looks[i].present && !looks[i-1].present {
				moves++
			}
		}
		events := follow(looks)
		if again := twins(events); len(again) != moves || slices.Contains(again, true) {
			t.Fatalf("%d readers came or went empty: %v", moves, events)
		}
		if events[len(events)-1] != looks[len(looks)-1].present {
			t.Fatalf("the last event is not what the slot looks like")
		}
	})
}

// twins are the events that repeat the one before.
func twins(events []bool) (again []bool) {
	for i := 1; i < len(events); i++ {
		if events[i] == events[i-1] {
			again = append(again, events[i])
		}
	}
	return again
}

package presence

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type look struct {
	present bool
	serial  uint64
}

func TestTracker(t *testing.T) {
	for name, c := range map[string]struct {
		looks []look
		want  []bool
	}{
		"nothing is said at once":  {[]look{{false, 0}}, []bool{false}},
		"a card that was there":    {[]look{{true, 7}}, []bool{true}},
		"in and out":               {[]look{{false, 0}, {true, 1}, {false, 2}}, []bool{false, true, false}},
		"the same look twice":      {[]look{{true, 1}, {true, 1}, {true, 1}}, []bool{true}},
		"exchanged between looks":  {[]look{{true, 1}, {true, 3}}, []bool{true, false, true}},
		"came and went unseen":     {[]look{{false, 0}, {false, 2}}, []bool{false}},
		"exchanged, then taken":    {[]look{{true, 1}, {true, 3}, {false, 4}}, []bool{true, false, true, false}},
		"a reader that lost count": {[]look{{true, 9}, {false, 0}, {true, 9}}, []bool{true, false, true}},
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
		tr.Set(l.present, l.serial)
	}
	return events
}

func TestEventsAlternateAndEndAsTheSlotIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		looks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) look {
			return look{rapid.Bool().Draw(t, "present"), rapid.Uint64Range(0, 3).Draw(t, "serial")}
		}), 1, 50).Draw(t, "looks")
		events := follow(looks)
		for i := 1; i < len(events); i++ {
			if events[i] == events[i-1] {
				t.Fatalf("two equal events in a row: %v", events)
			}
		}
		if events[len(events)-1] != looks[len(looks)-1].present {
			t.Fatalf("the last event is not what the slot looks like")
		}
	})
}

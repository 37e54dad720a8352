package incident

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy"
)

func offices(names ...string) (out []policy.Contact) {
	for _, n := range names {
		out = append(out, policy.Contact{ID: n})
	}
	return out
}

var half = policy.Deadlines{Acknowledge: 30 * time.Minute, Stop: 4 * time.Hour}

func TestDue(t *testing.T) {
	three := offices("a", "b", "c")
	tell := func(ids ...string) (out []Step) {
		for _, id := range ids {
			out = append(out, Step{Contact: id})
		}
		return out
	}
	for name, c := range map[string]struct {
		w        Waiting
		contacts []policy.Contact
		want     []Step
	}{
		"at once":                {Waiting{}, three, tell("a")},
		"told once":              {Waiting{Told: []string{"a"}}, three, nil},
		"just before":            {Waiting{For: 30*time.Minute - 1, Told: []string{"a"}}, three, nil},
		"the next":               {Waiting{For: 30 * time.Minute, Told: []string{"a"}}, three, tell("b")},
		"after a night off":      {Waiting{For: 10 * time.Hour}, three, append(tell("a", "b", "c"), Step{"c", true})},
		"the end":                {Waiting{For: 4 * time.Hour, Told: []string{"a", "b", "c"}}, three, []Step{{"c", true}}},
		"and no more":            {Waiting{For: 400 * time.Hour, Told: []string{"a", "b", "c"}, Over: true}, three, nil},
		"nobody to tell":         {Waiting{For: 4 * time.Hour}, nil, []Step{{"", true}}},
		"a new office":           {Waiting{For: 50 * time.Hour, Told: []string{"a", "b", "c"}, Over: true}, offices("b", "d"), tell("d")},
		"a clock that went back": {Waiting{For: -time.Hour, Told: []string{"a", "b"}}, three, nil},
	} {
		if got := Due(c.w, c.contacts, half); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestEscalationLosesAndRepeatsNothing: whenever and however often it is looked at, with clocks that jump and policies that change, no
// contact is told twice, the end comes once and only after its deadline; and one late look does all that many looks had done.
func TestEscalationLosesAndRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		contacts := offices()
		for i := range rapid.IntRange(0, MaxTold+3).Draw(t, "contacts") {
			contacts = append(contacts, policy.Contact{ID: fmt.Sprint("office-", i)})
		}
		d := policy.Deadlines{Acknowledge: time.Duration(rapid.IntRange(1, 100).Draw(t, "acknowledge")) * time.Minute}
		d.Stop = d.Acknowledge + time.Duration(rapid.IntRange(1, 1000).Draw(t, "stop"))*time.Minute
		w, longest := Waiting{}, time.Duration(0)
		for range rapid.IntRange(1, 30).Draw(t, "looks") {
			w.For = time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "for")) * time.Minute
			longest = max(longest, w.For)
			for _, s := range Due(w, contacts, d) {
				switch {
				case s.Over && (w.Over || w.For < d.Stop):
					t.Fatal("the end came twice, or early")
				case s.Over:
					w.Over = true
				case slices.Contains(w.Told, s.Contact) || w.For < time.Duration(len(w.Told))*d.Acknowledge:
					t.Fatal("told twice, or early:", s)
				default:
					w.Told = append(w.Told, s.Contact)
				}
			}
			if again := Due(w, contacts, d); len(again) != 0 {
				t.Fatal("again:", again)
			}
			if w.For >= 0 && len(contacts) > 0 && len(w.Told) == 0 || w.For >= d.Stop && !w.Over {
				t.Fatalf("lost: %+v", w)
			}
		}
		once := Waiting{For: longest}
		for _, s := range Due(once, contacts, d) {
			if once.Over = s.Over; !s.Over {
				once.Told = append(once.Told, s.Contact)
			}
		}
		if longest > 0 && (!slices.Equal(once.Told, w.Told) || once.Over != w.Over) {
			t.Fatalf("one look: %+v, many: %+v", once, w)
		}
	})
}

func TestStops(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[bool]int{}
	for _, w := range c.Words() {
		alone, told := c.Stops(w.Word, ""), w.Word == "not-mine-unproven" // what anybody may say
		if seen[alone]++; alone != (w.Severity != Medium && !told) || c.Stops(w.Word, "131016") == told || w.OnlyTold != told {
			t.Errorf("%s (%s): %t", w.Word, w.Severity, alone)
		}
	}
	if seen[true] == 0 || seen[false] == 0 || !c.Stops("nobody-thought-of-it", "") {
		t.Error(seen)
	}
}

package storm_test

import (
	"testing"

	"pgregory.net/rapid"

	"honnin/spool/incident/storm"
)

// one is an incident as the tests see it: its place, and what it is.
type one struct{ seq, kind int }

// deliver brings all of them, in deliveries of at most so many kinds and with so much in each at most.
func deliver(all []one, most, chunk int) (deliveries [][]storm.Alike[one]) {
	for at := 0; at < len(all); {
		s := storm.New[int, one](most)
		for n := 0; at < len(all) && n < chunk && s.Add(all[at].kind, all[at]); n++ {
			at++
		}
		deliveries = append(deliveries, s.All())
	}
	return deliveries
}

// TestStorm: whatever happens, in whatever order: counts add up to what happened, kind by kind; first and last are those; a
// kind stands once in a delivery, and in the order of the firsts; no delivery holds more than it may.
func TestStorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.IntRange(0, rapid.IntRange(0, 40).Draw(t, "kinds")), 1, 400).Draw(t, "storm")
		most, chunk := rapid.IntRange(1, 12).Draw(t, "most"), rapid.IntRange(1, 500).Draw(t, "chunk")
		all := make([]one, len(kinds))
		for i, k := range kinds {
			all[i] = one{i + 1, k}
		}
		before := 0 // the last that was delivered
		for _, d := range deliver(all, most, chunk) {
			before = check(t, all, before, d, most)
		}
		if before != len(all) {
			t.Fatalf("%d of %d were told", before, len(all))
		}
	})
}

// check holds one delivery against what happened since the one before, and returns where it ended.
func check(t *rapid.T, all []one, before int, d []storm.Alike[one], most int) (end int) {
	if len(d) == 0 || len(d) > most {
		t.Fatalf("%d kinds in a delivery of at most %d", len(d), most)
	}
	total := 0
	for _, a := range d {
		total += int(a.Count)
	}
	end = before + total
	place := before
	for _, a := range d {
		var of []one
		for _, o := range all[before:end] {
			if o.kind == a.First.kind {
				of = append(of, o)
			}
		}
		if uint64(len(of)) != a.Count || of[0] != a.First || of[len(of)-1] != a.Last {
			t.Fatalf("%+v of %v", a, of)
		}
		if a.First.seq <= place {
			t.Fatalf("%+v out of its place", a)
		}
		place = a.First.seq
	}
	return end
}

func TestHundredThousand(t *testing.T) {
	s := storm.New[int, one](2)
	for i := range 100_000 {
		if !s.Add(7, one{i, 7}) {
			t.Fatal(i)
		}
		if i == 50_000 && !s.Add(8, one{i, 8}) {
			t.Fatal("the one beside it")
		}
	}
	all := s.All()
	if len(all) != 2 || all[0].Count != 100_000 || all[0].Last.seq != 99_999 || all[1] != (storm.Alike[one]{First: one{50_000, 8}, Last: one{50_000, 8}, Count: 1}) {
		t.Errorf("%+v", all)
	}
	if s.Add(9, one{1, 9}) || len(s.All()) != 2 {
		t.Error("there was no room")
	}
	var none storm.Storm[int, one]
	if none.Add(1, one{}) {
		t.Error("the zero value took something")
	}
}

package sheet

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every unit is on one page, in order; no page is overfull unless a single unit is; a block that fits on a
// page is divided only to leave room for the certification.
func TestPaginate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := room{full: 600, last: float64(rapid.IntRange(300, 600).Draw(t, "last"))}
		var units []unit
		for i, heights := range rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 700), 1, 9), 1, 9).Draw(t, "blocks") {
			for _, h := range heights {
				units = append(units, unit{block: i, height: float64(h), gap: 3})
			}
		}
		pages := paginate(units, r)
		n := 0
		for i, page := range pages {
			if len(page) == 0 {
				t.Fatalf("page %d is empty", i+1)
			}
			for _, u := range page {
				if u.height != units[n].height || u.block != units[n].block {
					t.Fatalf("unit %d is out of order", n)
				}
				n++
			}
			if len(page) > 1 && height(page) > r.full {
				t.Fatalf("page %d is overfull", i+1)
			}
		}
		if n != len(units) {
			t.Fatalf("%d units of %d", n, len(units))
		}
		if last := pages[len(pages)-1]; len(last) > 1 && height(last) > r.last {
			t.Fatal("no room for the certification")
		}
	})
}

func TestPaginateKeepsBlocksWhole(t *testing.T) {
	var units []unit
	for i := range 9 {
		units = append(units, unit{block: i / 3, height: 100})
	}
	pages := paginate(units, room{full: 500, last: 500})
	if len(pages) != 3 || len(pages[0]) != 3 {
		t.Errorf("%d pages, the first with %d rows", len(pages), len(pages[0]))
	}
	if !fits(pages, room{500, 500}) || fits(pages, room{500, 200}) || fits(pages, room{200, 500}) {
		t.Error("fits does not see an overfull page")
	}
}

func TestWrapLosesNothing(t *testing.T) {
	letters := rapid.SampledFrom([]rune("架空見本市町、。）」ー0A　ッ"))
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(letters, 0, 120, -1).Draw(t, "s")
		width := float64(rapid.IntRange(5, 300).Draw(t, "width"))
		f, lines := fit(value, s, width)
		if strings.Join(lines, "") != s {
			t.Fatalf("%q became %q", s, lines)
		}
		for _, l := range lines {
			if len([]rune(l)) > 1 && f.measure(l) > width+0.01 {
				t.Fatalf("%q is wider than %v", l, width)
			}
		}
		if got := value.within(s, width).measure(s); got > width+0.01 {
			t.Fatalf("condensed to %v, not %v", got, width)
		}
	})
}

func TestNoLineBeginsWithAComma(t *testing.T) {
	lines := wrap(value, "架空市、架空市、架空市、架空市、", 3*value.size)
	if len(lines) < 4 {
		t.Fatalf("%q", lines)
	}
	for _, l := range lines[1:] {
		if strings.HasPrefix(l, "、") {
			t.Errorf("%q begins with a comma", l)
		}
	}
}

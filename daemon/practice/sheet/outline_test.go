package sheet

import (
	"strings"
	"testing"
)

func contour(points ...contourPoint) [][]contourPoint { return [][]contourPoint{points} }

func on(x, y float64) contourPoint  { return contourPoint{point{x, y}, true} }
func off(x, y float64) contourPoint { return contourPoint{point{x, y}, false} }

// Contours become PDF paths: lines stay lines, quadratic curves become the cubic ones of the same shape, and two
// control points in a row have a point between them (OpenType, "glyf"; the cubic's controls lie two thirds of
// the way to the quadratic's).
func TestContourPaths(t *testing.T) {
	for name, c := range map[string]struct {
		contours [][]contourPoint
		want     string
	}{
		"triangle":    {contour(on(0, 0), on(3, 0), on(0, 3)), "0 0 m 3 0 l 0 3 l h"},
		"curve":       {contour(on(0, 0), off(3, 0), on(3, 3)), "0 0 m 2 0 3 1 3 3 c h"},
		"closing":     {contour(on(0, 0), on(6, 0), off(6, 6)), "0 0 m 6 0 l 6 4 4 4 0 0 c h"},
		"implied":     {contour(on(0, 0), off(0, 3), off(6, 3), on(6, 0)), "0 0 m 0 2 1 3 3 3 c 5 3 6 2 6 0 c h"},
		"all off":     {contour(off(0, 0), off(6, 0), off(6, 6), off(0, 6)), "0 3 m 0 1 1 0 3 0 c 5 0 6 1 6 3 c 6 5 5 6 3 6 c 1 6 0 5 0 3 c h"},
		"lone point":  {contour(on(5, 5)), ""},
		"two shapes":  {append(contour(on(0, 0), on(1, 0)), contour(on(9, 9), on(8, 9))...), "0 0 m 1 0 l h 9 9 m 8 9 l h"},
		"no contours": {nil, ""},
	} {
		var p pen
		p.path(c.contours, func(q point) point { return point{q.x, pageHeight - q.y} })
		if got := strings.Join(strings.Fields(string(p.buf)), " "); got != c.want {
			t.Errorf("%s is %q, want %q", name, got, c.want)
		}
	}
}

func TestInk(t *testing.T) {
	low, high := ink(append(contour(on(1, 2), off(-3, 4)), contour(on(7, -5))...))
	if low != (point{-3, -5}) || high != (point{7, 4}) {
		t.Errorf("ink from %v to %v", low, high)
	}
	if low, high := ink(nil); low != high {
		t.Error("nothing has ink")
	}
}

// The pen says nothing twice, and after a restore says everything again.
func TestPenKeepsState(t *testing.T) {
	var p pen
	p.line(point{0, 0}, point{1, 0}, 0.5)
	p.line(point{0, 1}, point{1, 1}, 0.5)
	p.text(value, point{0, 0}, "見")
	p.text(value, point{9, 0}, "本")
	if w, f := strings.Count(string(p.buf), " w\n"), strings.Count(string(p.buf), " Tf "); w != 1 || f != 1 {
		t.Errorf("width set %d times, font %d times", w, f)
	}
	p.save()
	p.restore()
	p.line(point{0, 2}, point{1, 2}, 0.5)
	p.text(value, point{0, 0}, "見")
	if w, f := strings.Count(string(p.buf), " w\n"), strings.Count(string(p.buf), " Tf "); w != 2 || f != 2 {
		t.Errorf("after a restore: width set %d times, font %d times", w, f)
	}
	d, err := readStream(p.buf)
	if err != nil || len(d.runs) != 3 || d.runs[2].size != value.size || d.runs[2].text != "見" {
		t.Errorf("%v reads as %+v", err, d.runs)
	}
}

// Spread text takes exactly its place; single characters stand in its middle; long text is condensed.
func TestSpread(t *testing.T) {
	for _, s := range []string{"住所", "世帯主", "住民となった年月日", "本"} {
		var p pen
		p.spread(label, 100, 50, 54, s)
		d, err := readStream(p.buf)
		if err != nil || len(d.runs) != 1 {
			t.Fatalf("%q: %v", s, err)
		}
		r := d.runs[0]
		if len([]rune(s)) > 1 && (r.x != 100 || r.width < 53.7 || r.width > 54.3) {
			t.Errorf("%q runs from %v over %v", s, r.x, r.width)
		}
		if middle := r.x + r.width/2; middle < 126.8 || middle > 127.2 {
			t.Errorf("%q stands around %v", s, middle)
		}
		if strings.Contains(string(p.buf), "Tc") && !strings.Contains(string(p.buf), " 0 Tc") {
			t.Errorf("%q leaves its spacing behind", s)
		}
	}
}

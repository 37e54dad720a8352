package sheet

import "encoding/binary"

// point is a place on the page in PDF points from the top left corner, or in font units from the base line.
type point struct{ x, y float64 }

// contourPoint is a point of a TrueType contour: on the curve, or the control point of a quadratic one.
type contourPoint struct {
	point
	on bool
}

// Flags of a simple glyph's points (OpenType, "glyf").
const (
	flagOn, flagShortX, flagShortY = 1, 2, 4
	flagRepeat, flagX, flagY       = 8, 16, 32
)

// contours reads the outline of g. The committed fonts hold no composites; parseFace sees to that.
func (f *face) contours(g uint16) [][]contourPoint {
	b := f.outline[g]
	if len(b) == 0 {
		return nil
	}
	be := binary.BigEndian
	n := int(be.Uint16(b))
	ends := b[10 : 10+2*n]
	total := int(be.Uint16(ends[2*n-2:])) + 1
	b = b[10+2*n:]
	b = b[2+be.Uint16(b):] // instructions
	flags, b := readFlags(b, total)
	xs, b := readCoordinates(b, flags, flagShortX, flagX)
	ys, _ := readCoordinates(b, flags, flagShortY, flagY)
	var out [][]contourPoint
	for i, first := 0, 0; i < n; i++ {
		last := int(be.Uint16(ends[2*i:]))
		var c []contourPoint
		for ; first <= last; first++ {
			c = append(c, contourPoint{point{xs[first], ys[first]}, flags[first]&flagOn != 0})
		}
		out = append(out, c)
	}
	return out
}

func readFlags(b []byte, total int) (flags, rest []byte) {
	for len(flags) < total {
		flag, repeat := b[0], 0
		b = b[1:]
		if flag&flagRepeat != 0 {
			repeat, b = int(b[0]), b[1:]
		}
		for range repeat + 1 {
			flags = append(flags, flag)
		}
	}
	return flags, b
}

func readCoordinates(b, flags []byte, short, same byte) (out []float64, rest []byte) {
	v := 0
	for _, flag := range flags {
		switch {
		case flag&short != 0:
			d := int(b[0])
			if flag&same == 0 {
				d = -d
			}
			v, b = v+d, b[1:]
		case flag&same == 0:
			v, b = v+int(int16(binary.BigEndian.Uint16(b))), b[2:]
		}
		out = append(out, float64(v))
	}
	return out, b
}

// ink is the box that contours cover.
func ink(contours [][]contourPoint) (low, high point) {
	first := true
	for _, c := range contours {
		for _, p := range c {
			if first {
				low, high, first = p.point, p.point, false
			}
			low = point{min(low.x, p.x), min(low.y, p.y)}
			high = point{max(high.x, p.x), max(high.y, p.y)}
		}
	}
	return low, high
}

// path draws contours, each point moved by place, without painting them.
func (p *pen) path(contours [][]contourPoint, place func(point) point) {
	for _, c := range contours {
		p.contour(c, place)
	}
}

// contour draws one closed contour; two control points in a row have a point of the curve between them.
func (p *pen) contour(c []contourPoint, place func(point) point) {
	if len(c) < 2 {
		return
	}
	start := c[0].point
	if !c[0].on {
		start = middle(c[len(c)-1], c[0])
	}
	at := start
	p.moveTo(place(at))
	for i, q := range c {
		next := c[(i+1)%len(c)]
		switch {
		case q.on:
			if i > 0 && c[i-1].on {
				p.lineTo(place(q.point))
			}
			at = q.point
		case next.on:
			p.quadTo(at, q.point, next.point, place)
			at = next.point
		default:
			m := middle(q, next)
			p.quadTo(at, q.point, m, place)
			at = m
		}
	}
	p.op("h\n")
}

// middle is the implied point between two control points, or b itself where a is on the curve.
func middle(a, b contourPoint) point {
	if a.on {
		return a.point
	}
	return point{(a.x + b.x) / 2, (a.y + b.y) / 2}
}

// quadTo draws a quadratic curve as the cubic one that PDF has.
func (p *pen) quadTo(from, control, to point, place func(point) point) {
	third := func(a, b point) point { return point{a.x + (b.x-a.x)*2/3, a.y + (b.y-a.y)*2/3} }
	p.curveTo(place(third(from, control)), place(third(to, control)), place(to))
}

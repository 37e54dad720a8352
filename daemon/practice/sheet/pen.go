package sheet

import (
	"fmt"
	"strconv"
)

// A4 in points.
const (
	pageWidth  = 595.28
	pageHeight = 841.89
)

const pointsPerMM = 72 / 25.4

// pen writes one content stream. Places are in points from the top left corner. The first character that a
// face lacks stays as err.
type pen struct {
	buf   []byte
	used  [numFonts]glyphSet
	err   error
	state graphics
}

// graphics is what the stream last set, so that it is not set again.
type graphics struct {
	id    fontID
	size  float64
	width float64
}

func (p *pen) op(s string) { p.buf = append(p.buf, s...) }

// save and restore bracket what changes colours. What the stream has set is forgotten rather than stacked.
func (p *pen) save()    { p.op("q ") }
func (p *pen) restore() { p.op("Q\n"); p.state = graphics{} }

// num writes v with two decimals at most and a space.
func (p *pen) num(v float64) {
	n := int64(v*100 + 0.5)
	if v < 0 {
		n = int64(v*100 - 0.5)
	}
	if n < 0 {
		p.buf, n = append(p.buf, '-'), -n
	}
	p.buf = strconv.AppendInt(p.buf, n/100, 10)
	if r := n % 100; r != 0 {
		p.buf = append(p.buf, '.', byte('0'+r/10))
		if r%10 != 0 {
			p.buf = append(p.buf, byte('0'+r%10))
		}
	}
	p.buf = append(p.buf, ' ')
}

func (p *pen) at(q point)     { p.num(q.x); p.num(pageHeight - q.y) }
func (p *pen) moveTo(q point) { p.at(q); p.op("m\n") }
func (p *pen) lineTo(q point) { p.at(q); p.op("l\n") }

func (p *pen) curveTo(a, b, c point) {
	p.at(a)
	p.at(b)
	p.at(c)
	p.op("c\n")
}

// line strokes from a to b, width points thick.
func (p *pen) line(a, b point, width float64) {
	p.width(width)
	p.moveTo(a)
	p.lineTo(b)
	p.op("S\n")
}

func (p *pen) width(w float64) {
	if p.state.width != w {
		p.num(w)
		p.op("w\n")
		p.state.width = w
	}
}

// rect is the path of a rectangle; follow it by an operator that paints.
func (p *pen) rect(x, y, w, h float64) {
	p.num(x)
	p.num(pageHeight - y - h)
	p.num(w)
	p.num(h)
	p.op("re ")
}

func (p *pen) box(x, y, w, h, width float64) {
	p.width(width)
	p.rect(x, y, w, h)
	p.op("S\n")
}

// kappa is the control length that makes a cubic curve a quarter of a circle.
const kappa = 0.5523

func (p *pen) circle(c point, r float64) {
	k := kappa * r
	p.moveTo(point{c.x + r, c.y})
	p.curveTo(point{c.x + r, c.y + k}, point{c.x + k, c.y + r}, point{c.x, c.y + r})
	p.curveTo(point{c.x - k, c.y + r}, point{c.x - r, c.y + k}, point{c.x - r, c.y})
	p.curveTo(point{c.x - r, c.y - k}, point{c.x - k, c.y - r}, point{c.x, c.y - r})
	p.curveTo(point{c.x + k, c.y - r}, point{c.x + r, c.y - k}, point{c.x + r, c.y})
	p.op("h\n")
}

// font is a face at a size in points, with Horizontal scaling (長体) and extra space between characters.
type font struct {
	id     fontID
	size   float64
	scale  float64 // 1 is the face's own width
	spaced float64 // points
}

func (f font) sized(size float64) font { f.size = size; return f }

var (
	value = font{id: mincho, size: 10.5, scale: 1}
	label = font{id: gothic, size: 8, scale: 1}
)

// advance returns the width of s in thousandths of an em, and the number of its runes.
func (f font) advance(s string) (em, runes int) {
	face := faces()[f.id]
	for _, r := range s {
		em += face.width(face.glyph.of(r))
		runes++
	}
	return em, runes
}

// measure returns the width of s in points.
func (f font) measure(s string) float64 {
	em, n := f.advance(s)
	return (float64(em)/1000*f.size + float64(max(n-1, 0))*f.spaced) * f.scale
}

// text writes s with its base line beginning at q.
func (p *pen) text(f font, q point, s string) {
	if s == "" {
		return
	}
	p.op("BT ")
	p.face(f)
	if f.scale != 1 {
		p.num(100 * f.scale)
		p.op("Tz ")
	}
	if f.spaced != 0 {
		p.num(f.spaced)
		p.op("Tc ")
	}
	p.at(q)
	p.op("Td <")
	p.glyphs(f.id, s)
	p.op("> Tj")
	if f.spaced != 0 {
		p.op(" 0 Tc") // text state outlives the text object
	}
	if f.scale != 1 {
		p.op(" 100 Tz")
	}
	p.op(" ET\n")
}

// face chooses face and size; both outlive a text object.
func (p *pen) face(f font) {
	if p.state.id == f.id && p.state.size == f.size {
		return
	}
	p.op([numFonts]string{"/F1 ", "/F2 "}[f.id])
	p.num(f.size)
	p.op("Tf ")
	p.state.id, p.state.size = f.id, f.size
}

const hexDigits = "0123456789ABCDEF"

func (p *pen) glyphs(id fontID, s string) {
	face, used := faces()[id], &p.used[id]
	for _, r := range s {
		g := face.glyph.of(r)
		if g == 0 && p.err == nil {
			p.err = fmt.Errorf("%w: %s", ErrRune, face.name)
		}
		used.add(g)
		p.buf = append(p.buf, hexDigits[g>>12], hexDigits[g>>8&15], hexDigits[g>>4&15], hexDigits[g&15])
	}
}

// centred writes s around x.
func (p *pen) centred(f font, x, y float64, s string) {
	p.text(f, point{x - f.measure(s)/2, y}, s)
}

// right writes s so that it ends at x.
func (p *pen) right(f font, x, y float64, s string) {
	p.text(f, point{x - f.measure(s), y}, s)
}

// spread writes s over exactly w points, as labels are set (均等割付); what is too wide is condensed.
func (p *pen) spread(f font, x, y, w float64, s string) {
	natural := f.measure(s)
	_, n := f.advance(s)
	switch {
	case natural > w:
		f = f.within(s, w)
	case n > 1:
		f.spaced = (w - natural) / float64(n-1)
	default:
		x += (w - natural) / 2
	}
	p.text(f, point{x, y}, s)
}

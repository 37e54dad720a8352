package sheet

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// Imprint is a fictional registered seal (印影), drawn as vectors from the characters engraved on it.
type Imprint struct {
	Text   string // 1 to 4 characters, as engraved
	Square bool   // square, or round
	Size   int    // outer width in tenths of a millimetre: more than 80, at most 250, as ordinances ask
	Tilt   int    // degrees clockwise, -10 to 10: nobody stamps quite straight
}

func (i Imprint) canonical() string {
	return fmt.Sprintf("%s/%t/%d/%d", i.Text, i.Square, i.Size, i.Tilt)
}

func (i Imprint) check() error {
	n := utf8.RuneCountInString(i.Text)
	if n < 1 || n > 4 || i.Size <= 80 || i.Size > 250 || i.Tilt < -10 || i.Tilt > 10 {
		return fmt.Errorf("%w: imprint", ErrContent)
	}
	return nil
}

// draw puts the imprint's middle at c, in its true size.
func (i Imprint) draw(p *pen, c point) {
	r := float64(i.Size) / 10 * pointsPerMM / 2
	sin, cos := math.Sincos(float64(i.Tilt) * math.Pi / 180)
	turn := func(q point) point { return point{c.x + q.x*cos - q.y*sin, c.y + q.x*sin + q.y*cos} }
	p.save()
	p.op("0.78 0.1 0.1 rg 0.78 0.1 0.1 RG 1 j\n")
	p.width(r * 0.075)
	if i.Square {
		p.polygon(turn, point{-r, -r}, point{r, -r}, point{r, r}, point{-r, r})
		p.op("S\n")
		p.engrave(i.Text, 0.86*r, turn)
	} else {
		p.circle(c, r)
		p.op("S\n")
		p.engrave(i.Text, 0.9*r, func(q point) point { return turn(toDisc(q, 0.9*r)) })
	}
	p.restore()
}

// toDisc moves a point of the square of half width r into the disc of radius r, corners most.
func toDisc(q point, r float64) point {
	u, v := q.x/r, q.y/r
	return point{q.x * math.Sqrt(1-v*v/2), q.y * math.Sqrt(1-u*u/2)}
}

func (p *pen) polygon(place func(point) point, corners ...point) {
	for i, q := range corners {
		if i == 0 {
			p.moveTo(place(q))
		} else {
			p.lineTo(place(q))
		}
	}
	p.op("h ")
}

// engrave fills the square of half width r around the origin with the characters of s, in columns from the
// right, each stretched to its cell as on an engraved seal; place says where a point of the square lies.
func (p *pen) engrave(s string, r float64, place func(point) point) {
	runes := []rune(s)
	columns := int(math.Round(math.Sqrt(float64(len(runes)) / 1.5)))
	columns = max(columns, 1)
	rows := (len(runes) + columns - 1) / columns
	w := 2 * r / float64(columns)
	p.width(r * 0.035)
	for i, c := range runes {
		column, line := i/rows, i%rows
		inColumn := min(rows, len(runes)-column*rows)
		h := 2 * r / float64(inColumn)
		p.stretched(c, point{r - float64(column+1)*w, -r + float64(line)*h}, w, h, place)
	}
	p.op("B\n")
}

// stretched draws the outline of c over the cell at corner; a flat or narrow character keeps some air.
func (p *pen) stretched(c rune, corner point, w, h float64, place func(point) point) {
	face := faces()[mincho]
	g := face.glyph.of(c)
	if g == 0 && p.err == nil {
		p.err = fmt.Errorf("%w: seal", ErrRune)
	}
	contours := face.contours(g)
	if len(contours) == 0 && p.err == nil {
		p.err = fmt.Errorf("%w: seal without a character", ErrContent)
	}
	low, high := ink(contours)
	em := float64(face.upem)
	middle := point{(low.x + high.x) / 2, (low.y + high.y) / 2}
	span := point{max(high.x-low.x, 0.6*em), max(high.y-low.y, 0.6*em)}
	const air = 0.9
	p.path(contours, func(q point) point {
		return place(point{
			corner.x + w/2 + (q.x-middle.x)/span.x*w*air,
			corner.y + h/2 - (q.y-middle.y)/span.y*h*air,
		})
	})
}

// The longest values of an office, in characters.
const (
	maxOffice = 30
	maxMayor  = 24
	maxSeal   = 9
)

// Office is who certifies: a municipality, its mayor and its seal, drawn once. Make one with [NewOffice].
type Office struct {
	name, mayor string
	seal        []byte // a content stream, the seal's middle at the page's top left corner
}

// NewOffice prepares an office: the municipality (見本県架空市), the mayor's title and name (架空市長　見本　一郎)
// and the characters of the seal (架空市長之印, 1 to 9).
func NewOffice(name, mayor, seal string) (*Office, error) {
	for _, v := range []struct {
		s   string
		max int
	}{{name, maxOffice}, {mayor, maxMayor}, {seal, maxSeal}} {
		if n := utf8.RuneCountInString(v.s); n < 1 || n > v.max {
			return nil, fmt.Errorf("%w: office", ErrContent)
		}
	}
	var p pen
	p.glyphs(mincho, name+mayor)
	p.buf = p.buf[:0]
	p.officialSeal(seal)
	if p.err != nil {
		return nil, p.err
	}
	return &Office{name, mayor, deflateOnce(p.buf)}, nil
}

// officialSealSize is the width of a mayor's seal in points: 21 mm.
const officialSealSize = 21 * pointsPerMM

func (p *pen) officialSeal(s string) {
	const r = officialSealSize / 2
	still := func(q point) point { return point{q.x + r, q.y + r} }
	p.op("0.8 0.11 0.11 rg 0.8 0.11 0.11 RG 1 j\n")
	p.box(1, 1, 2*r-2, 2*r-2, 2)
	p.engrave(s, r-4.2, still)
}

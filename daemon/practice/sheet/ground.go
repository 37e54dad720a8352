package sheet

import (
	"fmt"
	"math"
	"sync"
)

// The ground is the same on every sheet: the fine pattern (地紋) of security paper, faint letters 複写 as on
// paper that shows them when copied, and 見本 across the page. It is drawn once, as outlines, so that no text
// extraction finds it.

// ground is a form XObject, the two tiling patterns it paints with and the two forms it repeats, compressed.
type ground struct {
	sheet, waves, dots, copied, rosette []byte
}

var theGround = sync.OnceValue(func() ground {
	return ground{deflateOnce(groundSheet()), deflateOnce(waveTile()), deflateOnce(dotTile()),
		deflateOnce(copied()), deflateOnce(rosette())}
})

// Sizes of the tiles in points.
const (
	waveWidth, waveHeight = 24, 12
	dotStep               = 2.4
)

// waveTile is one period of 青海波: concentric arcs, every second row half a step aside. Tiles have their
// origin at the lower left and are drawn without the pen's turn of the page.
func waveTile() []byte {
	var p pen
	p.op("0.25 w 0.74 0.86 0.82 RG\n")
	for _, c := range []point{{0, -6}, {24, -6}, {12, 0}, {0, 6}, {24, 6}} {
		for _, r := range []float64{12, 9.4, 6.8, 4.2} {
			p.arch(c, r)
		}
	}
	return p.buf
}

// arch strokes the upper quarter to three quarters of a circle around c, as far as the next row leaves it free.
func (p *pen) arch(c point, r float64) {
	k := kappa * r
	q := func(x, y float64) { p.num(c.x + x); p.num(c.y + y) }
	q(-r, 0)
	p.op("m ")
	q(-r, k)
	q(-k, r)
	q(0, r)
	p.op("c ")
	q(k, r)
	q(r, k)
	q(r, 0)
	p.op("c S\n")
}

func dotTile() []byte {
	var p pen
	p.op("0.62 0.78 0.74 rg 0.5 0.5 0.7 0.7 re f 1.7 1.7 0.7 0.7 re f\n")
	return p.buf
}

func groundSheet() []byte {
	var p pen
	p.op("0.965 0.985 0.975 rg ")
	p.rect(24, 24, pageWidth-48, pageHeight-48)
	p.op("f\n/Pattern cs /Waves scn ")
	p.rect(24, 24, pageWidth-48, pageHeight-48)
	p.op("f\n/Dots scn\n")
	for line := range 6 {
		for column := range 3 {
			p.place("Copied", point{90 + 178*float64(column) + 60*float64(line%2), 110 + 125*float64(line)}, 0)
		}
	}
	for turn := range 4 {
		p.place("Rosette", point{pageWidth / 2, 400}, float64(turn)*math.Pi/48)
	}
	p.op("0.6 w 0.90 0.74 0.72 RG 0.978 0.93 0.92 rg\n")
	p.letters("見本", point{pageWidth / 2, 400}, 190, -math.Pi/6)
	p.op("B\n")
	p.border()
	return p.buf
}

// letters is the path of s in a line around c, size points high, turned by angle.
func (p *pen) letters(s string, c point, size, angle float64) {
	face := faces()[mincho]
	k := size / float64(face.upem)
	sin, cos := math.Sincos(angle)
	x := -font{id: mincho, size: size, scale: 1}.measure(s) / 2
	for _, r := range s {
		g := face.glyph.of(r)
		from := x
		p.path(face.contours(g), func(q point) point {
			u, v := from+q.x*k, size*0.38-q.y*k
			return point{c.x + u*cos - v*sin, c.y + u*sin + v*cos}
		})
		x += float64(face.width(g)) / 1000 * size
	}
}

// place paints a form that is drawn around the page's top left corner around c, turned by angle.
func (p *pen) place(form string, c point, angle float64) {
	sin, cos := math.Sincos(angle)
	p.buf = fmt.Appendf(p.buf, "q %.4f %.4f %.4f %.4f %.2f %.2f cm 1 0 0 1 0 %.2f cm /%s Do Q\n",
		cos, sin, -sin, cos, c.x, pageHeight-c.y, -pageHeight, form)
}

// copied is the word that shows on a copy, around the top left corner; whoever places it sets the colour.
func copied() []byte {
	var p pen
	p.letters("複写", point{}, 40, -math.Pi/9)
	p.op("f\n")
	return p.buf
}

// rosetteRadius is in points.
const rosetteRadius = 150

// rosette is a guilloche, around the top left corner: a closed curve that winds between two circles.
func rosette() []byte {
	var p pen
	p.op("0.35 w 0.66 0.80 0.78 RG\n")
	const steps = 288
	for i := range steps {
		a := 2 * math.Pi * float64(i) / steps
		d := rosetteRadius * (0.86 + 0.14*math.Sin(24*a))
		q := point{d * math.Cos(a), d * math.Sin(a)}
		if i == 0 {
			p.moveTo(q)
		} else {
			p.lineTo(q)
		}
	}
	p.op("s\n")
	return p.buf
}

// border frames the sheet with a double rule.
func (p *pen) border() {
	p.op("0.45 0.66 0.62 RG\n")
	p.box(24, 24, pageWidth-48, pageHeight-48, 1.2)
	p.box(27.5, 27.5, pageWidth-55, pageHeight-55, 0.4)
}

package sheet

// Measures of ruled rows, in points.
const (
	rowHeight    = 21.0
	bigRow       = 30.0
	labelWidth   = 62.0
	narrowLabel  = 36.0
	titleWidth   = 22.0 // the column at the left of a block
	cellPad      = 5.0
	blockGap     = 7.0
	outerRule    = 0.9
	innerRule    = 0.35
	maxLabel     = 20 // characters
	imprintWidth = 176.0
	leading      = 1.3 // line distance over size
)

// laid is a row with its values set into lines.
type laid struct {
	cells  []laidCell
	height float64
}

type laidCell struct {
	cell
	x, width, labelWidth float64
	font                 font
	lines                []string
}

// lay sets r between x and x+width.
func (r row) lay(x, width float64) laid {
	l := laid{height: rowHeight}
	end := x + width
	for i, c := range r {
		w := float64(c.share) / 12 * width
		if c.share == 0 || i == len(r)-1 {
			w = end - x
		}
		k := laidCell{cell: c, x: x, width: w, labelWidth: c.labelSpace()}
		k.font, k.lines = fit(c.font(), c.value, w-k.labelWidth-2*cellPad)
		l.cells = append(l.cells, k)
		l.height = max(l.height, k.height())
		x += w
	}
	return l
}

func (c cell) labelSpace() float64 {
	switch {
	case c.label == "":
		return 0
	case c.narrow:
		return narrowLabel
	}
	return labelWidth
}

func (c cell) font() font {
	if c.big {
		return value.sized(14)
	}
	return value
}

func (c laidCell) height() float64 {
	h := float64(len(c.lines))*c.font.size*leading + 7
	if c.big {
		return max(bigRow, h)
	}
	return h
}

// draw writes the row at y.
func (l laid) draw(p *pen, y float64) {
	for _, c := range l.cells {
		c.draw(p, y, l.height)
	}
	for _, c := range l.cells[1:] { // after the tints, which would cover them
		p.line(point{c.x, y}, point{c.x, y + l.height}, innerRule)
	}
}

func (c laidCell) draw(p *pen, y, height float64) {
	if c.heading != "" {
		p.tint(c.x, y, c.width, height)
		p.centred(label.sized(9), c.x+c.width/2, y+height/2+3.2, c.heading)
	}
	if c.label != "" {
		p.tint(c.x, y, c.labelWidth, height)
		p.spread(label, c.x+4, y+height/2+label.size*0.36, c.labelWidth-8, c.label)
		p.line(point{c.x + c.labelWidth, y}, point{c.x + c.labelWidth, y + height}, innerRule)
	}
	step := c.font.size * leading
	base := y + height/2 - step*float64(len(c.lines)-1)/2 + c.font.size*0.36
	for i, s := range c.lines {
		if c.right {
			p.right(c.font, c.x+c.width-cellPad, base+step*float64(i), s)
			continue
		}
		p.text(c.font, point{c.x + c.labelWidth + cellPad, base + step*float64(i)}, s)
	}
}

// tint lays the pale ground of a label.
func (p *pen) tint(x, y, w, h float64) {
	p.op("0.89 0.94 0.93 rg ")
	p.rect(x, y, w, h)
	p.op("f 0 g\n")
}

// gridUnits are the rows of all blocks.
func (f form) gridUnits() []unit {
	var units []unit
	for i, b := range f.blocks {
		x, width := left, bodyWidth
		if b.title != "" {
			x, width = left+titleWidth, bodyWidth-titleWidth
		}
		for j, r := range b.rows {
			l := r.lay(x, width)
			u := unit{block: i, height: l.height, draw: l.draw}
			if j == 0 {
				u.gap = blockGap
			}
			units = append(units, u)
		}
	}
	return units
}

// gridBody draws units below the head, each run of one block in a frame.
func (f form) gridBody(p *pen, units []unit, last bool) {
	y := f.gridHead(p) + blockGap
	for len(units) > 0 {
		n := blockLength(units)
		y = p.framed(units[:n], f.blocks[units[0].block].title, y) + blockGap
		units = units[n:]
	}
	if last && y < footTop-24 {
		p.centred(value.sized(10), pageWidth/2, y+14, "－－－－－　以　下　余　白　－－－－－")
	}
}

// gridHead draws the rows that every page repeats and returns where they end.
func (f form) gridHead(p *pen) float64 {
	y := bodyTop
	for i, r := range f.head {
		l := r.lay(left, bodyWidth)
		l.draw(p, y)
		if i > 0 {
			p.line(point{left, y}, point{right, y}, innerRule)
		}
		y += l.height
	}
	if len(f.head) > 0 {
		p.box(left, bodyTop, bodyWidth, y-bodyTop, outerRule)
	}
	return y
}

// framed draws the units of one block in a box, with its title in a column at the left, and returns the end.
func (p *pen) framed(units []unit, title string, y float64) float64 {
	top, x := y, left
	if title != "" {
		x += titleWidth
		p.tint(left, top, titleWidth, height(units))
	}
	for i, u := range units {
		u.draw(p, y)
		if i > 0 {
			p.line(point{x, y}, point{right, y}, innerRule)
		}
		y += u.height
	}
	if title != "" {
		p.line(point{x, top}, point{x, y}, innerRule)
		p.vertical(label.sized(9), left+titleWidth/2, (top+y)/2, title)
	}
	p.box(left, top, bodyWidth, y-top, outerRule)
	return y
}

// vertical writes s from top to bottom around (x, y).
func (p *pen) vertical(f font, x, y float64, s string) {
	runes := []rune(s)
	step := f.size * 1.6
	y -= step * float64(len(runes)-1) / 2
	for i, r := range runes {
		p.centred(f, x, y+step*float64(i)+f.size*0.36, string(r))
	}
}

// imprintUnits make one strip: the box of the seal and the rows beside it.
func (f form) imprintUnits() []unit {
	b := f.blocks[0]
	var rows []laid
	total := 0.0
	for _, r := range b.rows {
		l := r.lay(left+imprintWidth, bodyWidth-imprintWidth)
		l.height = max(l.height, 28)
		rows, total = append(rows, l), total+l.height
	}
	return []unit{{height: total, draw: func(p *pen, y float64) { f.drawImprint(p, rows, y, total) }}}
}

func (f form) drawImprint(p *pen, rows []laid, top, total float64) {
	p.tint(left, top, imprintWidth, rowHeight)
	p.spread(label.sized(9), left+imprintWidth/2-30, top+14, 60, f.blocks[0].title)
	p.line(point{left, top + rowHeight}, point{left + imprintWidth, top + rowHeight}, innerRule)
	f.imprint.draw(p, point{left + imprintWidth/2, top + (total+rowHeight)/2})
	y := top
	for i, l := range rows {
		l.draw(p, y)
		if i > 0 {
			p.line(point{left + imprintWidth, y}, point{right, y}, innerRule)
		}
		y += l.height
	}
	p.line(point{left + imprintWidth, top}, point{left + imprintWidth, y}, outerRule)
	p.box(left, top, bodyWidth, total, outerRule)
}

func (f form) imprintBody(p *pen, units []unit) {
	y := bodyTop + 8
	for _, u := range units {
		u.draw(p, y)
		y += u.height
	}
}

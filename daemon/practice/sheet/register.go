package sheet

// Measures of a family register, in points: two columns, running lines.
const (
	registerColumn = 148.0
	registerLine   = 17.0
	registerHeadH  = 27.0
)

// entry is one line: what stands in the left column, and in the right.
type entry struct {
	left, right string
	indent      float64 // of the right text
	f           font
	framed      bool // a boxed word, as 除籍 is
	ruled       bool // a line above: a new block
}

// registerUnits are the lines of all blocks.
func (f form) registerUnits() []unit {
	var units []unit
	group := 0
	for _, b := range f.blocks {
		for i, lines := range b.entries() {
			lines[0].ruled = i == 0
			for _, e := range lines {
				units = append(units, unit{block: group, height: registerLine, draw: e.draw})
			}
			group++
		}
	}
	end := entry{right: "以下余白", indent: 210, f: value}
	return append(units, unit{block: group - 1, height: registerLine, draw: end.draw})
}

// entries sets a block, row by row: the title stands in the left column, the first cell of a row names what
// is recorded, the other cells are its items. The lines of one row stay on one page.
func (b block) entries() [][]entry {
	var out [][]entry
	for i, r := range b.rows {
		lines := items(r[1:])
		switch {
		case !b.events:
			lines[0].left = b.title
			lines = marked(lines, r[0].label)
		case i == 0:
			lines[0].left = "　" + spaced(r[0].label)
			lines = append([]entry{{left: b.title}}, lines...)
		default:
			lines[0].left = "　" + spaced(r[0].label)
		}
		out = append(out, lines)
	}
	return out
}

// marked puts a boxed word (除籍) below the title, if there is one.
func marked(lines []entry, word string) []entry {
	if word == "" {
		return lines
	}
	lines = append(lines, make([]entry, max(0, 3-len(lines)))...)
	lines[2].left, lines[2].framed = word, true
	return lines
}

// spaced sets the short title of an entry apart: 出　　生.
func spaced(s string) string {
	if r := []rune(s); len(r) == 2 {
		return string(r[0]) + "　　" + string(r[1])
	}
	return s
}

// items sets cells as lines 【label】value; what runs over continues under the value.
func items(cells []cell) []entry {
	var out []entry
	for _, c := range cells {
		text := "【" + c.label + "】" + c.value
		if c.run && len(out) > 0 {
			out[len(out)-1].right += "　　" + text
			continue
		}
		out = append(out, entry{right: text, f: value})
	}
	var lines []entry
	for _, e := range out {
		lines = append(lines, e.wrapped()...)
	}
	if lines == nil {
		lines = []entry{{}}
	}
	return lines
}

func (e entry) wrapped() []entry {
	width := bodyWidth - registerColumn - 2*cellPad
	if f, lines := fit(e.f, e.right, width); len(lines) == 1 {
		e.f = f
		return []entry{e}
	}
	const indent = 21.0
	lines := wrap(e.f, e.right, width-indent)
	out := make([]entry, len(lines))
	for i, s := range lines {
		out[i] = entry{right: s, f: e.f, indent: indent}
	}
	out[0].indent = 0
	return out
}

func (e entry) draw(p *pen, y float64) {
	base := y + registerLine/2 + 4.5
	if e.ruled {
		p.line(point{left, y}, point{right, y}, innerRule)
	}
	if e.left != "" {
		if e.framed {
			p.box(left+34, y+1, 64, registerLine-2, 0.8)
			p.spread(value, left+44, base, 44, e.left)
		} else {
			p.text(value.within(e.left, registerColumn-2*cellPad), point{left + cellPad, base}, e.left)
		}
	}
	p.text(e.f, point{left + registerColumn + cellPad + e.indent, base}, e.right)
}

// headRow is one row of a register's head.
type headRow struct {
	label  string
	font   font
	lines  []string
	height float64
}

func (c cell) layHead() headRow {
	f, lines := fit(value.sized(11), c.value, bodyWidth-registerColumn-2*cellPad)
	return headRow{c.label, f, lines, max(registerHeadH, float64(len(lines))*f.size*leading+10)}
}

func (h headRow) draw(p *pen, y float64) {
	p.spread(value.sized(11), left+22, y+h.height/2+4, registerColumn-60, h.label)
	step := h.font.size * leading
	base := y + h.height/2 + 4 - step*float64(len(h.lines)-1)/2
	for i, s := range h.lines {
		p.text(h.font, point{left + registerColumn + cellPad, base + step*float64(i)}, s)
	}
}

// registerBody draws the frame of a page, the head and the lines.
func (f form) registerBody(p *pen, units []unit) {
	y := bodyTop
	for _, r := range f.head {
		h := r[0].layHead()
		h.draw(p, y)
		y += h.height
	}
	p.line(point{left, y}, point{right, y}, outerRule)
	for _, u := range units {
		u.draw(p, y)
		y += u.height
	}
	p.line(point{left + registerColumn, bodyTop}, point{left + registerColumn, footTop}, innerRule)
	p.box(left, bodyTop, bodyWidth, footTop-bodyTop, outerRule)
}

// units are what a form divides into pages.
func (f form) units() []unit {
	switch f.style {
	case register:
		return f.registerUnits()
	case imprints:
		return f.imprintUnits()
	}
	return f.gridUnits()
}

// room is the height that pages have for units.
func (f form) room() room {
	switch f.style {
	case register:
		h := footTop - bodyTop - 2
		for _, r := range f.head {
			h -= r[0].layHead().height
		}
		return room{h, h}
	case imprints:
		h := footTop - bodyTop - 16
		return room{h, h}
	}
	head := blockGap
	for _, r := range f.head {
		head += r.lay(left, bodyWidth).height
	}
	return room{bodyEnd - bodyTop - head, footTop - bodyTop - head}
}

func (f form) body(p *pen, units []unit, last bool) {
	switch f.style {
	case register:
		f.registerBody(p, units)
	case imprints:
		f.imprintBody(p, units)
	default:
		f.gridBody(p, units, last)
	}
}

package sheet

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// A reader of content streams, enough for what the pen writes: it says where text, boxes and lines lie, in
// points from the top left corner, so that tests can ask of a page what an eye would.

// run is one piece of text.
type run struct {
	text        string
	x, base     float64
	width, size float64
	id          fontID
	red         float64 // of the fill colour
}

type box struct{ x, y, w, h float64 }

// drawing is what one stream draws.
type drawing struct {
	runs   []run
	boxes  []box
	lines  [][2]point
	placed []string // forms
}

// state is the graphics state that the reader follows.
type state struct {
	id                  fontID
	size, scale, spaced float64
	red                 float64
}

// interpreter reads one stream.
type interpreter struct {
	drawing
	state
	stack    []state
	operands []string
	at       point // of the text object
	from     point // of the path
	err      error
}

// readStream interprets an uncompressed content stream.
func readStream(content []byte) (drawing, error) {
	in := &interpreter{state: state{scale: 1}}
	for _, token := range strings.Fields(strings.NewReplacer("<", " <", ">", "> ").Replace(string(content))) {
		if isOperand(token) {
			in.operands = append(in.operands, token)
			continue
		}
		in.operator(token)
		in.operands = in.operands[:0]
		if in.err != nil {
			return in.drawing, in.err
		}
	}
	if len(in.stack) != 0 {
		return in.drawing, fmt.Errorf("%d states are not restored", len(in.stack))
	}
	return in.drawing, nil
}

func isOperand(token string) bool {
	return strings.ContainsAny(token[:1], "0123456789-./<")
}

func (in *interpreter) number(i int) float64 {
	if i >= len(in.operands) {
		in.err = fmt.Errorf("operand %d is missing", i)
		return 0
	}
	v, err := strconv.ParseFloat(in.operands[i], 64)
	if err != nil {
		in.err = err
	}
	return v
}

func (in *interpreter) operator(op string) {
	switch op {
	case "q":
		in.stack = append(in.stack, in.state)
	case "Q":
		if len(in.stack) == 0 {
			in.err = fmt.Errorf("Q without q")
			return
		}
		in.state, in.stack = in.stack[len(in.stack)-1], in.stack[:len(in.stack)-1]
	case "Tf":
		in.id, in.size = fontID(in.operands[0][2]-'1'), in.number(1)
	case "Tz":
		in.scale = in.number(0) / 100
	case "Tc":
		in.spaced = in.number(0)
	case "Td":
		in.at = point{in.number(0), pageHeight - in.number(1)}
	case "Tj":
		in.show(in.operands[0])
	case "rg", "g":
		in.red = in.number(0)
	case "re":
		in.boxes = append(in.boxes, box{in.number(0), pageHeight - in.number(1) - in.number(3), in.number(2), in.number(3)})
	case "m":
		in.from = point{in.number(0), pageHeight - in.number(1)}
	case "l":
		to := point{in.number(0), pageHeight - in.number(1)}
		in.lines, in.from = append(in.lines, [2]point{in.from, to}), to
	case "Do":
		in.placed = append(in.placed, in.operands[0])
	case "BT", "ET", "G", "RG", "w", "S", "f", "B", "c", "h", "j", "cm":
	default:
		in.err = fmt.Errorf("operator %q", op)
	}
}

// charactersByGlyph is each face's map the other way round.
var charactersByGlyph = sync.OnceValue(func() (maps [numFonts]map[uint16]rune) {
	for id, face := range faces() {
		maps[id] = map[uint16]rune{}
		for r, g := range face.glyph.all {
			if maps[id][g] == 0 {
				maps[id][g] = r
			}
		}
	}
	return maps
})

// show turns glyph numbers back into characters.
func (in *interpreter) show(hex string) {
	if in.size == 0 {
		in.err = fmt.Errorf("text before a font")
		return
	}
	face := faces()[in.id]
	byGlyph := charactersByGlyph()[in.id]
	hex = strings.Trim(hex, "<>")
	r := run{x: in.at.x, base: in.at.y, size: in.size, id: in.id, red: in.red}
	for i := 0; i+4 <= len(hex); i += 4 {
		g, err := strconv.ParseUint(hex[i:i+4], 16, 16)
		if err != nil {
			in.err = err
			return
		}
		r.text += string(byGlyph[uint16(g)])
		r.width += (float64(face.width(uint16(g)))/1000*in.size + in.spaced) * in.scale
	}
	r.width -= in.spaced * in.scale // none after the last
	in.runs = append(in.runs, r)
}

// text is all text of a page in the order of the stream.
func (d drawing) text() string {
	var b strings.Builder
	for _, r := range d.runs {
		b.WriteString(r.text)
	}
	return b.String()
}

// find returns the first run with this text.
func (d drawing) find(text string) (run, bool) {
	for _, r := range d.runs {
		if r.text == text {
			return r, true
		}
	}
	return run{}, false
}

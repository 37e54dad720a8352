package sheet

import "encoding/binary"

// form is one certificate, described once: what is hashed is what is drawn.
type form struct {
	title    string
	style    style
	head     []row   // repeated on every page
	blocks   []block // kept whole on a page where one page can hold them
	sentence string  // the certification
	imprint  *Imprint
}

// style chooses how a form is drawn.
type style int

const (
	grid     style = iota // boxes of ruled rows
	register              // two columns, running lines
	imprints              // a box with a seal beside the rows
)

// block is one person or one section.
type block struct {
	title  string
	events bool // in a register: each row is an entry of its own
	rows   []row
}

// row is one line of cells; widths are shares of the row.
type row []cell

// cell is one label and its value.
type cell struct {
	label, value string
	heading      string // of a column of values, in place of both
	share        int    // in twelfths of the width, 0 for what is left
	big          bool   // a name
	narrow       bool   // a short label
	right        bool   // set to the right: money
	run          bool   // in a register: on the line of the item before
}

// canonicalFormat begins every canonical form.
const canonicalFormat = "honnin practice sheet v1\x00"

// canonical encodes f without ambiguity: every string and list is preceded by its length.
func (f form) canonical() []byte {
	b := append([]byte(nil), canonicalFormat...)
	b = appendString(b, f.title)
	b = appendRows(b, f.head)
	b = binary.AppendUvarint(b, uint64(len(f.blocks)))
	for _, k := range f.blocks {
		b = appendString(b, k.title)
		b = appendRows(b, k.rows)
	}
	if f.imprint != nil {
		b = appendString(b, f.imprint.canonical())
	}
	return b
}

func appendRows(b []byte, rows []row) []byte {
	b = binary.AppendUvarint(b, uint64(len(rows)))
	for _, r := range rows {
		b = binary.AppendUvarint(b, uint64(len(r)))
		for _, c := range r {
			b = appendString(appendString(appendString(b, c.label), c.value), c.heading)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

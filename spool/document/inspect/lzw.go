package inspect

import "io"

const (
	lzwClear = 256
	lzwEnd   = 257
	lzwCodes = 4096
)

// lzw is TIFF's variant (ISO 32000-1, 7.4.4): codes of 9 to 12 bits, most significant first.
func lzw(_ *scratch, src []byte, parms, _ *dict, w io.Writer) error {
	d := &lzwReader{src: src, early: 1}
	if v := parms.get("EarlyChange"); v != nil {
		n, ok := v.(int64)
		if !ok || n < 0 || n > 1 {
			return errParms
		}
		d.early = int(n)
	}
	for i := range 256 {
		d.suffix[i], d.length[i] = byte(i), 1
	}
	d.clear()
	for {
		code, ok := d.code()
		switch {
		case !ok:
			return errData
		case code == lzwEnd && ended(d.src[d.i:]):
			return nil
		case code == lzwClear:
			d.clear()
			continue
		}
		word, ok := d.word(code)
		if !ok {
			return errData
		}
		if _, err := w.Write(word); err != nil {
			return err
		}
	}
}

// lzwReader holds the table: a code stands for another one and a byte.
type lzwReader struct {
	src               []byte
	i, bits           int
	acc               uint32
	early             int
	next, width, last int // the next free code, the width of codes, the code before or -1

	prefix, length [lzwCodes]uint16
	suffix, out    [lzwCodes]byte
}

func (d *lzwReader) clear() { d.next, d.width, d.last = lzwEnd+1, 9, -1 }

// code reads one code; false at the end of the data.
func (d *lzwReader) code() (int, bool) {
	for d.bits < d.width {
		if d.i == len(d.src) {
			return 0, false
		}
		d.acc, d.bits, d.i = d.acc<<8|uint32(d.src[d.i]), d.bits+8, d.i+1
	}
	d.bits -= d.width
	return int(d.acc >> d.bits & (1<<d.width - 1)), true
}

// word returns what code stands for and enters the next code into the table; false for a code that cannot be.
func (d *lzwReader) word(code int) ([]byte, bool) {
	from := code
	switch {
	case code == lzwEnd || code > d.next || d.last < 0 && code > 255:
		return nil, false
	case code == d.next && code == lzwCodes:
		return nil, false
	case code == d.next: // the word before and its own first byte
		from = d.last
	}
	n := int(d.length[from])
	for c, k := from, n-1; k >= 0; k-- {
		d.out[k], c = d.suffix[c], int(d.prefix[c])
	}
	word := d.out[:n]
	if code == d.next {
		word = append(word, word[0])
	}
	if d.last >= 0 && d.next < lzwCodes {
		d.prefix[d.next], d.suffix[d.next], d.length[d.next] = uint16(d.last), word[0], d.length[d.last]+1
		d.next++
	}
	if d.next+d.early >= 1<<d.width && d.width < 12 {
		d.width++
	}
	d.last = code
	return word, true
}

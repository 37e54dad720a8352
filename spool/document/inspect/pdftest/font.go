package pdftest

import "encoding/binary"

// Font returns a TrueType font of two glyphs, an empty one and a filled box, made here so that no licence goes
// with it.
func Font() []byte {
	be := binary.BigEndian
	box := []int16{1, 100, 0, 900, 800} // one contour and the bounds
	var glyf []byte
	for _, v := range box {
		glyf = be.AppendUint16(glyf, uint16(v))
	}
	glyf = be.AppendUint16(glyf, 3)                              // last point of the contour
	glyf = be.AppendUint16(glyf, 0)                              // no instructions
	glyf = append(glyf, 1, 1, 1, 1)                              // four points on the curve, coordinates as words
	for _, v := range []int16{100, 800, 0, -800, 0, 0, 800, 0} { // x, then y
		glyf = be.AppendUint16(glyf, uint16(v))
	}
	for len(glyf)%4 != 0 {
		glyf = append(glyf, 0)
	}
	words := func(v ...uint16) (b []byte) {
		for _, x := range v {
			b = be.AppendUint16(b, x)
		}
		return b
	}
	head := words(1, 0, 1, 0, 0, 0, 0x5F0F, 0x3CF5, 0, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 900, 800, 0, 8, 2, 1, 0)
	hhea := words(1, 0, 880, 0xFF88, 0, 1000, 0, 0, 1000, 1, 0, 0, 0, 0, 0, 0, 0, 2)
	maxp := words(1, 0, 2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	loca := be.AppendUint32(be.AppendUint32(be.AppendUint32(nil, 0), 0), uint32(len(glyf)))
	tables := []struct {
		tag  string
		data []byte
	}{{"glyf", glyf}, {"head", head}, {"hhea", hhea}, {"hmtx", words(1000, 0, 1000, 100)}, {"loca", loca}, {"maxp", maxp}}
	out := words(1, 0, uint16(len(tables)), 64, 2, 32)
	at := len(out) + 16*len(tables)
	for _, t := range tables {
		out = be.AppendUint32(be.AppendUint32(be.AppendUint32(append(out, t.tag...), checksum(t.data)), uint32(at)), uint32(len(t.data)))
		at += (len(t.data) + 3) &^ 3
	}
	for _, t := range tables {
		out = append(out, t.data...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

func checksum(b []byte) (sum uint32) {
	for i := 0; i < len(b); i += 4 {
		var w [4]byte
		copy(w[:], b[i:])
		sum += binary.BigEndian.Uint32(w[:])
	}
	return sum
}

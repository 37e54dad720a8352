package sheet

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
	"sync"
)

// A FlateDecode stream is a zlib stream (RFC 1950): a header, deflate blocks (RFC 1951), an Adler-32. Blocks
// that end on a byte and look back at nothing before themselves can be joined in any order; what is left to
// compute is the sum.

// writers are reset before each use; a new one costs more than a page.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails only for an unknown level
	return w
}}

// deflateBlocks compresses b into whole, byte-aligned blocks that are not final.
func deflateBlocks(b []byte) []byte {
	var o bytes.Buffer
	o.Grow(len(b)/3 + 64)
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&o)
	_, _ = w.Write(b) // a bytes.Buffer does not fail
	_ = w.Flush()
	if len(b) <= 0xffff && o.Len() > len(b)+5 {
		return stored(b)
	}
	return o.Bytes()
}

// stored is one block without compression; b is at most 65535 bytes.
func stored(b []byte) []byte {
	o := append(make([]byte, 0, len(b)+5), 0)
	o = binary.LittleEndian.AppendUint16(o, uint16(len(b)))
	o = binary.LittleEndian.AppendUint16(o, ^uint16(len(b)))
	return append(o, b...)
}

// deflateOnce compresses b as one zlib stream and takes its time: for what is made once.
func deflateOnce(b []byte) []byte {
	var o bytes.Buffer
	w, _ := zlib.NewWriterLevel(&o, zlib.BestCompression) // fails only for an unknown level
	_, _ = w.Write(b)                                     // a bytes.Buffer does not fail
	_ = w.Close()
	return o.Bytes()
}

// deflate compresses b as one zlib stream.
func deflate(b []byte) []byte {
	blocks := deflateBlocks(b)
	out := append(append(make([]byte, 0, len(blocks)+8), 0x78, 0x01), blocks...)
	return binary.BigEndian.AppendUint32(append(out, 0x03, 0x00), adler32.Checksum(b))
}

// piece is a compressed run of bytes that can be joined to others.
type piece struct {
	blocks []byte
	adler  uint32
	sum    uint32 // TrueType checksum
	length int    // before compression
}

func newPiece(b []byte) piece {
	return piece{deflateBlocks(b), adler32.Checksum(b), sfntSum(b), len(b)}
}

// storedPiece is for what is small or seldom compresses well: speed before size.
func storedPiece(b []byte) piece {
	return piece{stored(b), adler32.Checksum(b), sfntSum(b), len(b)}
}

// joiner makes one zlib stream of pieces.
type joiner struct {
	out    []byte
	adler  uint32
	length int
}

func newJoiner(size int) *joiner {
	return &joiner{out: append(make([]byte, 0, size), 0x78, 0x01), adler: 1}
}

func (j *joiner) add(p piece) {
	j.out = append(j.out, p.blocks...)
	j.adler = joinAdler(j.adler, p.adler, p.length)
	j.length += p.length
}

// finish adds an empty final block and the sum.
func (j *joiner) finish() []byte {
	return binary.BigEndian.AppendUint32(append(j.out, 0x03, 0x00), j.adler)
}

// joinAdler returns the Adler-32 of two runs of bytes from theirs; n is the length of the second.
func joinAdler(a, b uint32, n int) uint32 {
	const mod = 65521
	low := (a&0xffff + b&0xffff + mod - 1) % mod
	high := (a>>16 + b>>16 + uint32(n%mod)*((a&0xffff+mod-1)%mod)%mod) % mod
	return high<<16 | low
}

// sfntSum is the TrueType table checksum of b, padded with zeros.
func sfntSum(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}

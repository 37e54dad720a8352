package sheet

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
	"sync"
)

// FlateDecode streams (zlib, RFC 1950), in three measures of effort.

// writers are reset before each use; a new one costs more than a page.
var writers = sync.Pool{New: func() any { return newCompressor(zlib.BestSpeed) }}

func newCompressor(level int) *zlib.Writer {
	w, _ := zlib.NewWriterLevel(nil, level) // fails only for an unknown level
	return w
}

// deflate compresses b quickly: for what is made for every document.
func deflate(b []byte) []byte {
	w := writers.Get().(*zlib.Writer)
	defer writers.Put(w)
	return compress(w, b)
}

// deflateOnce compresses b well: for what is made once.
func deflateOnce(b []byte) []byte {
	return compress(newCompressor(zlib.BestCompression), b)
}

func compress(w *zlib.Writer, b []byte) []byte {
	var o bytes.Buffer
	o.Grow(len(b)/3 + 64)
	w.Reset(&o)
	_, _ = w.Write(b) // a bytes.Buffer does not fail
	_ = w.Close()
	return o.Bytes()
}

// maxStored is the longest deflate block without compression (RFC 1951 section 3.2.4).
const maxStored = 0xffff

// store wraps b without compression: for outlines, which hardly shrink and are most of a document.
func store(b []byte) []byte {
	o := make([]byte, 0, len(b)+len(b)/maxStored*5+16)
	o = append(o, 0x78, 0x01)
	sum := adler32.Checksum(b)
	for len(b) > maxStored {
		o, b = appendStored(o, 0, b[:maxStored]), b[maxStored:]
	}
	return binary.BigEndian.AppendUint32(appendStored(o, 1, b), sum)
}

func appendStored(o []byte, final byte, b []byte) []byte {
	o = binary.LittleEndian.AppendUint16(append(o, final), uint16(len(b)))
	o = binary.LittleEndian.AppendUint16(o, ^uint16(len(b)))
	return append(o, b...)
}

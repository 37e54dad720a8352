package practice_test

import (
	"bytes"
	"compress/zlib"
	"io"
)

// streams returns every stream of a PDF that inflates, inflated. It is enough for files that we wrote ourselves.
func streams(pdf []byte) (out [][]byte) {
	for {
		i := bytes.Index(pdf, []byte("stream\n"))
		if i < 0 {
			return out
		}
		pdf = pdf[i+len("stream\n"):]
		if r, err := zlib.NewReader(bytes.NewReader(pdf)); err == nil {
			if b, err := io.ReadAll(io.LimitReader(r, 1<<20)); err == nil {
				out = append(out, b)
			}
		}
	}
}

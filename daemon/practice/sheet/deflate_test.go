package sheet

import (
	"bytes"
	"compress/zlib"
	"io"
	"testing"

	"pgregory.net/rapid"
)

func inflate(t interface{ Fatalf(string, ...any) }, b []byte) []byte {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("not a zlib stream: %v", err)
	}
	out, err := io.ReadAll(r) // checks the sum
	if err != nil {
		t.Fatalf("broken zlib stream: %v", err)
	}
	return out
}

func TestStreamsInflate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "part")
		b := bytes.Repeat(part, rapid.IntRange(0, 700).Draw(t, "times"))
		for name, f := range map[string]func([]byte) []byte{"deflate": deflate, "store": store} {
			if !bytes.Equal(inflate(t, f(b)), b) {
				t.Fatalf("%s: %d bytes came back otherwise", name, len(b))
			}
		}
	})
}

func TestStreamsAtTheEdges(t *testing.T) {
	for _, n := range []int{0, 1, maxStored - 1, maxStored, maxStored + 1, 2 * maxStored, 2*maxStored + 1} {
		b := bytes.Repeat([]byte{'x'}, n)
		for name, f := range map[string]func([]byte) []byte{"deflate": deflate, "deflateOnce": deflateOnce, "store": store} {
			if !bytes.Equal(inflate(t, f(b)), b) {
				t.Errorf("%s: %d bytes came back otherwise", name, n)
			}
		}
	}
	if page := bytes.Repeat([]byte("0 0 m 1 1 l S\n"), 900); len(deflate(page)) > len(page)/10 {
		t.Error("a page is hardly compressed")
	}
}

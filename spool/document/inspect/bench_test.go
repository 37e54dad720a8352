package inspect

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"honnin/spool/document/inspect/pdftest"
)

// weighty is a document of n pages and about size bytes, most of it an image, as a seal or a ground pattern is.
func weighty(pages, size int) []byte {
	d := good(pages)
	const width = 200
	height := size / width
	pixels := make([]byte, width*height)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(pixels); i++ {
		pixels[i] = byte(r.Uint32())
	}
	d.AddStream("picture", fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", width, height), pdftest.Deflate(pixels))
	d.Obj("page1").Replace("/Resources <<", "/Resources << /XObject << /Im1 {picture} >>")
	return d.Bytes()
}

var sizes = []struct{ pages, size int }{{2, 150 << 10}, {10, 2 << 20}, {30, 15 << 20}}

func BenchmarkDocument(b *testing.B) {
	for _, s := range sizes {
		b.Run(fmt.Sprintf("%dpages-%dKB", s.pages, s.size>>10), func(b *testing.B) {
			pdf := weighty(s.pages, s.size)
			b.SetBytes(int64(len(pdf)))
			for b.Loop() {
				if f := Document(pdf); len(f.Findings) != 0 {
					b.Fatal(f.Findings)
				}
			}
		})
	}
}

// BenchmarkWarmChild is what a visit waits for: the child is ready, as it is when a person takes minutes.
func BenchmarkWarmChild(b *testing.B) {
	for _, s := range sizes {
		b.Run(fmt.Sprintf("%dpages-%dKB", s.pages, s.size>>10), func(b *testing.B) {
			inspectAll(b, weighty(s.pages, s.size), 1)
		})
	}
}

// BenchmarkColdChild starts a child for each document.
func BenchmarkColdChild(b *testing.B) { inspectAll(b, weighty(2, 150<<10), -1) }

func inspectAll(b *testing.B, pdf []byte, warm int) {
	p := NewPool(Options{Warm: warm})
	defer p.Close()
	best := time.Hour
	for b.Loop() {
		b.StopTimer()
		for warm > 0 && p.Waiting() == 0 {
			runtime.Gosched()
		}
		b.StartTimer()
		start := time.Now()
		f, err := p.Inspect(b.Context(), pdf)
		best = min(best, time.Since(start))
		if err != nil || len(f.Findings) != 0 {
			b.Fatal(f.Findings, err)
		}
	}
	b.ReportMetric(float64(best.Nanoseconds()), "best-ns")
}

package inspect

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// weighty is a document of n pages and about size bytes, most of it an image, as a seal or a ground pattern is.
func weighty(pages, size int) []byte {
	d := good(pages)
	d.Weigh(size)
	return d.Bytes()
}

var sizes = []struct{ pages, size int }{{2, 150 << 10}, {10, 2 << 20}, {30, 10 << 20}}

// BenchmarkDocument is an inspection in this process, and the lowest that each of its steps came to.
func BenchmarkDocument(b *testing.B) {
	for _, s := range sizes {
		b.Run(fmt.Sprintf("%dpages-%dKB", s.pages, s.size>>10), func(b *testing.B) {
			pdf := weighty(s.pages, s.size)
			b.SetBytes(int64(len(pdf)))
			best := map[string]time.Duration{}
			for b.Loop() {
				last := time.Now()
				f := Timed(pdf, func(step string) {
					now := time.Now()
					if d, ok := best[step]; !ok || now.Sub(last) < d {
						best[step] = now.Sub(last)
					}
					last = now
				})
				if len(f.Findings) != 0 || len(best) != len(Steps) {
					b.Fatal(f.Findings, best)
				}
			}
			for _, step := range Steps {
				b.ReportMetric(float64(best[step].Nanoseconds()), strings.ReplaceAll(step, " ", "_")+"-ns")
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

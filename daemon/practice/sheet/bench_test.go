package sheet_test

import (
	"syscall"
	"testing"
	"time"

	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
)

// BenchmarkRender is a two-page resident record from content to PDF, as an issuer makes one per transaction.
func BenchmarkRender(b *testing.B) {
	issue, err := sheettest.Issue()
	if err != nil {
		b.Fatal(err)
	}
	content, tag := sheettest.Household(6), sheet.Tag{At: issue.At}
	statement := make([]byte, 900)
	b.ReportAllocs()
	var size int
	before := processorTime(b)
	for b.Loop() {
		l, err := sheet.Lay(content, issue)
		if err != nil {
			b.Fatal(err)
		}
		size = len(l.PDF(tag, statement))
	}
	b.ReportMetric(float64(size), "bytes/doc")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "docs/s")
	b.ReportMetric(float64(b.N)/(processorTime(b)-before).Seconds(), "docs/cpu-s")
}

// processorTime is what this process has used: the truth on a machine that others use too.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkParts tells apart what drawing, writing and hashing cost.
func BenchmarkParts(b *testing.B) {
	issue, err := sheettest.Issue()
	if err != nil {
		b.Fatal(err)
	}
	content := sheettest.Household(6)
	l, err := sheet.Lay(content, issue)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("lay", func(b *testing.B) {
		for b.Loop() {
			_, _ = sheet.Lay(content, issue)
		}
	})
	b.Run("pdf", func(b *testing.B) {
		for b.Loop() {
			l.PDF(sheet.Tag{At: issue.At}, nil)
		}
	})
	b.Run("canonical", func(b *testing.B) {
		for b.Loop() {
			content.Canonical()
		}
	})
}

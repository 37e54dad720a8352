package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one line of the table. A row with a note alone is a remark.
type row struct {
	name, value, target, note string
}

const rowForm = "  %s  %12s  %-9s  %s\n"

const nameWidth = 56

// print writes a section: name, figure with its unit, target, note.
func print(w io.Writer, title string, rows []row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", title)
	for _, r := range rows {
		if r.name == "" {
			fmt.Fprintf(&b, "    %s\n", r.note)
			continue
		}
		line := fmt.Sprintf(rowForm, padded(r.name), r.value, r.target, r.note)
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func padded(s string) string {
	return s + strings.Repeat(" ", max(0, nameWidth-utf8.RuneCountInString(s)))
}

func remark(format string, args ...any) row { return row{note: fmt.Sprintf(format, args...)} }

// spread is what several runs of one thing came to.
type spread struct {
	low, median, high time.Duration
	runs              int
}

// spreadOf sorts runs. None at all gives the zero spread.
func spreadOf(runs []time.Duration) spread {
	if len(runs) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(runs))
	return spread{s[0], s[len(s)/2], s[len(s)-1], len(s)}
}

// row makes the line of a spread.
func (s spread) row(name, target, note string) row {
	if s.runs == 0 {
		return row{name, "-", target, "not measured"}
	}
	span := fmt.Sprintf("%s to %s in %d runs", milliseconds(s.low), milliseconds(s.high), s.runs)
	if note != "" {
		span += "; " + note
	}
	return row{name, milliseconds(s.median), target, span}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// times runs f so often and returns how long it took; before is called ahead of each run and is not counted.
func times(n int, before func(), f func() error) (spread, error) {
	took, err := timesOf(n, before, f)
	return spreadOf(took), err
}

func timesOf(n int, before func(), f func() error) (took []time.Duration, err error) {
	for range n {
		before()
		begin := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

func nothing() {}

// machine says what the figures were measured on, and how busy it was.
func machine() string {
	load := "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return fmt.Sprintf("%s/%s, %d processors, %s; load average at the start %s. Other work on it counts.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load)
}

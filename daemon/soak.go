package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"honnin/daemon/practice/script"
)

// standing is what this process has: terminals, practice world and scripted applicants, but not the inspection children.
type standing struct {
	heap, rss, peak   int64 // bytes
	goroutines, files int
}

// stands counts it, everything having come to rest.
func stands() (s standing, err error) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.heap, s.goroutines = int64(m.HeapAlloc), runtime.NumGoroutine()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return s, err
	}
	s.rss, s.peak = kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:")
	open, err := os.ReadDir("/proc/self/fd")
	s.files = len(open)
	return s, err
}

// kilobytes reads one line of /proc/self/status (proc(5)), in bytes; 0 where there is none.
func kilobytes(status []byte, name string) int64 {
	for line := range bytes.Lines(status) {
		if f := strings.Fields(string(line)); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// soakPart is how many visits a terminal makes of one scenario before the next one's turn.
const soakPart = 48

// soak plays every turn again and again, each at least once, until the time is over; an interrupt ends it after the turn. said
// gets a line every minute, and a table at the end.
func (c *crew) soak(said io.Writer) error {
	began, told := time.Now(), time.Now()
	var first standing
	for round := 0; ; round++ {
		over := func() bool { return round > 0 && time.Since(began) >= c.flags.span || c.asked.Err() != nil }
		if over() {
			break
		}
		err := c.each(func(t turn) error {
			if over() {
				return nil
			}
			if time.Since(told) >= time.Minute {
				told = time.Now()
				progress(said, time.Since(began), c.tally.Summary())
			}
			return c.turn(t, soakPart*c.flags.terminals)
		})
		if err != nil {
			return err
		}
		if round == 0 {
			if first, err = stands(); err != nil {
				return err
			}
		}
	}
	last, err := stands()
	c.measured = &script.Soak{Terminals: c.flags.terminals, Seconds: time.Since(began).Seconds(), RSSStart: first.rss, RSSEnd: last.rss, RSSPeak: last.peak,
		HeapStart: first.heap, HeapEnd: last.heap, Goroutines: last.goroutines, Files: last.files}
	table(said, c.tally.Summary(), c.measured)
	return err
}

func progress(w io.Writer, at time.Duration, s script.Summary) {
	say(w, "%7s  %8d visits  %6.1f/s  wrong offered %d, printed %d  right printed %d, refused %d  differences %d",
		at.Round(time.Second), s.Visits, s.RatePerS, s.WrongOffered, s.WrongPrinted, s.RightPrinted, s.RightRefused, len(s.Difference))
}

// table tells what a soak came to, for people.
func table(w io.Writer, s script.Summary, m *script.Soak) {
	row := func(name string, s script.Summary) {
		say(w, "%-20s %9d %7.1f  %8d %8d %8d  %9d %8d  %6d %6d  %7d", name, s.Visits, s.RatePerS, s.WrongOffered, s.WrongRefused, s.WrongPrinted,
			s.RightPrinted, s.RightRefused, s.NothingOffered+s.Unread+s.WrongEnded+s.RightEnded, s.JournalBytes/int64(max(s.Visits, 1)), s.Incidents)
	}
	say(w, "%-20s %9s %7s  %8s %8s %8s  %9s %8s  %6s %6s  %7s", "scenario", "visits", "rate/s", "wrong:", "refused", "printed", "right:ok", "refused", "other", "B/visit", "raised")
	for _, id := range slices.Sorted(maps.Keys(s.Scenarios)) {
		row(string(id), s.Scenarios[id])
	}
	row("all", s)
	var reasons []string
	for _, code := range slices.Sorted(maps.Keys(s.Refused)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", code, s.Refused[code]))
	}
	say(w, "refused for: %s", strings.Join(reasons, ", "))
	say(w, "%d terminals, %.0f s; RSS %d MiB after the first round, %d at the end, %d at most; heap %.1f and %.1f MiB; %d goroutines, %d files; %d differences",
		m.Terminals, m.Seconds, m.RSSStart>>20, m.RSSEnd>>20, m.RSSPeak>>20, mib(m.HeapStart), mib(m.HeapEnd), m.Goroutines, m.Files, len(s.Difference))
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

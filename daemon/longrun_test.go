//go:build slow

package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"honnin/daemon/practice/script"
)

var longRun = flag.Int("longrun", 2000, "visits of the long run")

// longTerminals share the visits of the long run. longParts is how often everything is counted in it.
const longTerminals, longParts = 8, 10

// long is a process with some terminals and their practice world, which makes visits in parts.
type long struct {
	*testing.T
	*crew
	turn turn
}

func newLong(t *testing.T) *long {
	t.Helper()
	f := practiceFlags{reader: "virtual", state: withKeys(t, t.TempDir()), terminals: longTerminals, span: time.Hour, certificate: "resident-record"}
	l := &long{T: t}
	l.must(f.check())
	s, err := openStage(f, newLog(io.Discard, true))
	l.must(err)
	l.crew, err = newCrew(context.Background(), s, io.Discard)
	l.must(err)
	turns, err := l.turns()
	l.must(err)
	l.turn = turns[0]
	t.Cleanup(func() { l.must(errors.Join(l.close(), s.close())) })
	return l
}

func (l *long) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// part makes some visits on all terminals at once, and holds journals, centre and trays against each other.
func (l *long) part(visits int) script.Summary {
	l.Helper()
	l.tally = script.NewTally(l.world)
	l.must(l.crew.turn(l.turn, visits))
	return l.tally.Summary()
}

// rest counts what the process has.
func (l *long) rest() (s rested) {
	l.Helper()
	var err error
	s.standing, err = stands()
	l.must(err)
	if s.own = own(); s.own < 0 {
		l.Fatal("the heap's profile has more stacks than expected")
	}
	s.journal = l.journals()
	return s
}

// rested is what a process has, everything having come to rest. own: of the heap, what was not allocated by the practice
// world.
type rested struct {
	standing
	own, journal int64 // bytes
}

// own returns how much of the heap was not allocated by the practice world, which is in the same process and remembers
// transactions, answers, money and papers. It is an estimate from samples, scaled as pprof does.
func own() (bytes int64) {
	records := make([]runtime.MemProfileRecord, 1<<16)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		return -1
	}
	for _, r := range records[:n] {
		if k := r.InUseObjects(); k > 0 && !worldly(r.Stack()) {
			size := float64(r.InUseBytes())
			bytes += int64(size / (1 - math.Exp(-size/float64(k)/sampled)))
		}
	}
	return bytes
}

func worldly(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "honnin/daemon/practice") || strings.Contains(f.Function, "http2serverConn") {
			return true
		}
		if !more {
			return false
		}
	}
}

// Limits of the long run. One document that is not let go would be 84 kB.
const (
	sampled         = 4 << 10 // bytes between two samples of the heap
	heapPerVisit    = 8 << 10 // with the practice world
	ownPerVisit     = 64
	ownWarm         = 512 << 10 // tables and buffers that are not at their size after the first tenth
	journalPerVisit = 8 << 10
	slack           = 16 // goroutines and files that come and go
)

// TestLongRun makes many visits in one process, through the real check with its child processes and the journal: memory,
// goroutines and files at the end are those of its first tenth, and every visit is accounted for.
func TestLongRun(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = sampled
	l, per := newLong(t), max(*longRun/longParts, 1)
	var first, last rested
	began := time.Now()
	for n := range longParts {
		sum := l.part(per)
		if sum.RightPrinted != per || sum.WrongPrinted != 0 || len(sum.Difference) != 0 {
			t.Fatalf("%+v", sum)
		}
		if last = l.rest(); n == 0 {
			first = last
		}
		t.Logf("%6d visits: heap %5d kB (own %5d), RSS %6d kB, %d goroutines, %d files, journals %6d kB, %.1f visits/s", (n+1)*per, last.heap>>10, last.own>>10, last.rss>>10,
			last.goroutines, last.files, last.journal>>10, sum.RatePerS)
	}
	visits := int64(per) * (longParts - 1)
	t.Logf("%d visits in %s; after the first tenth, a visit: heap %d bytes (own %d), RSS %d bytes, journal %d bytes", per*longParts, time.Since(began).Round(time.Second),
		(last.heap-first.heap)/visits, (last.own-first.own)/visits, (last.rss-first.rss)/visits, (last.journal-first.journal)/visits)
	if last.heap-first.heap > visits*heapPerVisit || last.own-first.own > ownWarm+visits*ownPerVisit || last.journal-first.journal > visits*journalPerVisit {
		t.Errorf("grew from %+v to %+v", first, last)
	}
	if last.goroutines > first.goroutines+slack || last.files > first.files+slack {
		t.Errorf("from %+v to %+v", first, last)
	}
}

//go:build slow

package main

import (
	"regexp"
	"strings"
	"testing"
)

// beforePaper are the steps of a visit that are the same in a store and at a counter.
var beforePaper = regexp.MustCompile(`^(started|staff-ready|visit-begun|accepted|held)?:`)

// readyAgain are questions to the printer once everything is settled: the self-test goes on beside them, in no fixed order.
var readyAgain = regexp.MustCompile(`^(started|self-test): printer`)

// TestCrashEverywhere kills the terminal at every step of ten kinds of visit.
func TestCrashEverywhere(t *testing.T) {
	c, seen := newCrashWorld(t), map[string]bool{}
	for _, kind := range []string{"printed", "stranger", "cancelled", "forgotten", "counter", "differs", "spoiled", "keys", "disowned", "unproven"} {
		c.T = t
		for _, at := range c.whole(kind) {
			step := at
			if atCounter(kind) && !beforePaper.MatchString(at) {
				step = "counter " + at // from the intent on, the same step leaves something else
			}
			if seen[step] {
				continue // as in another kind of visit, which has not parted from this one yet
			}
			seen[step] = true
			t.Run(kind+"/"+at, func(t *testing.T) {
				c.T = t
				c.cutAt(kind, at)
			})
		}
	}
}

// TestCrashAfterACrash kills the terminal a second time at every step of the start that settles what the first cut left.
func TestCrashAfterACrash(t *testing.T) {
	c := newCrashWorld(t)
	for _, first := range []string{"held: money held 1", "sending: printer did Create-Job 1", "handed: journal ended 1", "ended: journalled kept 1", "out: journal ended 1"} {
		c.T = t
		n, kind := 0, "printed"
		if strings.HasPrefix(first, "out:") {
			kind = "counter"
		}
		for _, again := range c.cutAt(kind, first) {
			if asksAgain.MatchString(again) || readyAgain.MatchString(again) {
				continue
			}
			n++
			t.Run(first+"/"+again, func(t *testing.T) {
				c.T = t
				c.cutAt(kind, first, again)
			})
		}
		if n == 0 {
			t.Errorf("nothing to settle after %q", first)
		}
	}
}

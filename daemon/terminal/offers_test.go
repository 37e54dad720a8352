package terminal

import (
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/tokyo"
	"honnin/daemon/session"
	"honnin/spool/spooltest"
)

// ruled is a policy with something more at its beginning.
func ruled(t *testing.T, top, end string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(top+spooltest.New(t).PolicyText+end), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLimitsAreThePolicys where nobody set others.
func TestLimitsAreThePolicys(t *testing.T) {
	p := ruled(t, "", "\n[limits]\nidle = \"61s\"\nmore_time = \"21s\"\ntake_card = \"62s\"\ncard_left = \"31s\"\ntake_paper = \"63s\"\nconfirm = \"181s\"\nmessage = \"11s\"\n")
	const s = time.Second
	got := limits(Parts{Policy: p, Limits: session.Limits{Idle: s, Ready: 2 * s}})
	if want := (session.Limits{Idle: s, Ready: 2 * s, MoreTime: 21 * s, TakeCard: 62 * s, CardLeft: 31 * s, TakePaper: 63 * s, Confirm: 181 * s, Message: 11 * s}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestGateDayFollowsTheHours: half an hour before the first of the policy's hours.
func TestGateDayFollowsTheHours(t *testing.T) {
	for hours, first := range map[string]string{"": "06:00", "hours = \"09:00-17:00\"\n": "08:30"} {
		g := newGate(Parts{Policy: ruled(t, hours, ""), SelfTest: new(told)}, nil)
		begins, err := time.ParseInLocation("2006-01-02 15:04", "2026-12-02 "+first, tokyo.Zone())
		if err != nil {
			t.Fatal(err)
		}
		if before, after := g.openingDay(begins.Add(-time.Second)), g.openingDay(begins); before != "2026-12-01" || after != "2026-12-02" {
			t.Errorf("%q: %s until %s, then %s", strings.TrimSpace(hours), before, first, after)
		}
	}
}

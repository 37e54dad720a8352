package terminal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/daemon/centre"
)

// TestRefusal: what may be mended is asked for ever more seldom, what may not after an hour, and another list at once.
func TestRefusal(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	list, other := []protocol.PolicyRef{{Version: 8}}, []protocol.PolicyRef{{Version: 8}, {Version: 9}}
	var r refusal
	if r.rests(list, now) {
		t.Error("rests before anything was refused")
	}
	asked := 0
	for at := now; at.Before(now.Add(24 * time.Hour)); at = at.Add(time.Minute) {
		if !r.rests(list, at) {
			asked++
			r.refuse(list, at, time.Minute)
		}
	}
	if asked < 24 || asked > 32 { // 1, 2, 4 … 32 minutes, and then each hour
		t.Errorf("asked %d times in a day", asked)
	}
	now = now.Add(24 * time.Hour)
	if r.refuse(list, now, time.Minute); r.rests(other, now) || !r.rests(list, now.Add(tryAgain-1)) || r.rests(list, now.Add(tryAgain)) {
		t.Errorf("%+v", r)
	}
	if r.refuse(other, now, time.Minute); !r.rests(other, now) || r.rests(other, now.Add(time.Minute)) {
		t.Errorf("another list: %+v", r)
	}
	if r.refuse(other, now, tryAgain); !r.rests(other, now.Add(tryAgain-1)) || r.rests(other, now.Add(tryAgain)) {
		t.Errorf("for good: %+v", r)
	}
}

// TestTimely: what is due is not put in force while the centre's clock contradicts, and nothing begins; but a clock that is not
// further off than its time is past, or a centre that cannot be heard, keeps nothing.
func TestTimely(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{NotBefore: b.now.Add(-time.Hour)})
	b.start(v[0])
	off := time.Duration(0)
	var heard error
	c := &cupboard{kept: v, due: true, fresh: true}
	at := &Terminal{law: b.law, now: func() time.Time { return b.now }, log: b.log, policies: c, clock: func(_ context.Context, most time.Duration) error {
		if off > most {
			return fmt.Errorf("asked: %w", centre.ErrClock)
		}
		return heard
	}}
	for off = range map[time.Duration]bool{2 * time.Hour: true, 10000 * time.Hour: true} {
		if at.enforce(t.Context(), Parts{Signed: v[0], Policy: v[0].Policy}); c.applied != 0 {
			t.Errorf("%s off: applied", off)
		}
		b.expect("which of them is wrong?")
	}
	c.due = false // another was put in its place, or the clock was put right
	if due, err := at.due(t.Context()); due || err != nil {
		t.Error(due, err)
	}
	b.expect("")
	for name, c := range map[string]struct {
		off   time.Duration
		heard error
	}{"as long as it is past": {off: time.Hour}, "agrees": {}, "no centre": {heard: centre.ErrUnreachable}, "no clock": {heard: centre.ErrAnswer}} {
		off, heard = c.off, c.heard
		at.policies.(*cupboard).due = true
		if due, err := at.due(t.Context()); !due || err != nil {
			t.Errorf("%s: %t, %v", name, due, err)
		}
		b.expect("")
	}
}

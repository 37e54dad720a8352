package main

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/provision"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// shift has the terminal, and its store of policies, go by a clock that is so many nanoseconds ahead.
func (s *stand) shift(p *terminal.Parts, ahead *atomic.Int64) {
	s.t.Helper()
	p.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.must(s.place.policies.Close())
	s.place.policies = s.storeAt(p.Now)
	s.must(s.place.policies.Use())
	p.Policies = s.place.policies
}

// storeAt is the terminal's store of policies, by another clock or beside it.
func (s *stand) storeAt(now func() time.Time) *provision.Store {
	s.t.Helper()
	store, err := provision.Open(provision.Options{Dir: filepath.Join(filepath.Dir(s.place.file), "policies"), Root: s.office.root, Terminal: s.place.name, Now: now, Practice: true})
	s.must(err)
	return store
}

// TestExpiresMidVisit: the visit in hand ends as it would have, and none begins after it.
func TestExpiresMidVisit(t *testing.T) {
	const behind = 4 * time.Minute // less than clocks may differ
	var ahead atomic.Int64
	ahead.Store(-int64(behind))
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) { s.shift(p, &ahead) })
	s.must(s.office.next(s.world.Policy(), aYearBefore(time.Now()))) // it ends now
	s.world.Publish(s.office.last.Head.Version, s.office.bundle())
	s.goesBy(s.office.last.Head.Version)
	s.hand.instead[session.PressChoose] = func() bool {
		delete(s.hand.instead, session.PressChoose)
		ahead.Store(0)
		s.beats("being out of service", func(h protocol.Heartbeat) bool { return h.Why == "policy" })
		return false
	}
	s.prints("p05")
	s.await("out of service", closedByPolicy)
	waits := s.wish("p04", protocol.ResidentRecord).Hands.(*holding)
	s.must(waits.Place())
	now := s.beats("a heartbeat", func(protocol.Heartbeat) bool { return true }).At
	s.beats("some more", func(h protocol.Heartbeat) bool { return h.At.Sub(now.Time) >= time.Second })
	if v, _ := s.screen.now(); !closedByPolicy(v) {
		t.Errorf("a card opened it: %s %q", v.State, v.Word)
	}
	s.must(waits.Pull())
	s.goesBy(s.revise(200))
	s.prints("p04")
	s.everythingDelivered()
	if all := s.quitAndBalance(); len(of(all, journal.Ended)) != 2 {
		t.Errorf("%d visits ended", len(of(all, journal.Ended)))
	}
}

// TestEarlyByAWrongClock: a policy whose time has come by a clock that the centre's contradicts does not come into force, and nobody
// is served meanwhile; without the centre the terminal's own clock counts.
func TestEarlyByAWrongClock(t *testing.T) {
	const month = 30 * 24 * time.Hour
	var ahead atomic.Int64
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) { s.shift(p, &ahead) })
	first := s.place.signed.Head.Version
	s.must(s.office.next(s.world.Policy(), time.Now().Add(month)))
	s.world.Publish(first+1, s.office.bundle())
	s.beats("a policy that waits", func(h protocol.Heartbeat) bool { return h.Waiting == first+1 })
	ahead.Store(int64(month + time.Minute))
	s.await("out of service", closedByPolicy)
	s.awaitLog("which of them is wrong?")
	ahead.Store(0)
	s.goesBy(first)
	s.prints("p05")
	s.everythingDelivered()
	s.line.sever()
	ahead.Store(int64(month + time.Minute))
	s.until("the next policy", func() bool { return strings.Contains(string(s.log.Bytes()), "a new policy is in force") })
	ahead.Store(0)
	s.line.mend()
	s.await("out of service before its time", closedByPolicy)
	s.quitAndBalance()
}

// TestPolicyExpires: a terminal whose policy has expired is out of service, and one whose clock was wrong comes back by itself.
func TestPolicyExpires(t *testing.T) {
	var ahead atomic.Int64
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		p.Beat, p.Limits.LookAgain = time.Second, time.Millisecond // it opens and is to close again before anybody looked
	})
	s.awaitState(session.Idle)
	ahead.Store(int64(s.place.signed.Head.Expires.Sub(time.Now()) - 5*24*time.Hour))
	s.awaitLog("expires in 4 days")
	for _, d := range []time.Duration{2 * 366 * 24 * time.Hour, -48 * time.Hour, 2 * 366 * 24 * time.Hour} {
		ahead.Store(int64(d))
		s.await("out of service", closedByPolicy)
		ahead.Store(0)
		s.awaitState(session.Idle)
	}
	s.wasNobody(t)
}

// aYearBefore is when that began which ends now and lasts a year. 29 February is a day later in a zone where it is March already.
func aYearBefore(now time.Time) time.Time {
	if then := now.AddDate(-1, 0, 0); then.AddDate(1, 0, 0).Equal(now) {
		return then
	}
	return now.In(time.FixedZone("a day ahead", 24*60*60)).AddDate(-1, 0, 0)
}

func TestAYearBefore(t *testing.T) {
	for d := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC); d.Year() < 2030; d = d.AddDate(0, 0, 1) {
		if !aYearBefore(d).AddDate(1, 0, 0).Equal(d) {
			t.Error(d)
		}
	}
}

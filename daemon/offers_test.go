package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/daemon/practice/people"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// TestThePolicysFeeCounts: the applicant sees and pays the policy's fee, and that the centre has another one is told once.
func TestThePolicysFeeCounts(t *testing.T) {
	const yen = 321
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		text := s.world.Policy()
		for _, town := range people.Towns() {
			text = strings.Replace(text, `code = "`+string(town.Code)+`"`, `code = "`+string(town.Code)+`"
service = [{certificate = "resident-record", fee = 321}, {certificate = "income-tax", fee = 0, closed = ["01-01/12-31"]}]`, 1)
		}
		var err error
		p.Policy, err = policy.Parse([]byte(text), nil)
		s.must(err)
	})
	s.prints("p03")
	s.prints("p03")
	s.everythingDelivered()
	all := s.quitAndBalance()
	fees := map[int]bool{}
	for _, v := range s.screen.seen() {
		if v.State == session.Confirming {
			fees[v.Fee] = true
		}
		for _, o := range v.Offers {
			if o.Certificate == protocol.IncomeTax && (o.Available || o.Why != "closed-today") || o.Certificate != protocol.IncomeTax && o.Certificate != protocol.ResidentRecord {
				t.Errorf("offered: %+v", o)
			}
		}
	}
	if len(fees) != 1 || !fees[yen] {
		t.Errorf("the screen asked for %v yen", fees)
	}
	told := map[string]int{}
	for _, e := range of(all, journal.Incident) {
		if e.Reason != protocol.IncidentFee || e.Municipality == "" || len(e.Also) != 1 {
			t.Errorf("%+v", e)
		}
		told[string(e.Municipality)+string(e.Also[0])]++
	}
	if len(told) != 2 {
		t.Errorf("told of %v", told)
	}
	for what, n := range told {
		if n != 1 {
			t.Errorf("%s is told %d times", what, n)
		}
	}
}

// TestClosedOpensForNobody: outside the policy's hours the screen says when it opens, and a card begins no visit.
func TestClosedOpensForNobody(t *testing.T) {
	now := time.Now().In(tokyo.Zone())
	opens := time.Date(now.Year(), now.Month(), now.Day()+1, 12, 0, 0, 0, tokyo.Zone()) // also where midnight passes meanwhile
	hours := "12:00-13:00"
	if now.Hour() < 20 {
		opens = time.Date(now.Year(), now.Month(), now.Day(), now.Hour()+2, 0, 0, 0, tokyo.Zone())
		hours = fmt.Sprintf("%02d:00-%02d:00", now.Hour()+2, now.Hour()+3)
	}
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		var err error
		p.Policy, err = policy.Parse([]byte("hours = \""+hours+"\"\n"+s.world.Policy()), nil)
		s.must(err)
	})
	closed := func(v session.View) bool { return v.State == session.Unready && v.Word == "closed" }
	v := s.await("closed", closed)
	if p := terminal.Picture(v); !p.Until.Equal(opens) || p.Message != touch.MsgClosed {
		t.Errorf("%s until %s, not %s", p.Message, p.Until, opens)
	}
	seen := len(s.screen.seen())
	s.must(s.wish("p03", protocol.ResidentRecord).Hands.Place())
	s.await("closed, with a card on the reader", func(v session.View) bool { return closed(v) && v.CardIn && len(s.screen.seen()) > seen })
	s.quit()
	for _, v := range s.screen.seen() {
		if v.Visit != 0 || v.State != session.Unready {
			t.Errorf("%s, visit %d", v.State, v.Visit)
		}
	}
}

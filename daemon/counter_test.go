package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// newCounter is a whole terminal at a town hall's counter.
func newCounter(t *testing.T, state string, change func(*stand, *terminal.Parts)) *stand {
	t.Helper()
	return newStand(t, state, func(s *stand, p *terminal.Parts) {
		p.Channel, p.Limits.Pause = protocol.Counter, time.Millisecond
		if change != nil {
			change(s, p)
		}
	})
}

// end is how the one document of a stand's journal ended, with all entries.
func end(t *testing.T, s *stand) (journal.Entry, []journal.Entry) {
	t.Helper()
	all := balanced(t, s.place.journal)
	ends := of(all, journal.Ended)
	if len(ends) != 1 {
		t.Fatalf("%d outcomes", len(ends))
	}
	return ends[0], all
}

// paid fails the test unless the one fee was kept, or was returned.
func (s *stand) paid(want practice.MoneyState) {
	s.t.Helper()
	if l := s.money.Lines(); len(l) != 1 || l[0].State != want {
		s.t.Errorf("money: %+v, want %s", l, want)
	}
}

func TestCounterConfirmed(t *testing.T) {
	var wire *wiretap
	s := newCounter(t, t.TempDir(), func(s *stand, _ *terminal.Parts) { wire = newWiretap(t, s) })
	v := s.visit(s.wish("p04", protocol.ResidentRecord))
	if v.Ending == nil || v.Ending.Outcome != protocol.Printed || v.Ending.Staff != practice.StaffID {
		t.Fatalf("%+v", v.Ending)
	}
	s.everythingDelivered()
	e, all := end(t, s)
	place := func(k journal.Kind) int {
		return slices.IndexFunc(all, func(e journal.Entry) bool { return e.Kind == k })
	}
	if e.Staff != practice.StaffID || place(journal.Out) < 0 || place(journal.Out) > place(journal.Ended) || place(journal.Ended) > place(journal.Kept) {
		t.Errorf("%+v", all)
	}
	if !strings.Contains(sentence(e), "the name confirmed by staff "+practice.StaffID) {
		t.Error(sentence(e))
	}
	s.paid(practice.MoneyKept)
	if out := wire.of("/outcome"); len(out) != 1 || !strings.Contains(string(out[0].sent), `"staff":"1207"`) {
		t.Errorf("the centre hears %q", out)
	}
	if n := s.sheets(); n != 1 {
		t.Errorf("%d sheets", n)
	}
}

func TestCounterDiffers(t *testing.T) {
	s := newCounter(t, t.TempDir(), nil)
	w := s.wish("p04", protocol.ResidentRecord)
	w.Differs = true
	v := s.visit(w)
	if v.Ending == nil || v.Ending.Outcome != protocol.Refused || v.Ending.Code != reason.NameMismatch || v.Ending.Staff != practice.StaffID {
		t.Fatalf("%+v", v.Ending)
	}
	told := func(v session.View) bool {
		return v.State == session.Done && v.Notice == session.DocRefused && v.Code == reason.NameMismatch && v.Reference != ""
	}
	if !slices.ContainsFunc(s.screen.seen(), told) {
		t.Error("the applicant is not told")
	}
	s.paid(practice.MoneyReturned)
	if !s.Stopped() {
		t.Error("the municipality's service goes on")
	}
	s.everythingDelivered()
	e, all := end(t, s)
	if i := of(all, journal.Incident); len(i) != 1 || i[0].Reason != string(reason.NameMismatch) || i[0].Document != e.Document || len(of(all, journal.Latched)) != 1 {
		t.Errorf("incidents %+v", i)
	}
	if o, _ := s.world.Outcome(e.Transaction); o != protocol.Refused {
		t.Errorf("%q at the centre", o)
	}
	if again := s.visit(s.wish("p04", protocol.ResidentRecord)); again.Ending == nil || again.Ending.Outcome != protocol.Abandoned {
		t.Errorf("a closed service gives %+v", again.Ending)
	}
}

// unread holds what is true of every visit at whose end nobody has confirmed the name.
func (s *stand) unread(v *session.Ending) {
	s.t.Helper()
	e, all := end(s.t, s)
	if v.Outcome != protocol.Unsure || v.Staff != "" || e.Outcome != protocol.Unsure || e.Reason != "unconfirmed" || e.Staff != "" || e.Impressions == 0 {
		s.t.Errorf("%+v, in the journal %+v", v, e)
	}
	if why, err := s.StaffNeeded(); err != nil || why == "" {
		s.t.Errorf("staff are needed for %q %v", why, err)
	}
	if i := of(all, journal.Incident); len(i) != 1 || i[0].Reason != string(session.IncidentUnconfirmed) {
		s.t.Errorf("incidents %+v", i)
	}
	s.paid(practice.MoneyReturned)
}

func TestCounterNobodyConfirms(t *testing.T) {
	s := newCounter(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.Limits.Confirm = 2 * time.Second })
	s.hand.instead[session.PressCode] = func() bool { return true }
	s.unread(s.visit(s.wish("p04", protocol.ResidentRecord)).Ending)
	delete(s.hand.instead, session.PressCode)
	s.prints("p05")
	if !staffCame(balanced(t, s.place.journal)) {
		t.Error("a visit began without the word of staff")
	}
}

// Whoever guesses has five tries, and then staff come. Each is journalled, without what was typed.
func TestCounterWrongCodes(t *testing.T) {
	s := newCounter(t, t.TempDir(), nil)
	typed := 0
	s.hand.instead[session.PressCode] = func() bool {
		typed++
		v, _ := s.screen.now()
		s.Press(v.Visit, session.Input{Kind: session.PressCode, Staff: []string{practice.StaffID, "999"}[typed%2], PIN: fmt.Append(nil, 135790+typed), Same: true})
		return true
	}
	s.unread(s.visit(s.wish("p04", protocol.ResidentRecord)).Ending)
	_, all := end(t, s)
	wrong := of(all, journal.WrongCode)
	named := 0
	for _, e := range wrong {
		if e.Staff == practice.StaffID {
			named++
		} else if e.Staff != "" {
			t.Errorf("journalled for %q, whom nobody knows", e.Staff)
		}
	}
	if len(wrong) != session.CodeTries || typed < len(wrong) || named == 0 || named == len(wrong) { // a code that meets another picture is dropped
		t.Errorf("%d typed, %d journalled, %d of them for somebody", typed, len(wrong), named)
	}
}

// A counter offers nothing that nobody at it may hand over.
func TestCounterOffersWhatCanBeHandedOver(t *testing.T) {
	s := newCounter(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		text := strings.Replace(s.world.Policy(), "[[staff]]\n", fmt.Sprintf("[[staff]]\nmunicipality = %q\n", people.Reiji), 1)
		only, err := policy.Parse([]byte(text), nil)
		s.must(err)
		p.Policy = only
	})
	if v := s.visit(s.wish("p04", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || s.sheets() != 0 {
		t.Errorf("%+v", v.Ending)
	}
	s.prints("p10")
}

// TestCounterKilled: what lay there unread when the power went is unread for good, whatever channel the machine has then.
func TestCounterKilled(t *testing.T) {
	saved := [2]string{t.TempDir(), t.TempDir()}
	const name = "terminals/PRACTICE-01/journal.db"
	first := newCounter(t, t.TempDir(), nil)
	first.hand.instead[session.PressCode] = func() bool {
		b, err := os.ReadFile(filepath.Join(first.flags.state, name))
		if err != nil {
			t.Error(err)
		}
		for _, dir := range saved {
			write(t, filepath.Join(dir, name), b)
		}
		return false
	}
	first.prints("p04")
	for i, start := range []func(*testing.T, string, func(*stand, *terminal.Parts)) *stand{newCounter, newStand} {
		next := start(t, saved[i], nil)
		e, all := end(t, next)
		back := of(all, journal.Returned)
		if e.Outcome != protocol.Unsure || e.Reason != "unconfirmed" || e.Staff != "" || len(back) != 1 || len(of(all, journal.Kept)) != 0 {
			t.Errorf("%+v", all)
		}
		if why, err := next.StaffNeeded(); err != nil || why != "restart-while-printing" {
			t.Errorf("staff are needed for %q %v", why, err)
		}
		if next.sheets() != 0 {
			t.Error("a restart printed something")
		}
		next.quit()
	}
}

// TestCounterCodeStaysSecret: a code goes from the keypad into a hash, and nowhere else.
func TestCounterCodeStaysSecret(t *testing.T) {
	const id, code = "88", "175310864209"
	var wire *wiretap
	s := newCounter(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		wire = newWiretap(t, s)
		v, err := policy.StaffCode(id, []byte(code), 100_000)
		s.must(err)
		p.Policy, err = policy.Parse(fmt.Appendf(nil, "%s\n[[staff]]\nid = %q\nroles = [\"confirm\"]\ncode = %q\nexpires = \"2999-12-31\"\n", s.world.Policy(), id, v), nil)
		s.must(err)
	})
	var buffers [][]byte
	s.hand.instead[session.PressCode] = func() bool {
		v, _ := s.screen.now()
		b := []byte(code)
		if !v.WrongCode {
			b[0]++ // mistyped
		}
		buffers = append(buffers, b)
		s.Press(v.Visit, session.Input{Kind: session.PressCode, Staff: id, PIN: b, Same: true})
		return true
	}
	if v := s.visit(s.wish("p04", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Staff != id {
		t.Fatalf("%+v", v.Ending)
	}
	s.everythingDelivered()
	s.quit()
	where := map[string][]byte{"log": s.log.Bytes(), "screen": fmt.Append(nil, s.screen.seen())}
	for _, c := range wire.of("") {
		where[c.path] = append(where[c.path], c.sent...)
	}
	err := filepath.WalkDir(s.flags.state, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			where[path], err = os.ReadFile(path)
		}
		return err
	})
	s.must(err)
	if len(where) < 8 {
		t.Fatalf("looked only at %d places", len(where))
	}
	for name, b := range where {
		if strings.Contains(string(b), code[1:]) {
			t.Errorf("the code is in %s", name)
		}
	}
	for _, b := range buffers {
		if len(buffers) < 2 || slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
			t.Errorf("%d codes typed, one is left: %q", len(buffers), b)
		}
	}
}

// TestCounterWithoutStaff: a counter at which nobody could confirm a name is out of service; in a store nobody has to.
func TestCounterWithoutStaff(t *testing.T) {
	on := func(c protocol.Channel) *stand {
		return newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
			text, _, _ := strings.Cut(s.world.Policy(), "[[staff]]")
			bare, err := policy.Parse([]byte(text), nil)
			s.must(err)
			p.Policy, p.Channel = bare, c
		})
	}
	counter := on(protocol.Counter)
	counter.await("out of service", closedByPolicy)
	counter.quit()
	s := on(protocol.Store)
	s.prints("p04")
	_, all := end(t, s)
	if slices.ContainsFunc(all, func(e journal.Entry) bool {
		return e.Kind == journal.Out || e.Channel != "" || e.Kind == journal.Ended && e.Staff != ""
	}) {
		t.Errorf("a store has a counter's entries: %+v", all)
	}
}

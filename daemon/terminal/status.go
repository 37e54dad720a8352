package terminal

import (
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/daemon/session"
)

// Status is how a terminal is, for whoever watches over it from outside. Asking disturbs nothing: it is what was found last.
type Status struct {
	InService     bool
	Why           string          // a word for why it is out of service
	Visit         bool            // one is in hand, or a test visit
	Stopped       []string        // municipalities whose service is stopped here, by open incidents or by what the journal would not take; [Every] where all are
	Ready         map[string]bool // "printer" and "reader", as far as the last look asked them
	Policy        uint64          // version in force; 0: none
	PolicyExpires time.Time       // zero: no policy
	Reader        ReaderSeen      // since the process began
	KeysExpire    time.Time       // the first of the terminal's certificates; zero: not known
	SelfTest      string          // the opening day of the self-test, if the last one passed; "2026-11-22", or ""
	Counts        session.Counts  // of what was dropped since the policy came into force
}

// Status returns how the terminal is.
func (t *Terminal) Status() Status {
	p := t.plugged()
	s := Status{Visit: p.gate.visited() || t.lent.Load() != nil, SelfTest: p.gate.passed(), Counts: p.Counts(), Ready: p.noticed.asked(), Stopped: p.latches.names()}
	s.InService, s.Why = t.service()
	if in := t.law.inForce(); in != nil {
		s.Policy, s.PolicyExpires = in.Head.Version, in.Head.Expires
	}
	s.Reader = t.reader.seen()
	if p.parts.KeysExpire != nil {
		s.KeysExpire = p.parts.KeysExpire()
	}
	return s
}

// Every stands in [Status] for every service.
const Every = "every"

// names says what is stopped, in order; [Every], too, where nobody can say.
func (ls *latches) names() (out []string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	err := ls.look()
	stops, _ := ls.stops()
	for m := range stops {
		if m != "" {
			out = append(out, string(m))
		}
	}
	slices.Sort(out)
	if err != nil || ls.all() != nil {
		out = append(out, Every)
	}
	return out
}

// service reports whether the terminal serves, and in a word why not. The screen may not know yet.
func (t *Terminal) service() (is bool, why string) {
	p := t.plugged()
	is, why = p.noticed.service()
	switch {
	case t.lent.Load() != nil:
		return false, TestVisit
	case t.law.judge() != nil:
		return false, "policy"
	case is && p.gate.stopped() != nil:
		return false, "stopped"
	}
	return is, why
}

// Policy is the policy that visits go by. Whether any may begin under it, [Terminal.Status] says.
func (t *Terminal) Policy() *policy.Policy { return t.plugged().parts.Policy }

// asked says what the session's last look found of the devices. It asks staff's latch and the journal first, then the printer,
// then what the centre and the gate say, and last the reader, and stops at the first that is missing.
func (n *noticed) asked() map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.out == "" && n.shown:
		return map[string]bool{"printer": true, "reader": true}
	case n.last[0] != session.Unready.String() || n.last[1] == "staff" || n.last[1] == "journal" || n.last[1] == ServiceSheet:
		return nil
	}
	switch n.last[1] {
	case "reader":
		return map[string]bool{"printer": true, "reader": false}
	case "centre", "clock", "policy", "stopped", "closed", "selftest", "selftest-failed":
		return map[string]bool{"printer": true}
	}
	return map[string]bool{"printer": false}
}

package journal

import (
	"fmt"
	"slices"
	"strings"
)

// maxTold bounds how many contacts are written down as told of one incident; spool/incident tells fewer.
const maxTold = 64

// Marks of the words behind an incident's numbers: who was told, and that nobody acknowledged it in time. No word begins with either.
const (
	toldMark = "+"
	overMark = "!"
)

// words are what an incident's value ends with.
func (s Standing) words() string {
	all := slices.Clone(s.Disbelieved)
	for _, id := range s.Told {
		all = append(all, toldMark+id)
	}
	if s.Over {
		all = append(all, overMark)
	}
	return strings.Join(all, " ")
}

// read takes the words back.
func (s *Standing) read(words string) {
	for _, w := range strings.Fields(words) {
		id, told := strings.CutPrefix(w, toldMark)
		switch {
		case told:
			s.Told = append(s.Told, id)
		case w == overMark:
			s.Over = true
		default:
			s.Disbelieved = append(s.Disbelieved, w)
		}
	}
}

// Steps is how many steps an incident's escalation has come.
func (s Standing) Steps() int {
	if s.Over {
		return len(s.Told) + 1
	}
	return len(s.Told)
}

// escalate takes one more step with an incident that is open and that nobody has acknowledged: each contact is told once, and the
// end comes once. It goes to the centre as the incident did.
func (s shelves) escalate(e Entry, stored []byte) error {
	of := key(uint64(e.Of))
	b := s.incidents.Get(of)
	if b == nil {
		return fmt.Errorf("%w: %s what is no open incident", ErrState, e.Kind)
	}
	at, err := standingOf(uint64(e.Of), b)
	switch {
	case err != nil:
		return err
	case at.Acknowledged > 0:
		return fmt.Errorf("%w: %s what is acknowledged", ErrState, e.Kind)
	case e.Step != at.Steps()+1 || strings.ContainsAny(e.Contact, " "+toldMark+overMark):
		return fmt.Errorf("%w: %s out of order", ErrState, e.Kind)
	case e.Reason == Unacknowledged && !at.Over:
		at.Over = true
	case e.Reason == "" && e.Contact != "" && len(at.Told) < maxTold && !slices.Contains(at.Told, e.Contact):
		at.Told = append(at.Told, e.Contact)
	default:
		return fmt.Errorf("%w: %s twice, or to nobody", ErrState, e.Kind)
	}
	if at.before > 0 { // it has a way of its own; the first of those that are alike may speak for the others still, since the centre hears of the step after that
		if err := s.apart(&at); err != nil {
			return err
		}
	}
	if err := s.incidents.Put(of, at.encode()); err != nil {
		return err
	}
	return s.outbox.Put(key(e.Seq), stored)
}

// Unacknowledged is the reason of the step that ends an escalation, and of the latch that may come with it.
const Unacknowledged = "unacknowledged"

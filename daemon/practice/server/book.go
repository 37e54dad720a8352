package server

import (
	"errors"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Line is one thing in the book of incidents, which outlives the centre: an event or an escalation as it came, a state as a
// person signed it, or the name of an incident whose closing its terminal fetched. One of the four.
type Line struct {
	At         protocol.Time       `json:"at"` // when it came
	Event      []byte              `json:"event,omitzero"`
	Escalation []byte              `json:"escalation,omitzero"`
	State      []byte              `json:"state,omitzero"`
	Source     string              `json:"source,omitzero"` // of what was fetched
	Fetched    protocol.IncidentID `json:"fetched,omitzero"`
}

// Remember has the centre know again what stands in its book, and keep there, with note, all that comes from now on, before anybody
// hears that it came. It returns the lines that are worth keeping: without the oldest incidents whose closing their terminals have,
// where there would be no room for new ones. It comes before anything is served.
func (s *Server) Remember(book []Line, note func(Line) error) (kept []Line, err error) {
	kept = worth(book, maxIncidents/2)
	for _, l := range kept {
		if err := s.remember(l); err != nil {
			return nil, err
		}
	}
	s.note = note
	return kept, nil
}

func (s *Server) remember(l Line) error {
	switch {
	case l.Event != nil:
		e, err := protocol.ParseEvent(l.Event)
		if err == nil {
			_, err = s.enlist(e, l.Event, l.At.Time)
		}
		return err
	case l.Escalation != nil:
		e, err := protocol.ParseEscalation(l.Escalation)
		if err == nil {
			_, err = s.tell(e, l.Escalation)
		}
		return err
	case l.Fetched != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetch(l.of())
		return nil
	}
	state, step, err := stepOf(l.State)
	if err != nil {
		return err
	}
	if err := s.move(state, step, l.State); !errors.Is(err, ErrIncident) {
		return err
	}
	return nil // it moved nothing then, either
}

// stepOf reads a signed state, whoever signed it.
func stepOf(signed []byte) (protocol.IncidentState, Step, error) {
	content, by, _, err := trust.VerifyAttached(signed)
	if err != nil {
		return protocol.IncidentState{}, Step{}, err
	}
	state, err := protocol.ParseIncidentState(content)
	return state, Step{state.State, protocol.Fingerprint(by.Raw), state.At, state.Cause, protocol.Fingerprint(signed)}, err
}

// wrote keeps a line. The lock is held.
func (s *Server) wrote(l Line) error {
	if s.note == nil {
		return nil
	}
	l.At = protocol.At(s.Now())
	return s.note(l)
}

// of is the incident that a line is about. What cannot be read is of none.
func (l Line) of() incidentKey {
	switch {
	case l.Event != nil:
		e, _ := protocol.ParseEvent(l.Event)
		return incidentKey{e.Source, e.ID}
	case l.Escalation != nil:
		e, _ := protocol.ParseEscalation(l.Escalation)
		return incidentKey{e.Source, e.Data.Incident}
	case l.State != nil:
		state, _, _ := stepOf(l.State)
		return incidentKey{state.Source, state.Incident}
	}
	return incidentKey{l.Source, l.Fetched}
}

// worth leaves out the oldest incidents whose last closing their terminals fetched, until no more than so many are left, or no such
// one.
func worth(book []Line, most int) (kept []Line) {
	about, events, over := make([]incidentKey, len(book)), []incidentKey{}, map[incidentKey]bool{}
	for i, l := range book {
		k := l.of()
		about[i] = k
		switch {
		case l.Event != nil:
			events = append(events, k)
		case l.State != nil:
			over[k] = false
		case l.Fetched != "":
			over[k] = true
		}
	}
	out := map[incidentKey]bool{}
	for _, k := range events {
		if over[k] && len(events)-len(out) > most {
			out[k] = true
		}
	}
	for i, l := range book {
		if !out[about[i]] {
			kept = append(kept, l)
		}
	}
	return kept
}

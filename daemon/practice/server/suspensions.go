package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
	life "honnin/spool/incident"
)

// Suspension is one, and at whose terminal the incident happened that led to it. Several incidents may hold the same: it ends with the
// last of them.
type Suspension struct {
	Source string              `json:"source"`
	What   protocol.Suspension `json:"what"`
	Event  protocol.Digest     `json:"event,omitzero"` // SHA-256 of the incident's event; zero: nobody told of one
}

func (s Suspension) key() incidentKey { return incidentKey{s.Source, s.What.Incident} }

// Stop is what the centre suspends by itself.
type Stop string

// What it may be. Software is the program that the refused statement names, in that version and all below, wherever it is at work;
// where none is named, the municipality.
const (
	StopNothing      Stop = ""
	StopMunicipality Stop = "municipality"
	StopSoftware     Stop = "software"
)

func (s *Server) suspensions(c *call) (answer, error) {
	q, err := parse[protocol.SuspensionsQuestion](c)
	if err != nil {
		return answer{}, err
	}
	all := protocol.Suspensions{Format: protocol.SuspensionsFormat, Nonce: q.Nonce, At: protocol.At(s.Now()), Suspended: []protocol.Suspension{}}
	told := map[stopped]bool{}
	for _, one := range s.Suspended() {
		if is := stopOf(one.What); !told[is] {
			told[is] = true
			all.Suspended = append(all.Suspended, one.What)
		}
	}
	if len(all.Suspended) > protocol.MaxSuspensions { // no answer: nothing is offered or printed anywhere
		return answer{}, refuse(http.StatusServiceUnavailable, protocol.ProblemIssuer)
	}
	b, err := s.sign(s.Receipts, all)
	return answer{status: http.StatusOK, media: mediaCMS, body: b}, err
}

// stopped is what a suspension stops.
type stopped struct {
	municipality protocol.Municipality
	any          bool // whatever made it
	software     protocol.SuspendedSoftware
}

func stopOf(s protocol.Suspension) stopped {
	if s.Software == nil {
		return stopped{municipality: s.Municipality, any: true}
	}
	return stopped{municipality: s.Municipality, software: *s.Software}
}

// Suspended lists what is suspended, by each incident that holds it, in one order.
func (s *Server) Suspended() []Suspension {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held()
}

// held is [Server.Suspended]. The lock is held.
func (s *Server) held() []Suspension {
	return slices.SortedFunc(maps.Values(s.suspended), func(a, b Suspension) int {
		return strings.Compare(a.Source+" "+string(a.What.Incident), b.Source+" "+string(b.What.Incident))
	})
}

// Suspend suspends a municipality or a software for all terminals, because of an incident at one of them, until that is closed. It
// is kept before anybody hears of it.
func (s *Server) Suspend(one Suspension) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspend(one)
}

// suspend is [Server.Suspend]. The lock is held.
func (s *Server) suspend(one Suspension) error {
	if _, have := s.suspended[one.key()]; !have {
		s.suspended[one.key()] = one
	}
	return s.keep()
}

// SuspendAtOnce has the centre suspend a municipality, or a software, at the first incident of paper in another's hands, whoever met
// it, until that is closed.
func (s *Server) SuspendAtOnce(what Stop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = what
}

// strikes does what [Server.SuspendAtOnce] says for an incident that was not known. It comes before the receipt, so that no such
// incident is taken and forgotten. The lock is held.
func (s *Server) strikes(e protocol.Event, event protocol.Digest) error {
	code := reason.Code(e.Data.Code)
	stops := code == protocol.IncidentNotMine || code.Known() && code.Class().StopsService()
	if s.stop == StopNothing || !stops || e.Data.Municipality == "" {
		return nil
	}
	what := protocol.Suspension{Municipality: e.Data.Municipality, Since: protocol.At(s.Now()), Incident: e.ID}
	if by := e.Data.Evidence.Software; s.stop == StopSoftware && by.Name != "" {
		what.Municipality, what.Software = "", &protocol.SuspendedSoftware{Name: string(by.Name), UpTo: string(by.Version)}
	}
	return s.suspend(Suspension{e.Source, what, event})
}

// liftForgotten is [Server.lift] for an incident that this centre has forgotten, and of which it knows what it suspended only: a
// state of another event, or from before that, is none. The lock is held.
func (s *Server) liftForgotten(to protocol.IncidentState) error {
	none := protocol.Digest{}
	one, is := s.suspended[incidentKey{to.Source, to.Incident}]
	switch {
	case !is, to.State != protocol.IncidentClosed, to.Event != none && one.Event != none && to.Event != one.Event:
		return doubted(life.StateOther)
	case to.At.Before(one.What.Since.Add(-clockSkew)):
		return doubted(life.StateReplayed)
	}
	return s.lift(to)
}

// lift takes away what an incident suspended once a person has closed it. The lock is held.
func (s *Server) lift(to protocol.IncidentState) error {
	k := incidentKey{to.Source, to.Incident}
	one, was := s.suspended[k]
	if !was || to.State != protocol.IncidentClosed {
		return nil
	}
	delete(s.suspended, k)
	if err := s.keep(); err != nil {
		s.suspended[k] = one
		return err
	}
	return nil
}

// keep has what is suspended outlive this centre. The lock is held.
func (s *Server) keep() error {
	if s.Keep == nil {
		return nil
	}
	return s.Keep(s.held())
}

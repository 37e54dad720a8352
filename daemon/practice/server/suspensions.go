package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// Suspension is one, and at whose terminal the incident happened that led to it.
type Suspension struct {
	Source string              `json:"source"`
	What   protocol.Suspension `json:"what"`
}

func (s Suspension) key() incidentKey { return incidentKey{s.Source, s.What.Incident} }

// notMine is the word of the incident of a person who says that a certificate is another's.
const notMine = "not-mine"

func (s *Server) suspensions(c *call) (answer, error) {
	q, err := parse[protocol.SuspensionsQuestion](c)
	if err != nil {
		return answer{}, err
	}
	all := protocol.Suspensions{Format: protocol.SuspensionsFormat, Nonce: q.Nonce, At: protocol.At(s.Now()), Suspended: []protocol.Suspension{}}
	for _, one := range s.Suspended() {
		all.Suspended = append(all.Suspended, one.What)
	}
	if len(all.Suspended) > protocol.MaxSuspensions { // no answer: nothing is offered or printed anywhere
		return answer{}, refuse(http.StatusServiceUnavailable, protocol.ProblemIssuer)
	}
	b, err := s.sign(s.Receipts, all)
	return answer{status: http.StatusOK, media: mediaCMS, body: b}, err
}

// Suspended lists what is suspended, in one order.
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

// SuspendAtOnce has the centre suspend a municipality at the first incident of its paper in another's hands, whoever met it, until
// that is closed; or no longer (false).
func (s *Server) SuspendAtOnce(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strict = is
}

// strikes does what [Server.SuspendAtOnce] says for an incident that was not known. It comes before the receipt, so that no such
// incident is taken and forgotten. The lock is held.
func (s *Server) strikes(e protocol.Event) error {
	code := reason.Code(e.Data.Code)
	stops := code == notMine || code.Known() && code.Class().StopsService()
	if !s.strict || !stops || e.Data.Municipality == "" {
		return nil
	}
	return s.suspend(Suspension{e.Source, protocol.Suspension{Municipality: e.Data.Municipality, Since: protocol.At(s.Now()), Incident: e.ID}})
}

// lift takes away what an incident suspended once a person has closed it, also one that this centre has forgotten since. It reports
// whether there was anything. The lock is held.
func (s *Server) lift(to protocol.IncidentState) (was bool, err error) {
	k := incidentKey{to.Source, to.Incident}
	one, was := s.suspended[k]
	if !was || to.State != protocol.IncidentClosed {
		return false, nil
	}
	delete(s.suspended, k)
	if err := s.keep(); err != nil {
		s.suspended[k] = one
		return false, err
	}
	return true, nil
}

// keep has what is suspended outlive this centre. The lock is held.
func (s *Server) keep() error {
	if s.Keep == nil {
		return nil
	}
	return s.Keep(s.held())
}

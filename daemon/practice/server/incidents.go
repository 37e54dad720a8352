package server

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	life "honnin/spool/incident"
)

// ErrIncident is returned for an incident that does not exist, or cannot be moved on so.
var ErrIncident = errors.New("server: no such incident, or not in a state for this")

type incidentKey struct {
	source string
	id     protocol.IncidentID
}

// incident is one recorded incident.
type incident struct {
	event    protocol.Digest
	text     []byte         // as it came; the digest is of this
	told     protocol.Event // what it says
	received time.Time
	receipt  []byte
	state    string
	signed   []byte // the state, signed
	at       time.Time
	steps    []Step
	fetched  int // of the steps, when its terminal fetched a closing; 0: it never did
}

// clockSkew is the practice policy's.
const clockSkew = 5 * time.Minute

func (s *Server) incident(c *call) (answer, error) {
	e, err := protocol.ParseEvent(c.body)
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	if at, _, err := e.ID.Place(); e.Source != protocol.SourcePrefix+string(c.terminal) || err == nil && at != c.terminal {
		return answer{}, refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	receipt, err := s.enlist(e, c.body, s.Now())
	return answer{status: http.StatusCreated, media: mediaCMS, body: receipt}, err
}

// enlist records an event once, as having come then. The same again gets the same receipt; another under its name is refused.
func (s *Server) enlist(e protocol.Event, text []byte, now time.Time) ([]byte, error) {
	k, event := incidentKey{e.Source, e.ID}, protocol.Fingerprint(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.incidents[k]; have != nil {
		if have.event != event {
			return nil, refuse(http.StatusConflict, protocol.ProblemConflict)
		}
		return have.receipt, nil
	}
	if len(s.incidents) >= maxIncidents {
		return nil, refuse(http.StatusServiceUnavailable, protocol.ProblemIssuer)
	}
	receipt, err := s.sign(s.Receipts, protocol.Receipt{Format: protocol.ReceiptFormat, Incident: k.id, Source: k.source, Event: event, ReceivedAt: protocol.At(now)})
	if err != nil {
		return nil, err
	}
	signed, err := s.stateOf(k, protocol.Digest{}, protocol.IncidentOpen, "")
	if err != nil {
		return nil, err
	}
	if err := s.strikes(e, event); err != nil {
		return nil, err
	}
	if err := s.wrote(Line{Event: text}); err != nil {
		return nil, err
	}
	s.incidents[k] = &incident{event: event, text: text, told: e, received: now, receipt: receipt, state: protocol.IncidentOpen, signed: signed, at: now}
	return receipt, nil
}

func (s *Server) stateOf(k incidentKey, event protocol.Digest, state, cause string) ([]byte, error) {
	by := map[string]*sign.Pair{protocol.IncidentOpen: s.Receipts, protocol.IncidentAcknowledged: s.Taker, protocol.IncidentClosed: s.Closer}
	return s.sign(by[state], protocol.IncidentState{Format: protocol.StateFormat, Incident: k.id, Source: k.source, Event: event, State: state, Cause: cause, At: protocol.At(s.Now())})
}

func (s *Server) sign(by *sign.Pair, v any) ([]byte, error) {
	b, err := protocol.EncodeBody(v)
	if err != nil {
		return nil, err
	}
	return sign.Sign(b, by.Options(s.Now()))
}

func (s *Server) incidentState(c *call) (answer, error) {
	id, err := protocol.ParseIncidentID(c.request.PathValue("id"))
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	if s.Brought != nil {
		for _, signed := range s.Brought(id) {
			_ = s.Bring(signed) // what is not fit, or is there already, moves nothing
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.fetch(incidentKey{protocol.SourcePrefix + string(c.terminal), id})
	if i == nil {
		return answer{}, refuse(http.StatusNotFound, protocol.ProblemUnknown)
	}
	return answer{status: http.StatusOK, media: mediaCMS, body: i.signed}, nil
}

// Move has the practice world's persons acknowledge an incident, or close it with a cause.
func (s *Server) Move(terminal protocol.Terminal, id protocol.IncidentID, state, cause string) error {
	k := incidentKey{protocol.SourcePrefix + string(terminal), id}
	if state == protocol.IncidentOpen || (state == protocol.IncidentClosed) == (cause == "") {
		return ErrIncident
	}
	s.mu.Lock()
	event := protocol.Digest{}
	if i := s.incidents[k]; i != nil {
		event = i.event
	}
	s.mu.Unlock()
	signed, err := s.stateOf(k, event, state, cause)
	if err != nil {
		return err
	}
	return s.Bring(signed)
}

// Bring takes what a person signed elsewhere. The terminal judges it once more, and what it does not believe must not be the end
// here: a later closing takes an earlier one's place, and one of a time to come is none. The error is under [ErrIncident], and the
// [life.Doubt] that the terminal would have.
func (s *Server) Bring(signed []byte) error {
	state, step, err := stepOf(signed)
	if err != nil {
		return doubted(life.StateUnsigned)
	}
	if d := s.doubt(state, step.Signer); d != life.NoDoubt {
		return doubted(d)
	}
	return s.move(state, step, signed)
}

func doubted(d life.Doubt) error { return fmt.Errorf("%w: %w", ErrIncident, d) }

// doubt says why a state is not believed from whom signed it.
func (s *Server) doubt(state protocol.IncidentState, by protocol.Digest) life.Doubt {
	closer, taker := by == protocol.Fingerprint(s.Closer.Certificate.Raw), by == protocol.Fingerprint(s.Taker.Certificate.Raw)
	switch {
	case !closer && !taker:
		return life.StateStranger
	case state.State == protocol.IncidentOpen:
		return life.StateBackwards
	case taker && !closer && state.State == protocol.IncidentClosed:
		return life.StateRole
	case state.At.After(s.Now().Add(clockSkew)):
		return life.StateEarly
	}
	return life.NoDoubt
}

func (s *Server) move(to protocol.IncidentState, step Step, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incidents[incidentKey{to.Source, to.Incident}]
	if i == nil {
		return s.liftForgotten(to)
	}
	if to.Event != (protocol.Digest{}) && to.Event != i.event {
		return doubted(life.StateOther)
	}
	if to.At.Before(i.told.Time.Add(-clockSkew)) {
		return doubted(life.StateReplayed)
	}
	was, state := i.state, to.State
	if again := was == protocol.IncidentClosed && state == was && to.At.After(i.at); !again && (was == protocol.IncidentClosed || was == state) {
		return doubted(life.StateBackwards)
	}
	if err := s.wrote(Line{State: signed}); err != nil {
		return err
	}
	if err := s.lift(to); err != nil {
		return err
	}
	i.state, i.signed, i.at = state, signed, to.At.Time
	i.steps = append(i.steps, step)
	if i.fetched == 0 { // a terminal that did not believe the closing that it has asks by itself
		s.moved.note(incidentKey{to.Source, to.Incident})
	}
	if state != was && state == protocol.IncidentClosed && i.told.Data.Code == protocol.IncidentJournalRewound {
		s.heads.forget(incidentKey{to.Source, to.Incident}.terminal())
	}
	return nil
}

package server

import (
	"net/http"
	"slices"

	"honnin/config/protocol"
)

// Whom the terminals want told. A real centre calls the contact, by the address in the policy; this one keeps who was told when.

// maxEscalations is of one incident: more than a terminal of this version sends.
const maxEscalations = 64

// escalated is one escalation as it came.
type escalated struct {
	event   protocol.Digest
	told    protocol.Escalation
	receipt []byte
}

func (s *Server) escalation(c *call) (answer, error) {
	e, err := protocol.ParseEscalation(c.body)
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	if e.Source != protocol.SourcePrefix+string(c.terminal) {
		return answer{}, refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	receipt, err := s.tell(e, c.body)
	return answer{status: http.StatusCreated, media: mediaCMS, body: receipt}, err
}

// tell records an escalation once. Terminals send it after its incident, which may have been filed since.
func (s *Server) tell(e protocol.Escalation, text []byte) ([]byte, error) {
	event := protocol.Fingerprint(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	of := incidentKey{e.Source, e.Data.Incident}
	all := s.escalations[of]
	if i := slices.IndexFunc(all, func(x escalated) bool { return x.told.ID == e.ID }); i >= 0 {
		if all[i].event != event {
			return nil, refuse(http.StatusConflict, protocol.ProblemConflict)
		}
		return all[i].receipt, nil
	}
	if len(all) >= maxEscalations || len(all) == 0 && len(s.escalations) >= maxIncidents {
		return nil, refuse(http.StatusServiceUnavailable, protocol.ProblemIssuer)
	}
	receipt, err := s.sign(s.Receipts, protocol.Receipt{Format: protocol.ReceiptFormat, Incident: e.ID, Source: e.Source, Event: event, ReceivedAt: protocol.At(s.Now())})
	if err == nil {
		err = s.wrote(Line{Escalation: text})
	}
	if err == nil {
		s.escalations[of] = append(all, escalated{event, e, receipt})
	}
	return receipt, err
}

// Escalations returns to whom an incident was to be told, in the order in which that came.
func (s *Server) Escalations(terminal protocol.Terminal, of protocol.IncidentID) (out []protocol.Escalation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.escalations[incidentKey{protocol.SourcePrefix + string(terminal), of}] {
		out = append(out, e.told)
	}
	return out
}

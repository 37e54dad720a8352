package operator

import (
	"slices"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice/server"
	"honnin/spool/incident"
)

// Incident is one incident as the page and "honnind incident --centre" tell it. There is nothing personal in it but what a
// person may have written into a cause.
type Incident struct {
	ID           protocol.IncidentID   `json:"id"`
	Terminal     protocol.Terminal     `json:"terminal"`
	Code         string                `json:"code"`
	Class        string                `json:"class"`
	Severity     incident.Severity     `json:"severity"`
	State        string                `json:"state"`
	Raised       protocol.Time         `json:"raised"`    // by the terminal's clock
	Delivered    protocol.Time         `json:"delivered"` // by the centre's
	Municipality protocol.Municipality `json:"municipality,omitzero"`
	Data         protocol.IncidentData `json:"data"`  // all that the event says
	Event        string                `json:"event"` // as it came
	Steps        []Step                `json:"steps,omitzero"`
	Told         []Told                `json:"told,omitzero"`
	Suspends     []protocol.Suspension `json:"suspends,omitzero"` // for all terminals, until it is closed
}

// Told is whom the terminal wanted told, since nobody had acknowledged it.
type Told struct {
	Contact string        `json:"contact,omitzero"` // the id of an office; "" where the policy names no further one
	At      protocol.Time `json:"at"`
	Over    bool          `json:"over,omitzero"` // the last deadline had passed: the service stops
}

// Step is one signed state that the centre took.
type Step struct {
	State       string          `json:"state"`
	By          string          `json:"by"` // the person's id; "" for a certificate that the policy does not list any more
	Certificate protocol.Digest `json:"certificate"`
	At          protocol.Time   `json:"at"` // by the person's clock
	Cause       string          `json:"cause,omitzero"`
	Proof       protocol.Digest `json:"proof"` // SHA-256 of the signed state
}

// Incidents returns every incident, newest first.
func (s *Server) Incidents() []Incident {
	all, suspended := s.Centre.Incidents(), s.Centre.Suspended()
	out := make([]Incident, 0, len(all))
	for _, l := range all {
		i := s.told(l)
		for _, one := range suspended {
			if i.led(one) {
				i.Suspends = append(i.Suspends, one.What)
			}
		}
		out = append(out, i)
	}
	return out
}

// led reports whether a suspension is because of this incident. Terminals name their incidents themselves: a name alone says nothing.
func (i Incident) led(to server.Suspension) bool {
	return to.Source == protocol.SourcePrefix+string(i.Terminal) && to.What.Incident == i.ID
}

func (s *Server) told(l server.Listed) Incident {
	d := l.Event.Data
	i := Incident{ID: l.Event.ID, Terminal: l.Terminal, Code: d.Code, Class: d.Class, Severity: s.word(d.Code).Severity, State: l.State,
		Raised: l.Event.Time, Delivered: protocol.At(l.Received), Municipality: d.Municipality, Data: d, Event: string(l.Text)}
	for _, step := range l.Steps {
		i.Steps = append(i.Steps, Step{step.State, s.person(step.Signer).ID, step.Signer, step.At, step.Cause, step.Proof})
	}
	for _, e := range l.Told {
		i.Told = append(i.Told, Told{e.Data.Contact, e.Time, e.Data.Over})
	}
	return i
}

// word is what the catalogue says of a code. One of another version of this program is of the gravest: nobody here thought of it.
func (s *Server) word(code string) incident.Word {
	if w, known := s.catalogue.Word(code); known {
		return w
	}
	unknown := incident.Text{Ja: "この版のカタログにない語: " + code, En: "not in this version's catalogue: " + code}
	return incident.Word{Word: code, Class: incident.Fault, Severity: incident.Highest, Means: unknown}
}

func (s *Server) person(certificate protocol.Digest) Person {
	if i := slices.IndexFunc(s.Persons, func(p Person) bool { return p.Certificate == certificate }); i >= 0 {
		return s.Persons[i]
	}
	return Person{}
}

// May says what a person may do, for people.
func (p Person) May() string {
	if slices.Contains(p.Roles, policy.Close) {
		return "対応開始・終了 / acknowledge, close"
	}
	return "対応開始 / acknowledge"
}

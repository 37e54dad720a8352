package protocol

// EscalationType is the type of an escalation's event.
const EscalationType = "honnin.escalation.v1"

// Escalation says that one more contact of the policy is to be told of an incident that nobody has acknowledged, as a CloudEvents
// 1.0 event in the JSON format. Its ID is its own; the incident's is in Data.
type Escalation struct {
	SpecVersion     string         `json:"specversion"`
	ID              IncidentID     `json:"id"`
	Source          string         `json:"source"` // as an [Event]'s
	Type            string         `json:"type"`
	Time            Time           `json:"time"`
	DataContentType string         `json:"datacontenttype"`
	Data            EscalationData `json:"data"`
}

// EscalationData is what an escalation says. A contact's address is in the policy and nowhere else.
type EscalationData struct {
	Incident     IncidentID   `json:"incident"`
	Since        Time         `json:"since"`            // when that was raised
	Step         int          `json:"step"`             // 1 for the first
	Contact      string       `json:"contact,omitzero"` // the id of an office; absent where the policy names none
	Municipality Municipality `json:"municipality,omitzero"`
	Over         bool         `json:"over,omitzero"` // the last deadline has passed, too: what is to stop has stopped
}

// NewEscalation makes the event of one step at terminal.
func NewEscalation(id IncidentID, terminal Terminal, at Time, data EscalationData) Escalation {
	return Escalation{EventVersion, id, SourcePrefix + string(terminal), EscalationType, at, EventDataType, data}
}

// ParseEscalation reads an escalation's event strictly.
func ParseEscalation(b []byte) (e Escalation, err error) {
	if err := ParseBody(b, &e); err != nil {
		return Escalation{}, err
	}
	if e.SpecVersion != EventVersion || e.Type != EscalationType || e.DataContentType != EventDataType || !isSource(e.Source) {
		return Escalation{}, malformed("event attribute")
	}
	if d := e.Data; d.Incident == "" || d.Since.IsZero() || d.Step < 1 || d.Contact == "" && !d.Over || d.Contact != "" && !wordForm.fits(d.Contact) {
		return Escalation{}, malformed("escalation")
	}
	return e, nil
}

package protocol

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// EventVersion, EventType and EventDataType are the fixed attributes of an incident's event.
const (
	EventVersion  = "1.0" // CloudEvents 1.0
	EventType     = "honnin.incident.v1"
	EventDataType = "application/json"
)

// Event is an incident as a CloudEvents 1.0 event in the JSON format. Source and ID together name it for ever.
type Event struct {
	SpecVersion     string       `json:"specversion"`
	ID              IncidentID   `json:"id"`
	Source          string       `json:"source"` // "urn:honnin:terminal:" and the terminal's name
	Type            string       `json:"type"`
	Time            Time         `json:"time"`
	DataContentType string       `json:"datacontenttype"`
	Data            IncidentData `json:"data"`
}

// IncidentID names an incident: 1 to 64 of a-z, 0-9 and hyphen.
type IncidentID string

// IncidentData is what an incident says. It holds nothing personal: codes, ids and digests only.
type IncidentData struct {
	Code         string       `json:"code"`  // a reason code, or another word of the incident catalogue
	Class        string       `json:"class"` // the code's class
	Municipality Municipality `json:"municipality,omitzero"`
	Storm        Storm        `json:"storm,omitzero"`
	Transaction  Transaction  `json:"transaction,omitzero"`
	Document     Digest       `json:"document,omitzero"`
	Also         []string     `json:"also,omitzero"` // other codes seen
	Evidence     Evidence     `json:"evidence,omitzero"`
}

// SourcePrefix begins every event's source; the terminal's name follows.
const SourcePrefix = "urn:honnin:terminal:"

func isSource(s string) bool {
	name, ok := strings.CutPrefix(s, SourcePrefix)
	return ok && terminalForm.fits(name)
}

// NewEvent makes the event of one incident at terminal.
func NewEvent(id IncidentID, terminal Terminal, at Time, data IncidentData) Event {
	return Event{EventVersion, id, SourcePrefix + string(terminal), EventType, at, EventDataType, data}
}

// NameIncident returns the name of the incident that is the entry at a head of terminal's journal. Position and hash
// together: after an older journal was put back, positions alone would name other incidents.
func NameIncident(terminal Terminal, at JournalHead) IncidentID {
	return IncidentID(fmt.Sprintf("%s-%d-%x", strings.ToLower(string(terminal)), at.Position, at.Head[:4]))
}

// Place returns whose incident it is, and its position in that terminal's journal, where i is a name that [NameIncident] made.
func (i IncidentID) Place() (t Terminal, position uint64, err error) {
	rest, hash := beforeLast(string(i))
	name, at := beforeLast(rest)
	if t, err = ParseTerminal(strings.ToUpper(name)); err != nil || len(hash) != 8 {
		return "", 0, malformed("incident id")
	}
	if position, err = strconv.ParseUint(at, 10, 63); err != nil {
		return "", 0, malformed("incident id")
	}
	return t, position, nil
}

func beforeLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, '-')
	return s[:max(i, 0)], s[i+1:]
}

// ParseIncidentID checks the form.
func ParseIncidentID(s string) (IncidentID, error) {
	if !wordForm.fits(s) {
		return "", malformed("incident id")
	}
	return IncidentID(s), nil
}

// UnmarshalText checks the form.
func (i *IncidentID) UnmarshalText(b []byte) (err error) {
	*i, err = ParseIncidentID(string(b))
	return
}

// ParseEvent reads an incident's event strictly.
func ParseEvent(b []byte) (e Event, err error) {
	if err := parseWhole(b, &e); err != nil {
		return Event{}, err
	}
	if e.SpecVersion != EventVersion || e.Type != EventType || e.DataContentType != EventDataType || !isSource(e.Source) {
		return Event{}, malformed("event attribute")
	}
	for _, w := range append([]string{e.Data.Code, e.Data.Class}, e.Data.Also...) {
		if !wordForm.fits(w) {
			return Event{}, malformed("event word")
		}
	}
	if err := e.Data.Storm.check(e.ID); err != nil {
		return Event{}, err
	}
	return e, nil
}

// ReceiptFormat and StateFormat are the "format" members of what is signed about an incident.
const (
	ReceiptFormat = "honnin-receipt/1"
	StateFormat   = "honnin-incident-state/1"
)

// Receipt is the content that the centre signs (CMS, the package's profile) when it has recorded an incident.
type Receipt struct {
	Format     string     `json:"format"`
	Incident   IncidentID `json:"incident"`
	Source     string     `json:"source"`
	Event      Digest     `json:"event"` // SHA-256 of the event's bytes as received
	ReceivedAt Time       `json:"received_at"`
}

// ParseReceipt reads the signed content of a receipt strictly.
func ParseReceipt(b []byte) (r Receipt, err error) {
	if err := ParseBody(b, &r); err != nil {
		return Receipt{}, err
	}
	if r.Format != ReceiptFormat || !isSource(r.Source) {
		return Receipt{}, malformed("receipt")
	}
	return r, nil
}

// The states of an incident. Only a named person moves it on, and only with a cause is it closed.
const (
	IncidentOpen         = "open"
	IncidentAcknowledged = "acknowledged"
	IncidentClosed       = "closed"
)

// IncidentState is what is signed about where an incident stands: acknowledged and closed by a person's key that
// the policy lists; open, which nobody has touched yet, by the centre's.
type IncidentState struct {
	Format   string     `json:"format"`
	Incident IncidentID `json:"incident"`
	Source   string     `json:"source"`
	Event    Digest     `json:"event,omitzero"` // SHA-256 of the event's bytes that the person saw
	State    string     `json:"state"`
	Cause    string     `json:"cause,omitzero"` // required once closed: one word or sentence, at most 256 bytes
	At       Time       `json:"at"`
}

// ParseIncidentState reads the signed content of a state strictly.
func ParseIncidentState(b []byte) (s IncidentState, err error) {
	if err := parseWhole(b, &s); err != nil {
		return IncidentState{}, err
	}
	known := slices.Contains([]string{IncidentOpen, IncidentAcknowledged, IncidentClosed}, s.State)
	if s.Format != StateFormat || !known || !isSource(s.Source) || len(s.Cause) > 256 || (s.State == IncidentClosed) == (s.Cause == "") {
		return IncidentState{}, malformed("incident state")
	}
	return s, nil
}

// EncodeBody writes a wire value as JSON with its members in one order, always the same bytes for the same value.
func EncodeBody(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

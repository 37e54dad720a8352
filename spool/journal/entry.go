package journal

import (
	"crypto/sha256"

	"github.com/go-json-experiment/json"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// Kind says what an entry records.
type Kind string

// The kinds of entry.
const (
	Started      Kind = "started"      // the daemon started
	VisitBegun   Kind = "visit-begun"  // a card lies on the reader and a visit got its number
	VisitEnded   Kind = "visit-ended"  // the visit is over
	Held         Kind = "held"         // money is held for a transaction
	Kept         Kind = "kept"         // held money is kept
	Returned     Kind = "returned"     // held money is given back
	Accepted     Kind = "accepted"     // a document passed the check; nothing was sent
	Sending      Kind = "sending"      // intent: the next thing that happens is the first byte
	Handed       Kind = "handed"       // the printer acknowledged the whole document; Job is its name for it
	Out          Kind = "out"          // at a counter: every sheet is known to be out, and nobody has confirmed the name yet
	WrongCode    Kind = "wrong-code"   // at a counter: what was typed is no code; Staff where the id is somebody's
	Ended        Kind = "ended"        // the one outcome of a transaction
	Incident     Kind = "incident"     // somebody must look
	Latched      Kind = "latched"      // the incident that is entry Of stops Municipality's service on this terminal until it is closed; "": every service
	StaffNeeded  Kind = "staff-needed" // no visit begins until staff say that tray and path are empty
	StaffReady   Kind = "staff-ready"  // staff said so
	Gathered     Kind = "gathered"     // the event of the incident that is entry Of speaks for those of Storm
	Delivered    Kind = "delivered"    // the centre has entry Of
	Undelivered  Kind = "undelivered"  // the centre will never take entry Of; Reason is its word
	Acknowledged Kind = "acknowledged" // a person took on the incident that is entry Of
	Closed       Kind = "closed"       // a person closed it, with a cause; nothing else ever does
	Escalated    Kind = "escalated"    // step Step with the incident that is entry Of: Contact is to be told of it; Reason "unacknowledged": it is the end
	Disbelieved  Kind = "disbelieved"  // what the centre gave for entry Of, an incident, is no receipt or state: Reason
	Late         Kind = "late"         // something arrived for a dead transaction, and was destroyed
	SelfTest     Kind = "self-test"    // the terminal's check was put to the test; Reason is "passed", or "failed" with the case in Where

	TechnicianIn      Kind = "technician-in"      // Staff signed in at the console, for the role Reason
	TechnicianRefused Kind = "technician-refused" // a sign-in was refused, for Reason
	TechnicianDid     Kind = "technician-did"     // Staff had the console do the command Reason, "journal.tail": noted before it is done
	ServiceOff        Kind = "service-off"        // Staff, a technician, stopped every service: no visit begins, after a restart either
	ServiceOn         Kind = "service-on"         // Staff, a technician, ended that
	TestVisitBegun    Kind = "test-visit-begun"   // Staff, a technician, has the devices for a test visit: until its end no other begins, after a restart staff are needed
	TestVisitDone     Kind = "test-visit-done"    // they are given back; Reason is its outcome. "staff-needed" comes with it where paper may lie about
	TechnicianOut     Kind = "technician-out"     // Staff is signed out, for Reason
	TechnicianNoted   Kind = "technician-noted"   // one of those while a daemon hung, at Signed by the console's clock: Reason "did.journal.tail"; Proof is the SHA-256 of the note
	SheetBegun        Kind = "sheet-begun"        // intent: the next thing that happens is the first byte of the service sheet Document, for Staff, a technician
	SheetDone         Kind = "sheet-done"         // what became of it on paper: Outcome

	PolicyApplied Kind = "policy-applied" // Policy is in force from here on: each is of a higher version
	PolicyLeast   Kind = "policy-least"   // the centre wants no visit below version Least: each is higher
)

// Kinds returns every kind of entry.
func Kinds() []Kind {
	return []Kind{Started, VisitBegun, VisitEnded, Held, Kept, Returned, Accepted, Sending, Handed, Out, WrongCode, Ended, Incident, Latched,
		StaffNeeded, StaffReady, Gathered, Delivered, Undelivered, Acknowledged, Closed, Escalated, Disbelieved, Late, SelfTest,
		TechnicianIn, TechnicianRefused, TechnicianDid, TechnicianOut, TechnicianNoted, ServiceOff, ServiceOn, TestVisitBegun, TestVisitDone, SheetBegun, SheetDone, PolicyApplied, PolicyLeast}
}

// Entry is one line of the journal. It holds no name, address, PIN, card's or device's serial number or signature: a transaction's number
// is random, a document is known by its digest, the release signature by its own; an incident's document by the serial that its
// municipality gave it, too ([protocol.Evidence]).
type Entry struct {
	Seq          uint64                `json:"seq"`
	At           protocol.Time         `json:"at"`
	Kind         Kind                  `json:"kind"`
	Visit        uint64                `json:"visit,omitzero"`
	Transaction  protocol.Transaction  `json:"transaction,omitzero"`
	Municipality protocol.Municipality `json:"municipality,omitzero"`
	Certificate  protocol.Certificate  `json:"certificate,omitzero"`
	Channel      protocol.Channel      `json:"channel,omitzero"` // of what was sent: "counter" where it counts as printed only by a word of staff
	Document     protocol.Digest       `json:"document,omitzero"`
	Signature    protocol.Digest       `json:"signature,omitzero"` // SHA-256 of the release signature
	Outcome      protocol.Outcome      `json:"outcome,omitzero"`
	Reason       string                `json:"reason,omitzero"` // a reason code or one word of a device, never free text
	Also         []reason.Code         `json:"also,omitzero"`
	Where        string                `json:"where,omitzero"` // of an incident: state and event of the visit, and one word of ours; of a self-test: the case
	Impressions  int                   `json:"impressions,omitzero"`
	Of           int                   `json:"of,omitzero"`       // impressions that were asked for; the entry that this one is about
	Job          string                `json:"job,omitzero"`      // the printer's own name for the job
	Storm        Storm                 `json:"storm,omitzero"`    // of what was gathered
	Evidence     string                `json:"evidence,omitzero"` // of an outcome on paper: what it rests on
	Yen          int                   `json:"yen,omitzero"`      // money held, kept or returned
	Staff        string                `json:"staff,omitzero"`    // the id of a member of staff, or of the person who acknowledged or closed; never a name
	Contact      string                `json:"contact,omitzero"`  // whom to tell of an incident: an id of the policy's, never an address
	Step         int                   `json:"step,omitzero"`     // of an escalation: 1 for the first
	Proof        protocol.Digest       `json:"proof,omitzero"`    // SHA-256 of what the centre gave: an incident's signed receipt or state; of what was gathered: of its event
	Signed       protocol.Time         `json:"signed,omitzero"`   // when a person acknowledged or closed, by the person's own clock
	Policy       protocol.PolicyRef    `json:"policy,omitzero"`   // applied; of an outcome or incident, which the journal sets itself: the one in force
	Least        uint64                `json:"least,omitzero"`    // the lowest version of a policy with which a visit may begin
	Facts        protocol.Evidence     `json:"facts,omitzero"`    // of an incident: what was signed and read of its package, and the program that raised it
	Prev         protocol.Digest       `json:"prev"`              // SHA-256 of the entry before, as stored
}

func (e Entry) encode() ([]byte, error) { return json.Marshal(e, json.Deterministic(true)) }

func decode(b []byte) (e Entry, err error) {
	return e, json.Unmarshal(b, &e, json.RejectUnknownMembers(true))
}

func digest(stored []byte) protocol.Digest { return sha256.Sum256(stored) }

package session

import (
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// View is everything a screen may show of a visit. It holds what the applicant may see and nothing else.
type View struct {
	Visit     uint64 // 0: no visit
	State     State
	Notice    Notice // Clearing, Ended, Done, CardForgotten: what the person is told
	TriesLeft int    // EnterPIN, AtPad, LastTry, LastTryAtPad; ConfirmName: of a personal code
	WrongPIN  bool   // the same, but for ConfirmName: the last one was wrong
	Misfit    bool   // AtPad: what was typed was not four digits, and no try is used
	IdlePad   bool   // EnterPIN: the reader has keys, and they do nothing
	WrongCode bool   // ConfirmName: the last code was wrong
	Offers    []protocol.Offer
	Chosen    Choice // from Confirming on
	Fee       int    // yen in all, from Confirming on
	Held      bool   // the fee is held
	CardIn    bool   // a card lies on the reader
	Code      reason.Code
	Word      string        // the centre's word for declining ("not-linked"), the part that is not ready ("media-needed", "reader", "centre", "clock", "staff", "closed"), or in OutOfService the IncidentKind
	Reference string        // a number to quote, without personal data
	Disowns   uint64        // TakePaper, Done, Idle, Unready: the visit of which a finger can say "this is not mine"; 0: none
	Done, Of  int           // Printing: impressions known to be out, of how many
	Until     time.Time     // Unready, "closed": when it opens, if that is known; whoever knows the hours fills it in
	Sample    bool          // a technician's test: what is printed is a sample; whoever makes it a test fills it in
	Remaining time.Duration // time until the state changes by itself; 0: it does not
}

// Choice is what the applicant asked for.
type Choice struct {
	Offer   protocol.Offer
	Options protocol.Options
	Copies  int
}

// Notice is why a visit ended, in one word.
type Notice string

// The notices.
const (
	NoNotice       Notice = ""
	Thanks         Notice = "thanks"         // printed, and taken
	Cancelled      Notice = "cancelled"      // by the applicant
	TimedOut       Notice = "timed-out"      // nobody pressed anything
	CardPulled     Notice = "card-gone"      // the card left the reader too early
	CardNotTaken   Notice = "card-not-taken" // the card was not taken in time; nothing was printed
	CardRefused    Notice = "card-rejected"  // see Code
	PINIsBlocked   Notice = "pin-blocked"    //
	NotOffered     Notice = "declined"       // see Word
	NotPaid        Notice = "payment"        // the fee could not be taken
	DocRefused     Notice = "refused"        // see Code
	NotWorking     Notice = "trouble"        // a part did not answer; nothing was printed
	NotPrinted     Notice = "not-printed"    // the printer did not begin
	StaffAreCalled Notice = "staff-called"   // out of service
	Disowned       Notice = "disowned"       // out of service: the printed certificate is another's
	Unproven       Notice = "unproven"       // out of service: somebody says so, and it is not known who
	PaperFailed    Notice = "paper-failed"   // out of service: the sheets did not come out as they should; the money is returned
)

// Input is what a finger said. Main maps the screen's words to these.
type Input struct {
	Kind    InputKind
	PIN     []byte           // PressPIN: ASCII digits; PressCode: a personal code's; the runner takes and overwrites them
	Staff   string           // PressCode: the id that was typed
	Same    bool             // PressCode: the name on every page is the applicant's
	Offer   string           // PressChoose: an offer's id
	Options protocol.Options // PressChoose
	Copies  int              // PressChoose
	Of      uint64           // PressNotMine: View.Disowns
}

// InputKind is the kind of an [Input].
type InputKind uint8

// The kinds of input.
const (
	PressPIN     InputKind = iota + 1
	PressChoose            // choose an offer with its options
	PressYes               // go on, more time
	PressBack              // one step back
	PressCancel            // end the visit
	PressFinish            // read, or taken
	PressTouched           // someone is there
	PressNotMine           // the certificate that was printed is another's
	PressCode              // at a counter: what a member of staff says of the name
)

// Ending is the one outcome of a transaction. It holds nothing personal.
type Ending struct {
	Visit        uint64
	Transaction  protocol.Transaction
	Municipality protocol.Municipality // "" before an offer was chosen
	Certificate  protocol.Certificate  // "" before an offer was chosen
	Outcome      protocol.Outcome
	Code         reason.Code   // refused: why
	Also         []reason.Code // refused: what else was seen
	Reason       string        // a code, the printer's word or the event that ended it
	Document     protocol.Digest
	Impressions  int
	Staff        string // at a counter: who read the sheets (an id)
}

// Incident is something that somebody must look at. It holds nothing personal.
type Incident struct {
	Kind         IncidentKind
	Visit        uint64
	Transaction  protocol.Transaction
	Municipality protocol.Municipality
	State        State // where it happened
	Event        Event // what happened
	Code         reason.Code
	Also         []reason.Code
	Document     protocol.Digest
	Detail       string            // one word of ours, never free text of a device or a person
	Evidence     protocol.Evidence // of the document, as far as it was signed and read
}

// IncidentKind names an incident.
type IncidentKind string

// The kinds of incident.
const (
	IncidentRefused       IncidentKind = "refused"                // a document was refused, see Code
	IncidentImpossible    IncidentKind = "impossible"             // an event came that must never come
	IncidentFault         IncidentKind = "fault"                  // a part broke its word: a panic, a hang, a disk
	IncidentUnsure        IncidentKind = "unsure"                 // paper may be out
	IncidentSpoiled       IncidentKind = "spoiled"                // a jam, or only some of the sheets
	IncidentPaperLeft     IncidentKind = "paper-left"             // printed, and not taken
	IncidentCardForgotten IncidentKind = "card-forgotten"         // a card lies on the reader and nobody takes it
	IncidentUnconfirmed   IncidentKind = "unconfirmed"            // at a counter: printed, and nobody confirmed the name
	IncidentNotMine       IncidentKind = protocol.IncidentNotMine // who applied says that the printed certificate is another's
	IncidentUnproven      IncidentKind = "not-mine-unproven"      // somebody says so, and it is not known who
	IncidentMoney         IncidentKind = "money"                  // money could not be kept or returned as it should be
)

// Step is one move of the machine, for metrics and practice. It holds nothing personal.
type Step struct {
	Visit       uint64
	Transaction protocol.Transaction // zero where there is none
	From        State
	Event       Event
	To          State
	Spent       Spent   // machine time of this transaction so far
	End         *Ending // set once for each transaction that ended
}

// Spent is machine time by part: waits for people are not in it.
type Spent struct{ Card, Centre, Verify, Register, Journal, Payment, Print time.Duration }

// Counts says how often the runner dropped something. All of it is harmless only because it was dropped.
type Counts struct {
	OtherVisit uint64 // events of another visit, or of another card's stay on the reader
	Late       uint64 // results that came after their state was left; destroyed
	Invalid    uint64 // inputs that make no sense: an offer that was not made, a PIN that is not four digits
	Impossible uint64 // events that must never happen
	Panics     uint64 // of a part
}

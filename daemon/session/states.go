package session

// State is where the visit stands.
type State uint8

// The states, in the order of a visit.
const (
	Unready        State = iota // a part is missing and nothing is in doubt: looked at again every few seconds
	OutOfService                // nothing begins until staff have said that all is well
	Idle                        // waiting for a card
	Opening                     // a card came: is the printer empty, the centre there, the journal writable?
	Reading                     // the card is read and judged, and a transaction is begun
	LastTry                     // one try of the PIN is left: asked before the keypad is shown
	EnterPIN                    // the keypad
	VerifyingPIN                // the PIN is sent to the card, once
	LastTryAtPad                // LastTry, where the PIN is typed at the reader
	AtPad                       // the PIN is typed at the reader, which sends it to the card once; it never comes here
	Authenticating              // the card proves that it holds its key; the centre answers with offers
	Choosing                    // which document, which options, how many
	Confirming                  // what was chosen and what it costs
	Applying                    // the application is made, the package awaited
	Checking                    // the package is checked against the card, and journalled when it passed
	Paying                      // the fee is taken in keeping
	Signing                     // the card that the visit began with signs for this very document
	TakeCard                    // card before paper: the last moment at which anybody can cancel
	Committing                  // what the centre has suspended, the register's answer, then the printer's; from here on only an outcome ends it
	Sending                     // the intent is journalled and synced
	Printing                    // bytes are on their way to the printer
	ConfirmName                 // at a counter: a member of staff holds the sheets, and compares the name on them with the applicant
	Vouching                    // the personal code of that member of staff is looked at
	Stranded                    // out of service while paper still moves: only the printer's outcome ends it
	Settling                    // the sheets are out: the money is kept, the outcome handed over
	TakePaper                   // the sheets are to be taken
	Done                        // the last word, the card is out
	MoreTime                    // nobody pressed anything: is somebody there?
	Renewing                    // somebody is: the old transaction ends as a whole before a new one begins
	Clearing                    // the transaction ends as a whole: card, document, journal, money, centre
	Ended                       // the last word; the card is to be taken back
	CardForgotten               // the card was not taken back: staff are called, the next visit waits for it to go
	AskedAtTray                 // "this is not mine" was pressed before the sheets were known to be taken: is that so?
	AskedAtEnd                  // the same at the last word of a visit that printed
	AskedLater                  // the same after that visit, while nobody else's has begun
	PlaceAgain                  // yes, and the card of that visit is to prove it
	Recognising                 // a card came: is it that one?
	numStates
)

// Event is something that happened.
type Event uint8

// The events: first the world's, then a finger's, then answers to the effects.
const (
	CardIn     Event = iota
	CardOut          // also: the card stopped answering
	ReaderLost       //
	StaffReady       // signed-in staff journalled that tray and path are empty
	Stop             // the daemon is to end

	PINGiven // four digits
	Chosen   // an offer that was made, with options that it allows
	Yes
	Back
	Cancel
	Finish  // read, or taken
	Touched // somebody is there

	CodeGiven // a personal code, and what its owner says of the name
	NotMine   // "this is not mine", of a certificate that this terminal printed last

	Ready
	NotReady
	CardRead     // a trusted card with more than one try of the PIN left; also: the reader has not the keys that it claims
	OneTryLeft   // a trusted card with one try left, before or after a wrong PIN
	PadCard      // CardRead, and the PIN is to be typed at the reader; also: what was typed there is not four digits
	PadOneTry    // OneTryLeft, the same
	PINRight     //
	PINWrong     // more than one try left
	Offered      //
	Denied       // a no at which nobody is at fault: card, PIN, centre (at the commit, too) or payment; the notice says which
	Fetched      //
	Accepted     // the check passed, and that is journalled
	Refused      // the check, or the register's answer, said no; the code says why
	Held         // the fee
	Signed       // and the signature is over this document, by the key of this visit's card
	Committed    // the register says it is in force, and the printer is empty
	Released     // "sending" is journalled and synced
	Printed      // every sheet is known to be out
	Out          // the same at a counter, where somebody has to read it first
	Vouched      // staff: the name on every page is the applicant's
	NotVouched   // that code is nobody's who may say so
	PrintFailed  // the printer did not begin; nothing is on paper
	PrintSpoiled // a jam, or only some of the sheets: known not to be complete
	PrintUnsure  // nobody knows
	PaperTaken   //
	SameCard     // it is the card of the visit that printed last
	OtherCard    // it is not
	Settled      // the transaction has its one outcome

	Trouble // a part did not answer, or answered nonsense; nothing irreversible was done
	Timeout // the state's time has passed
	Fault   // a part broke its word (panic, hang, disk): fail closed
	numEvents
)

// Effect is work for the runner; the table itself does nothing.
type Effect uint8

// Effects that work towards paper. A cell has at most one of them, and the state it leads to awaits its answer.
const (
	Look         Effect = iota + 1 // ask all parts whether a visit may begin
	LookLater                      // the same, after a pause
	Open                           // the same, and give the visit its number
	Read                           // connect, certificate, judgement, tries left; begin a transaction
	VerifyPIN                      // once
	VerifyAtPad                    // the same, by the reader; the red key is a Cancel, nobody's typing a Timeout
	Authenticate                   // the card's signature, then the centre's offers
	Fetch                          // apply, and wait for the package
	Check                          // the check; accepted documents are journalled
	Hold                           // the fee
	Sign                           // the release signature; the card is reset after it
	Commit                         // suspended, in-force, then the printer once more
	Release                        // journal "sending", synced
	Print                          // the one effect that can move paper
	AwaitPaper                     // until the tray is empty
	Vouch                          // whose code it is; a wrong one is journalled, and answered slowly
	Recognise                      // whether the card is that of the visit that printed last: its certificate, and nothing else
	lastWork     = Recognise
)

// Effects that end something. They run to their end whatever happens, in the order in which they were asked for.
const (
	Judge         Effect = iota + 1 + lastWork // what follows from a refusal: latch, incident
	Latch                                      // no visit until staff have looked; survives a restart
	RaiseIncident                              //
	CallStaff                                  // an incident at which nobody is at fault
	Disown                                     // the printed certificate is another's: incident, its municipality's service, and staff, at once
	End                                        // the transaction dies or is completed as a whole, with one outcome
	lastFinisher  = End
)

// Effects that only look at what is known already.
const (
	AwaitCard    Effect = iota + 1 + lastFinisher // a card that lies there counts as coming, a lost reader as lost
	AwaitCardOut                                  // a card that has gone counts as going
	numEffects
)

func (e Effect) works() bool    { return e >= Look && e <= lastWork }
func (e Effect) finishes() bool { return e > lastWork && e <= lastFinisher }

// awaits is the effect whose answer a state waits for. An answer to anything else is late.
var awaits = [numStates]Effect{
	Unready: Look, Opening: Open, Reading: Read, VerifyingPIN: VerifyPIN, AtPad: VerifyAtPad, Authenticating: Authenticate, Applying: Fetch,
	Checking: Check, Paying: Hold, Signing: Sign, Committing: Commit, Sending: Release, Printing: Print, Stranded: Print,
	Settling: End, TakePaper: AwaitPaper, Vouching: Vouch, Renewing: End, Clearing: End, Recognising: Recognise,
}

var stateNames = [numStates]string{
	"unready", "out-of-service", "idle", "opening", "reading", "last-try", "enter-pin", "verifying-pin", "last-try-at-pad", "at-pad", "authenticating",
	"choosing", "confirming", "applying", "checking", "paying", "signing", "take-card", "committing", "sending", "printing",
	"confirm-name", "vouching", "stranded", "settling", "take-paper", "done", "more-time", "renewing", "clearing", "ended", "card-forgotten",
	"asked-at-tray", "asked-at-end", "asked-later", "place-again", "recognising",
}

var eventNames = [numEvents]string{
	"card-in", "card-out", "reader-lost", "staff-ready", "stop", "pin-given", "chosen", "yes", "back", "cancel", "finish",
	"touched", "code-given", "not-mine", "ready", "not-ready", "card-read", "one-try-left", "pad-card", "pad-one-try", "pin-right", "pin-wrong", "offered", "denied", "fetched",
	"accepted", "refused", "held", "signed", "committed", "released", "printed", "out", "vouched", "not-vouched", "print-failed", "print-spoiled",
	"print-unsure", "paper-taken", "same-card", "other-card", "settled", "trouble", "timeout", "fault",
}

var effectNames = [numEffects]string{
	"none", "look", "look-later", "open", "read", "verify-pin", "verify-at-pad", "authenticate", "fetch", "check", "hold", "sign", "commit",
	"release", "print", "await-paper", "vouch", "recognise", "judge", "latch", "raise-incident", "call-staff", "disown", "end", "await-card", "await-card-out",
}

func (s State) String() string  { return name(stateNames[:], int(s)) }
func (e Event) String() string  { return name(eventNames[:], int(e)) }
func (e Effect) String() string { return name(effectNames[:], int(e)) }

func name(names []string, i int) string {
	if i >= len(names) {
		return "unknown"
	}
	return names[i]
}

// States returns every state, in the order of a visit.
func States() []State {
	all := make([]State, 0, numStates)
	for s := range numStates {
		all = append(all, s)
	}
	return all
}

// AfterCommit reports whether only an outcome can end the transaction in s.
func (s State) AfterCommit() bool {
	return s == Committing || s == Sending || s == Printing || s == Stranded
}

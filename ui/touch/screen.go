package touch

import (
	"maps"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// Name is one of the closed set of screens.
type Name string

// The screens, in the order of a visit. Behind each stands what a finger can do there (see [Name.Allows]).
const (
	Welcome       Name = "welcome"        // place your card: NotMine where Disowns
	Reading       Name = "reading"        // the card is being read: nothing
	PIN           Name = "pin"            // Pin, Cancel; shows TriesLeft, WrongPIN
	LastTry       Name = "last-try"       // Yes (go on to the keypad, or the reader's), Cancel
	PINAtReader   Name = "pin-at-reader"  // Cancel: the PIN is typed at the reader; shows TriesLeft, WrongPIN, Misfit
	Blocked       Name = "blocked"        // Finish
	LoadingOffers Name = "loading-offers" // Cancel
	Choose        Name = "choose"         // Choose, Cancel; shows Offers (a chosen offer's options are a page of it)
	Confirm       Name = "confirm"        // Yes, Back, Cancel; shows Chosen, Fee
	Working       Name = "working"        // Cancel; the municipality was asked
	Checking      Name = "checking"       // nothing
	Pay           Name = "pay"            // Cancel, and Yes unless Held; shows Fee, Held
	Signing       Name = "signing"        // nothing
	TakeCard      Name = "take-card"      // nothing: only the card ends it
	Committing    Name = "committing"     // nothing, from here on nobody cancels
	Printing      Name = "printing"       // nothing; shows Done of Of
	ConfirmName   Name = "confirm-name"   // Code, at a counter: for staff; shows TriesLeft, WrongCode, Of
	Vouching      Name = "vouching"       // nothing; the code is looked at
	TakePaper     Name = "take-paper"     // Finish, NotMine where Disowns
	Done          Name = "done"           // Finish, NotMine where Disowns; shows Message (NoMessage or MsgPaperForgotten)
	AskNotMine    Name = "not-mine"       // Yes, Back: is it really another's? shows Message (NoMessage, or MsgAgain where the card must prove it)
	PlaceAgain    Name = "place-again"    // Cancel: there is no card; shows Seconds
	MoreTime      Name = "more-time"      // More, Cancel; shows Seconds
	Refused       Name = "refused"        // Finish; shows Code, Reference
	Withheld      Name = "withheld"       // Finish; at a counter: staff keep the sheets; shows Code, Reference
	FailedPaper   Name = "failed-paper"   // Finish; shows Reference
	Disowned      Name = "disowned"       // nothing: what to do with another's certificate; shows Message (NoMessage or MsgUnproven), and Reference and what it is for, but not to who is unproven
	Ended         Name = "ended"          // Finish; shows Message
	OutOfService  Name = "out-of-service" // NotMine where Disowns; shows Message, Reference
)

// Names returns every screen, in the order of a visit.
func Names() []Name {
	return []Name{Welcome, Reading, PIN, LastTry, PINAtReader, Blocked, LoadingOffers, Choose, Confirm, Working, Checking, Pay,
		Signing, TakeCard, Committing, Printing, ConfirmName, Vouching, TakePaper, Done, AskNotMine, PlaceAgain, MoreTime, Refused, Withheld, FailedPaper, Disowned, Ended, OutOfService}
}

// Action is what a finger said.
type Action string

// The actions.
const (
	Pin     Action = "pin"      // Finger.PIN holds the digits
	Code    Action = "code"     // a word of staff: Finger.Staff, Same, and the digits of the code in PIN
	Yes     Action = "yes"      // go on
	Back    Action = "back"     // one step back
	Cancel  Action = "cancel"   // end the visit
	Apply   Action = "choose"   // Finger.Offer, Options and Copies hold the application
	More    Action = "more"     // more time, please
	Finish  Action = "done"     // read, or taken
	NotMine Action = "not-mine" // the certificate is another's; Finger.Of
	Touched Action = "touched"  // someone is there and presses keys, but asks for nothing: only the idle clock cares
)

var allowed = map[Name][]Action{
	Reading: {}, Checking: {}, Signing: {}, TakeCard: {}, Committing: {}, Printing: {}, Vouching: {}, Disowned: {},
	Welcome: {NotMine}, OutOfService: {NotMine}, ConfirmName: {Code}, Withheld: {Finish}, AskNotMine: {Yes, Back}, PlaceAgain: {Cancel},
	PIN: {Pin, Cancel}, LastTry: {Yes, Cancel}, PINAtReader: {Cancel}, Blocked: {Finish}, LoadingOffers: {Cancel}, Choose: {Apply, Cancel},
	Confirm: {Yes, Back, Cancel}, Working: {Cancel}, Pay: {Yes, Cancel}, TakePaper: {Finish, NotMine}, Done: {Finish, NotMine},
	MoreTime: {More, Cancel}, Refused: {Finish}, FailedPaper: {Finish}, Ended: {Finish},
}

// Allows reports whether a finger can say a on screen n. [Touched] is allowed wherever something can be pressed.
func (n Name) Allows(a Action) bool {
	return slices.Contains(allowed[n], a) || a == Touched && len(allowed[n]) > 0
}

// Valid reports whether n is one of the screens.
func (n Name) Valid() bool { _, ok := allowed[n]; return ok }

// Message chooses among the texts that some screens have for different causes. NoMessage is a general text.
type Message string

// The messages. For Ended: why the visit ended; for OutOfService: what people may know of the cause.
const (
	NoMessage Message = ""

	MsgCancelled     Message = "cancelled"
	MsgTimeout       Message = "timeout"
	MsgCardGone      Message = "card-gone"
	MsgCardChanged   Message = "card-changed"
	MsgCardUnknown   Message = "card-unknown" // not a My Number card, or unreadable
	MsgCardUntrusted Message = "card-untrusted"
	MsgCardExpired   Message = "card-expired"
	MsgCardRevoked   Message = "card-revoked"
	MsgCardSuspended Message = "card-suspended"
	MsgCardBlocked   Message = "card-blocked"
	MsgCardNotTaken  Message = "card-not-taken"
	MsgNotLinked     Message = "not-linked"  // the municipality has no certificate of this card on record
	MsgNoOffers      Message = "no-offers"   // nothing can be issued now
	MsgUnavailable   Message = "unavailable" // the municipality cannot issue this now
	MsgSuspended     Message = "suspended"   // the centre has stopped it for all terminals
	MsgCentreSilent  Message = "centre-silent"
	MsgPayment       Message = "payment" // the fee could not be taken
	MsgPrinter       Message = "printer" // found not ready before anything was sent to it

	MsgPaperForgotten Message = "paper-forgotten"

	MsgAgain    Message = "again"    // the card is to be placed again
	MsgUnproven Message = "unproven" // and did not prove it

	MsgStarting Message = "starting"
	MsgReader   Message = "reader"
	MsgCentre   Message = "centre"
	MsgPaper    Message = "paper" // paper may lie in the tray or the path: staff must look
	MsgIncident Message = "incident"
	MsgClosed   Message = "closed" // outside the hours
	MsgService  Message = "service"
	MsgStopped  Message = "stopped" // every service, by incidents that nobody has closed
)

var messages = map[Name][]Message{
	Ended: {NoMessage, MsgCancelled, MsgTimeout, MsgCardGone, MsgCardChanged, MsgCardUnknown, MsgCardUntrusted, MsgCardExpired,
		MsgCardRevoked, MsgCardSuspended, MsgCardBlocked, MsgCardNotTaken, MsgNotLinked, MsgNoOffers, MsgUnavailable, MsgSuspended,
		MsgCentreSilent, MsgPayment, MsgPrinter, MsgReader},
	Done:         {NoMessage, MsgPaperForgotten},
	AskNotMine:   {NoMessage, MsgAgain},
	Disowned:     {NoMessage, MsgUnproven},
	OutOfService: {NoMessage, MsgStarting, MsgReader, MsgPrinter, MsgCentre, MsgPaper, MsgIncident, MsgClosed, MsgService, MsgStopped},
}

// Messages returns the messages that screen n has a text for; another one is shown as NoMessage.
func Messages(n Name) []Message { return slices.Clone(messages[n]) }

// Choice is what the applicant asked for.
type Choice struct {
	Offer   protocol.Offer
	Options protocol.Options
	Copies  int
}

// Screen is one immutable picture of what should be shown. The fields after Name are read by the screens that need them.
type Screen struct {
	Visit     uint64           // 0: no visit
	Name      Name             //
	TriesLeft int              // PIN, PINAtReader, LastTry: PIN tries left on the card; ConfirmName: of the code; below 1 is not shown
	WrongPIN  bool             // PIN, PINAtReader: the last one was wrong
	Misfit    bool             // PINAtReader: what was typed was not four digits, and no try is used
	IdlePad   bool             // PIN: the reader has keys, and they do nothing
	WrongCode bool             // ConfirmName: the last one was wrong
	Offers    []protocol.Offer // Choose
	Chosen    Choice           // Confirm
	Fee       int              // yen in all: Confirm, Pay
	Held      bool             // Pay: the fee has been taken in keeping, nothing is asked
	CardIn    bool             // Blocked, Refused, FailedPaper, Ended: a card lies on the reader and is to be taken
	NoFinish  bool             // the same: the session would not hear Finish, or not yet
	Message   Message          // Ended, Done, OutOfService, AskNotMine, Disowned
	Disowns   uint64           // Welcome, OutOfService, TakePaper, Done: the visit of which NotMine can be said; 0: none
	Until     time.Time        // OutOfService, MsgClosed: when it opens; zero: not known
	Code      reason.Code      // Refused
	Reference string           // the number to quote
	Sample    bool             // a technician's test: every screen says so
	Seconds   int              // after so many seconds the screen changes by itself; 0: not shown
	Done, Of  int              // Printing, ConfirmName: impressions known to be out, of how many
}

// clone makes the picture independent of what its maker does afterwards.
func (s Screen) clone() Screen {
	s.Offers = slices.Clone(s.Offers)
	s.Chosen.Options = maps.Clone(s.Chosen.Options)
	return s
}

// Finger is one thing that the applicant did.
type Finger struct {
	Visit   uint64 // the visit of the picture that was touched
	Action  Action
	PIN     []byte // Pin: four ASCII digits; Code: 6 to 12; the receiver overwrites them after use
	Staff   string // Code: the id that was typed, 1 to 8 digits
	Same    bool   // Code: the name on every page is the applicant's
	Of      uint64 // NotMine: the Disowns of the picture that was touched
	Offer   string // Apply
	Options protocol.Options
	Copies  int // Apply: 1 to protocol.MaxCopies
}

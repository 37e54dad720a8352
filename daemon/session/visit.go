package session

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/tokyo"
	"honnin/spool"
	"honnin/spool/document"
)

// visit is all that is known of whoever stands at the machine. It is a value: a piece of work gets a copy, and
// going back to idle puts an empty one in its place, so that there is nothing to remember to clear.
type visit struct {
	number    uint64 // the journal's; 0 until it gave one
	stay      uint64 // the card's stay on the reader that the visit began with
	reference string // what people quote
	notice    Notice // the last word; the first one said stands
	code      reason.Code
	word      string
	printed   printed   // the visit that "this is not mine" is asked about
	until     time.Time // by when its card is to prove it
	dealing
}

// dealing is what belongs to one transaction. A renewed visit gets a new one.
type dealing struct {
	hand      *custody
	applicant applicant
	pin       []byte // on its way from the keypad to the card
	chosen    Choice
	held      bool
	paper     paper
	said      said
	codes     int // wrong ones
}

// said is what a member of staff said of the sheets, with a code that is still to be looked at.
type said struct {
	staff string
	same  bool
}

// triesLeft is of what is asked for in s.
func (d dealing) triesLeft(s State) int {
	if s == ConfirmName || s == Vouching {
		return CodeTries - d.codes
	}
	return d.applicant.tries
}

// applicant is known after Reading, the offers after Authenticating.
type applicant struct {
	certificate []byte
	card        *x509.Certificate
	tries       int
	pad         Pad
	wrong       bool
	misfits     int // in a row, typed at the reader: not four digits
	nonce       protocol.Nonce
	began       time.Time
	begun       protocol.Begun
	offers      []protocol.Offer
}

// paper is known from Checking on, one field after the other.
type paper struct {
	doc       document.Verified
	signature document.ReleaseSignature
	inForce   document.InForce
	released  spool.Released
	done, of  int
}

func newDealing() dealing { return dealing{hand: new(custody)} }

// transaction is zero until the centre has begun one. It is in custody's hand, because the visit may be left before it learns it.
func (d dealing) transaction() protocol.Transaction {
	if d.hand == nil {
		return protocol.Transaction{}
	}
	return d.hand.look().transaction
}

func (d dealing) fee() int { return d.chosen.Offer.Fee * d.chosen.Copies }

func (d dealing) application() *protocol.Application {
	return &protocol.Application{Municipality: d.chosen.Offer.Municipality, Certificate: d.chosen.Offer.Certificate,
		Options: d.chosen.Options, Copies: d.chosen.Copies}
}

func (d dealing) expectation(t protocol.Terminal) document.Expectation {
	return document.Expectation{Terminal: t, Transaction: d.transaction(), Nonce: d.applicant.nonce, Card: d.applicant.card,
		Application: d.application(), Began: d.applicant.began}
}

// reference is the number to quote: the end of the terminal's name, the day, the visit.
func reference(t protocol.Terminal, now time.Time, visit uint64) string {
	return fmt.Sprintf("%s-%s-%d", t[max(0, len(t)-4):], now.In(tokyo.Zone()).Format("0102"), visit)
}

// choose finds the offer and completes the options with their defaults. It refuses what was not offered.
func choose(offers []protocol.Offer, in Input) (Choice, bool) {
	i := slices.IndexFunc(offers, func(o protocol.Offer) bool { return o.ID == in.Offer && o.Available })
	if i < 0 || in.Copies < 1 || in.Copies > protocol.MaxCopies {
		return Choice{}, false
	}
	options := protocol.Options{}
	for name, allowed := range offers[i].Options {
		if len(allowed) == 0 {
			return Choice{}, false
		}
		options[name] = allowed[0]
	}
	for name, value := range in.Options {
		if !slices.Contains(offers[i].Options[name], value) {
			return Choice{}, false
		}
		options[name] = value
	}
	return Choice{offers[i], options, in.Copies}, true
}

// pinForm reports whether b can be the PIN of the user-authentication key: four ASCII digits.
func pinForm(b []byte) bool {
	return len(b) == 4 && !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
}

var notices = map[Event]Notice{
	Cancel: Cancelled, CardOut: CardPulled, Refused: DocRefused, Trouble: NotWorking, Timeout: NotWorking, Stop: NotWorking,
	ReaderLost: NotWorking, PrintFailed: NotPrinted, PaperTaken: Thanks, Finish: Thanks,
}

// noticeFor is what the person is told when e ends a visit in s.
func noticeFor(s State, e Event) Notice {
	switch {
	case e == Timeout && s == TakeCard:
		return CardNotTaken
	case e == Timeout && s == MoreTime:
		return TimedOut
	}
	return notices[e]
}

// readerFailed reports whether c is the reader's silence, and nobody else's.
func readerFailed(c cause) bool {
	return c.event == ReaderLost || c.event == Timeout && (c.from == VerifyingPIN || c.from == Signing)
}

// stopped is what the person is told when c closes the terminal.
func stopped(c cause) Notice {
	if kindOf(c) == IncidentUnproven {
		return Unproven
	}
	if c.event == PrintSpoiled || c.event == PrintUnsure || c.event == PrintFailed || c.from == ConfirmName || c.from == Vouching {
		return PaperFailed
	}
	return StaffAreCalled
}

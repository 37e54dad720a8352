package terminal

import (
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/ui/touch"
)

// screens says which screen shows each state of a visit. States that end one are shown by why they do (notices).
var screens = map[session.State]touch.Name{
	session.Unready:        touch.OutOfService,
	session.OutOfService:   touch.OutOfService,
	session.Idle:           touch.Welcome,
	session.Opening:        touch.Reading,
	session.Reading:        touch.Reading,
	session.LastTry:        touch.LastTry,
	session.EnterPIN:       touch.PIN,
	session.VerifyingPIN:   touch.Reading,
	session.LastTryAtPad:   touch.LastTry,
	session.AtPad:          touch.PINAtReader,
	session.Authenticating: touch.LoadingOffers,
	session.Choosing:       touch.Choose,
	session.Confirming:     touch.Confirm,
	session.Applying:       touch.Working,
	session.Checking:       touch.Checking,
	session.Paying:         touch.Pay,
	session.Signing:        touch.Signing,
	session.TakeCard:       touch.TakeCard,
	session.Committing:     touch.Committing,
	session.Sending:        touch.Committing,
	session.Printing:       touch.Printing,
	session.ConfirmName:    touch.ConfirmName,
	session.Vouching:       touch.Vouching,
	session.Stranded:       touch.OutOfService,
	session.Settling:       touch.Printing,
	session.TakePaper:      touch.TakePaper,
	session.Done:           touch.Done,
	session.MoreTime:       touch.MoreTime,
	session.Renewing:       touch.Reading,
	session.Clearing:       touch.Ended,
	session.Ended:          touch.Ended,
	session.CardForgotten:  touch.Ended,
	session.AskedAtTray:    touch.AskNotMine,
	session.AskedAtEnd:     touch.AskNotMine,
	session.AskedLater:     touch.AskNotMine,
	session.PlaceAgain:     touch.PlaceAgain,
	session.Recognising:    touch.Reading,
}

// last is the last word to a person whose visit ended.
type last struct {
	name    touch.Name
	message touch.Message
}

var notices = map[session.Notice]last{
	session.NoNotice:       {touch.Ended, touch.NoMessage},
	session.Thanks:         {touch.Done, touch.NoMessage},
	session.Cancelled:      {touch.Ended, touch.MsgCancelled},
	session.TimedOut:       {touch.Ended, touch.MsgTimeout},
	session.CardPulled:     {touch.Ended, touch.MsgCardGone},
	session.CardNotTaken:   {touch.Ended, touch.MsgCardNotTaken},
	session.CardRefused:    {touch.Ended, touch.MsgCardUnknown},
	session.PINIsBlocked:   {touch.Blocked, touch.NoMessage},
	session.NotOffered:     {touch.Ended, touch.MsgUnavailable},
	session.NotPaid:        {touch.Ended, touch.MsgPayment},
	session.DocRefused:     {touch.Refused, touch.NoMessage},
	session.NotWorking:     {touch.Ended, touch.MsgCentreSilent},
	session.NotPrinted:     {touch.Ended, touch.MsgPrinter},
	session.PaperFailed:    {touch.FailedPaper, touch.NoMessage},
	session.Disowned:       {touch.Disowned, touch.NoMessage},
	session.Unproven:       {touch.Disowned, touch.MsgUnproven},
	session.StaffAreCalled: {touch.OutOfService, touch.MsgPaper},
}

// cardWords and centreWords are what the person is told of a card that is refused, and of a centre that declines.
var (
	cardWords = map[reason.Code]touch.Message{
		reason.CardUntrusted: touch.MsgCardUntrusted, reason.CardExpired: touch.MsgCardExpired,
		reason.CardChanged: touch.MsgCardChanged, reason.CardGone: touch.MsgCardGone,
	}
	centreWords = map[string]touch.Message{
		protocol.ProblemNotLinked: touch.MsgNotLinked, protocol.ProblemRevoked: touch.MsgCardRevoked,
		protocol.ProblemSuspended: touch.MsgCardSuspended, "no-offers": touch.MsgNoOffers, suspended: touch.MsgSuspended,
		protocol.ProblemUntrusted: touch.MsgCardUntrusted, protocol.ProblemExpired: touch.MsgCardExpired,
	}
	partWords = map[string]touch.Message{"reader": touch.MsgReader, "centre": touch.MsgCentre, "clock": touch.MsgService, "policy": touch.MsgService, ServiceSheet: touch.MsgService, "stopped": touch.MsgStopped, "closed": touch.MsgClosed,
		"selftest": touch.MsgStarting, "selftest-failed": touch.MsgIncident, "": touch.MsgStarting}
)

// Picture turns what the session shows into what the touch screen draws.
func Picture(v session.View) touch.Screen {
	s := touch.Screen{Visit: v.Visit, Name: screens[v.State], TriesLeft: v.TriesLeft, WrongPIN: v.WrongPIN, Misfit: v.Misfit, WrongCode: v.WrongCode, IdlePad: v.IdlePad, Offers: v.Offers,
		Chosen: touch.Choice(v.Chosen), Fee: v.Fee, Held: v.Held, CardIn: v.CardIn, Code: v.Code, Reference: v.Reference, Disowns: v.Disowns,
		Sample: v.Sample, Seconds: int(v.Remaining.Seconds()), Done: v.Done, Of: v.Of}
	switch v.State {
	case session.Clearing, session.Ended, session.Done, session.CardForgotten:
		s.Name, s.Message = lastWord(v)
		s.NoFinish = v.State != session.Done
	case session.AskedLater:
		s.Message = touch.MsgAgain
	case session.Unready:
		s.Message, s.Until = unready(v.Word), v.Until
	case session.OutOfService, session.Stranded:
		s.Name, s.Message = lastWord(v)
		s.NoFinish = true
		if s.Name != touch.FailedPaper && s.Name != touch.Disowned {
			s.Name, s.Message = touch.OutOfService, closed(v)
		}
	}
	return s
}

func lastWord(v session.View) (touch.Name, touch.Message) {
	w := notices[v.Notice]
	if v.Notice == session.DocRefused && v.Code == reason.NameMismatch {
		w.name = touch.Withheld
	}
	if m, ok := cardWords[v.Code]; ok && v.Notice == session.CardRefused {
		w.message = m
	}
	if m, ok := centreWords[v.Word]; ok && v.Notice == session.NotOffered {
		w.message = m
	}
	if v.Notice == session.NotWorking && v.Word == "reader" {
		w.message = touch.MsgReader
	}
	return w.name, w.message
}

// closed says what people may know of why staff are called.
func closed(v session.View) touch.Message {
	switch session.IncidentKind(v.Word) {
	case session.IncidentFault, session.IncidentImpossible, session.IncidentMoney, session.IncidentCardForgotten:
		return touch.MsgIncident
	}
	return touch.MsgPaper
}

// unready says which part is missing; every word that is not in the table is the printer's.
func unready(word string) touch.Message {
	if m, ok := partWords[word]; ok {
		return m
	}
	return touch.MsgPrinter
}

// presses says what the session makes of each action of a finger.
var presses = map[touch.Action]session.InputKind{
	touch.Pin: session.PressPIN, touch.Apply: session.PressChoose, touch.Yes: session.PressYes, touch.More: session.PressYes,
	touch.NotMine: session.PressNotMine, touch.Code: session.PressCode, touch.Back: session.PressBack, touch.Cancel: session.PressCancel, touch.Finish: session.PressFinish, touch.Touched: session.PressTouched,
}

// Pressed turns what a finger did into what the session hears.
func Pressed(f touch.Finger) session.Input {
	return session.Input{Kind: presses[f.Action], PIN: f.PIN, Offer: f.Offer, Options: f.Options, Copies: f.Copies, Staff: f.Staff, Same: f.Same, Of: f.Of}
}

// Package session is the heart of the terminal: one visit as a table, and the runner that lives it.
//
// # The table
//
// What may happen is data: a cell for every pair of state and event. A cell says "move" (to a state, with
// effects), "stay" (expected, and nothing happens) or "never" (it must not happen: an incident, and the terminal
// goes out of service). [Next] reads it and does nothing else: no clock, no input, no output. A pair that nobody
// thought of is a test that fails.
//
// # The order of one transaction
//
//	card in → readiness → card judged, transaction begun → PIN → proof of the key, offers → choice →
//	apply, fetch → check → hold the fee → release signature → take your card → card out →
//	commit (the centre has suspended nothing; the register's answer; the printer is empty) → journal "sending", synced → first byte →
//	outcome → keep or return the money → take your paper
//
// Where the reader has keys of its own the PIN is typed there ([AtPad]): the reader puts it before the card, and it never is in
// this machine. The reader's clock runs then; the terminal's is a little longer, for a reader that says nothing.
//
// Up to "card out" anything can end the transaction: the card pulled, a finger, a time-out, a part that does not
// answer. Then it dies as a whole ([End]): card reset, document destroyed, journalled, money returned, centre told.
// From the commit on nobody cancels and no clock runs out; only an outcome ends it.
//
// At a counter there are two states more. What came out whole is not yet anybody's: a member of staff reads every page,
// compares the name with the person in front of them, and says so with a personal code. Only then is it printed, and the
// money kept. "It is another's" refuses it; nobody's word in time, a stop, a fault, five wrong codes leave it unsure, the money
// goes back and staff are called. The terminal does not know the name and shows none.
//
// # Not mine
//
// Somebody may hold another's certificate all the same. Where one was printed, the last screens ask nothing and offer a button,
// and so does the welcome until the next visit begins ([Limits].Recall at the longest). Within the visit a second "yes" is enough. After it the card is
// placed again (a minute at most), and its certificate alone decides whether it is the holder of that visit ([recall] says what is kept for that).
// Either way it is an incident that stops the municipality's service until a person closes it ([Disown]), and a sheet that lies
// about, so that staff are needed too. Whoever says "yes" and cannot show that card closes the terminal until staff have looked,
// and nothing more. The transaction keeps its outcome, and no money moves. What is not written yet nobody is told. A restart forgets: the
// button goes.
//
// # The runner
//
// One goroutine owns the state ([Runner.Run]). Everything else (card, centre, check, printer) is done by
// goroutines that get a copy of what they need, and answer with an event and what they learned. An answer counts
// only while the state waits for that very piece of work; a finger counts only on the visit whose picture it
// touched; a card only as long as it lies there. The rest is counted and dropped, and what it holds is destroyed.
// What a transaction has to give back (custody: the card, the document, the money, the centre's transaction) is
// written down the moment it is taken, so that ending it needs no knowledge of how far it came.
//
// # What can go wrong
//
// A panic in a part, a part that does not come back, a journal that cannot be written: a [Fault], an incident,
// out of service until staff say otherwise. The same after unsure, a jam and uncollected paper, and that survives
// a restart. A missing part (no paper, no centre) is not that: the terminal is unready and looks again.
//
// A tray without a sensor cannot tell forgotten paper from paper taken by somebody who pressed nothing: there the
// time-out closes the terminal, on the safe side.
package session

type verdict uint8

const (
	unwritten verdict = iota // the zero cell; a test finds it
	move
	stay
	never
)

type cell struct {
	verdict verdict
	to      State
	do      []Effect
}

func goTo(s State, effects ...Effect) cell { return cell{move, s, effects} }

var (
	ok = cell{verdict: stay}  // expected, nothing happens
	xx = cell{verdict: never} // must never happen

	end    = goTo(Clearing, End)
	refuse = goTo(Clearing, Judge, End)
	shut   = goTo(OutOfService, RaiseIncident, Latch, End)
	strand = goTo(Stranded, RaiseIncident, Latch)
	unsure = goTo(OutOfService, Latch, RaiseIncident, End)
	left   = goTo(OutOfService, Latch, RaiseIncident)

	disown  = goTo(OutOfService, Disown)
	inspect = goTo(OutOfService, Latch, RaiseIncident)
)

var table = [numStates][numEvents]cell{
	Unready: {
		CardIn: goTo(Unready, Look), CardOut: goTo(Unready, Look), ReaderLost: ok, StaffReady: goTo(Unready, Look), Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: goTo(AskedLater), Touched: ok,
		Ready: goTo(Idle, AwaitCard), NotReady: goTo(Unready, LookLater), CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: xx, Fault: shut,
	},
	OutOfService: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: goTo(Unready, Look), Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: ok, NotReady: ok, CardRead: ok, OneTryLeft: ok, PadCard: ok, PadOneTry: ok, PINRight: ok, PINWrong: ok, Offered: ok, Denied: ok,
		Fetched: ok, Accepted: ok, Refused: ok, Held: ok, Signed: ok, Committed: ok, Released: ok,
		Printed: ok, Out: ok, Vouched: ok, NotVouched: ok, PrintFailed: ok, PrintSpoiled: ok, PrintUnsure: ok, PaperTaken: ok, SameCard: ok, OtherCard: ok, Settled: ok,
		Trouble: ok, Timeout: ok, Fault: ok,
	},
	Idle: {
		CardIn: goTo(Opening, Open), CardOut: ok, ReaderLost: goTo(Unready, LookLater), StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: goTo(AskedLater), Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: xx, Fault: shut,
	},
	Opening: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: goTo(Reading, Read), NotReady: goTo(Unready, LookLater), CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	Reading: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: goTo(EnterPIN), OneTryLeft: goTo(LastTry), PadCard: goTo(AtPad, VerifyAtPad), PadOneTry: goTo(LastTryAtPad), PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	LastTry: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: goTo(EnterPIN), Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(LastTry),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(MoreTime), Fault: shut,
	},
	EnterPIN: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: goTo(VerifyingPIN, VerifyPIN), Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(EnterPIN),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(MoreTime), Fault: shut,
	},
	VerifyingPIN: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: goTo(LastTry), PadCard: xx, PadOneTry: xx, PINRight: goTo(Authenticating, Authenticate), PINWrong: goTo(EnterPIN), Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	LastTryAtPad: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: goTo(AtPad, VerifyAtPad), Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(LastTryAtPad),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(MoreTime), Fault: shut,
	},
	AtPad: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: goTo(EnterPIN), OneTryLeft: xx, PadCard: goTo(AtPad, VerifyAtPad), PadOneTry: goTo(LastTryAtPad), PINRight: goTo(Authenticating, Authenticate), PINWrong: goTo(AtPad, VerifyAtPad), Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: goTo(MoreTime), Fault: shut,
	},
	Authenticating: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: goTo(Choosing), Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	Choosing: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: goTo(Confirming), Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(Choosing),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(MoreTime), Fault: shut,
	},
	Confirming: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: goTo(Applying, Fetch), Back: goTo(Choosing), Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(Confirming),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(MoreTime), Fault: shut,
	},
	Applying: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: goTo(Checking, Check), Accepted: xx, Refused: refuse, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	Checking: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: xx, Accepted: goTo(Paying, Hold), Refused: refuse, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	Paying: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: goTo(Signing, Sign), Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	Signing: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: goTo(TakeCard, AwaitCardOut), Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: end, Fault: shut,
	},
	TakeCard: {
		CardIn: ok, CardOut: goTo(Committing, Commit), ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: end, Fault: shut,
	},
	Committing: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: end,
		Fetched: xx, Accepted: xx, Refused: refuse, Held: xx, Signed: xx, Committed: goTo(Sending, Release), Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: ok, Fault: shut,
	},
	Sending: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: goTo(Printing, Print),
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: end, Timeout: ok, Fault: shut,
	},
	Printing: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: goTo(Settling, End), Out: goTo(ConfirmName), Vouched: xx, NotVouched: xx, PrintFailed: end, PrintSpoiled: unsure, PrintUnsure: unsure, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: ok, Fault: strand,
	},
	ConfirmName: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: unsure,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: goTo(Vouching, Vouch), NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: unsure, Fault: shut,
	},
	Vouching: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: unsure,
		Fetched: xx, Accepted: xx, Refused: refuse, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: goTo(Settling, End), NotVouched: goTo(ConfirmName), PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: unsure, Timeout: ok, Fault: shut,
	},
	Stranded: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: ok, NotReady: ok, CardRead: ok, OneTryLeft: ok, PadCard: ok, PadOneTry: ok, PINRight: ok, PINWrong: ok, Offered: ok, Denied: ok,
		Fetched: ok, Accepted: ok, Refused: ok, Held: ok, Signed: ok, Committed: ok, Released: ok,
		Printed: goTo(OutOfService, End), Out: unsure, Vouched: ok, NotVouched: ok, PrintFailed: goTo(OutOfService, End), PrintSpoiled: unsure, PrintUnsure: unsure, PaperTaken: ok, SameCard: ok, OtherCard: ok, Settled: ok,
		Trouble: ok, Timeout: ok, Fault: ok,
	},
	Settling: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: goTo(TakePaper, AwaitPaper),
		Trouble: xx, Timeout: ok, Fault: shut,
	},
	TakePaper: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: left,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: goTo(Done), CodeGiven: ok, NotMine: goTo(AskedAtTray), Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: goTo(Done), SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: ok, Timeout: left, Fault: shut,
	},
	Done: {
		CardIn: goTo(Opening, Open), CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: goTo(Idle, AwaitCard), CodeGiven: ok, NotMine: goTo(AskedAtEnd), Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(Idle, AwaitCard), Fault: shut,
	},
	MoreTime: {
		CardIn: ok, CardOut: end, ReaderLost: end, StaffReady: ok, Stop: end,
		PINGiven: ok, Chosen: ok, Yes: goTo(Renewing, End), Back: ok, Cancel: end, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: end, Fault: shut,
	},
	Renewing: {
		CardIn: ok, CardOut: goTo(Clearing), ReaderLost: goTo(Clearing), StaffReady: ok, Stop: goTo(Clearing),
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: goTo(Clearing), Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: goTo(Reading, Read),
		Trouble: xx, Timeout: xx, Fault: shut,
	},
	Clearing: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: goTo(Ended, AwaitCardOut),
		Trouble: xx, Timeout: xx, Fault: shut,
	},
	Ended: {
		CardIn: ok, CardOut: goTo(Done), ReaderLost: goTo(Done), StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(CardForgotten, CallStaff), Fault: shut,
	},
	CardForgotten: {
		CardIn: ok, CardOut: goTo(Idle, AwaitCard), ReaderLost: ok, StaffReady: ok, Stop: ok,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: xx, Fault: shut,
	},
	AskedAtTray: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: left,
		PINGiven: ok, Chosen: ok, Yes: disown, Back: goTo(TakePaper, AwaitPaper), Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(AskedAtTray),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(TakePaper, AwaitPaper), Fault: shut,
	},
	AskedAtEnd: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: goTo(Done),
		PINGiven: ok, Chosen: ok, Yes: disown, Back: goTo(Done, AwaitCard), Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: goTo(AskedAtEnd),
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(Done, AwaitCard), Fault: shut,
	},
	AskedLater: {
		CardIn: ok, CardOut: ok, ReaderLost: ok, StaffReady: ok, Stop: goTo(Idle),
		PINGiven: ok, Chosen: ok, Yes: goTo(PlaceAgain, AwaitCard), Back: goTo(Unready, Look), Cancel: ok, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: goTo(Unready, Look), Fault: shut,
	},
	PlaceAgain: {
		CardIn: goTo(Recognising, Recognise), CardOut: ok, ReaderLost: inspect, StaffReady: ok, Stop: inspect,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: inspect, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: xx, OtherCard: xx, Settled: xx,
		Trouble: xx, Timeout: inspect, Fault: shut,
	},
	Recognising: {
		CardIn: ok, CardOut: ok, ReaderLost: inspect, StaffReady: ok, Stop: inspect,
		PINGiven: ok, Chosen: ok, Yes: ok, Back: ok, Cancel: inspect, Finish: ok, CodeGiven: ok, NotMine: ok, Touched: ok,
		Ready: xx, NotReady: xx, CardRead: xx, OneTryLeft: xx, PadCard: xx, PadOneTry: xx, PINRight: xx, PINWrong: xx, Offered: xx, Denied: xx,
		Fetched: xx, Accepted: xx, Refused: xx, Held: xx, Signed: xx, Committed: xx, Released: xx,
		Printed: xx, Out: xx, Vouched: xx, NotVouched: xx, PrintFailed: xx, PrintSpoiled: xx, PrintUnsure: xx, PaperTaken: xx, SameCard: disown, OtherCard: inspect, Settled: xx,
		Trouble: goTo(PlaceAgain, AwaitCard), Timeout: inspect, Fault: shut,
	},
}

// Next is the whole machine. What must never happen fails closed: out of service, or, while paper moves, out of
// service as soon as the printer's outcome is known.
func Next(s State, e Event) (State, []Effect) {
	c := lookUp(s, e)
	switch {
	case c.verdict == move:
		return c.to, c.do
	case c.verdict == stay:
		return s, nil
	case s == Printing || s == Stranded:
		return strand.to, strand.do
	}
	return shut.to, shut.do
}

func lookUp(s State, e Event) cell {
	if s >= numStates || e >= numEvents {
		return xx
	}
	return table[s][e]
}

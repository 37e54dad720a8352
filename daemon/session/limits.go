package session

import "time"

// Limits are the times of a visit. A zero field gets its default.
type Limits struct {
	Idle       time.Duration // 60 s: nobody presses anything
	MoreTime   time.Duration // 20 s: to answer "more time?"
	LookAgain  time.Duration // 5 s: between looks at a part that is missing
	TakeCard   time.Duration // 60 s: then the document is void
	PlaceAgain time.Duration // 60 s: to lay the card down once more, after "this is not mine"
	Recall     time.Duration // 30 min: after a visit that printed, how long that can be said of it; the next visit ends it
	CardLeft   time.Duration // 30 s: after a visit's end, then staff are called
	TakePaper  time.Duration // 60 s: then no visit begins until staff have looked
	Confirm    time.Duration // 180 s: at a counter, to read the sheets and say whose they are; anew after a wrong code
	Message    time.Duration // 10 s: how long the last word stays when the card is out
	Refused    time.Duration // 60 s: the same where it is a refusal, with a number to write down

	Ready   time.Duration // 10 s: readiness of all parts
	Pad     time.Duration // 35 s: typing the PIN at the reader; longer than the reader gives a person, shorter than its driver waits for a reader that says nothing
	Card    time.Duration // 15 s: one piece of work with the card
	Call    time.Duration // 15 s: one call of the centre
	Package time.Duration // 90 s: from the application to the package
	Check   time.Duration // 10 s: the check
	Pay     time.Duration // 120 s: taking the fee
	Commit  time.Duration // 20 s: what is suspended, the register's answer and the printer's
	Pause   time.Duration // 1 s: after the first wrong personal code; doubled after each, three times
	Code    time.Duration // 30 s: looking at a personal code, with the pause after a wrong one
	End     time.Duration // 20 s: each step of ending a transaction: journal, money, the centre
	Print   time.Duration // 60 s, and
	Sheet   time.Duration // 30 s for each impression
	Grace   time.Duration // 5 s: how long after its context ended a part may take to return
}

// DefaultLimits returns the defaults.
func DefaultLimits() Limits {
	const s = time.Second
	return Limits{
		Idle: 60 * s, MoreTime: 20 * s, LookAgain: 5 * s, TakeCard: 60 * s, CardLeft: 30 * s, TakePaper: 60 * s, Confirm: 180 * s, Message: 10 * s, Refused: 60 * s,
		PlaceAgain: 60 * s, Recall: 30 * time.Minute,
		Ready: 10 * s, Pad: 35 * s, Card: 15 * s, Call: 15 * s, Package: 90 * s, Check: 10 * s, Pay: 120 * s, Commit: 20 * s,
		Pause: s, Code: 30 * s, End: 20 * s, Print: 60 * s, Sheet: 30 * s, Grace: 5 * s,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ have, want *time.Duration }{
		{&l.Idle, &d.Idle}, {&l.MoreTime, &d.MoreTime}, {&l.LookAgain, &d.LookAgain}, {&l.TakeCard, &d.TakeCard},
		{&l.PlaceAgain, &d.PlaceAgain}, {&l.Recall, &d.Recall},
		{&l.Confirm, &d.Confirm}, {&l.Code, &d.Code}, {&l.Pause, &d.Pause}, {&l.CardLeft, &d.CardLeft}, {&l.TakePaper, &d.TakePaper}, {&l.Message, &d.Message}, {&l.Refused, &d.Refused}, {&l.Ready, &d.Ready},
		{&l.Pad, &d.Pad}, {&l.Card, &d.Card}, {&l.Call, &d.Call}, {&l.Package, &d.Package}, {&l.Check, &d.Check}, {&l.Pay, &d.Pay},
		{&l.Commit, &d.Commit}, {&l.End, &d.End}, {&l.Print, &d.Print}, {&l.Sheet, &d.Sheet}, {&l.Grace, &d.Grace},
	} {
		if *f.have <= 0 {
			*f.have = *f.want
		}
	}
	return l
}

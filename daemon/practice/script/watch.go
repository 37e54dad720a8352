package script

import (
	"time"

	"honnin/daemon/session"
)

// ToPaper is how long an applicant waits for the machine once there is nothing more to press.
type ToPaper struct {
	// Machine is the time from the last key press ("yes" to what was chosen and what it costs) to the moment when
	// the document is handed to the printer's driver, without the time in which the terminal waited for the card to
	// be taken. It is 0 when the visit did not get that far.
	Machine time.Duration
	Handed  time.Time // to the driver
}

// stopwatch takes the times of one visit that [ToPaper] is made of.
type stopwatch struct {
	shown, done [session.Stranded + 1]time.Time // by state: its first picture, and the applicant's answer to it
}

// sees notes when a state was first shown.
func (w *stopwatch) sees(s session.State, at time.Time) { note(w.shown[:], s, at) }

// does notes when the applicant first did what a state asks for.
func (w *stopwatch) does(s session.State, at time.Time) { note(w.done[:], s, at) }

func note(times []time.Time, s session.State, at time.Time) {
	if int(s) < len(times) && times[s].IsZero() {
		times[s] = at
	}
}

// paper adds up the two stretches in which a person waits for the machine: to "take your card", and from the card's
// being taken to the printer.
func (w *stopwatch) paper() ToPaper {
	pressed, taken := w.done[session.Confirming], w.done[session.TakeCard]
	asked, handed := w.shown[session.TakeCard], w.shown[session.Printing]
	if pressed.IsZero() || taken.IsZero() || handed.IsZero() {
		return ToPaper{}
	}
	return ToPaper{asked.Sub(pressed) + handed.Sub(taken), handed}
}

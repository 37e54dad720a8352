package incident

import (
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// Escalation: what is not acknowledged goes on to the next contact, and in the end stops a service. The first contact is told when
// an incident is raised, each further one when another "acknowledge" of the policy's deadlines has passed; when its "stop" has
// passed, the municipality's service stops, and whoever was told last hears that. One that concerns no municipality stops the whole
// terminal, but not where its severity is medium: a jam that staff have cleared must not close a shop after four hours; it only goes
// on being told. So does, whatever it concerns, a word that the catalogue says so of (only_told): what anybody at the screen may say
// must not need a signed closing. [Due] is pure and looks at nothing but what stands: what was told is not told
// again, whatever a clock does, and an acknowledged incident has no escalation at all.

// MaxTold is how many contacts are told of one incident, whatever policies follow one another, beside the word that it stopped a service.
const MaxTold = 32

// Waiting is an incident that nobody has acknowledged.
type Waiting struct {
	For  time.Duration // since it was raised
	Told []string      // the contacts' ids that were told, in order
	Over bool          // the deadline "stop" has passed, and what follows was done
}

// Step is one step of an escalation.
type Step struct {
	Contact string // whom to tell: an id of the policy's; "" at the end where it names nobody
	Over    bool   // the deadline "stop" has passed: what is to stop stops with it
}

// Due returns the steps that are due, in order. Contacts and deadlines are those of the policy in force: another one counts from
// then on.
func Due(w Waiting, contacts []policy.Contact, d policy.Deadlines) (due []Step) {
	told := slices.Clone(w.Told)
	for {
		at, next, more := Next(told, contacts, d)
		if !more || w.For < at {
			break
		}
		due, told = append(due, Step{Contact: next}), append(told, next)
	}
	if w.Over || w.For < d.Stop {
		return due
	}
	last := Step{Over: true}
	if len(told) > 0 {
		last.Contact = told[len(told)-1]
	}
	return append(due, last)
}

// Next returns how long after an incident was raised another contact is told, and which; false: everybody was.
func Next(told []string, contacts []policy.Contact, d policy.Deadlines) (after time.Duration, contact string, more bool) {
	if len(told) >= MaxTold {
		return 0, "", false
	}
	for _, c := range contacts {
		if !slices.Contains(told, c.ID) {
			return time.Duration(len(told)) * d.Acknowledge, c.ID, true
		}
	}
	return 0, "", false
}

// Stops reports whether an incident that nobody acknowledges stops something in the end: its municipality's service, or, where it
// concerns none, the whole terminal. A word that is not in the catalogue is as severe as any.
func (c Catalogue) Stops(word string, of protocol.Municipality) bool {
	w, known := c.Word(word)
	return !known || !w.OnlyTold && (of != "" || w.Severity != Medium)
}

package session

import (
	"strings"
	"testing"
)

// Planted faults of the runner, by name.
const (
	oldAnswers  = "an answer that nobody waits for counts"
	oldFingers  = "a finger on an old picture counts"
	unseen      = "a word of staff opens what they have not seen"
	anyCard     = "whatever card lies there may sign"
	noIntent    = "the intent is not journalled"
	keepAll     = "the fee is kept whatever happened"
	noStaff     = "nobody asks whether staff are needed"
	quietQueue  = "the queue does not latch"
	noLatch     = "no latch is journalled"
	noEnd       = "an ending ends nothing"
	noClock     = "the keypad has no clock"
	forgetFee   = "the fee is forgotten"
	forgetAll   = "card and package are forgotten"
	twice       = "a transaction ends twice"
	byItself    = "the terminal confirms the name by itself"
	anyProves   = "whatever card is placed again is taken for the right one"
	silentQueue = "a queue that calls nobody for unread sheets"
)

// spoil plants what happens in an ending.
func (s *stage) spoil(t *task) {
	h := t.ending.visit.hand
	if h == nil {
		return
	}
	switch s.flaw {
	case byItself:
		h.list.staff, h.list.refusal = staffID, nil
	case forgetFee:
		h.list.asked = false
	case forgetAll:
		h.list.card, h.list.pkg = nil, nil
	case twice:
		was := h.contents()
		first := t.ending
		first.over = false
		s.r.finishAll(first)
		h.fill(was)
	}
}

// planted is one fault: a cell of the table changed, or something that the runner or a part does wrong, or both; and the
// law that it breaks.
type planted struct {
	s    State
	e    Event
	cell cell
	flaw string
	w    small
	law  string
}

var desk, keys = small{puts: 1, counter: true, wrongs: 1}, small{puts: 1, renews: 1, pad: true}

var mine, later = small{puts: 1, disowns: 1}, small{puts: 1, swaps: 1, disowns: 1, printed: true}

var one, two, exchanged, fault = small{puts: 1, renews: 1}, small{puts: 2}, small{puts: 2, swaps: 1}, small{puts: 1, faults: 1}

var plantedFaults = []planted{
	{Signing, Signed, goTo(Committing, Commit), "", one, "paper before the card is back"},
	{TakeCard, CardOut, goTo(Sending, Release), "", one, "the register's answer"},
	{Committing, Denied, goTo(Sending, Release), "", one, "the centre's leave"},
	{Committing, Committed, goTo(Printing, Print), "", one, "a byte before the journal"},
	{Applying, Fetched, goTo(Paying, Hold), "", one, "the fee is taken before the check"},
	{Checking, Accepted, goTo(Signing, Sign), "", one, "with the fee"},
	{Paying, Held, goTo(TakeCard, AwaitCardOut), "", one, "release signature"},
	{EnterPIN, PINGiven, goTo(Authenticating, Authenticate), "", one, "without the PIN"},
	{Idle, CardIn, goTo(Reading, Read), "", one, "a transaction without a visit"},
	{Choosing, CardOut, goTo(Ended, AwaitCardOut), "", one, "no outcome"},
	{Confirming, Cancel, goTo(Ended, AwaitCardOut), "", one, "no outcome"},
	{Confirming, Cancel, goTo(Idle, AwaitCard), "", one, "no outcome"},
	{TakePaper, Timeout, goTo(Done), "", one, "paper lies there"},
	{Printing, PrintUnsure, end, quietQueue, one, "paper lies there"},
	{Printing, PrintSpoiled, end, quietQueue, one, "paper lies there"},
	{Printing, PrintFailed, goTo(Settling, End), "", one, "paper to take"},
	{Sending, Cancel, end, "", one, "after the commit"},
	{OutOfService, Touched, goTo(Unready, Look), "", one, "opens without staff"},
	{MoreTime, Yes, goTo(Choosing), "", one, "the card that proved itself"},
	{MoreTime, Yes, goTo(Renewing), "", one, "waits for nothing"},
	{EnterPIN, Timeout, ok, "", one, "waits for nothing"},
	{Clearing, Settled, ok, "", one, "waits for nothing"},
	{Committing, Committed, ok, "", one, "waits for nothing"},
	{Reading, CardRead, xx, "", one, "must never come"},
	{ConfirmName, Timeout, goTo(Settling, End), "", desk, "paper to take"},
	{Vouching, NotVouched, goTo(Settling, End), "", desk, "paper to take"},
	{Vouching, NotVouched, ok, "", desk, "waits for nothing"},
	{ConfirmName, Timeout, ok, "", desk, "waits for nothing"},
	{ConfirmName, Timeout, goTo(Clearing, End), silentQueue, desk, "paper lies there"},
	{Reading, PadCard, goTo(EnterPIN), "", keys, "typed at the reader"},
	{LastTryAtPad, Yes, goTo(EnterPIN), "", keys, "typed at the reader"},
	{Reading, CardRead, goTo(AtPad, VerifyAtPad), "", one, "keys are asked that are not there"},
	{AtPad, Timeout, goTo(Authenticating, Authenticate), "", keys, "without the PIN"},
	{AtPad, PadOneTry, goTo(Authenticating, Authenticate), "", keys, "without the PIN"},
	{AtPad, Timeout, ok, "", keys, "waits for nothing"},
	{AtPad, PadCard, ok, "", keys, "waits for nothing"},
	{AtPad, CardOut, goTo(Ended, AwaitCardOut), "", keys, "no outcome"},
	{AskedAtTray, Yes, goTo(Done), "", mine, "the journal does not know"},
	{AskedAtEnd, Yes, goTo(Idle, AwaitCard), "", mine, "the journal does not know"},
	{AskedAtTray, Back, goTo(Done), "", mine, "paper lies there"},
	{AskedAtTray, Timeout, ok, "", mine, "waits for nothing"},
	{AskedAtEnd, Yes, goTo(Settling, End), "", mine, "paper to take"},
	{AskedLater, Yes, disown, "", later, "whoever came later"},
	{PlaceAgain, Timeout, goTo(Idle, AwaitCard), "", later, "the journal does not know"},
	{PlaceAgain, Timeout, ok, "", later, "waits for nothing"},
	{PlaceAgain, Fault, goTo(Idle), "", small{puts: 1, disowns: 1, printed: true, faults: 1}, "the journal does not know"},
	{Recognising, CardOut, goTo(Idle), "", later, "the journal does not know"},
	{Recognising, OtherCard, disown, "", later, "of nothing"},
	{flaw: anyProves, w: later, law: "whoever came later"},
	{flaw: byItself, w: desk, law: "nobody confirmed the name"},
	{flaw: oldAnswers, w: one, law: "must never come"},
	{flaw: oldFingers, w: one, law: "old picture"},
	{flaw: unseen, w: fault, law: "staff opens what"},
	{flaw: noIntent, w: one, law: "a byte before the journal"},
	{flaw: keepAll, w: one, law: "the fee (1) is kept"},
	{flaw: noLatch, w: one, law: "the journal does not know"},
	{flaw: noEnd, w: one, law: "without an end"},
	{flaw: noClock, w: one, law: "waits for nothing"},
	{flaw: forgetFee, w: one, law: "paper to take"},
	{flaw: forgetAll, w: one, law: "cards are open"},
	{flaw: twice, w: one, law: "a second outcome"},
}

// deepFaults show themselves late; see the slow tests.
var deepFaults = []planted{
	{Printing, CardIn, end, "", two, "after the transaction was ended"},
	{Printing, Fault, shut, "", fault, "after the transaction was ended"},
	{flaw: noStaff, w: two, law: "staff are needed"},
	{flaw: anyCard, w: exchanged, law: "release signature"},
}

// TestExploreFindsPlantedFaults: the explorer has teeth. Each fault is found, and the law that it breaks is named.
func TestExploreFindsPlantedFaults(t *testing.T) { findAll(t, plantedFaults) }

func findAll(t *testing.T, faults []planted) {
	for _, p := range faults {
		name := p.flaw
		if p.cell.verdict != unwritten {
			name = p.s.String() + " " + p.e.String() + " " + name
		}
		t.Run(name, p.isFound)
	}
}

func (p planted) isFound(t *testing.T) {
	s := newStage()
	if s.flaw = p.flaw; p.flaw == noClock {
		s.r.limit.Idle = 0
	}
	if p.cell.verdict == unwritten {
		p.cell = table[p.s][p.e]
	}
	with(p.s, p.e, p.cell, func() {
		a := s.explore(p.w)
		if !strings.Contains(a.broken, p.law) || len(a.trace) == 0 {
			t.Errorf("%d states, found %q, want %q\n%s", len(a.nodes), a.broken, p.law, strings.Join(a.trace, "\n"))
		}
		t.Logf("%d states: %s, after %d moves", len(a.nodes), a.broken, len(a.trace))
	})
}

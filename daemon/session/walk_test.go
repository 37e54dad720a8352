package session

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is what an onlooker knows of one terminal: the state, and what became of the transaction in hand.
type model struct {
	state State
	deal  deal
}

// deal is comparable, so that models can be counted.
type deal struct {
	open                                                             bool // begun, or beginning, and without an outcome
	pin, proof, accepted, held, signed, cardOut, committed, released bool
	printing                                                         bool // the effect was asked for
	known                                                            Event
	vouched                                                          bool // staff said that the name is the applicant's
}

// step moves the model, or says which law was broken.
func (m model) step(e Event) (model, error) {
	moves := lookUp(m.state, e).verdict == move
	to, effects := Next(m.state, e)
	n := model{to, m.deal}
	if moves {
		n.deal.learn(m.state, e)
	}
	learned := n.deal
	for _, f := range effects {
		if err := n.deal.do(f); err != nil {
			return n, fmt.Errorf("%v/%v → %v: %w", m.state, e, to, err)
		}
	}
	return n, n.lawful(m, e, effects, learned)
}

func (d *deal) learn(s State, e Event) {
	switch e {
	case PINRight:
		d.pin = true
	case Offered:
		d.proof = d.pin
	case Accepted:
		d.accepted = d.proof
	case Held:
		d.held = d.accepted
	case Signed:
		d.signed = d.held
	case CardOut:
		d.cardOut = d.signed && s == TakeCard
	case Committed:
		d.committed = d.cardOut
	case Released:
		d.released = d.committed
	case Printed, Out, PrintFailed, PrintSpoiled, PrintUnsure:
		if d.known == 0 {
			d.known = e
		}
	case Vouched:
		d.vouched = d.known == Out
	}
}

func (d *deal) do(e Effect) error {
	switch e {
	case Read:
		if d.open {
			return fmt.Errorf("a second transaction begins before the first has ended")
		}
		*d = deal{open: true}
	case Hold:
		return lacks(d.accepted, "paid before the check")
	case Sign:
		return lacks(d.held, "signed before the fee was held")
	case Commit:
		return lacks(d.cardOut, "committed with the card still in")
	case Release:
		return lacks(d.committed, "released without the register's answer")
	case Print:
		if d.printing {
			return fmt.Errorf("printed twice")
		}
		d.printing = true
		return lacks(d.open && d.pin && d.proof && d.accepted && d.held && d.signed && d.cardOut && d.committed && d.released, "printed out of order")
	case End:
		if d.printing && d.known == 0 {
			return fmt.Errorf("ended before the printer's outcome is known")
		}
		*d = deal{}
	}
	return nil
}

func lacks(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s", what)
}

// lawful holds for every single move; learned is what was known before its effects.
func (n model) lawful(m model, e Event, effects []Effect, learned deal) error {
	resting := slices.Contains([]State{Idle, Unready, OutOfService, Opening, TakePaper, Done, Ended, CardForgotten, AskedAtTray, AskedAtEnd, AskedLater, PlaceAgain, Recognising}, n.state)
	switch {
	case resting && n.deal.open:
		return fmt.Errorf("%v/%v: %v with an open transaction", m.state, e, n.state)
	case (e == PrintSpoiled || e == PrintUnsure) && m.deal.printing && (n.state != OutOfService || !slices.Contains(effects, Latch)):
		return fmt.Errorf("%v/%v: %v without a latch", m.state, e, n.state)
	case m.state == OutOfService && n.state != OutOfService && e != StaffReady:
		return fmt.Errorf("%v reopens the terminal", e)
	case n.state == Settling && m.state != Settling && learned.known == Out && !learned.vouched:
		return fmt.Errorf("%v/%v: the money is kept before staff have read the sheets", m.state, e)
	case m.state == ConfirmName && n.state != ConfirmName && n.state != Vouching && (n.state != OutOfService || !slices.Contains(effects, Latch)):
		return fmt.Errorf("%v: sheets that nobody read are left without a latch", e)
	case isAsked(m.state) && slices.ContainsFunc(effects, func(e Effect) bool {
		return e.works() && e != Recognise && e != AwaitPaper && (e != Look || m.state != AskedLater)
	}):
		return fmt.Errorf("%v/%v: a certificate that is another's leads to %v", m.state, e, effects)
	case isAsked(m.state) && n.state == OutOfService && !slices.Contains(effects, Disown) && (!slices.Contains(effects, RaiseIncident) || !slices.Contains(effects, Latch)):
		return fmt.Errorf("%v/%v: somebody said that it is another's, and nobody hears of it", m.state, e)
	case m.state >= PlaceAgain && !isAsked(n.state) && n.state != OutOfService:
		return fmt.Errorf("%v/%v: it was said to be another's, and goes on to %v", m.state, e, n.state)
	case slices.Contains(effects, Disown) && (e != Yes || m.state != AskedAtTray && m.state != AskedAtEnd) && (e != SameCard || m.state != Recognising):
		return fmt.Errorf("%v/%v: nobody who could know says that it is another's", m.state, e)
	case n.state == TakePaper && m.state == Settling && e != Settled:
		return fmt.Errorf("paper before the outcome is settled")
	case m.deal.printing && m.deal.known == 0 && !n.deal.printing && n.deal.open:
		return fmt.Errorf("%v/%v: the paper was forgotten", m.state, e)
	}
	return nil
}

// isAsked reports whether "this is not mine" is being asked about in s.
func isAsked(s State) bool { return s >= AskedAtTray && s <= Recognising }

// walk visits every reachable pair of state and history, with every event in each. It returns where each leads, or
// the first law that was broken.
func walk() (edges map[model][]model, transitions int, err error) {
	start := model{state: Unready}
	edges = map[model][]model{start: nil}
	for queue := []model{start}; len(queue) > 0; queue = queue[1:] {
		for e := range numEvents {
			n, err := queue[0].step(e)
			if err != nil {
				return nil, transitions, err
			}
			transitions++
			if _, known := edges[n]; !known {
				edges[n] = nil
				queue = append(queue, n)
			}
			edges[queue[0]] = append(edges[queue[0]], n)
		}
	}
	return edges, transitions, nil
}

func TestWalk(t *testing.T) {
	edges, transitions, err := walk()
	if err != nil {
		t.Fatal(err)
	}
	reached, printing := map[State]bool{}, 0
	for m := range edges {
		reached[m.state] = true
		if m.deal.printing {
			printing++
		}
	}
	if len(reached) != int(numStates) || transitions < 1000 || printing == 0 {
		t.Fatalf("%d states, %d histories, %d transitions, %d with paper", len(reached), len(edges), transitions, printing)
	}
	t.Logf("%d states, %d histories, %d transitions", len(reached), len(edges), transitions)
	for _, goal := range []State{Idle, OutOfService} {
		if lost := cannotReach(edges, goal); len(lost) > 0 {
			t.Errorf("no way to %v from %v", goal, lost)
		}
	}
}

// with runs f on a table that has one cell changed.
func with(s State, e Event, c cell, f func()) {
	was := table[s][e]
	table[s][e] = c
	defer func() { table[s][e] = was }()
	f()
}

// The walk has teeth: every short cut to paper, from any state on any event, and every transaction that is left
// without an end, is found.
func TestWalkFindsShortCuts(t *testing.T) {
	tried := 0
	for s := range numStates {
		for e := range numEvents {
			if s == Sending && e == Released {
				continue // that is the way
			}
			tried++
			with(s, e, goTo(Printing, Print), func() {
				if _, _, err := walk(); err == nil {
					t.Errorf("%v/%v leads to paper, and nobody sees it", s, e)
				}
			})
		}
	}
	if tried < 900 {
		t.Fatalf("only %d tried", tried)
	}
}

// What staff have not read is settled by nothing: no event but theirs leads to the money.
func TestWalkFindsUnreadSheets(t *testing.T) {
	tried := 0
	for _, s := range []State{Printing, ConfirmName, Vouching} {
		for e := range numEvents {
			if e == Vouched && s == Vouching || s == Printing && e != Out {
				continue
			}
			tried++
			with(s, e, goTo(Settling, End), func() {
				if _, _, err := walk(); err == nil {
					t.Errorf("%v/%v keeps the money of sheets that nobody read, and nobody sees it", s, e)
				}
			})
		}
	}
	if tried < 70 {
		t.Fatalf("only %d tried", tried)
	}
}

func TestWalkFindsTransactionsWithoutAnEnd(t *testing.T) {
	tried := 0
	eachMove(t, func(s State, e Event, c cell) {
		if !slices.Contains(c.do, End) || s < Reading || s > Stranded && s != MoreTime {
			return // nothing is open there
		}
		tried++
		endless := goTo(c.to, slices.DeleteFunc(slices.Clone(c.do), func(e Effect) bool { return e == End })...)
		with(s, e, endless, func() {
			if _, _, err := walk(); err == nil {
				t.Errorf("%v/%v forgets the transaction, and nobody sees it", s, e)
			}
		})
	})
	if tried < 60 {
		t.Fatalf("only %d tried", tried)
	}
}

// cannotReach returns the models from which no sequence of events leads to goal.
func cannotReach(edges map[model][]model, goal State) (lost []model) {
	back := map[model][]model{}
	for from, tos := range edges {
		for _, to := range tos {
			back[to] = append(back[to], from)
		}
	}
	can := map[model]bool{}
	var queue []model
	for m := range edges {
		if m.state == goal {
			can[m] = true
			queue = append(queue, m)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, m := range back[queue[0]] {
			if !can[m] {
				can[m] = true
				queue = append(queue, m)
			}
		}
	}
	for m := range edges {
		if !can[m] {
			lost = append(lost, m)
		}
	}
	return lost
}

// The path that leads to paper when nothing goes wrong.
var straight = []Event{Ready, CardIn, Ready, CardRead, PINGiven, PINRight, Offered, Chosen, Yes, Fetched, Accepted, Held, Signed,
	CardOut, Committed, Released, Printed, Settled, PaperTaken, Timeout}

func TestStraight(t *testing.T) {
	t.Run("store", func(t *testing.T) { straightOn(t, straight) })
	at := slices.Index(straight, Printed)
	t.Run("pad", func(t *testing.T) {
		asked := slices.Index(straight, CardRead)
		straightOn(t, slices.Replace(slices.Clone(straight), asked, asked+2, PadCard, PINWrong, PadOneTry, Yes))
	})
	t.Run("counter", func(t *testing.T) {
		straightOn(t, slices.Replace(slices.Clone(straight), at, at+1, Out, CodeGiven, NotVouched, CodeGiven, Vouched))
	})
}

func straightOn(t *testing.T, way []Event) {
	m, papers := model{state: Unready}, 0
	for _, e := range way {
		n, err := m.step(e)
		if err != nil {
			t.Fatal(err)
		}
		if n.state == Printing && m.state != Printing {
			papers++
		}
		m = n
	}
	if m.state != Idle || papers != 1 {
		t.Fatalf("ends in %v with %d papers", m.state, papers)
	}
}

// natural is what happens next in each state when nothing goes wrong.
var natural = map[State]Event{Unready: Ready, OutOfService: StaffReady, Idle: CardIn, Opening: Ready, Reading: CardRead, LastTry: Yes,
	EnterPIN: PINGiven, VerifyingPIN: PINRight, LastTryAtPad: Yes, AtPad: PINRight, Authenticating: Offered, Choosing: Chosen, Confirming: Yes, Applying: Fetched,
	Checking: Accepted, Paying: Held, Signing: Signed, TakeCard: CardOut, Committing: Committed, Sending: Released, Printing: Printed,
	ConfirmName: CodeGiven, Vouching: Vouched, Stranded: PrintUnsure, Settling: Settled, TakePaper: PaperTaken, Done: Timeout, MoreTime: Yes, Renewing: Settled, Clearing: Settled,
	Ended: CardOut, CardForgotten: CardOut, AskedAtTray: Yes, AskedAtEnd: Back, AskedLater: Yes, PlaceAgain: CardIn, Recognising: SameCard}

// Random visits: mostly the way to paper, with anything in between.
func TestRandomVisits(t *testing.T) {
	if len(natural) != int(numStates) {
		t.Fatal("a state without a natural event")
	}
	papers := 0
	rapid.Check(t, func(t *rapid.T) {
		m := model{state: Unready}
		for range rapid.IntRange(50, 300).Draw(t, "events") {
			e := natural[m.state]
			if rapid.IntRange(0, 7).Draw(t, "detour") == 0 {
				e = Event(rapid.IntRange(0, int(numEvents)-1).Draw(t, "event"))
			}
			n, err := m.step(e)
			if err != nil {
				t.Fatal(err)
			}
			if n.state == Printing && m.state != Printing {
				papers++
			}
			m = n
		}
	})
	if papers == 0 {
		t.Fatal("no random visit came to paper")
	}
	t.Logf("%d papers", papers)
}

// Once a transaction is being ended, no event whatever brings it to paper.
func TestNoWayBackFromClearing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]State{Clearing, Ended, Done, CardForgotten, OutOfService, Stranded}).Draw(t, "from")
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			to, do := Next(s, Event(rapid.IntRange(0, int(numEvents)-1).Draw(t, "event")))
			if slices.Contains(do, Print) || slices.Contains(do, Release) {
				t.Fatalf("%v leads to paper", s)
			}
			if slices.Contains(do, Read) {
				return // a new transaction
			}
			s = to
		}
	})
}

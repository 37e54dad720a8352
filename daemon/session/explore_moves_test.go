package session

import (
	"fmt"
	"slices"
	"strings"

	"honnin/config/protocol"
)

// mover is who makes a move.
type mover uint8

const (
	machine mover = iota // parts that answer, clocks, what runs beside the runner
	people               // fingers, cards, staff
	mishap               // faults, and the daemon's end
)

// deed is one move that is possible in a node.
type deed struct {
	by   mover
	name string
	do   func()
}

// acts returns every move that is possible in n. They act on the stage's node, a copy of n.
func (s *stage) acts(n *node) (all []deed) {
	add := func(by mover, name string, do func()) { all = append(all, deed{by, name, do}) }
	s.taskActs(n, add)
	switch resting := n.stopping && slices.Contains([]State{Idle, Unready, OutOfService, Ended, Done, CardForgotten}, n.state); {
	case n.over:
		return all
	case resting:
		return append(all, deed{machine, "the daemon ends", s.ends})
	}
	if n.armed {
		add(machine, "the clock of "+n.state.String()+" runs out", func() { s.r.timer.Stop(); s.r.do(func() { s.r.happen(Timeout) }) })
	}
	if n.fading && n.recalls() {
		add(machine, "the visit that printed last fades", func() { s.r.do(s.r.fade) })
	}
	s.cardActs(n, add)
	s.fingerActs(n, add)
	s.staffActs(n, add)
	if !n.stopping && s.stops {
		add(mishap, "the daemon is to end", func() { s.n.stopping = true; s.r.do(func() { s.r.happen(Stop) }) })
	}
	if n.faults > 0 {
		add(mishap, "something panics", func() { s.n.faults--; s.r.do(func() { s.r.answered(nil, faulty("panic")) }) })
	}
	return all
}

func (s *stage) taskActs(n *node, add func(mover, string, func())) {
	for i, t := range n.tasks {
		name := t.name()
		switch {
		case t.done:
			add(machine, name+" answers "+t.answer.event.String(), func() { s.deliver(s.n.tasks[i]) })
		case t.kind == doing && t.after == nil:
			add(machine, name, func() { s.goOn(s.n.tasks[i]) })
		case t.kind == finishing && t.after == nil && (t.before == nil || !slices.Contains(t.ending.effects, End)):
			add(machine, name, func() { s.runs(s.n.tasks[i], false) })
		case t.kind == finishing && t.after == nil && n.faults > 0:
			add(machine, name+", without "+t.before.name(), func() { s.n.faults--; s.runs(s.n.tasks[i], true) })
		case t.kind == destroying && t.before == nil:
			add(machine, name, func() { s.finishes = nil; s.r.destroy(s.n.tasks[i].list); s.done(s.n.tasks[i], answer{}) })
		}
		if t.kind == doing && t.begun && !t.done && !t.mute && t.job.limit > 0 && n.faults > 0 {
			add(machine, name+" does not come back", func() { s.hangs(s.n.tasks[i]) })
		}
	}
}

func (t *task) name() string {
	switch t.kind {
	case finishing:
		return fmt.Sprintf("ending %v", t.ending.effects)
	case destroying:
		return "destroying"
	}
	return t.job.effect.String()
}

func (s *stage) deliver(t *task) {
	s.forget(t)
	if s.n.over {
		return // nobody hears it any more
	}
	if s.flaw == oldAnswers && t.answer.event != Fault {
		s.r.do(func() { s.r.happen(t.answer.event) })
		return
	}
	s.r.do(func() { s.r.answered(t.work, t.answer) })
}

// runs does what an ending has to do; without waiting, also what the job before it may still be at.
func (s *stage) runs(t *task, impatient bool) {
	s.finishes, s.why, t.ending.before, s.r.limit.Grace = t.ending.visit.hand, t.ending.cause, nil, DefaultLimits().Grace
	if impatient {
		t.ending.before, s.r.limit.Grace = t.before.work, 1
	}
	s.spoil(t)
	a := s.r.protect(0, func() answer { return s.r.finishAll(t.ending) })
	s.r.limit.Grace = DefaultLimits().Grace
	s.done(t, a)
}

// hangs is the deadline of a job that does not come back.
func (s *stage) hangs(t *task) {
	s.n.faults--
	t.mute = true
	s.r.do(func() { s.r.answered(t.work, broken(t.job.effect, "hang")) })
	t.cancelled = true
}

func (s *stage) ends() {
	s.n.over = true
	s.r.finish(nil, cause{from: s.r.state, event: Stop}, s.r.visit, s.r.work, true)
	if s.r.work != nil {
		s.r.work.cancel()
	}
}

// The card and the reader. What the reader says takes its time to the runner.
func (s *stage) cardActs(n *node, add func(mover, string, func())) {
	room := int(n.telling) < len(n.told)
	for w := who(1); w <= 2; w++ {
		if n.lies == 0 && n.puts > 0 && room && n.tries[w] > 0 && (w == 1 || n.swaps > 0) {
			add(people, fmt.Sprintf("card %d is laid down", w), func() { s.lay(w) })
		}
	}
	if n.lies != 0 && room {
		add(people, "the card is taken", func() { s.n.lies = 0; s.says(message{out: s.n.lay}) })
	}
	if !n.readerLost && n.faults > 0 && room {
		add(mishap, "the reader is lost", func() { s.n.faults--; s.n.readerLost = true; s.tells(message{lost: true}) })
	}
	if n.readerLost && room {
		add(machine, "the reader is found", s.finds)
	}
	if n.telling > 0 {
		add(machine, "the reader says: "+n.told[0].String(), s.hears)
	}
}

func (m message) String() string {
	switch {
	case m.lost:
		return "lost"
	case m.in > 0:
		return "in"
	}
	return "out"
}

func (s *stage) lay(w who) {
	s.n.lies = w
	s.n.lay++
	s.n.puts--
	if w == 2 {
		s.n.swaps--
	}
	s.says(message{in: s.n.lay})
}

func (s *stage) says(m message) {
	if !s.n.readerLost {
		s.tells(m)
	}
}

func (s *stage) tells(m message) {
	s.n.told[s.n.telling] = m
	s.n.telling++
}

func (s *stage) finds() {
	s.n.readerLost = false
	if s.n.lies != 0 {
		s.tells(message{in: s.n.lay})
		return
	}
	s.tells(message{out: s.n.lay})
}

func (s *stage) hears() {
	n, m := s.n, s.n.told[0]
	copy(n.told[:], n.told[1:])
	n.told[len(n.told)-1] = message{}
	n.telling--
	was, began := s.r.state, n.began
	s.r.do(func() {
		switch {
		case m.lost:
			s.r.readerLost(false)
		case s.flaw == "any card that goes counts" && m.out > 0:
			s.r.presence = absent
			s.r.happen(CardOut)
		default:
			s.r.seen(m.in > 0)
		}
	})
	if m.in > 0 {
		n.heard = m.in
	}
	mine := was >= Reading && was <= TakeCard || was == MoreTime
	s.law(m.out == 0 || !mine || m.out == began || s.r.state == was, "the going of another card ends the visit")
}

// Fingers: everything that the screen could have offered. What the table does not know in this state, and everything on a
// picture of the visit before, is one move: it changes nothing.
func (s *stage) fingerActs(n *node, add func(mover, string, func())) {
	for _, in := range fingers {
		if lookUp(n.state, pressed[in.Kind]).verdict == stay || in.Kind == PressYes && n.state == MoreTime && n.renews == 0 || in.Kind == PressNotMine && (n.disowns == 0 || n.kept.last == printed{}) {
			continue
		}
		add(people, "finger: "+pressed[in.Kind].String()+map[bool]string{true: ", it is theirs"}[in.Same], func() {
			if s.n.tray = s.n.tray && in.Kind != PressCode && (s.r.state != TakePaper || in.Kind != PressFinish); s.r.state == MoreTime && in.Kind == PressYes {
				s.n.renews--
			}
			if in.Kind == PressNotMine {
				s.n.disowns--
			}
			s.n.claimed = s.n.claimed || isAsked(s.r.state) && in.Kind == PressYes
			s.press(s.r.visit.number, in)
		})
	}
	add(people, "idle and old fingers", s.idleFingers)
}

var fingers = []Input{{Kind: PressPIN}, {Kind: PressChoose, Offer: "o1", Copies: 2}, {Kind: PressYes}, {Kind: PressBack}, {Kind: PressCancel},
	{Kind: PressFinish}, {Kind: PressTouched}, {Kind: PressNotMine}, {Kind: PressCode, Same: true}, {Kind: PressCode}}

var pressed = [...]Event{PressPIN: PINGiven, PressChoose: Chosen, PressYes: Yes, PressBack: Back, PressCancel: Cancel, PressFinish: Finish, PressTouched: Touched, PressNotMine: NotMine, PressCode: CodeGiven}

func (s *stage) press(visit uint64, in Input) {
	in.PIN = []byte("1234")
	if in.Kind == PressCode {
		in.PIN, in.Staff = []byte(rightCode), staffID
	}
	if in.Kind == PressNotMine && in.Of == 0 {
		in.Of = s.r.disowns()
	}
	s.r.do(func() { s.r.press(visit, in) })
}

func (s *stage) idleFingers() {
	state, work, old := s.r.state, s.r.work, s.r.visit.number-1
	if s.r.visit.number == 0 {
		old = uint64(s.n.visits)
	}
	if s.flaw == oldFingers {
		old = s.r.visit.number
	}
	for _, in := range fingers {
		if lookUp(state, pressed[in.Kind]).verdict == stay {
			s.press(s.r.visit.number, in)
		}
		if s.n.visits > 0 {
			s.press(old, in)
		}
	}
	s.press(s.r.visit.number, Input{Kind: PressNotMine, Of: uint64(s.n.visits) + 1})
	s.law(s.r.state == state && s.r.work == work, "a finger on an old picture moves the visit")
}

const staffArrive = "the word of staff arrives"

// Staff look and clear away what lies there, then say so.
func (s *stage) staffActs(n *node, add func(mover, string, func())) {
	switch {
	case n.staff == silent && (n.state == OutOfService || n.state == Unready && (n.latched || n.faults > 0)):
		add(people, "staff look", func() { s.n.staff, s.n.endings, s.n.dirty, s.n.tray = asked, s.endings(), false, false })
	case n.staff == asked && n.endings == 0:
		add(machine, "the word of staff is journalled", func() {
			if s.n.staff = silent; s.atOnce("staff", fine, errs) == fine {
				s.n.staff, s.n.latched = written, false
			}
		})
	case n.staff == written:
		add(machine, staffArrive, func() {
			seen := uint64(0)
			if s.n.unseen && s.flaw != unseen {
				seen = 1
			}
			was, since := s.r.state, s.n.unseen
			s.n.staff, s.n.unseen = silent, false
			s.r.do(func() { s.r.heard(seen) })
			s.law(!since || s.r.state == was, "a word of staff opens what they have not seen")
		})
	}
}

func (s *stage) endings() (undone int8) {
	for _, t := range s.n.tasks {
		if t.kind == finishing && !t.done {
			undone++
		}
	}
	return undone
}

// Laws that hold in every node, and for every move.

func (s *stage) judge(was State, a deed) {
	n := s.n
	if was < Opening && (n.state == Opening || n.state == Reading) || n.state == Opening && was != Opening {
		n.began = n.heard
	}
	impossible := s.r.tally.counts().Impossible
	s.law(impossible == 0, "an event that must never come")
	s.law(!was.AfterCommit() || n.state == was || a.by != people, "somebody stops a transaction after the commit")
	s.law(was != OutOfService || n.state == was || strings.HasPrefix(a.name, staffArrive), "the terminal opens without staff")
	s.waits()
	s.bury()
	if n.state == MoreTime {
		s.book(n.visit.hand).pin = false // whoever comes next may be another person
	}
	if n.state == TakePaper && was == Settling {
		b := s.book(n.visit.hand)
		s.law(b.result == protocol.Printed && (b.money == kept || b.owed) && (b.broken || b.journal == protocol.Printed && b.teller == protocol.Printed),
			"paper to take, and the books say %+v", *b)
	}
	s.owns(was)
	s.audit()
	if s.quiet() {
		s.auditRest()
	}
}

// owns notes whose card the visit had that printed last, and that it is known from the moment at which its sheets are out.
func (s *stage) owns(was State) {
	n := s.n
	h := n.visit.hand
	for _, t := range n.tasks {
		if was == Stranded && n.state == OutOfService && t.kind == finishing {
			h = t.visit().hand
		}
	}
	b := s.book(h)
	if n.state != Settling && was != Stranded || n.state == was || b.result != protocol.Printed || s.r.atCounter() && b.read != fine {
		return
	}
	s.law(int(n.kept.last.transaction[0]) == h.deal(), "it printed, and is not known")
	if n.disowns > 0 {
		n.owner = b.card
	}
}

// waits: whatever the terminal waits for comes, or a clock runs, or it may wait for people for ever.
func (s *stage) waits() {
	n := s.n
	patient := n.state == Idle || n.state == OutOfService || n.state == CardForgotten
	patient = patient || n.over
	s.law(patient || n.armed || n.awaited != nil, "%v waits for nothing", n.state)
	s.law(n.over || s.r.limit.of(n.state, "") == 0 || n.armed || awaits[n.state] != 0 || table[n.state][Timeout].verdict == stay, "no clock in %v", n.state)
}

// bury notes which transactions were ended before the printer's word was known.
func (s *stage) bury() {
	mark := func(h *custody) {
		if b := &s.n.books[h.deal()]; h != nil && (h.dying || h.closed) && b.result == "" {
			*b = book{open: b.open, dead: true, sending: b.sending, bytes: b.bytes, money: b.money, accepted: b.accepted, journal: b.journal,
				teller: b.teller, observed: b.observed, broken: b.broken, owed: b.owed}
		}
	}
	mark(s.n.visit.hand)
	for _, t := range s.n.tasks {
		mark(t.visit().hand)
	}
}

// quiet: nothing runs beside the runner, and it works at nothing.
func (s *stage) quiet() bool {
	n := s.n
	return len(n.tasks) == 0 && (n.visit.hand == nil || n.visit.hand.closed)
}

// audit closes the books that nobody writes into any more.
func (s *stage) audit() {
	n := s.n
	busy := [len(n.books)]bool{}
	busy[n.visit.hand.deal()] = true
	for _, t := range n.tasks {
		busy[t.visit().hand.deal()] = true
	}
	for i := range n.books {
		if b := &n.books[i]; b.open && (!busy[i] || s.quiet()) {
			s.auditOne(b)
			*b = book{}
		}
	}
}

// auditRest says what is true when nothing is under way.
func (s *stage) auditRest() {
	n := s.n
	for _, p := range n.pkgs {
		s.law(p[0] == 0, "a package is not destroyed")
	}
	n.pkgs = nil
	s.law(n.cards == 0, "%d cards are open", n.cards)
	s.law(!n.claimed || n.state >= PlaceAgain || n.latchLost, "somebody said that it is another's, and the journal does not know")
	s.law(n.visit.hand != nil || n.opened == 0, "%d visits without an end", n.opened)
	s.law(n.state != OutOfService || n.latched || n.latchLost || n.staff == written, "out of service, and the journal does not know")
	if n.state == OutOfService {
		return
	}
	s.law(n.state != Idle || !n.dirty && !n.tray || n.latched, "paper lies there, and the terminal waits for a card")
}

func (s *stage) auditOne(b *book) {
	switch {
	case b.broken:
		s.law(b.journal == "" || b.teller == "" || b.journal == b.teller, "two outcomes: %+v", *b)
	default:
		s.law(b.journal != "" && b.journal == b.teller, "no outcome, or two: %+v", *b)
	}
	s.law(b.observed == 1 || s.n.over, "%d endings: %+v", b.observed, *b)
	s.law(!b.bytes || b.result == "" || b.journal == b.result || b.journal == protocol.Unsure ||
		b.journal == protocol.Refused && b.read == refuses || b.journal == "" && b.broken, "the journal is wrong about the paper: %+v", *b)
	paid := b.journal == protocol.Printed
	s.law(!paid || !s.r.atCounter() || b.read == fine, "printed, and nobody confirmed the name: %+v", *b)
	s.law(b.owed || b.money == none || paid == (b.money == kept), "the money: %+v", *b)
	s.law(!b.bytes || b.sending, "a byte before the journal: %+v", *b)
}

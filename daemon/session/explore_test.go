package session

import (
	"fmt"
	"strings"
	"testing"

	"honnin/config/protocol"
)

// small is how small the small world is.
type small struct {
	faults, puts, swaps, renews int8
	stops                       bool
	counter                     bool
	pad                         bool // the PIN is typed at the reader
	claims                      bool // which may have no keys
	wrongs                      int8
	disowns                     int8 // how often "this is not mine" may be said
	printed                     bool // a visit of card 1 printed before
}

// found is what an exploration knows of a node: how it was reached first, which is a shortest way.
type found struct {
	from uint32
	by   string
}

// leap is a transition, for the question what can still be reached.
type leap struct {
	from, to uint32
	by       mover
}

// atlas is the result of an exploration.
type atlas struct {
	nodes  []found
	rest   []State // by node
	over   []bool
	steps  []leap
	states [numStates]int
	broken string   // the first broken law
	trace  []string // how it was broken, shortest first
}

// start is a terminal after its start, with an empty printer.
func (s *stage) start(w small) *node {
	n := &node{state: Unready}
	n.plain = plain{presence: unknown, tries: [3]int8{0, 2, 2}, faults: w.faults, puts: w.puts, swaps: w.swaps, renews: w.renews, wrongs: w.wrongs, telling: 1}
	s.stops, s.pad, s.claims = w.stops, w.pad, w.claims
	if n.disowns = w.disowns; w.printed {
		n.visits, n.owner, n.fading = 1, 1, true
		n.kept = memory{last: printed{visit: 1, transaction: protocol.Transaction{9}, municipality: town}, subject: protocol.HashSubject(protocol.Nonce{}, smallCards[1])}
	}
	if w.counter {
		s.r.parts.Channel = protocol.Counter
	}
	s.enter(n)
	s.r.launch(Look)
	s.leave()
	return n
}

// explore visits every node that can be reached, breadth first, until a law is broken.
func (s *stage) explore(w small) *atlas {
	a := &atlas{}
	ids := map[uint64]uint32{}
	words := map[string]string{}
	var queue []*node
	enter := func(n *node, from uint32, by func() string) (id uint32) {
		h := n.hash()
		if id, known := ids[h]; known {
			return id
		}
		id = uint32(len(a.nodes))
		ids[h] = id
		word := by()
		if w, ok := words[word]; ok {
			word = w
		} else {
			words[word] = word
		}
		a.nodes, a.rest, a.over = append(a.nodes, found{from, word}), append(a.rest, n.state), append(a.over, n.over)
		a.states[n.state]++
		queue = append(queue, n)
		return id
	}
	enter(s.start(w), 0, func() string { return "start" })
	for at := uint32(0); len(queue) > 0 && a.broken == ""; at++ {
		n := queue[0]
		queue[0], queue = nil, queue[1:]
		for _, m := range s.acts(n) {
			s.each(n, m.do, func(to *node) {
				s.judge(n.state, m)
				said := func() string {
					if len(s.said) == 0 {
						return m.name
					}
					return m.name + ": " + s.saying()
				}
				if s.broken != "" && a.broken == "" {
					a.broken, a.trace = s.broken, append(a.way(at), fmt.Sprintf("%s → %v", said(), to.state))
				}
				a.steps = append(a.steps, leap{at, enter(to, at, said), m.by})
			})
		}
	}
	return a
}

// way is how a node was reached.
func (a *atlas) way(id uint32) (way []string) {
	for ; id != 0; id = a.nodes[id].from {
		way = append([]string{fmt.Sprintf("%s → %v", a.nodes[id].by, a.rest[id])}, way...)
	}
	return way
}

// lost returns how many nodes have no way to a goal by moves that may be used, and the way to one of them.
func (a *atlas) lost(goal func(id uint32) bool, may func(mover) bool) (lost int, way []string) {
	first := make([]int32, len(a.nodes)+1)
	for _, s := range a.steps {
		first[s.to+1]++
	}
	for i := range a.nodes {
		first[i+1] += first[i]
	}
	back, next := make([]uint32, len(a.steps)), make([]int32, len(a.nodes))
	copy(next, first)
	for i, s := range a.steps {
		back[next[s.to]] = uint32(i)
		next[s.to]++
	}
	can, queue := make([]bool, len(a.nodes)), []uint32{}
	for id := range uint32(len(a.nodes)) {
		if goal(id) {
			can[id] = true
			queue = append(queue, id)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, i := range back[first[queue[0]]:first[queue[0]+1]] {
			if s := a.steps[i]; may(s.by) && !can[s.from] {
				can[s.from] = true
				queue = append(queue, s.from)
			}
		}
	}
	for id := range uint32(len(a.nodes)) {
		if !can[id] {
			if lost++; lost == 1 {
				way = a.way(id)
			}
		}
	}
	return lost, way
}

// wholly explores a small world and says what must be true of all of it.
func wholly(t *testing.T, w small, least int) *atlas {
	t.Helper()
	a := newStage().explore(w)
	t.Logf("%+v: %d states, %d transitions", w, len(a.nodes), len(a.steps))
	if a.broken != "" {
		t.Fatalf("%s:\n%s", a.broken, strings.Join(a.trace, "\n"))
	}
	if len(a.nodes) < least || len(a.steps) < 3*least {
		t.Fatalf("only %d states and %d transitions", len(a.nodes), len(a.steps))
	}
	for s, n := range a.states {
		counter := State(s) == ConfirmName || State(s) == Vouching
		if n == 0 && (State(s) != Stranded || w.faults > 0) && (State(s) != Renewing || w.renews > 0) && (!counter || w.counter) && w.asks(State(s)) {
			t.Errorf("never in %v", State(s))
		}
	}
	anybody := func(mover) bool { return true }
	alone := func(m mover) bool { return m == machine }
	inService := func(id uint32) bool { return a.over[id] || a.rest[id] == Idle || a.rest[id] == OutOfService }
	resting := func(id uint32) bool { return inService(id) || a.rest[id] == Unready || a.rest[id] == CardForgotten }
	if lost, way := a.lost(inService, anybody); lost > 0 {
		t.Errorf("%d states from which nothing leads to idle or out of service:\n%s", lost, strings.Join(way, "\n"))
	}
	if lost, way := a.lost(resting, alone); lost > 0 {
		t.Errorf("%d states that, left alone, never come to rest:\n%s", lost, strings.Join(way, "\n"))
	}
	return a
}

// asks reports whether s is a state of a world with such a reader.
func (w small) asks(s State) bool {
	switch s {
	case LastTryAtPad, AtPad:
		return w.pad
	case AskedAtTray, AskedAtEnd, AskedLater, PlaceAgain:
		return w.disowns > 0
	case Recognising:
		return w.disowns > 0 && (w.puts > 1 || w.printed)
	case LastTry, EnterPIN, VerifyingPIN:
		return !w.pad || w.claims
	}
	return true
}

// TestExplore explores one card laid down once: with more time, or with the daemon told to end at any moment.
func TestExplore(t *testing.T) {
	wholly(t, small{puts: 1, renews: 1}, 1500)
	wholly(t, small{puts: 1, stops: true}, 2000)
	wholly(t, small{puts: 1, stops: true, counter: true, wrongs: 1}, 2500)
	wholly(t, small{puts: 1, renews: 1, pad: true}, 1500)
	wholly(t, small{puts: 1, stops: true, pad: true}, 2000)
	wholly(t, small{puts: 1, renews: 1, pad: true, claims: true}, 3000)
	wholly(t, small{puts: 1, stops: true, disowns: 1}, 2000)
	wholly(t, small{puts: 1, disowns: 1, counter: true, stops: true}, 2000)
	wholly(t, small{puts: 1, swaps: 1, disowns: 1, printed: true}, 3000)
}

// TestExploreMisses: where nothing can be reached, that is said.
func TestExploreMisses(t *testing.T) {
	a := newStage().explore(small{})
	if lost, way := a.lost(func(id uint32) bool { return a.rest[id] == Printing }, func(mover) bool { return true }); lost != len(a.nodes) || lost == 0 || way != nil {
		t.Errorf("%d of %d states, %v", lost, len(a.nodes), way)
	}
}

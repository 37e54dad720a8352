package session

import (
	"context"
	"slices"

	"honnin/config/protocol"
)

// node is one state of a small world: the runner between two moves, what runs beside it, the card, the reader, the
// printer, the journal, the till, staff; and, so that the laws can be judged, the books of somebody who sees everything.
type node struct {
	state   State
	visit   visit
	awaited *task
	tasks   []*task
	pkgs    [][]byte // every package that was handed out and not seen destroyed
	kept    memory
	plain
}

// plain is the part of a node that can be compared and copied as it is.
type plain struct {
	presence presence
	stay     uint64
	armed    bool // the state's clock runs

	readerLost                  bool
	lies                        who        // the card on the reader
	lay                         int8       // how often a card was laid there
	began                       int8       // the stay on the reader that the visit began with, in truth
	heard                       int8       // the last stay that the runner has heard of
	told                        [2]message // what the reader has said and the runner not heard
	telling                     int8
	tries                       [3]int8 // by card
	faults, puts, swaps, renews int8    // budgets: faults, cards laid down, another card, more time
	wrongs                      int8    // wrong codes

	padless bool // the reader has not the keys that it claims, and has said so

	dirty, tray    bool // something lies in the paper path; sheets lie in the tray
	latched        bool // the journal says that staff are needed
	latchLost      bool // the journal could not be told so
	staff          word
	endings        int8 // that the word of staff waits for
	unseen         bool // something happened that staff have not seen
	visits, opened int8 // begun; begun and not ended
	cards          int8 // connections open
	stopping, over bool

	disowns int8    // budget: how often "this is not mine" is said
	fading  bool    // the clock of what is kept runs
	owner   who     // whose card the visit that printed last had, in truth
	shown   who     // whose card was placed again
	claimed bool    // somebody said that it is another's, and the journal does not know
	books   [4]book // by transaction, from 1
	deals   int8
}

// memory is what the runner keeps of the visit that printed last.
type memory struct {
	last    printed
	nonce   protocol.Nonce
	subject protocol.SubjectHash
}

// who is a card: 0 is none.
type who int8

// message is what the reader says: a card came (in > 0: its stay) or went (out > 0), or the reader is lost.
type message struct {
	in, out int8
	lost    bool
}

// word is where the word of staff is.
type word uint8

const (
	silent  word = iota
	asked        // they have looked, and wait for what closed the terminal to be journalled
	written      // and not yet heard
)

// book is one transaction as it truly was.
type book struct {
	open            bool
	pin             bool
	card            who // whose certificate was read
	proof           who // who signed the challenge
	verified        who // whose document it is
	signed          who // who signed for the release
	accepted        bool
	clear           bool // the centre has not suspended it
	inForce         bool
	sending         bool // journalled
	bytes           bool // on their way to the printer
	result          protocol.Outcome
	dead            bool  // ended before the printer's outcome was known
	read            reply // by staff: fine, or refuses
	money           money
	journal, teller protocol.Outcome // what the journal and the centre know
	observed        int8
	broken, owed    bool // a fault hit these books, or this money
}

type money uint8

const (
	none money = iota
	held
	kept
	returned
)

type kind uint8

const (
	doing kind = iota
	finishing
	destroying
)

// task is something that runs beside the runner. A piece of work stands in a call of a part, with the replies it got so
// far behind it; going on means to do its code again up to there, and to let the call return.
type task struct {
	kind      kind
	work      *work
	job       job
	origin    contents // what the job's custody held when it began
	past      []reply
	begun     bool
	handle    handle
	left      int
	cancelled bool
	expired   bool // by its own deadline
	mute      bool // its answer will not be heard
	done      bool
	answer    answer
	ending    ending
	list      holdings
	before    *task // not yet done
	after     *task // not yet done
}

func (t *task) visit() *visit {
	if t.kind == finishing {
		return &t.ending.visit
	}
	return &t.job.visit
}

var (
	openChannel   = make(chan struct{})
	closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
)

// dress gives the task's work its channel and its cancel function.
func (t *task) dress(answers Effect) {
	t.work = &work{answers: answers, cancel: func() { t.cancelled = true }, done: openChannel}
	if t.done {
		t.work.done = closedChannel
	}
}

// taskContext ends when the task is cancelled.
type taskContext struct {
	context.Context
	t *task
}

func (c taskContext) Done() <-chan struct{} {
	if c.t.cancelled {
		return closedChannel
	}
	return nil
}

func (c taskContext) Err() error {
	switch {
	case c.t.expired:
		return context.DeadlineExceeded
	case c.t.cancelled:
		return context.Canceled
	}
	return nil
}

// cloner copies what nodes share by pointer, each thing once.
type cloner struct {
	hands [][2]*custody
	tasks [][2]*task
	pkgs  [][2][]byte
}

func (n *node) clone() *node {
	c, m := cloner{}, *n
	m.tasks, m.pkgs = make([]*task, len(n.tasks)), make([][]byte, len(n.pkgs))
	for i, p := range n.pkgs {
		m.pkgs[i] = c.pkg(p)
	}
	for i, t := range n.tasks {
		m.tasks[i] = c.task(t)
	}
	m.awaited = c.task(n.awaited)
	m.visit.hand = c.hand(n.visit.hand)
	return &m
}

func (c *cloner) task(t *task) *task {
	if t == nil {
		return nil
	}
	for _, p := range c.tasks {
		if p[0] == t {
			return p[1]
		}
	}
	m := *t
	c.tasks = append(c.tasks, [2]*task{t, &m})
	m.past = slices.Clip(t.past)
	m.dress(t.work.answers)
	m.visit().hand = c.hand(t.visit().hand)
	m.list.pkg = c.pkg(t.list.pkg)
	m.before, m.after = c.task(t.before), c.task(t.after)
	return &m
}

func (c *cloner) hand(h *custody) *custody {
	if h == nil {
		return nil
	}
	for _, p := range c.hands {
		if p[0] == h {
			return p[1]
		}
	}
	m := &custody{dying: h.dying, closed: h.closed, list: h.list, spent: Spent{}}
	m.list.pkg = c.pkg(h.list.pkg)
	c.hands = append(c.hands, [2]*custody{h, m})
	return m
}

func (c *cloner) pkg(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	for _, p := range c.pkgs {
		if &p[0][0] == &b[0] {
			return p[1]
		}
	}
	m := slices.Clone(b)
	c.pkgs = append(c.pkgs, [2][]byte{b, m})
	return m
}

// contents is what a custody holds.
type contents struct {
	dying, closed bool
	list          holdings
}

func (c *custody) contents() contents { return contents{c.dying, c.closed, c.list} }

func (c *custody) fill(with contents) { c.dying, c.closed, c.list = with.dying, with.closed, with.list }

// deal is the number of a custody's transaction in the books; 0: it has none.
func (c *custody) deal() int {
	if c == nil {
		return 0
	}
	return int(c.list.transaction[0])
}

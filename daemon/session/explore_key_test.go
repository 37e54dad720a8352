package session

import (
	"hash/maphash"

	"honnin/config/protocol"
)

// key is what two nodes must have in common to be taken for one. Times, random numbers and words for people are not in
// it: nothing that happens depends on them.
type key struct {
	state    State
	number   uint64
	stay     uint64
	who      who // whose certificate the visit has read
	few      bool
	misfits  int
	offers   int
	codes    int
	copies   int
	hand     int8
	awaited  int8
	tasks    [8]taskKey
	hands    [8]handKey
	packages int8
	kept     who // whose visit is kept
	plain    plain
}

type taskKey struct {
	there                                 bool
	kind                                  kind
	answers, effect                       Effect
	begun, cancelled, expired, mute, done bool
	over, same                            bool
	answer                                Event
	past                                  [8]reply
	handle                                handle
	left                                  int
	before, after, hand                   int8
	effects                               [4]Effect
	number                                uint64
	list                                  handKey
}

type handKey struct {
	dying, closed                   bool
	card                            handle
	pkg, verified, signed, refusal  bool
	begun, accepted, asked, sending bool
	out, staff                      bool
	visit                           uint64
	deal                            byte
	result                          string
}

var keySeed = maphash.MakeSeed()

// indexes numbers what is shared, in the order in which it is met.
type indexes struct {
	n     *node
	hands []*custody
}

func (x *indexes) hand(h *custody) int8 {
	if h == nil {
		return -1
	}
	for i, have := range x.hands {
		if have == h {
			return int8(i)
		}
	}
	x.hands = append(x.hands, h)
	return int8(len(x.hands) - 1)
}

func (x *indexes) task(t *task) int8 {
	for i, have := range x.n.tasks {
		if have == t {
			return int8(i)
		}
	}
	return -1
}

func (n *node) hash() uint64 {
	x := &indexes{n: n}
	k := key{state: n.state, number: n.visit.number, stay: n.visit.stay, hand: x.hand(n.visit.hand), awaited: x.task(n.awaited), plain: n.plain}
	if n.state == AtPad { // what follows begins anew
		k.misfits = n.visit.applicant.misfits
	}
	if n.state < Stranded { // later, only what is in custody counts
		k.codes = n.visit.codes
		k.who, k.few, k.offers, k.copies = whose(n.visit.applicant.certificate), n.visit.applicant.tries == 1, len(n.visit.applicant.offers), n.visit.chosen.Copies
	}
	if n.recalls() {
		k.kept = n.keeps()
	} else {
		k.plain.fading, k.plain.owner, k.plain.shown = false, 0, 0
	}
	for i, t := range n.tasks {
		k.tasks[i] = t.key(x)
	}
	for i, h := range x.hands {
		k.hands[i] = keyOf(h.contents())
	}
	for _, p := range n.pkgs {
		if p[0] != 0 {
			k.packages++
		}
	}
	return maphash.Comparable(keySeed, k)
}

// recalls reports whether it still matters which visit printed last.
func (n *node) recalls() bool { return n.disowns > 0 || isAsked(n.state) }

// keeps is whose card would be known again.
func (n *node) keeps() who {
	for w := who(1); w <= 2 && n.kept.last != (printed{}); w++ {
		if protocol.HashSubject(n.kept.nonce, smallCards[w]) == n.kept.subject {
			return w
		}
	}
	return 0
}

func (t *task) key(x *indexes) taskKey {
	v := t.visit()
	k := taskKey{there: true, kind: t.kind, answers: t.work.answers, effect: t.job.effect, begun: t.begun, cancelled: t.cancelled, expired: t.expired, mute: t.mute, done: t.done,
		over: t.ending.over, same: v.said.same, handle: t.handle, left: t.left,
		before: x.task(t.before), after: x.task(t.after), hand: x.hand(v.hand), number: v.number, list: keyOf(contents{list: t.list})}
	if t.done {
		k.answer = t.answer.event + 1
	}
	copy(k.past[:], t.past)
	copy(k.effects[:], t.ending.effects)
	return k
}

func keyOf(c contents) handKey {
	l := c.list
	k := handKey{dying: c.dying, closed: c.closed, pkg: l.pkg != nil, verified: l.verified, signed: l.signed, refusal: l.refusal != nil, begun: l.begun,
		accepted: l.accepted, asked: l.asked, sending: l.sending, out: l.out, staff: l.staff != "", visit: l.visit, deal: l.transaction[0]}
	if h, ok := l.card.(smallCard); ok {
		k.card = h.handle
	}
	if l.result != nil {
		k.result = string(l.result.Outcome)
	}
	return k
}

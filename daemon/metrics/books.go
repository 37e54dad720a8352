package metrics

import (
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// Journal is what is counted; [*journal.Journal] is it.
type Journal interface {
	After(position uint64, f func(journal.Entry) (more bool, err error)) error
	Head() (protocol.JournalHead, error)
	Incidents(after uint64, n int) ([]journal.Standing, error)
	Outbox() ([]journal.Entry, error)
	StaffNeeded() (why string, err error)
}

// waiting is what the centre has not yet.
type waiting struct {
	word string // of an incident; "" for an outcome or an escalation
	at   time.Time
}

// standing is an incident that nobody has closed.
type standing struct {
	word    string
	at      time.Time
	receipt bool // of the centre
	taken   bool // acknowledged
}

type refusal struct{ code, class string }

// books follow the journal: at each look they read what is new, and no more. What they count began with the process; what they
// say is open or waits is true of the whole journal.
type books struct {
	journal Journal

	mu      sync.Mutex
	begun   bool
	at      uint64 // the last entry that was read
	visits  uint64
	ended   map[protocol.Outcome]uint64
	refused map[refusal]uint64
	raised  map[string]uint64
	told    uint64              // contacts that were to be told
	halted  uint64              // documents that passed, and were suspended at the commit
	over    uint64              // incidents that nobody acknowledged in time
	stale   bool                // many became one since
	open    map[uint64]standing // by position
	outbox  map[uint64]waiting
}

// look brings the books up to date. The lock is held.
func (b *books) look() error {
	if !b.begun {
		if err := b.begin(); err != nil {
			return err
		}
	}
	err := b.journal.After(b.at, func(e journal.Entry) (bool, error) {
		b.follow(e)
		return true, nil
	})
	if err == nil && b.stale {
		err = b.learn()
	}
	return err
}

// begin learns what was open before.
func (b *books) begin() error {
	head, err := b.journal.Head()
	if err != nil {
		return err
	}
	b.ended, b.refused, b.raised = map[protocol.Outcome]uint64{}, map[refusal]uint64{}, map[string]uint64{}
	b.at = head.Position
	err = b.learn()
	b.begun = err == nil
	return err
}

// learn reads what is open and what waits.
func (b *books) learn() error {
	b.open, b.outbox, b.stale = map[uint64]standing{}, map[uint64]waiting{}, true
	if err := b.words(); err != nil {
		return err
	}
	out, err := b.journal.Outbox()
	for _, e := range out {
		b.await(e)
	}
	b.stale = err != nil
	return err
}

// words reads the words of what is open, and little else.
func (b *books) words() error {
	all, err := b.journal.Incidents(0, 0)
	if err != nil {
		return err
	}
	var at []uint64
	for _, s := range all {
		at = append(at, s.Position)
	}
	return journal.Several(b.journal, at, func(e journal.Entry) {
		s := all[0]
		b.open[e.Seq], all = standing{e.Reason, e.At.Time, s.Delivered > 0, s.Acknowledged > 0}, all[1:]
	})
}

func (b *books) await(e journal.Entry) {
	w := waiting{at: e.At.Time}
	if e.Kind == journal.Incident {
		w.word = e.Reason
	}
	b.outbox[e.Seq] = w
}

func (b *books) follow(e journal.Entry) {
	b.at = e.Seq
	switch e.Kind {
	case journal.VisitBegun:
		b.visits++
	case journal.Ended:
		b.await(e)
		b.end(e)
	case journal.Incident:
		b.await(e)
		b.raised[e.Reason]++
		b.open[e.Seq] = standing{word: e.Reason, at: e.At.Time}
	case journal.Gathered:
		b.stale = b.stale || e.Storm.Count > 1 // each incident is, before it is told
	case journal.Escalated:
		b.await(e)
		b.escalate(e)
	case journal.Acknowledged:
		if s, open := b.open[uint64(e.Of)]; open {
			s.taken = true
			b.open[uint64(e.Of)] = s
		}
	case journal.Closed:
		delete(b.open, uint64(e.Of))
	case journal.Delivered, journal.Undelivered:
		delete(b.outbox, uint64(e.Of))
		if s, open := b.open[uint64(e.Of)]; open {
			s.receipt = e.Kind == journal.Delivered
			b.open[uint64(e.Of)] = s
		}
	}
}

func (b *books) escalate(e journal.Entry) {
	if e.Reason != "" {
		b.over++
	} else {
		b.told++
	}
}

func (b *books) end(e journal.Entry) {
	b.ended[e.Outcome]++
	if e.Outcome == protocol.Void && e.Reason == "suspended" {
		b.halted++
	}
	if e.Outcome == protocol.Refused {
		b.refused[refusalOf(e.Reason)]++
	}
}

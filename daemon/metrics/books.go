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
	Latches() ([]journal.Entry, error)
	StaffNeeded() (why string, err error)
}

// waiting is what the centre has not yet.
type waiting struct {
	word string // of an incident; "" for an outcome
	at   time.Time
}

type refusal struct{ code, class string }

// books follow the journal: at each look they read what is new, and no more. What they count began with the process; what they
// say is open or waits is true of the whole journal.
type books struct {
	journal Journal

	mu      sync.Mutex
	begun   bool
	at      uint64 // the last entry that was read
	from    uint64 // the last of before this process's first look
	visits  uint64
	ended   map[protocol.Outcome]uint64
	refused map[refusal]uint64
	raised  map[string]uint64
	open    map[uint64]string // by position: the word
	outbox  map[uint64]waiting
}

// look brings the books up to date. The lock is held.
func (b *books) look() error {
	if !b.begun {
		if err := b.begin(); err != nil {
			return err
		}
	}
	return b.journal.After(b.at, func(e journal.Entry) (bool, error) {
		b.follow(e)
		return true, nil
	})
}

// begin learns what was open before. It reads from the oldest incident on that nobody has closed, for their words.
func (b *books) begin() error {
	head, err := b.journal.Head()
	if err != nil {
		return err
	}
	b.ended, b.refused, b.raised = map[protocol.Outcome]uint64{}, map[refusal]uint64{}, map[string]uint64{}
	b.open, b.outbox = map[uint64]string{}, map[uint64]waiting{}
	standing, err := b.journal.Incidents(0, 0)
	if err != nil {
		return err
	}
	b.at, b.from = head.Position, head.Position
	for _, s := range standing {
		b.open[s.Position] = ""
		b.at = min(b.at, s.Position-1)
	}
	out, err := b.journal.Outbox()
	for _, e := range out {
		b.await(e)
	}
	b.begun = err == nil
	return err
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
	if e.Seq <= b.from { // only the words of what is open
		if _, open := b.open[e.Seq]; open {
			b.open[e.Seq] = e.Reason
		}
		return
	}
	switch e.Kind {
	case journal.VisitBegun:
		b.visits++
	case journal.Ended:
		b.await(e)
		b.end(e)
	case journal.Incident:
		b.await(e)
		b.raised[e.Reason]++
		b.open[e.Seq] = e.Reason
	case journal.Closed:
		delete(b.open, uint64(e.Of))
	case journal.Delivered, journal.Undelivered:
		delete(b.outbox, uint64(e.Of))
	}
}

func (b *books) end(e journal.Entry) {
	b.ended[e.Outcome]++
	if e.Outcome == protocol.Refused {
		b.refused[refusalOf(e.Reason)]++
	}
}

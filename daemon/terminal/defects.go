package terminal

import (
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/journal"
)

// fact is what counts of an open incident.
type fact struct {
	at           time.Time
	municipality protocol.Municipality
	defective    bool
}

// defects counts a municipality's defective packages of late whose incidents are open: what a person has closed counts no more, and
// nothing is lost for being alike, or for a clock that was wrong in between. Of several that are one event, all but the first count
// with the last.
func (ls *latches) defects(m protocol.Municipality) (n int, err error) {
	open, err := ls.ledger.journal.Incidents(0, 0)
	if err == nil {
		err = ls.learn(open)
	}
	from := protocol.At(ls.now().Add(-ls.limit.Within)).Time
	for _, s := range open {
		first := ls.facts[s.Position]
		if !first.defective || first.municipality != m {
			continue
		}
		if !first.at.Before(from) {
			n++
		}
		if s.Count > 1 && !ls.facts[s.Last].at.Before(from) {
			n += int(s.Count) - 1
		}
	}
	return n, err
}

// learn reads what open incidents say, each once, and forgets the others.
func (ls *latches) learn(open []journal.Standing) error {
	facts := make(map[uint64]fact, len(open))
	var fresh []uint64
	for _, s := range open {
		for _, position := range []uint64{s.Position, s.Last} {
			is, known := ls.facts[position]
			if facts[position] = is; !known {
				fresh = append(fresh, position)
			}
		}
	}
	slices.Sort(fresh)
	err := journal.Several(ls.ledger.journal, slices.Compact(fresh), func(e journal.Entry) {
		facts[e.Seq] = fact{e.At.Time, e.Municipality, reason.Code(e.Reason).Class() == reason.Defective}
	})
	if err == nil {
		ls.facts = facts
	}
	return err
}

package terminal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// debts is what the journal must say and would not take: incidents with what they latch, which are written once it takes them again,
// and the services that escalation has to stop meanwhile, which every look of it says anew. No visit begins while an incident is owed,
// so there are never more than one visit has. It is the ledger's, and outlives every policy; and a restart, as far as another file than
// the journal can be written ([Owing]).
type debts struct {
	writing sync.Mutex // of writers, taken before all others: whoever only asks does not wait for the disk

	file Owing

	mu    sync.Mutex
	owed  [][]journal.Entry              // each was to be written at once
	stale bool                           // the file says more than is owed
	stops map[protocol.Municipality]bool // what is being written stops already, and what could not be written; "": every service
}

// look returns whose services stop, which is the caller's, and how much is owed.
func (d *debts) look() (stops map[protocol.Municipality]bool, owed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stops = map[protocol.Municipality]bool{}
	maps.Copy(stops, d.stops)
	for _, what := range d.owed {
		latchedBy(stops, what)
	}
	return stops, len(d.owed)
}

func latchedBy(stops map[protocol.Municipality]bool, what []journal.Entry) {
	for _, e := range what {
		if e.Kind == journal.Latched {
			stops[e.Municipality] = true
		}
	}
}

// stop stops what entries latch, and returns how to take that back.
func (d *debts) stop(what []journal.Entry) (back func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.stops
	now := map[protocol.Municipality]bool{}
	maps.Copy(now, before)
	latchedBy(now, what)
	d.stops = now
	return func() { d.set(before) }
}

func (d *debts) set(stops map[protocol.Municipality]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stops = stops
}

// owe remembers what is to be written. Where it cannot be kept beside the journal either, it is remembered all the same.
func (d *debts) owe(what []journal.Entry) error {
	d.mu.Lock()
	d.owed = append(d.owed, what)
	owed := slices.Clone(d.owed)
	d.mu.Unlock()
	return d.file.save(owed)
}

// begin has what was owed before a restart be owed.
func (d *debts) begin(file Owing) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.file = file
	d.owed, err = file.load()
	return err
}

// oldest returns what is owed the longest, or nil.
func (d *debts) oldest() []journal.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.owed) == 0 {
		return nil
	}
	return d.owed[0]
}

// paid forgets the oldest. The file beside the journal has it until [debts.tidy].
func (d *debts) paid() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owed, d.stale = d.owed[1:], true
}

// tidy has the file say what is owed, where it says more.
func (d *debts) tidy() error {
	d.mu.Lock()
	owed, stale := slices.Clone(d.owed), d.stale
	d.mu.Unlock()
	if !stale {
		return nil
	}
	if err := d.file.save(owed); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stale = false
	return nil
}

// owes reports whether the incident of a visit is owed, with a call for staff.
func (d *debts) owes(i journal.Entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.owed, func(what []journal.Entry) bool {
		e := what[0]
		return e.Kind == i.Kind && e.Reason == i.Reason && e.Visit == i.Visit && e.Transaction == i.Transaction &&
			slices.ContainsFunc(what, func(e journal.Entry) bool { return e.Kind == journal.StaffNeeded })
	})
}

// must writes an incident and what goes with it at once. What that latches stops before; what the journal does not take is owed. The
// lock of writers is held, here and below.
func (l *ledger) must(what []journal.Entry) (first journal.Entry, err error) {
	_ = l.pay() // what is older comes first, if it can
	back := l.debts.stop(what)
	first, err = l.write(what[0], what[1:]...)
	if err != nil && what[0].Kind == journal.Incident {
		err = errors.Join(err, l.debts.owe(what))
	}
	back()
	return first, err
}

// pay writes what is owed, as far as the journal takes it, once: a file that cannot be removed now is removed by a later call. Where a
// transaction has got its outcome otherwise, the incident does without.
func (l *ledger) pay() error {
	for what := l.debts.oldest(); what != nil; what = l.debts.oldest() {
		err := l.record(what[0], what[1:]...)
		if errors.Is(err, journal.ErrState) {
			what = slices.DeleteFunc(slices.Clone(what), func(e journal.Entry) bool { return e.Kind == journal.Ended })
			err = l.record(what[0], what[1:]...)
		}
		if err != nil {
			return fmt.Errorf("what an incident has to say is not written: %w", err)
		}
		l.debts.paid()
		if err := l.debts.tidy(); err != nil {
			return err
		}
	}
	return l.debts.tidy()
}

// settle writes what is owed, or says why that cannot be.
func (l *ledger) settle() error {
	l.debts.writing.Lock()
	defer l.debts.writing.Unlock()
	return l.pay()
}

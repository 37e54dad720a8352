package script

import (
	"honnin/config/protocol"
	"honnin/spool/journal"
)

// Witnessed are incidents of a terminal that were seen open, there and at the centre.
type Witnessed map[protocol.IncidentID]bool

// Witness looks at a terminal's open incidents before a person closes them, and returns those that the centre has: they may be
// closed. Nothing else may have closed or acknowledged one that was raised after since: no success, no time, no program.
func (t *Tally) Witness(terminal protocol.Terminal, j *journal.Journal, since uint64) (Witnessed, error) {
	all, err := j.Incidents(0, 0)
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.witnessed[terminal]
	if seen == nil {
		seen = Witnessed{}
		t.witnessed[terminal] = seen
	}
	now := Witnessed{}
	for _, s := range all {
		id := protocol.NameIncident(terminal, s.JournalHead)
		state, ok := t.books.Incident(terminal, id)
		if !ok {
			continue
		}
		if s.Position > since && (state != protocol.IncidentOpen || s.Acknowledged > 0) {
			t.differ("%s: incident %s is %q at the centre, and no person had come to it", terminal, id, state)
			continue
		}
		now[id], seen[id] = true, true
	}
	return now, err
}

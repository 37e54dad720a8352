package terminal

import (
	"context"

	"honnin/daemon/session"
	"honnin/spool/journal"
)

// Disowned closes the service of a municipality whose printed certificate is another's, and calls staff for the sheets, at once
// with the incident.
func (ls *latches) Disowned(_ context.Context, i session.Incident, why string) error {
	ls.ledger.debts.writing.Lock()
	defer ls.ledger.debts.writing.Unlock()
	_, err := ls.ledger.must([]journal.Entry{incidentOf(i),
		{Kind: journal.Latched, Municipality: i.Municipality, Transaction: i.Transaction, Reason: string(i.Kind)},
		{Kind: journal.StaffNeeded, Visit: i.Visit, Transaction: i.Transaction, Reason: why}})
	return err
}

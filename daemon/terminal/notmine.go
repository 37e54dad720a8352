package terminal

import (
	"context"

	"honnin/daemon/session"
	"honnin/spool/journal"
)

// Disowned closes the service of a municipality whose printed certificate is another's, and calls staff for the sheets, at once
// with the incident.
func (ls *latches) Disowned(_ context.Context, i session.Incident, why string) error {
	return ls.stop(incidentOf(i),
		journal.Entry{Kind: journal.Latched, Municipality: i.Municipality, Transaction: i.Transaction, Reason: string(i.Kind)},
		journal.Entry{Kind: journal.StaffNeeded, Visit: i.Visit, Transaction: i.Transaction, Reason: why})
}

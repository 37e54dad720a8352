package terminal

import (
	"context"
	"fmt"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/spool/journal"
)

// outbox lets the deliverer take from the journal what has to arrive at the centre.
type outbox struct {
	journal  *journal.Journal
	terminal protocol.Terminal
}

var _ centre.Outbox = outbox{}

func (o outbox) Next(context.Context) (centre.Item, bool, error) {
	e, ok, err := o.journal.Oldest()
	if err != nil || !ok {
		return centre.Item{}, false, err
	}
	item := centre.Item{Key: e.Seq, Transaction: e.Transaction}
	if e.Kind == journal.Incident {
		event := protocol.NewEvent(protocol.IncidentID(fmt.Sprintf("%s-%d", lower(o.terminal), e.Seq)), o.terminal, e.At, incident(e))
		item.Event = &event
	} else {
		item.Report = &protocol.OutcomeReport{Outcome: e.Outcome, Reason: e.Reason, Impressions: e.Impressions, Document: e.Document}
	}
	return item, true, nil
}

func (o outbox) Settle(_ context.Context, key uint64, s centre.Settlement) error {
	if s.Problem == "" {
		return o.journal.Acknowledged(key)
	}
	// The centre will never take it: it leaves the queue, and the journal keeps that it did.
	if _, err := o.journal.Record(journal.Entry{Kind: journal.Undelivered, Reason: s.Problem, Of: int(key)}); err != nil {
		return err
	}
	return o.journal.Acknowledged(key)
}

func incident(e journal.Entry) protocol.IncidentData {
	d := protocol.IncidentData{Code: e.Reason, Class: "fault", Municipality: e.Municipality, Transaction: e.Transaction, Document: e.Document}
	if c := reason.Code(e.Reason); c.Known() {
		d.Class = string(c.Class())
	}
	for _, c := range e.Also {
		d.Also = append(d.Also, string(c))
	}
	return d
}

func lower(t protocol.Terminal) string { return strings.ToLower(string(t)) }

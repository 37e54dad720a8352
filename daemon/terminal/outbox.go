package terminal

import (
	"context"
	"errors"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/spool/journal"
)

// outbox lets the deliverer take from the journal what has to arrive at the centre.
type outbox struct {
	journal  Journal
	terminal protocol.Terminal
	receipt  func(position uint64, der []byte) (protocol.Digest, error) // see [follower.receipt]
	heard    func(e journal.Entry, der []byte) (protocol.Digest, error) // see [follower.heard]
}

var _ centre.Outbox = outbox{}

// Next passes over an incident of which it cannot be journalled for how many it speaks (a full disk): what was fixed before goes on,
// and outcomes do. The error is returned where nothing else is there.
func (o outbox) Next(_ context.Context, after uint64) (centre.Item, bool, error) {
	var failed error
	for {
		e, head, ok, err := o.journal.Oldest(after)
		if err != nil || !ok {
			return centre.Item{}, false, errors.Join(err, failed)
		}
		after = e.Seq
		if fixed := e.Storm.Count > 0 && !e.Storm.More; e.Kind == journal.Incident && !fixed {
			if failed != nil { // there is no more room for another
				continue
			}
			if e, failed = o.gathered(e); failed != nil {
				continue
			}
		}
		if e.Kind != journal.Escalated {
			return o.item(e, head), true, nil
		}
		event, now, err := o.escalated(e, head)
		if err != nil || now {
			return centre.Item{Key: e.Seq, Escalation: event}, now, err
		}
	}
}

// item is an outcome or an incident.
func (o outbox) item(e journal.Entry, head protocol.JournalHead) centre.Item {
	item := centre.Item{Key: e.Seq, Transaction: e.Transaction}
	if e.Kind == journal.Incident {
		event := eventOf(o.terminal, e, head)
		item.Event = &event
	} else {
		item.Report = &protocol.OutcomeReport{Outcome: e.Outcome, Reason: e.Reason, Impressions: e.Impressions, Evidence: e.Evidence, Document: e.Document, Staff: e.Staff, Journal: head, Policy: e.Policy}
	}
	return item
}

// errKept is returned for an incident that nobody gave a receipt for: what is given up is never an incident.
var errKept = errors.New("terminal: an incident is never given up")

// Settle journals how the centre took an entry. Of an incident only a receipt is a settlement, and it has to be believed.
func (o outbox) Settle(_ context.Context, key uint64, s centre.Settlement) error {
	of, err := o.journal.At(key)
	if err != nil {
		return err
	}
	e := journal.Entry{Kind: journal.Delivered, Of: int(key)}
	switch {
	case (of.Kind == journal.Incident || of.Kind == journal.Escalated) && s.Problem != "":
		return errKept
	case of.Kind == journal.Escalated:
		if e.Proof, err = o.heard(of, s.Receipt); err != nil {
			return err
		}
	case of.Kind == journal.Incident:
		if e.Proof, err = o.receipt(key, s.Receipt); err != nil {
			return err
		}
	case s.Problem != "": // the centre will never take it
		e.Kind, e.Reason = journal.Undelivered, s.Problem
	}
	_, err = o.journal.Record(e)
	return err
}

// eventOf is the event of the incident that is the entry at a head of the journal: the same bytes whenever it is made.
func eventOf(t protocol.Terminal, e journal.Entry, head protocol.JournalHead) protocol.Event {
	return protocol.NewEvent(protocol.NameIncident(t, head), t, e.At, eventData(e, head))
}

func eventData(e journal.Entry, head protocol.JournalHead) protocol.IncidentData {
	d := protocol.IncidentData{Code: e.Reason, Class: "fault", Municipality: e.Municipality, Transaction: e.Transaction, Document: e.Document, Evidence: evidence(e, head)}
	if c := reason.Code(e.Reason); c.Known() {
		d.Class = string(c.Class())
	}
	for _, c := range e.Also {
		d.Also = append(d.Also, string(c))
	}
	d.Storm = StormOf(e)
	return d
}

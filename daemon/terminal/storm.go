package terminal

import (
	"honnin/config/protocol"
	"honnin/spool/journal"
)

// gathered fixes for how many an incident speaks before anybody hears of it. From then on its event is the same whenever it is made.
func (o outbox) gathered(e journal.Entry) (journal.Entry, error) {
	g, now, err := o.journal.Gather(e.Seq, o.digest)
	if now {
		e.Storm = g.Storm
	}
	return e, err
}

// digest is that of the event of an incident.
func (o outbox) digest(e journal.Entry, head protocol.JournalHead) (protocol.Digest, error) {
	text, err := protocol.EncodeBody(eventOf(o.terminal, e, head))
	return protocol.Fingerprint(text), err
}

// StormOf is what an incident's event says of those that it speaks for.
func StormOf(e journal.Entry) protocol.Storm {
	s := e.Storm
	if s.Count < 2 {
		return protocol.Storm{}
	}
	return protocol.Storm{Count: s.Count, Through: s.Through, Last: s.Last, Transactions: s.Transactions}
}

// hinted are the incidents that the centre says were moved on, if they are this terminal's and open, and the centre has them. They
// are asked about before the others, and nothing else follows from them.
func (n *follower) hinted(ids []protocol.IncidentID) (out []journal.Standing, err error) {
	for _, id := range ids {
		t, position, err := id.Place()
		if err != nil || t != n.terminal || position == 0 {
			continue
		}
		at, err := n.journal.Incidents(position-1, 1)
		if err != nil {
			return nil, err
		}
		if len(at) == 1 && at[0].Position == position && at[0].Delivered > 0 && protocol.NameIncident(n.terminal, at[0].JournalHead) == id {
			out = append(out, at[0])
		}
	}
	return out, nil
}

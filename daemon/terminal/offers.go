package terminal

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// offers lets stand of the centre's offers what the policy issues, with the policy's fees and hours. A fee that the centre has
// otherwise is an incident: once for each certificate and fee while this process runs, since everybody who comes would meet it.
type offers struct {
	policy  *policy.Policy
	channel protocol.Channel
	now     func() time.Time
	ledger  *ledger

	mu   sync.Mutex
	told map[string]bool
}

func (s *offers) judge(t protocol.Transaction, from []protocol.Offer) ([]protocol.Offer, error) {
	stand, wrong := s.policy.Offers(from, s.channel, s.now())
	for _, o := range wrong {
		if err := s.tell(t, o); err != nil {
			return nil, err
		}
	}
	return stand, nil
}

func (s *offers) tell(t protocol.Transaction, o protocol.Offer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint(o.Municipality, o.Certificate, o.Fee)
	if s.told[id] {
		return nil
	}
	if err := s.ledger.record(journal.Entry{Kind: journal.Incident, Transaction: t, Reason: protocol.IncidentFee, Municipality: o.Municipality,
		Also: []reason.Code{reason.Code(o.Certificate)}}); err != nil {
		return err
	}
	s.told[id] = true
	return nil
}

// limits are the policy's where the parts have none.
func limits(p Parts) session.Limits {
	l, from := p.Limits, p.Policy.Limits()
	for _, f := range []struct {
		to   *time.Duration
		from time.Duration
	}{
		{&l.Idle, from.Idle}, {&l.MoreTime, from.MoreTime}, {&l.TakeCard, from.TakeCard}, {&l.CardLeft, from.CardLeft},
		{&l.TakePaper, from.TakePaper}, {&l.Confirm, from.Confirm}, {&l.Message, from.Message}, {&l.Refused, from.Refused},
	} {
		*f.to = cmp.Or(*f.to, f.from)
	}
	return l
}

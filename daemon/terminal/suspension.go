package terminal

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// suspended is the word for what the centre has suspended for all terminals: of an offer, of a visit that ends by it, of its outcome.
const suspended = "suspended"

// suspensions asks the centre what it has suspended, each time anew, and goes by nothing but its signed answer to that very
// question: no answer that is believed, no offers, no application and no commit. A policy that names nobody who signs for the
// centre leaves nobody to believe: then the centre is not asked, and this terminal's own check and latches are all there is.
type suspensions struct {
	ask    func(context.Context, protocol.Nonce) ([]byte, error)
	judge  func() incident.Judge
	ledger *ledger
	log    logrus.FieldLogger

	mu   sync.Mutex
	last []string // what was suspended when it was asked last
}

func newSuspensions(p Parts, l *ledger, ask func(context.Context, protocol.Nonce) ([]byte, error)) *suspensions {
	return &suspensions{ask: ask, ledger: l, log: p.Log,
		judge: func() incident.Judge { return incident.Judge{Policy: p.Policy, Terminal: p.Terminal, Now: p.Now()} }}
}

// now returns what is suspended now.
func (s *suspensions) now(ctx context.Context) (protocol.Suspensions, error) {
	judge := s.judge()
	if !judge.Checks() {
		return protocol.Suspensions{}, nil
	}
	fresh := protocol.NewNonce()
	der, err := s.ask(ctx, fresh)
	if err != nil {
		return protocol.Suspensions{}, err
	}
	all, err := judge.Suspensions(fresh, der)
	if err != nil {
		return protocol.Suspensions{}, errors.Join(err, s.tell(err))
	}
	s.say(all)
	return all, nil
}

// mark makes the offers of suspended municipalities unavailable.
func (s *suspensions) mark(ctx context.Context, offers []protocol.Offer) ([]protocol.Offer, error) {
	all, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	offers = slices.Clone(offers)
	for i, o := range offers {
		if all.Whole(o.Municipality) {
			offers[i].Available, offers[i].Why = false, suspended
		}
	}
	return offers, nil
}

// check returns a [session.Declined] where a municipality, or this software there, is suspended.
func (s *suspensions) check(ctx context.Context, m protocol.Municipality, by protocol.Software) error {
	all, err := s.now(ctx)
	if err == nil && all.Stops(m, by) {
		err = &session.Declined{Word: suspended}
	}
	return err
}

// tell raises an incident of an answer that is not believed, unless one of its kind is open: everybody who comes would meet it.
func (s *suspensions) tell(err error) error {
	var d incident.Doubt
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.As(err, &d) {
		return nil
	}
	if open, err := s.open(d); open || err != nil {
		return err
	}
	s.log.WithField("why", string(d)).Error("what the centre says is suspended is not believed: nothing is offered or printed")
	return s.ledger.record(journal.Entry{Kind: journal.Incident, Reason: protocol.IncidentSuspensions, Also: []reason.Code{reason.Code(d)}})
}

// open reports whether nobody has closed such an incident.
func (s *suspensions) open(d incident.Doubt) (bool, error) {
	all, err := s.ledger.journal.Incidents(0, 0)
	for _, one := range all {
		e, err := s.ledger.journal.At(one.Position)
		if err != nil || e.Reason == protocol.IncidentSuspensions && slices.Equal(e.Also, []reason.Code{reason.Code(d)}) {
			return err == nil, err
		}
	}
	return false, err
}

// say tells the log what is suspended, whenever that is something else than before.
func (s *suspensions) say(all protocol.Suspensions) {
	var now []string
	for _, one := range all.Suspended {
		now = append(now, named(one))
	}
	slices.Sort(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case slices.Equal(now, s.last):
	case len(now) == 0:
		s.log.Info("nothing is suspended by the centre any more")
	default:
		s.log.WithField(suspended, now).Warn("the centre has suspended")
	}
	s.last = now
}

// named says in words of bounded form what is suspended, and by which incident.
func named(s protocol.Suspension) string {
	what := "municipality " + string(s.Municipality)
	if p := s.Software; p != nil {
		name := protocol.SoftwareName("of another name")
		_ = name.UnmarshalText([]byte(p.Name)) // a program may have any name, and a log not
		what = "software " + string(name)
		if p.UpTo != "" {
			what += " up to " + p.UpTo
		}
		if s.Municipality != "" {
			what += " of municipality " + string(s.Municipality)
		}
	}
	return what + " (" + string(s.Incident) + ")"
}

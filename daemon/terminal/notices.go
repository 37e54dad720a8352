package terminal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// Bounds of one heartbeat's questions about incidents.
const (
	askedPerBeat  = 8   // at the centre
	lookedPerBeat = 256 // in the journal
)

// follower follows this terminal's incidents: it believes receipts and states that are signed by those whom the policy in force
// names, and has the journal know. What is not believed is journalled too, and logged, each kind once for an incident. While the
// law lets no visit begin under that policy (expired, or below the centre's least), nobody whom it names is believed: neither
// persons nor the centre. Incidents stay as they are, and those that wait for a receipt are brought again; so is one that the centre
// has lost.
type follower struct {
	journal  Journal
	ledger   *ledger
	terminal protocol.Terminal
	judge    func() (incident.Judge, error) // an error: the policy names nobody who counts now
	log      logrus.FieldLogger

	// Of the goroutine that keeps up.
	named []protocol.IncidentID // by the last heartbeat's answer
	next  uint64                // the position after which the next beat looks
}

// states is what the follower needs of the centre; [*centre.Client] is it.
type states interface {
	IncidentState(context.Context, protocol.IncidentID) ([]byte, error)
	Incident(context.Context, protocol.Event) (receipt []byte, err error)
}

// receipt returns the digest of the receipt for the incident that is the entry at a position: zero where the policy names nobody
// who signs them, and an error under [centre.ErrReceipt] where it does and this is none of theirs. Then the incident is not delivered.
func (n *follower) receipt(position uint64, der []byte) (protocol.Digest, error) {
	judge, err := n.judge()
	if err != nil {
		return protocol.Digest{}, fmt.Errorf("%w: %w", centre.ErrReceipt, err)
	}
	if !judge.Checks() {
		return protocol.Digest{}, nil
	}
	all, err := n.journal.Incidents(position-1, 1)
	if err != nil || len(all) == 0 || all[0].Position != position { // closed already, by a person: nothing hangs on a receipt
		return protocol.Digest{}, err
	}
	known, err := n.known(all[0])
	if err != nil {
		return protocol.Digest{}, err
	}
	proof, err := judge.Receipt(known, der)
	if err != nil {
		return protocol.Digest{}, fmt.Errorf("%w: %w", centre.ErrReceipt, n.doubted(all[0], der, err))
	}
	return proof, nil
}

// follow asks the centre where some of the open incidents stand: those that it names first, and of the others that it has some,
// oldest first, one page after the other. Of these each is asked about once before any is asked about again. An answer that is not
// believed is no error here: it was said already.
func (n *follower) follow(ctx context.Context, c states) error {
	judge, err := n.judge()
	if err != nil { // which is said by the law itself
		return nil
	}
	first, err := n.hinted(n.named)
	if err != nil {
		return err
	}
	before, err := n.askAll(ctx, c, judge, first)
	if errors.Is(err, centre.ErrUnreachable) {
		return err
	}
	page, failed := n.journal.Incidents(n.next, lookedPerBeat)
	if failed != nil {
		return errors.Join(err, failed)
	}
	asked := 0
	for _, s := range page {
		if asked >= askedPerBeat {
			return err
		}
		if n.next = s.Position; s.Delivered == 0 || before[s.Position] {
			continue
		}
		asked++
		_, failed := n.askAll(ctx, c, judge, []journal.Standing{s})
		if err = errors.Join(err, failed); errors.Is(failed, centre.ErrUnreachable) {
			return err
		}
	}
	if len(page) < lookedPerBeat {
		n.next = 0
	}
	return err
}

// askAll asks about some, until the centre is out of reach.
func (n *follower) askAll(ctx context.Context, c states, judge incident.Judge, all []journal.Standing) (asked map[uint64]bool, failed error) {
	asked = map[uint64]bool{}
	for _, s := range all {
		asked[s.Position] = true
		err := n.ask(ctx, c, judge, s)
		if errors.Is(err, centre.ErrUnreachable) {
			return asked, err
		}
		if _, said := err.(incident.Doubt); !said {
			failed = errors.Join(failed, err)
		}
	}
	return asked, failed
}

func (n *follower) ask(ctx context.Context, c states, judge incident.Judge, s journal.Standing) error {
	der, err := c.IncidentState(ctx, protocol.NameIncident(n.terminal, s.JournalHead))
	if p := (*centre.Problem)(nil); errors.As(err, &p) && p.Word == protocol.ProblemUnknown {
		return errors.Join(err, n.again(ctx, c, judge, s))
	}
	if err != nil {
		return err
	}
	return n.take(judge, s, der)
}

// again brings an incident to a centre that had it and does not know it any more: nobody could close it there. Where it stands is
// asked the next time.
func (n *follower) again(ctx context.Context, c states, judge incident.Judge, s journal.Standing) error {
	known, event, err := n.event(s)
	if err != nil {
		return err
	}
	receipt, err := c.Incident(ctx, event)
	if err != nil || !judge.Checks() {
		return err
	}
	if _, err := judge.Receipt(known, receipt); err != nil {
		return n.doubted(s, receipt, err)
	}
	return nil
}

// take judges a state, and journals what it moves.
func (n *follower) take(judge incident.Judge, s journal.Standing, der []byte) error {
	known, err := n.known(s)
	if err != nil {
		return err
	}
	m, err := judge.State(known, der)
	if err != nil {
		return n.doubted(s, der, err)
	}
	kind, moves := map[string]journal.Kind{protocol.IncidentAcknowledged: journal.Acknowledged, protocol.IncidentClosed: journal.Closed}[m.To]
	if !moves {
		return nil
	}
	n.log.WithFields(logrus.Fields{"incident": known.ID, "by": m.By}).Infof("an incident is %s", m.To)
	return n.ledger.record(journal.Entry{Kind: kind, Of: int(s.Position), Staff: m.By, Signed: m.At, Proof: m.Proof})
}

// known is what the journal has of an open incident.
func (n *follower) known(s journal.Standing) (incident.Known, error) {
	k, _, err := n.event(s)
	if err != nil || s.Acknowledged == 0 {
		return k, err
	}
	taken, err := n.journal.At(s.Acknowledged)
	k.Acknowledged, k.Proof = taken.Signed.Time, taken.Proof
	return k, err
}

// event is what the centre was told of an incident, and what is known but for how far it has come.
func (n *follower) event(s journal.Standing) (k incident.Known, event protocol.Event, err error) {
	e, err := n.journal.At(s.Position)
	if err != nil {
		return k, event, err
	}
	fixed := journal.Entry{}
	if s.Gathered > 0 {
		if fixed, err = n.journal.At(s.Gathered); err != nil {
			return k, event, err
		}
		e.Storm = fixed.Storm
	}
	event = eventOf(n.terminal, e, s.JournalHead)
	text, err := protocol.EncodeBody(event)
	if err != nil {
		return k, event, err
	}
	k = incident.Known{ID: event.ID, Event: fixed.Proof, Municipality: e.Municipality, Raised: e.At.Time}
	if sent := protocol.Fingerprint(text); fixed.Proof == (protocol.Digest{}) {
		k.Event = sent
	} else if sent != fixed.Proof { // another program wrote it down
		k.Again = sent
	}
	if e.Storm.Count > 1 {
		k.Told = fixed.At.Time
	}
	return k, event, nil
}

// doubted journals and logs what was not believed, the first time of each kind, and returns it.
func (n *follower) doubted(s journal.Standing, der []byte, err error) error {
	var d incident.Doubt
	if !errors.As(err, &d) || slices.Contains(s.Disbelieved, string(d)) {
		return err
	}
	n.log.WithFields(logrus.Fields{"incident": protocol.NameIncident(n.terminal, s.JournalHead), "why": string(d)}).Error("what the centre gave for an incident is not believed")
	if failed := n.ledger.record(journal.Entry{Kind: journal.Disbelieved, Of: int(s.Position), Reason: string(d), Proof: sha256.Sum256(der)}); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

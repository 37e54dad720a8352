package terminal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// stepsAtOnce bounds one transaction of escalation.
const stepsAtOnce = 256

// escalation takes incidents that nobody acknowledges on to the next contact, and stops services in the end: once a minute, in a
// goroutine of its own that waits for no centre, by the contacts and deadlines of the policy that visits go by, expired or not. Each
// step is journalled before anybody is told, with what it stops in the same transaction; so no restart and no clock takes one back
// or repeats it. A clock that was put back does not silence it either: an incident is at least as old as this process has seen it
// stand.
//
// Of a storm, one is told: an incident rides with an older one of the same word and municipality that nobody has acknowledged
// either and that was raised less than the deadline "acknowledge" before. What it stops it stops by itself, and when the older one
// is acknowledged, its own way begins where its own time is.
type escalation struct {
	journal   Journal
	terminal  protocol.Terminal
	policy    func() *policy.Policy
	catalogue incident.Catalogue
	stop      func(...journal.Entry) error // journals steps, and stops what they latch; a journal that cannot be written leaves no service open
	written   func()                       // all that is to stop by now does so in the journal
	now       func() time.Time
	log       logrus.FieldLogger

	minutes int              // since the start, by nobody's clock
	stand   map[uint64]stood // what waits for an acknowledgement, by position
}

// alike is what makes incidents alike.
type alike struct {
	word         string
	municipality protocol.Municipality
}

// stood is what an incident that waits is known by.
type stood struct {
	alike
	raised time.Time
	since  int  // the minute in which it was seen first
	late   bool // what it stops could not be written; whatever the clock says later, it will be
}

func newEscalation(t *Terminal, p Parts) (*escalation, error) {
	catalogue, err := incident.Load()
	return &escalation{journal: p.Journal, terminal: p.Terminal, policy: t.Policy, catalogue: catalogue, stop: t.stop, written: t.written, now: p.Now, log: p.Log}, err
}

// look takes every step that is due. What fails is said in the end: what is behind it stops all the same.
func (n *escalation) look(ctx context.Context) error {
	waiting, err := n.waiting()
	if err != nil {
		return err
	}
	holds, err := n.holds()
	if err != nil {
		return err
	}
	leads := map[alike]time.Time{}
	var steps, taken []journal.Entry
	for i, s := range waiting {
		steps = append(steps, n.steps(s, leads, holds[s.Position])...)
		if len(steps) < stepsAtOnce && i < len(waiting)-1 {
			continue
		}
		did, failed := n.take(steps)
		taken, err, steps = append(taken, did...), cmp.Or(err, failed), nil
		if ctx.Err() != nil {
			err = cmp.Or(err, ctx.Err())
			break
		}
	}
	if n.say(taken); err == nil {
		n.written()
	}
	return err
}

// waiting returns the incidents that nobody has acknowledged, oldest first, and knows each of them.
func (n *escalation) waiting() (out []journal.Standing, err error) {
	all, err := n.journal.Incidents(0, 0)
	if err != nil {
		return nil, err
	}
	stand := make(map[uint64]stood, len(n.stand))
	var fresh []uint64
	for _, s := range all {
		if s.Acknowledged > 0 {
			continue
		}
		is, known := n.stand[s.Position]
		if !known {
			fresh = append(fresh, s.Position)
		}
		out, stand[s.Position] = append(out, s), is
	}
	err = journal.Several(n.journal, fresh, func(e journal.Entry) {
		stand[e.Seq] = stood{alike{e.Reason, e.Municipality}, e.At.Time, n.minutes, false}
	})
	if err == nil {
		n.stand = stand
	}
	return out, err
}

// holds returns which incidents stop something already.
func (n *escalation) holds() (map[uint64]bool, error) {
	all, err := n.journal.Latches()
	out := map[uint64]bool{}
	for _, l := range all {
		out[l.Of] = true
	}
	return out, err
}

// steps returns what is due of one incident.
func (n *escalation) steps(s journal.Standing, leads map[alike]time.Time, holds bool) (out []journal.Entry) {
	is, p := n.stand[s.Position], n.policy()
	d := p.Deadlines()
	w := incident.Waiting{For: max(n.now().Sub(is.raised), time.Duration(n.minutes-is.since)*lookEvery), Told: s.Told, Over: s.Over}
	lead, led := leads[is.alike]
	if rides := led && s.Steps() == 0 && is.raised.Sub(lead).Abs() < d.Acknowledge; !rides {
		leads[is.alike] = is.raised
		for i, step := range incident.Due(w, p.Contacts(is.municipality), d) {
			out = append(out, entryOf(s, is, step, i+1))
		}
	}
	if (w.For >= d.Stop || is.late) && !holds && n.catalogue.Stops(is.word, is.municipality) {
		out = append(out, journal.Entry{Kind: journal.Latched, Of: int(s.Position), Municipality: is.municipality, Reason: journal.Unacknowledged})
	}
	return out
}

// entryOf is the n-th step from where an incident stands.
func entryOf(s journal.Standing, is stood, step incident.Step, n int) journal.Entry {
	e := journal.Entry{Kind: journal.Escalated, Of: int(s.Position), Step: s.Steps() + n, Contact: step.Contact, Municipality: is.municipality}
	if step.Over {
		e.Reason = journal.Unacknowledged
	}
	return e
}

// take journals steps, and returns those that were. Where they are too many for the disk, or one contradicts the journal, each
// incident's go by themselves.
func (n *escalation) take(steps []journal.Entry) (taken []journal.Entry, err error) {
	if len(steps) == 0 {
		return nil, nil
	}
	if err := n.stop(steps...); err == nil {
		return steps, nil
	}
	n.miss(steps)
	for begin := 0; begin < len(steps); {
		end := begin + 1
		for end < len(steps) && steps[end].Of == steps[begin].Of {
			end++
		}
		failed := n.stop(steps[begin:end]...)
		if failed == nil {
			taken = append(taken, steps[begin:end]...)
		}
		if err = cmp.Or(err, failed); failed != nil && !errors.Is(failed, journal.ErrState) {
			break
		}
		begin = end
	}
	return taken, err
}

// miss notes what is to stop, and could not be written at once.
func (n *escalation) miss(steps []journal.Entry) {
	for _, e := range steps {
		if e.Kind == journal.Latched {
			is := n.stand[uint64(e.Of)]
			is.late = true
			n.stand[uint64(e.Of)] = is
		}
	}
}

// say says what was done: of what stops a service, the first for each word and municipality, and how many.
func (n *escalation) say(taken []journal.Entry) {
	stops := map[alike]int{}
	for _, e := range taken {
		if e.Kind == journal.Latched {
			stops[n.stand[uint64(e.Of)].alike]++
		}
	}
	for _, e := range taken {
		is := n.stand[uint64(e.Of)].alike
		if e.Kind == journal.Latched && stops[is] == 0 { // said
			continue
		}
		log := n.log.WithField("incident", n.name(uint64(e.Of)))
		switch {
		case e.Kind != journal.Latched:
			log.WithFields(logrus.Fields{"contact": e.Contact, "step": e.Step}).Warn("nobody has acknowledged an incident: a contact of the policy is to be told")
			continue
		case e.Municipality == "":
			log.WithField("incidents", stops[is]).Error("nobody acknowledged an incident in time: every service stops here until it is closed")
		default:
			log.WithFields(logrus.Fields{"municipality": e.Municipality, "incidents": stops[is]}).Error("nobody acknowledged an incident in time: this municipality's service stops here until it is closed")
		}
		stops[is] = 0
	}
}

// name is the incident's at a position, or "".
func (n *escalation) name(position uint64) protocol.IncidentID {
	of, err := n.journal.At(position)
	if err != nil {
		return ""
	}
	head, err := of.Head()
	if err != nil {
		return ""
	}
	return protocol.NameIncident(n.terminal, head)
}

// escalated is the event of the step that is the entry at a head of the journal, the same bytes whenever it is made; false while its
// incident has no receipt, and is to arrive before it.
func (o outbox) escalated(e journal.Entry, head protocol.JournalHead) (*protocol.Escalation, bool, error) {
	of, err := o.journal.At(uint64(e.Of))
	if err != nil {
		return nil, false, err
	}
	at, err := of.Head()
	if err != nil {
		return nil, false, err
	}
	all, err := o.journal.Incidents(at.Position-1, 1)
	if err != nil || len(all) > 0 && all[0].Position == at.Position && all[0].Delivered == 0 {
		return nil, false, err
	}
	event := escalationOf(o.terminal, e, head, of, at)
	return &event, true, nil
}

func escalationOf(t protocol.Terminal, e journal.Entry, head protocol.JournalHead, of journal.Entry, at protocol.JournalHead) protocol.Escalation {
	return protocol.NewEscalation(protocol.NameIncident(t, head), t, e.At, protocol.EscalationData{Incident: protocol.NameIncident(t, at), Since: of.At,
		Step: e.Step, Contact: e.Contact, Municipality: e.Municipality, Over: e.Reason == journal.Unacknowledged})
}

// heard returns the digest of the receipt for the escalation that is an entry, as [follower.receipt] does for an incident.
func (n *follower) heard(e journal.Entry, der []byte) (protocol.Digest, error) {
	judge, err := n.judge()
	if err != nil {
		return protocol.Digest{}, fmt.Errorf("%w: %w", centre.ErrReceipt, err)
	}
	if !judge.Checks() {
		return protocol.Digest{}, nil
	}
	head, err := e.Head()
	if err != nil {
		return protocol.Digest{}, err
	}
	box := outbox{journal: n.journal, terminal: n.terminal}
	event, sent, err := box.escalated(e, head)
	switch {
	case err != nil:
		return protocol.Digest{}, err
	case !sent:
		return protocol.Digest{}, errKept
	}
	text, err := protocol.EncodeBody(*event)
	if err != nil {
		return protocol.Digest{}, err
	}
	proof, err := judge.Receipt(incident.Known{ID: event.ID, Event: protocol.Fingerprint(text)}, der)
	if err != nil {
		return protocol.Digest{}, fmt.Errorf("%w: %w", centre.ErrReceipt, n.doubtedOf(uint64(e.Of), der, err))
	}
	return proof, nil
}

// doubtedOf journals a doubt with the incident at a position, if that is open.
func (n *follower) doubtedOf(position uint64, der []byte, err error) error {
	all, failed := n.journal.Incidents(position-1, 1)
	if failed != nil || len(all) == 0 || all[0].Position != position {
		return err
	}
	return n.doubted(all[0], der, err)
}

// stop journals steps, and stops what they latch.
func (t *Terminal) stop(steps ...journal.Entry) error { return t.plugged().latches.stop(steps...) }

func (t *Terminal) written() { t.plugged().latches.written() }

// watch has every incident said, and taken on where nobody acknowledges it, once a minute and when [Terminal.Ask] asks for it, until ctx ends.
func (t *Terminal) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		t.say("the journal", t.ledger.settle())
		t.say("incidents that nobody acknowledged", t.unheard.look(ctx))
		t.lookAgain()
		select {
		case <-ctx.Done():
			return
		case <-t.hurry:
		case <-tick.C:
			t.unheard.minutes++
		}
	}
}

// lookAgain has a terminal that welcomes people look again, if every service is stopped.
func (t *Terminal) lookAgain() {
	p := t.plugged()
	if serves, _ := p.noticed.service(); serves && !p.gate.visited() {
		p.gate.recall()
	}
}

package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/script"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// Where errors go unheard: whoever was refused applies again at the next store, where it prints; nobody acts on the incident, and
// hours pass.

// unheard reports whether a turn is played so. A soak has no hours to spare, nor has a real reader another beside it.
func (c *crew) unheard(t turn) bool {
	return t.ID == scenario.Unheard && c.flags.span == 0
}

// alone keeps others away until it is over, so that whoever applies again is the next: the fault strikes where several meet.
func (c *crew) alone(t turn) (free func()) {
	if !c.unheard(t) {
		return func() {}
	}
	c.one.Lock()
	return sync.OnceFunc(c.one.Unlock)
}

// neighbours puts another store beside each terminal, and returns all of them.
func (c *crew) neighbours(posts []*post) (all []*post, err error) {
	all = posts
	for n, p := range posts {
		if p.attended != nil || p.device == nil {
			continue
		}
		if p.beside, err = c.post(c.flags.terminals+n, p.channel); err != nil {
			return nil, err
		}
		all = append(all, p.beside)
	}
	return all, nil
}

// goes says to which store somebody goes who comes to p.
func (p *post) goes() *post {
	if p.beside != nil && p.terminal.Stopped() && !p.beside.terminal.Stopped() {
		return p.beside
	}
	return p
}

// hoursPass lets as much time pass as the policy gives people to act, and nobody does. Then each incident has to be open, each
// contact told, and the service stopped.
func (c *crew) hoursPass(posts []*post) error {
	d, contacts := c.policy.Deadlines(), len(c.policy.Contacts(""))
	times := []time.Duration{0}
	for range contacts - 1 {
		times = append(times, d.Acknowledge)
	}
	for _, wait := range append(times, max(time.Minute, d.Stop-time.Duration(contacts-1)*d.Acknowledge)) {
		c.clock.forward(wait)
		for _, p := range posts {
			if err := c.looks(p); err != nil {
				return err
			}
		}
	}
	for _, p := range posts {
		if err := c.heard(p); err != nil {
			return err
		}
	}
	return nil
}

// looks waits until a terminal has taken every step that is due.
func (c *crew) looks(p *post) error {
	for n := 0; ; n++ {
		due, err := c.due(p)
		if err != nil || !due {
			return err
		}
		if n%20 == 0 {
			p.terminal.Ask()
		}
		select {
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// due reports whether somebody is to be told of one of a terminal's incidents, or one is to stop a service.
func (c *crew) due(p *post) (bool, error) {
	all, err := p.waits()
	if err != nil {
		return false, err
	}
	for _, i := range all {
		w := incident.Waiting{For: c.clock.Now().Sub(i.entry.At.Time), Told: i.Told, Over: i.Over}
		if !i.rides && i.Acknowledged == 0 && len(incident.Due(w, c.policy.Contacts(i.entry.Municipality), c.policy.Deadlines())) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// waits is an open incident.
type waits struct {
	journal.Standing
	entry journal.Entry
	rides bool // it is told with an older one that is alike
	stops bool // it stops its municipality's service, or every one
}

// waits returns a terminal's open incidents, oldest first.
func (p *post) waits() (out []waits, err error) {
	all, err := p.journal.Incidents(0, 0)
	if err != nil {
		return nil, err
	}
	latches, err := p.journal.Latches()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		e, err := p.journal.At(s.Position)
		if err != nil {
			return nil, err
		}
		alike := func(o waits) bool {
			return !o.rides && o.entry.Reason == e.Reason && o.entry.Municipality == e.Municipality
		}
		holds := func(l journal.Latch) bool {
			return l.Of == s.Position && (l.Municipality == e.Municipality || l.Municipality == "")
		}
		out = append(out, waits{s, e, s.Steps() == 0 && slices.ContainsFunc(out, alike), slices.ContainsFunc(latches, holds)})
	}
	return out, nil
}

// heard holds what became of each of a terminal's incidents against what has to, and tells it. Whoever was refused there is in one.
func (c *crew) heard(p *post) error {
	all, err := p.waits()
	if err != nil {
		return err
	}
	raised := uint64(0)
	for _, i := range all {
		if i.Position <= p.since { // of an earlier run
			continue
		}
		raised += i.Count
		h := script.Heard{Terminal: string(p.name), Word: i.entry.Reason, Municipality: i.entry.Municipality, State: protocol.IncidentOpen, Stopped: i.stops}
		if i.Acknowledged > 0 {
			h.State = protocol.IncidentAcknowledged
		}
		if h.Told, err = p.told(i.entry); err != nil {
			return err
		}
		if contacts := len(c.policy.Contacts(i.entry.Municipality)); !i.rides && !toldAll(h.Told, contacts) || !i.stops || h.State != protocol.IncidentOpen {
			c.tally.Differ("%s: an incident that nobody acknowledged: %+v", p.name, h)
		}
		c.tally.Heard(h)
	}
	if raised < p.refused {
		c.tally.Differ("%s: %d were refused, and %d incidents are open", p.name, p.refused, raised)
	}
	return nil
}

// toldAll reports whether each contact was told, and the last one once more in the end.
func toldAll(told []script.Told, contacts int) bool {
	return contacts > 0 && len(told) == contacts+1 && told[contacts].Over
}

// told lists who was told of an incident.
func (p *post) told(of journal.Entry) (out []script.Told, err error) {
	err = p.journal.After(of.Seq, func(e journal.Entry) (bool, error) {
		if e.Kind == journal.Escalated && uint64(e.Of) == of.Seq {
			out = append(out, script.Told{Contact: e.Contact, Minutes: int(e.At.Sub(of.At.Time).Minutes()), Over: e.Reason != ""})
		}
		return true, nil
	})
	return out, err
}

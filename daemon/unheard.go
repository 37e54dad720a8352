package main

import (
	"context"
	"sync"
	"time"

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

// looks waits until a terminal has taken every step that is due with its oldest incident.
func (c *crew) looks(p *post) error {
	for n := 0; ; n++ {
		s, e, err := p.oldest()
		if err != nil || s.Position == 0 {
			return err
		}
		w := incident.Waiting{For: c.clock.Now().Sub(e.At.Time), Told: s.Told, Over: s.Over}
		if s.Acknowledged > 0 || len(incident.Due(w, c.policy.Contacts(e.Municipality), c.policy.Deadlines())) == 0 {
			return nil
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

// oldest is a terminal's oldest open incident, or zero.
func (p *post) oldest() (s journal.Standing, e journal.Entry, err error) {
	all, err := p.journal.Incidents(0, 1)
	if err != nil || len(all) == 0 {
		return s, e, err
	}
	e, err = p.journal.At(all[0].Position)
	return all[0], e, err
}

// heard holds what became of a terminal's oldest incident against what has to, and tells it.
func (c *crew) heard(p *post) error {
	s, of, err := p.oldest()
	if err != nil || s.Position == 0 {
		return err
	}
	h := script.Heard{Terminal: string(p.name), Word: of.Reason, Municipality: of.Municipality}
	err = p.journal.After(of.Seq, func(e journal.Entry) (bool, error) {
		if e.Kind == journal.Escalated && uint64(e.Of) == of.Seq {
			h.Told = append(h.Told, script.Told{Contact: e.Contact, Minutes: int(e.At.Sub(of.At.Time).Minutes()), Over: e.Reason != ""})
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	latches, err := p.journal.Latches()
	for _, l := range latches {
		h.Stopped = h.Stopped || l.Municipality == of.Municipality || l.Municipality == ""
	}
	contacts := c.policy.Contacts(of.Municipality)
	if len(h.Told) != len(contacts)+1 || !h.Told[len(contacts)].Over || !h.Stopped || s.Acknowledged > 0 {
		c.tally.Differ("%s: an incident that nobody acknowledged: %+v", p.name, h)
	}
	c.tally.Heard(h)
	return err
}

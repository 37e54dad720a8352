package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
)

// maxPart is how many visits are made between two looks into the books: the practice centre remembers a bounded number of
// transactions and of incidents.
const maxPart = 512

// againAfter is how many refusals there are at a terminal to one applicant who tries once more.
const againAfter = 4

// scripted makes visits without a screen and prints a line each, then the summary.
func scripted(ctx context.Context, out, said io.Writer, f practiceFlags, log logrus.FieldLogger) (err error) {
	s, err := openStage(f, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := newCrew(ctx, s, out)
	if err != nil {
		return err
	}
	desk, err := s.watched()
	if err != nil {
		return errors.Join(err, c.close())
	}
	if f.span > 0 {
		err = c.soak(said)
	} else {
		err = c.each(func(t turn) error { return c.turn(t, f.visits) })
	}
	if err := errors.Join(err, c.close(), desk.close()); err != nil {
		return err
	}
	if f.temporary {
		defer os.RemoveAll(f.state)
	}
	return c.finish()
}

// turn is what is played while some visits are made: a scenario, or none.
type turn struct {
	scenario.Scenario
	channels []protocol.Channel
	able     []practice.Person // who can come for its certificate
}

// turns are what the flags ask for, in order.
func (c *crew) turns() (out []turn, err error) {
	t := turn{Scenario: scenario.Scenario{Certificate: protocol.Certificate(c.flags.certificate)}, channels: []protocol.Channel{c.flags.channel}}
	for _, s := range c.flags.played {
		t := turn{Scenario: s, channels: s.Channels}
		if c.flags.channelGiven {
			t.channels = []protocol.Channel{c.flags.channel}
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		out = append(out, t)
	}
	for i := range out {
		if err := out[i].invite(c.world); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// invite finds each ordinary person of the world who has what is wished for.
func (t *turn) invite(w *practice.World) error {
	for _, p := range w.People() {
		if p.Ordinary && slices.ContainsFunc(p.Asks, func(a practice.Ask) bool {
			return a.Certificate == t.Certificate && (t.Municipality == "" || a.Municipality == t.Municipality)
		}) {
			t.able = append(t.able, p)
		}
	}
	if len(t.able) == 0 {
		return usage("nobody in the practice world can ask for %s", t.Certificate)
	}
	return nil
}

// each does something for every turn, with its fault deployed.
func (c *crew) each(do func(turn) error) error {
	turns, err := c.turns()
	if err != nil {
		return err
	}
	for _, t := range turns {
		if err := c.world.Play(t.ID); err != nil {
			return err
		}
		if err := errors.Join(do(t), c.world.Play("")); err != nil {
			return err
		}
	}
	return nil
}

// turn makes visits, and keeps the books.
func (c *crew) turn(t turn, visits int) error {
	for ; visits > 0; visits -= maxPart {
		if err := c.part(t, min(visits, maxPart)); err != nil {
			return err
		}
	}
	return nil
}

// part makes some visits on all terminals at once, and holds journals, centre, trays and books against each other.
func (c *crew) part(t turn, visits int) error {
	posts, err := c.posts(t.channels)
	if err != nil {
		return err
	}
	places := posts
	if c.unheard(t) {
		if places, err = c.neighbours(posts); err != nil {
			return err
		}
	}
	began, size := time.Now(), c.journals()
	c.expected += visits
	c.tally.Turn(t.ID)
	var left atomic.Int64
	left.Store(int64(visits))
	errs := make([]error, len(posts))
	var all sync.WaitGroup
	for n, p := range posts {
		all.Go(func() {
			errs[n] = c.visits(p, t, &left)
		})
	}
	all.Wait()
	err = errors.Join(errs...)
	if err == nil && c.unheard(t) {
		err = c.hoursPass(places)
	}
	if err == nil {
		err = c.settle(places)
	}
	if err != nil {
		return errors.Join(err, context.Cause(c.ctx))
	}
	err = c.reconcile(places)
	c.tally.Spent(t.ID, time.Since(began), c.journals()-size)
	return err
}

// settle has the municipalities close what is still open, and the centre hear all, before its papers are put away.
func (c *crew) settle(posts []*post) error {
	for _, p := range posts {
		p.beside = nil
		if err := errors.Join(c.closes(p), delivered(c.ctx, p.terminal)); err != nil {
			return err
		}
	}
	return nil
}

// closes has the municipality close what is open at a terminal, once it was seen that nothing else did.
func (c *crew) closes(p *post) error {
	if err := delivered(c.ctx, p.terminal); err != nil {
		return err
	}
	seen, err := c.tally.Witness(p.name, p.journal, p.since)
	if err != nil {
		return err
	}
	return c.world.CloseAll(c.ctx, witnessed{p.terminal, seen})
}

// witnessed is a terminal with those of its incidents that may be closed.
type witnessed struct {
	*terminal.Terminal
	seen script.Witnessed
}

// Open is for [practice.Hears].
func (w witnessed) Open() ([]protocol.IncidentID, error) {
	ids, err := w.Terminal.Open()
	return slices.DeleteFunc(ids, func(id protocol.IncidentID) bool { return !w.seen[id] }), err
}

// reconcile looks into the journals, the centre's books and the trays. Then the centre may put its papers away.
func (c *crew) reconcile(posts []*post) (err error) {
	for _, p := range posts {
		if p.since, err = c.tally.Reconcile(p.name, p.journal, p.since); err != nil {
			return err
		}
		p.refused = 0
	}
	now := c.world.Counts().Outcomes
	fresh := maps.Clone(now)
	for o := range fresh {
		fresh[o] -= c.told[o]
	}
	c.tally.Centre(fresh)
	c.told = now
	c.world.File()
	c.money.File()
	if held := c.money.Sums().Held; held != 0 {
		c.tally.Differ("%d yen are held for visits that are over", held)
	}
	if c.tray == nil {
		return nil
	}
	sheets, err := c.tray.fresh()
	if err == nil {
		c.tally.Tray(sheets)
	}
	return err
}

// visits makes visits at one terminal until none is left. Somebody who was refused tries again now and then; where errors
// go unheard, always.
func (c *crew) visits(p *post, t turn, left *atomic.Int64) error {
	refused := 0
	var w script.Wish
	free := func() {}
	defer func() { free() }()
	for left.Add(-1) >= 0 {
		if !w.Again {
			free = c.alone(t)
		}
		at := p.goes()
		if !w.Again {
			var err error
			if w, err = c.wish(at, t); err != nil {
				return err
			}
		} else if at.attended == nil {
			w.Hands = virtualHands{at.place, c.world, w.Applicant}
		}
		v, err := at.who.Visit(c.ctx, w)
		if err != nil {
			return err
		}
		l, err := c.line(at, t, w, v)
		if err != nil {
			return err
		}
		if l.Verdict == "refused" {
			refused++
			at.refused++
		}
		again := !w.Again && l.Verdict == "refused" && (t.ID == scenario.Unheard || refused%againAfter == 0)
		if !again {
			c.leaves(w.Applicant)
			free()
		}
		w.Again = again
		if p.terminal.Stopped() && !c.unheard(t) { // the municipality finds the cause, so that practice goes on
			if err := c.closes(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// wish says who comes next: somebody who is not at another terminal, if there is one; or whoever's card lies on a real
// reader.
func (c *crew) wish(p *post, t turn) (script.Wish, error) {
	w := script.Wish{Certificate: t.Certificate, Municipality: t.Municipality}
	if p.attended != nil {
		pin, err := readPIN(c.flags.pinFile)
		w.PIN, w.Hands = pin, realHands{p.place}
		return w, err
	}
	person := c.comes(t.able)
	w.Applicant, w.PIN = person.ID, person.PIN
	w.Hands = virtualHands{p.place, c.world, person.ID}
	return w, nil
}

func (c *crew) comes(able []practice.Person) practice.Person {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	person := able[c.next%len(able)]
	for n := range able {
		if other := able[(c.next+n)%len(able)]; c.inside[other.ID] < c.inside[person.ID] {
			person = other
		}
	}
	c.inside[person.ID]++
	return person
}

func (c *crew) leaves(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside[id]--
}

func (c *crew) line(p *post, t turn, w script.Wish, v script.Visit) (script.Line, error) {
	if p.attended != nil { // whoever's card lies there, by now enrolled
		w.Applicant = c.world.Holder(p.attended.holder())
	}
	l := c.tally.Add(script.Stand{Terminal: p.name, Channel: p.channel, Scenario: t.Scenario}, w, v)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.flags.span > 0: // millions of lines would say nothing
		return l, nil
	case c.flags.json:
		return l, script.WriteJSON(c.out, l)
	}
	return l, script.WriteText(c.out, l)
}

// finish prints the summary, and says whether it is one that has to be.
func (c *crew) finish() error {
	sum := c.tally.Summary()
	sum.Soak = c.measured
	if err := script.WriteJSON(c.out, sum); err != nil {
		return err
	}
	if sum.Visits != c.expected || !sum.Sound() {
		return &exitError{exitRefused, errors.New("not every visit is accounted for, or wrong paper was printed, or a scenario did not strike: see the summary")}
	}
	return nil
}

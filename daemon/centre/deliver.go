package centre

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
)

// Item is one thing that has to arrive at the centre: an outcome, an incident, or a step of its escalation. Exactly one of Report,
// Event and Escalation is set.
type Item struct {
	Key         uint64 // the store's own, rising with age
	Transaction protocol.Transaction
	Report      *protocol.OutcomeReport // without its release signature: that is never stored, see [Deliverer.Attach]
	Event       *protocol.Event
	Escalation  *protocol.Escalation
}

// kept reports whether an item is never given up: only a receipt settles it.
func (i Item) kept() bool { return i.Event != nil || i.Escalation != nil }

// Settlement is how the centre took an item.
type Settlement struct {
	Receipt []byte // of an incident or an escalation: CMS, unverified
	Problem string // of an outcome: the word of a final refusal; "" when delivered
}

// ErrReceipt is what [Outbox.Settle] returns under for a receipt that is not believed, or that nobody can judge now.
var ErrReceipt = errors.New("centre: the receipt is not believed")

// Outbox is the store that the journal implements: items in the order in which they came to be, each kept until it
// is settled. Settle has to be durable before it returns; an item whose settlement was lost is delivered again.
type Outbox interface {
	// Next returns the oldest item after a key that is not settled, or false when there is none.
	Next(ctx context.Context, after uint64) (Item, bool, error)
	Settle(ctx context.Context, key uint64, s Settlement) error
}

// Deliveries is what the deliverer needs of the centre; [*Client] is it.
type Deliveries interface {
	Outcome(context.Context, protocol.Transaction, protocol.OutcomeReport) error
	Incident(context.Context, protocol.Event) ([]byte, error)
	Escalation(context.Context, protocol.Escalation) ([]byte, error)
}

// Deliverer brings what the outbox holds to the centre, one item at a time, oldest first, each at least once. It
// tries for ever: what the centre cannot take now waits, with everything behind it. Only a final refusal of an outcome (a
// problem that another attempt cannot mend) settles it undelivered, with its word, so that the store can
// make it seen by a person.
//
// An incident is never given up, nor its escalation: nobody signs a refusal. One that the centre refuses, or for which it gives no receipt that is
// believed, is passed over, and what is behind it goes on, but for later steps of the same escalation: they stay in order. Those that were passed over are tried again together, after a pause of
// their own, which allows for one a second however many they are.
type Deliverer struct {
	outbox Outbox
	to     Deliveries
	wake   chan struct{}
	first  time.Duration
	most   time.Duration

	// Of Run.
	after  uint64                       // the key up to which this round has come
	passed int                          // so many were passed over in it
	behind map[protocol.IncidentID]bool // incidents of which a step was passed over in it
	rounds int                          // that ended so, one after the other
	again  time.Time                    // when the next begins

	mu         sync.Mutex
	signatures map[protocol.Transaction][]byte
}

// NewDeliverer makes a deliverer that waits first after a failure, twice as long after each further one, and at
// most `most`; each wait is shortened by up to a half at random, so that terminals do not come back together.
func NewDeliverer(outbox Outbox, to Deliveries, first, most time.Duration) *Deliverer {
	return &Deliverer{outbox: outbox, to: to, wake: make(chan struct{}, 1), first: first, most: most,
		behind: map[protocol.IncidentID]bool{}, signatures: map[protocol.Transaction][]byte{}}
}

// Attach gives the release signature that goes with a transaction's outcome. It is kept in memory until that
// outcome is settled and never stored: after a restart the outcome goes without it.
func (d *Deliverer) Attach(t protocol.Transaction, signature []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signatures[t] = signature
}

// Wake says that the outbox may hold something new, or that the centre may be back. It never blocks.
func (d *Deliverer) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and returns why it did.
func (d *Deliverer) Run(ctx context.Context) error {
	failures := 0
	for {
		more, err := d.step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			failures = 0
			if more {
				continue
			}
		} else {
			failures++
		}
		if err := d.wait(ctx, failures); err != nil {
			return err
		}
	}
}

// step delivers the next item and reports whether there may be more.
func (d *Deliverer) step(ctx context.Context) (more bool, err error) {
	if d.passed > 0 && !time.Now().Before(d.again) {
		d.after, d.passed = 0, 0
		clear(d.behind)
	}
	item, ok, err := d.outbox.Next(ctx, d.after)
	if err != nil {
		return false, err
	}
	if !ok {
		if d.passed == 0 {
			d.after, d.rounds = 0, 0
		}
		return false, nil
	}
	if item.Escalation != nil && d.behind[item.Escalation.Data.Incident] {
		d.after = item.Key
		return true, nil
	}
	err = d.bring(ctx, item)
	if item.kept() && refuses(err) {
		d.pass(item)
		err = nil
	}
	return err == nil, err
}

// bring delivers an item and settles it.
func (d *Deliverer) bring(ctx context.Context, item Item) error {
	receipt, err := d.deliver(ctx, item)
	s := Settlement{Receipt: receipt}
	if err != nil {
		if s.Problem = final(err); item.kept() || s.Problem == "" {
			return err
		}
	}
	if err := d.outbox.Settle(ctx, item.Key, s); err != nil {
		return err
	}
	d.forget(item)
	return nil
}

// refuses reports whether an error is about one item: the centre was there, and said no, or nothing to be believed.
func refuses(err error) bool {
	var p *Problem
	return errors.As(err, &p) || errors.Is(err, ErrCancelled) || errors.Is(err, ErrAnswer) || errors.Is(err, ErrReceipt)
}

// pass goes on after an incident that was refused. The first of a round begins its pause.
func (d *Deliverer) pass(item Item) {
	if d.passed == 0 {
		d.rounds++
		d.again = time.Now().Add(d.backOff(d.rounds))
	}
	if item.Escalation != nil {
		d.behind[item.Escalation.Data.Incident] = true
	}
	d.after, d.passed = item.Key, d.passed+1
	if least := time.Now().Add(time.Duration(d.passed) * d.first); d.again.Before(least) {
		d.again = least
	}
}

var errEmptyItem = &Problem{Word: "empty-item", Status: 400}

func (d *Deliverer) deliver(ctx context.Context, i Item) ([]byte, error) {
	switch {
	case i.Event != nil:
		return d.to.Incident(ctx, *i.Event)
	case i.Escalation != nil:
		return d.to.Escalation(ctx, *i.Escalation)
	case i.Report != nil:
		r := *i.Report
		r.ReleaseSignature = d.signature(i.Transaction)
		return nil, d.to.Outcome(ctx, i.Transaction, r)
	}
	return nil, errEmptyItem
}

func (d *Deliverer) signature(t protocol.Transaction) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.signatures[t]
}

func (d *Deliverer) forget(i Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i.Report != nil {
		clear(d.signatures[i.Transaction])
		delete(d.signatures, i.Transaction)
	}
}

// final returns the word of a refusal that another attempt cannot mend, or "". It has to be the protocol's own word with
// the protocol's own status: an unknown word, a page that something on the way put there, a status that speaks of now
// (401, 403, 408, 425, 429 and all of 5xx) are tried again. A Retry-After is not followed; the pauses are longer soon.
func final(err error) string {
	if errors.Is(err, ErrCancelled) {
		return protocol.ProblemCancelled
	}
	var p *Problem
	if errors.As(err, &p) && slices.Contains(finals[p.Word], p.Status) {
		return p.Word
	}
	return ""
}

// finals are the words of PROTOCOL.md that say no for ever, with their statuses.
var finals = map[string][]int{
	protocol.ProblemBadRequest: {400, 415}, protocol.ProblemUnknown: {404}, protocol.ProblemOrder: {409}, protocol.ProblemConflict: {409},
	protocol.ProblemTooLarge: {413}, protocol.ProblemNotAvailable: {422}, errEmptyItem.Word: {errEmptyItem.Status},
}

// wait blocks until there may be something to do: after a success only for Wake, or for the longest wait, in case
// a Wake was forgotten; after failures for the back-off, or for Wake.
func (d *Deliverer) wait(ctx context.Context, failures int) error {
	pause := d.most
	if failures > 0 {
		pause = d.backOff(failures)
	} else if d.passed > 0 {
		pause = min(pause, time.Until(d.again))
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-d.wake:
	case <-t.C:
	}
	return nil
}

func (d *Deliverer) backOff(failures int) time.Duration {
	pause := d.most
	if shift := failures - 1; shift < 30 && d.first<<shift < d.most {
		pause = d.first << shift
	}
	return pause - rand.N(pause/2+1)
}

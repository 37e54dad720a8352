package session

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"honnin/config/protocol"
)

// ending is what must run to its end whatever happens: the effects in their order, then, when the visit is over, its
// end.
type ending struct {
	work    *work
	effects []Effect
	cause   cause
	visit   visit
	before  *work           // what may still be under way
	after   <-chan struct{} // the ending before it
	over    bool
}

// finish starts an ending. They run one after the other; each of their calls is left behind when it hangs.
func (r *Runner) finish(effects []Effect, c cause, v visit, before *work, over bool) {
	if len(effects) == 0 && !over {
		return
	}
	w := &work{cancel: func() {}, done: make(chan struct{})}
	if slices.Contains(effects, End) {
		w.answers = End
		r.work = w
	}
	e := ending{work: w, effects: effects, cause: c, visit: v, before: before, after: r.tail, over: over}
	r.tail = w.done
	r.hands.finish(e)
}

func (r goroutines) finish(e ending) {
	r.endings++
	go func() {
		wait(r.base, e.after, r.limit.Grace)
		a := r.protect(0, func() answer { return r.finishAll(e) })
		close(e.work.done)
		r.post(func() { r.endings--; r.answered(e.work, a) })
	}()
}

func (r *Runner) finishAll(e ending) answer {
	all := say(Settled)
	add := func(a answer) {
		if a.event == Fault {
			all.event, all.detail = Fault, a.detail
		}
		if a.ended != nil {
			all.ended = a.ended
		}
	}
	has := func(f Effect) bool { return slices.Contains(e.effects, f) }
	together := has(Latch) && has(RaiseIncident)
	for _, f := range e.effects {
		switch {
		case together && f == Latch:
			add(r.shut(e.cause, e.visit))
		case together && f == RaiseIncident: // with the latch
		case has(End) && f == Judge: // with the outcome
		default:
			add(r.finisher(f, e.cause, e.visit, e.before))
		}
	}
	if n := max(e.visit.number, e.visit.opened()); e.over && n > 0 {
		add(r.must(r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.EndVisit(ctx, n) }), Settled))
	}
	return all
}

// opened is the number that the journal gave, where that came too late for the visit to learn it.
func (d dealing) opened() uint64 {
	if d.hand == nil {
		return 0
	}
	return d.hand.look().visit
}

func (r *Runner) finisher(e Effect, c cause, v visit, before *work) answer {
	switch e {
	case Latch:
		return r.latch(c, v)
	case RaiseIncident, CallStaff:
		return r.raise(incident(c, v))
	case Disown:
		return r.disown(c, v)
	case End:
		return r.end(c, v, before)
	}
	return faulty("effect")
}

// refused lets what follows from a refusal follow: the class decides. With an outcome it is all written down at once. Whoever is told
// overwrites the package.
func (r *Runner) refused(c cause, v visit, l holdings, e *Ending) error {
	i := incident(cause{from: c.from, event: Refused}, v)
	i.Code, i.Also, i.Document = l.refusal.Code, slices.Clone(l.refusal.Also), l.refusal.Document
	i.Evidence = cmp.Or(l.refusal.Evidence, i.Evidence)
	what := Refusal{Incident: i, Raise: l.refusal.Incident(), Ending: e, Package: l.pkg}
	return r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Latches.Refused(ctx, what) })
}

func (r *Runner) latch(c cause, v visit) answer {
	return r.must(r.call(r.limit.End, func(ctx context.Context) error {
		return r.parts.Ledger.Latch(ctx, v.number, v.transaction(), c.String())
	}), Settled)
}

func (r *Runner) shut(c cause, v visit) answer {
	i := incident(c, v)
	return r.must(r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.Shut(ctx, i, c.String()) }), Settled)
}

func (r *Runner) raise(i Incident) answer {
	return r.must(r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.Incident(ctx, i) }), Settled)
}

func incident(c cause, v visit) Incident {
	i := Incident{Kind: kindOf(c), Visit: v.number, Transaction: v.transaction(), Municipality: v.chosen.Offer.Municipality,
		State: c.from, Event: c.event, Document: v.paper.doc.Document(), Evidence: v.paper.doc.Evidence(), Detail: c.detail}
	if p := v.printed; p != (printed{}) {
		i.Visit, i.Transaction, i.Municipality, i.Document, i.Evidence = p.visit, p.transaction, p.municipality, p.document, p.evidence
	}
	return i
}

func kindOf(c cause) IncidentKind {
	switch {
	case c.never:
		return IncidentImpossible
	case c.event == Fault && (c.from == PlaceAgain || c.from == Recognising): // what was said is not lost in it
		return IncidentUnproven
	case c.event == Fault:
		return IncidentFault
	case c.event == Refused:
		return IncidentRefused
	case c.event == PrintUnsure:
		return IncidentUnsure
	case c.event == PrintSpoiled:
		return IncidentSpoiled
	case c.event == Out, c.from == ConfirmName, c.from == Vouching:
		return IncidentUnconfirmed
	case c.event == SameCard, c.event == Yes:
		return IncidentNotMine
	case c.from == PlaceAgain, c.from == Recognising:
		return IncidentUnproven
	case c.from == TakePaper, c.from == AskedAtTray:
		return IncidentPaperLeft
	}
	return IncidentCardForgotten
}

// end ends a transaction as a whole, once. It waits for the work that was under way, so that nothing is taken
// behind its back; work that does not come back is a fault, and settles its own when it does.
func (r *Runner) end(c cause, v visit, before *work) answer {
	if v.hand == nil {
		return unjudged(c, holdings{})
	}
	hangs := before != nil && !wait(r.base, before.done, r.limit.Grace)
	list, first := v.hand.close()
	switch {
	case !first:
		return unjudged(c, list)
	case hangs:
		r.hands.destroy(before, list)
		list.pkg = nil
	case list.refusal != nil: // the package goes to whom it concerns, see [Latches]
		r.destroy(list.without())
	default:
		r.destroy(list)
		list.pkg = nil
	}
	a := r.settle(c, v, list)
	if hangs {
		a.event, a.detail = Fault, "hang"
	}
	return a
}

// unjudged is the answer where nothing is left to settle: a refusal that nobody can name is a fault.
func unjudged(c cause, l holdings) answer {
	if c.event == Refused && l.refusal == nil {
		return faulty("refusal")
	}
	return say(Settled)
}

// destroy overwrites what must not outlive the transaction, and resets the card.
func (r *Runner) destroy(l holdings) {
	if l.card != nil {
		_ = r.call(r.limit.Card, func(context.Context) error { return l.card.Close() }) // see resetCard
	}
	l.doc.Destroy()
	clear(l.pkg)
}

func (r goroutines) destroy(before *work, l holdings) {
	go func() { <-before.done; r.Runner.destroy(l) }()
}

// settle gives a transaction its one outcome: the journal, the money, the centre, in this order, and every one of
// them whatever became of the others. A refusal has its consequences whatever ended the visit: a finger, or a fault, may have come
// between it and its event.
func (r *Runner) settle(c cause, v visit, l holdings) answer {
	if !l.begun {
		clear(l.pkg)
		return unjudged(c, l)
	}
	e := l.ending(c, v)
	judged := error(nil)
	switch {
	case l.out && l.refusal != nil: // the queue ends it
		judged = r.refused(c, v, l, nil)
	case e.Outcome != protocol.Refused:
		clear(l.pkg)
	}
	err := r.journal(e, c, v, l)
	if err != nil && l.out { // what is not written down was not confirmed
		e = l.unread(e)
	}
	if l.asked {
		r.pay(v, e)
	}
	a := r.must(errors.Join(judged, err, r.tell(e, l)), Settled)
	if a.ended = &e; a.event == Settled {
		a.event, a.detail = unjudged(c, l).event, unjudged(c, l).detail
	}
	return a
}

// ending decides the one outcome.
func (l holdings) ending(c cause, v visit) Ending {
	e := Ending{Visit: v.number, Transaction: l.transaction, Municipality: v.chosen.Offer.Municipality,
		Certificate: v.chosen.Offer.Certificate, Reason: c.event.String(), Document: l.doc.Document()}
	if c.from == Committing && c.event == Denied {
		e.Reason = v.word
	}
	switch {
	case l.out:
		return l.read(e)
	case l.result != nil:
		e.Outcome, e.Impressions, e.Reason = l.result.Outcome, l.result.Impressions, l.result.Reason
	case l.sending:
		e.Outcome = protocol.Unsure
	case l.refusal != nil:
		e.Outcome, e.Code, e.Also, e.Reason = protocol.Refused, l.refusal.Code, slices.Clone(l.refusal.Also), string(l.refusal.Code)
		e.Document = l.refusal.Document
		if l.verified {
			e.Document = l.doc.Document()
		}
	case l.accepted:
		e.Outcome = protocol.Void
	default:
		e.Outcome = protocol.Abandoned
	}
	return e
}

// read is the outcome of what came out whole at a counter: what a member of staff made of it.
func (l holdings) read(e Ending) Ending {
	if l.staff == "" {
		return l.unread(e)
	}
	e.Outcome, e.Impressions, e.Reason, e.Staff = protocol.Printed, l.result.Impressions, l.result.Reason, l.staff
	if l.refusal != nil {
		e.Outcome, e.Code, e.Reason = protocol.Refused, l.refusal.Code, string(l.refusal.Code)
	}
	return e
}

// unread is its outcome where nobody's word is written down.
func (l holdings) unread(e Ending) Ending {
	e.Outcome, e.Impressions, e.Code, e.Reason, e.Staff = protocol.Unsure, l.result.Impressions, "", string(IncidentUnconfirmed), ""
	return e
}

// journal records the outcome, unless the queue did so when the paper's fate was known.
func (r *Runner) journal(e Ending, c cause, v visit, l holdings) error {
	defer v.hand.timed(byJournal)()
	switch {
	case l.out:
		return r.call(r.limit.End, func(ctx context.Context) error {
			return r.parts.Queue.Confirm(ctx, e.Transaction, e.Outcome, e.Reason, e.Staff)
		})
	case l.result != nil:
		return nil
	case e.Outcome == protocol.Refused:
		return r.refused(c, v, l, &e)
	case e.Outcome == protocol.Void:
		return r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Queue.Void(ctx, e.Visit, l.doc, e.Reason) })
	}
	return r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.Ended(ctx, e) })
}

// pay keeps the money of what is printed, and returns all other.
func (r *Runner) pay(v visit, e Ending) {
	if e.Outcome == protocol.Printed {
		r.money(v, func(ctx context.Context) error { return r.parts.Payment.Keep(ctx, e.Transaction) })
		return
	}
	r.money(v, func(ctx context.Context) error { return r.parts.Payment.Return(ctx, e.Transaction) })
}

// money does one thing with the fee. Failing, it is an incident: somebody has money that is not his.
func (r *Runner) money(v visit, f func(context.Context) error) {
	stop := v.hand.timed(byPayment)
	err := r.call(r.limit.End, f)
	stop()
	if err == nil {
		return
	}
	i := Incident{Kind: IncidentMoney, Visit: v.number, Transaction: v.transaction(), State: Settling, Event: Trouble}
	if a := r.raise(i); a.event == Fault {
		r.post(func() { r.answered(nil, a) })
	}
}

// tell makes the centre know: a transaction that came to nothing is killed there at once, and its outcome handed
// over for delivery. That it could not be killed at once is no harm: the outcome says the same, later.
func (r *Runner) tell(e Ending, l holdings) error {
	if e.Outcome == protocol.Abandoned || e.Outcome == protocol.Void {
		_ = r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Centre.Cancel(ctx, e.Transaction) })
	}
	report := protocol.OutcomeReport{Outcome: e.Outcome, Reason: e.Reason, Impressions: e.Impressions, Document: e.Document, Staff: e.Staff}
	if l.signed {
		report.ReleaseSignature = l.signature.Bytes()
	}
	return r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Centre.Outcome(ctx, e.Transaction, report) })
}

package session

import (
	"context"
	"errors"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool"
	"honnin/spool/document"
)

// fetch applies, and waits for the package.
func (r *Runner) fetch(ctx context.Context, v visit) answer {
	if r.parts.Latches.Closed(v.chosen.Offer.Municipality) {
		return denied(NotOffered, "", "stopped")
	}
	defer v.hand.timed(byCentre)()
	if err := r.parts.Centre.Suspended(ctx, v.chosen.Offer.Municipality, protocol.Software{}); err != nil { // while somebody chose
		return no(err, "centre")
	}
	order := protocol.Order{Offer: v.chosen.Offer.ID, Options: v.chosen.Options, Copies: v.chosen.Copies}
	if err := r.parts.Centre.Apply(ctx, v.transaction(), order); err != nil {
		return no(err, "centre")
	}
	pkg, err := r.parts.Centre.Package(ctx, v.transaction())
	if err != nil {
		return r.refusable(v, err, "centre")
	}
	if !v.hand.take(func(h *holdings) { h.pkg = pkg }) {
		clear(pkg)
		r.late(v.number, v.transaction(), "package")
		return trouble("centre")
	}
	return say(Fetched)
}

// refusable keeps a refusal for whoever ends the transaction. One that comes after that has its consequences all the same.
func (r *Runner) refusable(v visit, err error, part string) answer {
	a := no(err, part)
	if a.event != Refused {
		return a
	}
	why := refusal(err)
	if !v.hand.owe(func(h *holdings) { h.refusal = why }) {
		r.late(v.number, v.transaction(), "refusal")
		if r.refused(cause{from: Clearing}, v, holdings{refusal: why}, nil) != nil {
			return faulty("journal")
		}
	}
	return a
}

// check is the check, and the journal's note that it passed.
func (r *Runner) check(ctx context.Context, v visit) answer {
	doc, err := r.verify(ctx, v)
	if err != nil {
		return r.refusable(v, err, "check")
	}
	if !v.hand.take(func(h *holdings) { h.doc, h.verified = doc, true }) {
		doc.Destroy()
		r.late(v.number, v.transaction(), "document")
		return trouble("check")
	}
	if a := r.accept(ctx, v, doc); a.event != Accepted {
		return a
	}
	return answer{event: Accepted, learn: func(v *visit) { v.paper.doc, v.paper.of = doc, doc.Pages()*doc.Copies() }}
}

// accept journals that the document passed. From the moment that is asked for, the transaction ends void, also where
// nobody knows what became of the asking.
func (r *Runner) accept(ctx context.Context, v visit, doc document.Verified) answer {
	defer v.hand.timed(byJournal)()
	if !v.hand.take(func(h *holdings) { h.accepted = true }) {
		return trouble("check")
	}
	if err := r.parts.Queue.Accept(ctx, v.number, doc); err != nil {
		v.hand.owe(func(h *holdings) { h.accepted = false })
		return unlessLeft(ctx, faulty("journal"))
	}
	if !v.hand.owe(func(*holdings) {}) {
		r.late(v.number, v.transaction(), "acceptance")
		return trouble("check")
	}
	return say(Accepted)
}

func (r *Runner) verify(ctx context.Context, v visit) (document.Verified, error) {
	defer v.hand.timed(byVerify)()
	return r.parts.Verifier.Verify(ctx, v.hand.look().pkg, v.expectation(r.parts.Terminal))
}

// hold takes the fee in keeping. From the moment it is asked for, it is returned or kept.
func (r *Runner) hold(ctx context.Context, v visit) answer {
	defer v.hand.timed(byPayment)()
	if !v.hand.take(func(h *holdings) { h.asked = true }) {
		return trouble("payment")
	}
	err := r.parts.Payment.Hold(ctx, v.transaction(), v.fee())
	switch {
	case err != nil && ctx.Err() != nil:
		return trouble("payment")
	case err != nil:
		return denied(NotPaid, "", "payment")
	case !v.hand.owe(func(*holdings) {}):
		r.late(v.number, v.transaction(), "fee")
		r.money(v, func(ctx context.Context) error { return r.parts.Payment.Return(ctx, v.transaction()) })
		return trouble("payment")
	}
	return answer{event: Held, learn: func(v *visit) { v.held = true }}
}

// releaseSignature asks the key for this very document. Another card's key gives a signature that does not verify.
func (r *Runner) releaseSignature(ctx context.Context, v visit) answer {
	raw, err := r.sign(ctx, v, protocol.ReleaseMessage(r.parts.Terminal, v.transaction(), v.paper.doc.Document()))
	if err != nil {
		return no(err, "reader")
	}
	defer clear(raw)
	s, err := r.parts.Verifier.ReleaseSignature(v.paper.doc, raw)
	if err != nil {
		return denied(CardRefused, reason.CardChanged, "")
	}
	if !v.hand.take(func(h *holdings) { h.signature, h.signed = s, true }) {
		r.late(v.number, v.transaction(), "signature")
		return trouble("reader")
	}
	v.hand.resetCard()
	return answer{event: Signed, learn: func(v *visit) { v.paper.signature = s }}
}

// commit asks whether the centre still lets this document out, then the register about it, and the printer once more.
func (r *Runner) commit(ctx context.Context, v visit) answer {
	if err := r.suspended(ctx, v); err != nil {
		return r.refusable(v, err, "centre")
	}
	f, err := r.inForce(ctx, v)
	if a := r.refusable(v, err, "register"); err != nil && a.event == Refused {
		return a
	}
	if err != nil {
		return trouble("register")
	}
	if word := r.printer(ctx); word != "" {
		return trouble(word)
	}
	return answer{event: Committed, learn: func(v *visit) { v.paper.inForce = f }}
}

func (r *Runner) suspended(ctx context.Context, v visit) error {
	defer v.hand.timed(byCentre)()
	return r.parts.Centre.Suspended(ctx, v.paper.doc.Municipality(), v.paper.doc.Software())
}

func (r *Runner) inForce(ctx context.Context, v visit) (document.InForce, error) {
	defer v.hand.timed(byRegister)()
	doc, fresh := v.paper.doc, protocol.NewNonce()
	question := protocol.InForceQuestion{Nonce: fresh, Document: doc.Document(), Token: doc.Token()}
	raw, err := r.parts.Centre.InForce(ctx, v.transaction(), question)
	if err != nil {
		return document.InForce{}, err
	}
	return r.parts.Verifier.InForce(doc, fresh, raw)
}

// release journals the intent. A document that is too old, or a queue that is not empty, is trouble; everything
// else is the journal's, and nobody knows what it holds.
func (r *Runner) release(ctx context.Context, v visit) answer {
	defer v.hand.timed(byJournal)()
	if !v.hand.take(func(h *holdings) { h.sending = true }) { // ended by a fault, before this work came to begin
		return trouble("printer")
	}
	doc, err := r.parts.Queue.Release(ctx, v.number, v.paper.doc, v.paper.inForce, v.paper.signature)
	if err == nil {
		return answer{event: Released, learn: func(v *visit) { v.paper.released = doc }}
	}
	v.hand.owe(func(h *holdings) { h.sending = false })
	if errors.Is(err, document.ErrTooLate) || errors.Is(err, spool.ErrNotEmpty) {
		return trouble("printer")
	}
	return faulty("journal")
}

// print is the one place from which paper is moved.
func (r *Runner) print(ctx context.Context, v visit) answer {
	defer v.hand.timed(byPrint)()
	got, err := r.parts.Queue.Print(ctx, v.paper.released, func(n int) { r.post(func() { r.progress(v.hand, n) }) })
	r.post(func() { r.alarms++ }) // who looked before has not seen what this left
	if err != nil || got.Outcome != protocol.Printed && got.Outcome != protocol.Failed {
		got.Outcome = protocol.Unsure
	}
	out := got.Outcome == protocol.Printed && r.atCounter()
	if !v.hand.owe(func(h *holdings) { h.result, h.out = &got, out }) {
		r.late(v.number, v.transaction(), "outcome")
	}
	if out {
		return say(Out)
	}
	return say(r.onPaper(ctx, got))
}

// onPaper names the outcome. After a failure the queue knows whether anything may lie in tray or path.
func (r *Runner) onPaper(ctx context.Context, got spool.Result) Event {
	switch got.Outcome {
	case protocol.Printed:
		return Printed
	case protocol.Failed:
		latched, err := r.parts.Ledger.Latched(context.WithoutCancel(ctx))
		if err == nil && !latched && got.Impressions == 0 {
			return PrintFailed
		}
		return PrintSpoiled
	}
	return PrintUnsure
}

// progress is shown while the state still waits for this paper.
func (r *Runner) progress(hand *custody, n int) {
	if r.state == Printing && r.visit.hand == hand && n > r.visit.paper.done {
		r.visit.paper.done = min(n, r.visit.paper.of)
		r.show()
	}
}

// awaitPaper waits for the sensor. Without one it waits for a finger, or the clock.
func (r *Runner) awaitPaper(ctx context.Context, _ visit) answer {
	if r.parts.Tray == nil {
		wait(ctx, nil, 0)
		return say(Trouble)
	}
	if r.parts.Tray.Taken(ctx) != nil {
		return say(Trouble)
	}
	return say(PaperTaken)
}

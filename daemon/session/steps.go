package session

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// look asks every part whether a visit may begin, and remembers the first that says no.
func (r *Runner) look(ctx context.Context, _ visit) answer {
	word, err := r.missing(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		return faulty("journal")
	case word != "":
		return without(word)
	}
	return say(Ready)
}

func without(part string) answer {
	return answer{event: NotReady, learn: func(v *visit) { v.word = part }}
}

func (r *Runner) lookLater(ctx context.Context, v visit) answer {
	wait(ctx, r.again, r.limit.LookAgain)
	return r.look(ctx, v)
}

// missing names the part that is not ready. Its error is the journal's.
func (r *Runner) missing(ctx context.Context) (word string, err error) {
	latched, err := r.parts.Ledger.Latched(ctx)
	switch {
	case err != nil:
		return "journal", err
	case latched:
		return "staff", nil
	}
	if word := r.printer(ctx); word != "" {
		return word, nil
	}
	switch err := r.parts.Centre.Ready(ctx); {
	case errors.Is(err, ErrClock):
		return "clock", nil
	case errors.Is(err, ErrPolicy):
		return "policy", nil
	case errors.Is(err, ErrStopped):
		return "stopped", nil
	case errors.Is(err, ErrClosed):
		return "closed", nil
	case errors.Is(err, ErrSelfTest):
		return "selftest", nil
	case errors.Is(err, ErrSelfTestFailed):
		return "selftest-failed", nil
	case err != nil:
		return "centre", nil
	}
	return "", nil
}

// printer returns "" when the printer is ready and empty, else a word.
func (r *Runner) printer(ctx context.Context) string {
	is, err := r.parts.Queue.Ready(ctx)
	switch {
	case err == nil && is.Ready:
		return ""
	case is.Reason == "":
		return "printer"
	}
	return is.Reason
}

// open gives the visit its number.
func (r *Runner) open(ctx context.Context, v visit) answer {
	if a := r.look(ctx, v); a.event != Ready {
		return a
	}
	n, err := r.parts.Ledger.BeginVisit(ctx)
	if err != nil {
		return unlessLeft(ctx, faulty("journal"))
	}
	if !v.hand.owe(func(h *holdings) { h.visit = n }) {
		r.late(n, protocol.Transaction{}, "visit")
		return r.must(r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.EndVisit(ctx, n) }), Trouble)
	}
	ref := reference(r.parts.Terminal, time.Now(), n)
	return answer{event: Ready, learn: func(v *visit) { v.number, v.reference = n, ref }}
}

// unlessLeft returns a, unless the state was left meanwhile: an error is no wonder then.
func unlessLeft(ctx context.Context, a answer) answer {
	if ctx.Err() != nil {
		return say(Trouble)
	}
	return a
}

// must turns a journal's error into a fault.
func (r *Runner) must(err error, e Event) answer {
	if err != nil {
		return faulty("journal")
	}
	return say(e)
}

// late counts something that came for a dead transaction. It was destroyed, or settled, by the caller.
func (r *Runner) late(visit uint64, t protocol.Transaction, what string) {
	r.tally.late()
	if r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Ledger.Late(ctx, visit, t, what) }) != nil {
		r.post(func() { r.answered(nil, faulty("journal")) })
	}
}

// read judges the card before it tells anybody of it, then begins the transaction.
func (r *Runner) read(ctx context.Context, v visit) answer {
	who, err := r.connect(ctx, v)
	switch {
	case err != nil:
		return no(err, "reader")
	case who.tries == 0:
		return denied(PINIsBlocked, "", "")
	}
	if a := r.begins(ctx, v, &who); a.event != Ready {
		return a
	}
	learn := func(v *visit) { v.applicant = who }
	return answer{event: asking(who), learn: learn}
}

// asking is how the PIN is asked for, or asked for again.
func asking(who applicant) Event {
	switch one := who.tries == 1; {
	case who.pad == UsedPad && one:
		return PadOneTry
	case who.pad == UsedPad:
		return PadCard
	case one:
		return OneTryLeft
	}
	return CardRead
}

// connect opens the card, judges its certificate and asks for the tries left.
func (r *Runner) connect(ctx context.Context, v visit) (who applicant, err error) {
	defer v.hand.timed(byCard)()
	card, err := r.parts.Reader.Connect(ctx)
	if err != nil {
		return who, err
	}
	if !v.hand.take(func(h *holdings) { h.card = card }) {
		_ = card.Close()
		r.late(v.number, v.transaction(), "card")
		return who, context.Canceled
	}
	if who.certificate, err = card.Certificate(ctx); err != nil {
		return who, err
	}
	if err = r.parts.Verifier.CheckCard(who.certificate); err != nil {
		return who, cardError(err)
	}
	if who.card, err = x509.ParseCertificate(who.certificate); err != nil {
		return who, cardError(err)
	}
	who.tries, err = card.Tries(ctx)
	who.pad = card.Pad()
	return who, err
}

// cardError makes sure that a card which did not pass is refused as a card.
func cardError(err error) error {
	if c := reason.Of(err); c != "" && c.Class() == reason.Card {
		return err
	}
	return reason.Errorf(reason.CardUntrusted, "not accepted")
}

// begins opens the transaction at the centre.
func (r *Runner) begins(ctx context.Context, v visit, who *applicant) answer {
	defer v.hand.timed(byCentre)()
	who.nonce, who.began = protocol.NewNonce(), time.Now()
	begun, err := r.parts.Centre.Begin(ctx, protocol.Begin{Terminal: r.parts.Terminal, Nonce: who.nonce, Channel: r.parts.Channel})
	if err != nil {
		return no(err, "centre")
	}
	who.begun = begun
	if v.hand.owe(func(h *holdings) { h.begun, h.transaction = true, begun.Transaction }) {
		return say(Ready)
	}
	r.late(v.number, begun.Transaction, "transaction")
	return r.settle(cause{from: Reading, event: Timeout}, v, holdings{begun: true, transaction: begun.Transaction})
}

// verifyPIN sends the PIN once, and overwrites it whatever the card says.
func (r *Runner) verifyPIN(ctx context.Context, v visit) answer {
	defer v.hand.timed(byCard)()
	defer clear(v.pin)
	card, err := v.hand.onReader()
	if err != nil {
		return no(err, "reader")
	}
	got, err := card.VerifyPIN(ctx, v.pin)
	return judged(got, err, OneTryLeft)
}

// misfits is how often in a row the reader is asked again about what was no PIN; then it is asked whether somebody is there.
const misfits = 3

// verifyAtPad has the reader take the PIN. How long a person types is no machine time, and not counted.
func (r *Runner) verifyAtPad(ctx context.Context, v visit) answer {
	card, err := v.hand.onReader()
	if err != nil {
		return no(err, "reader")
	}
	got, err := card.VerifyAtPad(ctx)
	switch {
	case errors.Is(err, ErrPadCancelled):
		return say(Cancel)
	case errors.Is(err, ErrPadTimeout), err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return say(Timeout)
	case errors.Is(err, ErrPadForm) && v.applicant.misfits < misfits:
		return answer{event: PadCard, learn: func(v *visit) { v.applicant.wrong, v.applicant.misfits = false, v.applicant.misfits+1 }}
	case errors.Is(err, ErrPadForm):
		return say(Timeout)
	case errors.Is(err, ErrNoPad):
		return answer{event: CardRead, learn: func(v *visit) { v.applicant.pad = NoPad }}
	}
	return judged(got, err, PadOneTry)
}

// judged is what follows from the card's answer to a PIN; lastTry says that one try is left.
func judged(got PINResult, err error, lastTry Event) answer {
	switch {
	case err != nil:
		return no(err, "reader")
	case got.OK:
		return answer{event: PINRight, learn: func(v *visit) { v.applicant.wrong = false }}
	case got.Blocked, got.Left <= 0:
		return denied(PINIsBlocked, "", "")
	}
	learn := func(v *visit) { v.applicant.wrong, v.applicant.misfits, v.applicant.tries = true, 0, got.Left }
	if got.Left == 1 {
		return answer{event: lastTry, learn: learn}
	}
	return answer{event: PINWrong, learn: learn}
}

// authenticate lets the card prove that it holds its key, and asks what can be applied for.
func (r *Runner) authenticate(ctx context.Context, v visit) answer {
	who := v.applicant
	message := protocol.AuthenticationMessage(r.parts.Terminal, v.transaction(), who.nonce, who.begun.Challenge)
	proof, err := r.sign(ctx, v, message)
	if err != nil {
		return no(err, "reader")
	}
	defer clear(proof)
	if err := r.parts.Verifier.CheckProof(who.card, message, proof); err != nil {
		return no(cardError(err), "")
	}
	defer v.hand.timed(byCentre)()
	got, err := r.parts.Centre.Applicant(ctx, v.transaction(), protocol.Applicant{Certificate: who.certificate, Signature: proof})
	switch {
	case err != nil:
		return no(err, "centre")
	case len(got.Offers) == 0:
		return denied(NotOffered, "", "no-offers")
	}
	offers := r.withLatches(got.Offers)
	return answer{event: Offered, learn: func(v *visit) { v.applicant.offers = offers }}
}

// withLatches marks the offers of municipalities whose service is closed on this terminal, where nobody has said why yet.
func (r *Runner) withLatches(offers []protocol.Offer) []protocol.Offer {
	offers = slices.Clone(offers)
	for i, o := range offers {
		if o.Available && r.parts.Latches.Closed(o.Municipality) {
			offers[i].Available, offers[i].Why = false, "stopped"
		}
	}
	return offers
}

func (r *Runner) sign(ctx context.Context, v visit, message []byte) ([]byte, error) {
	defer v.hand.timed(byCard)()
	card, err := v.hand.onReader()
	if err != nil {
		return nil, err
	}
	return card.Sign(ctx, message)
}

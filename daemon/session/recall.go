package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"honnin/config/protocol"
)

// printed is the visit that printed last, as its incident would have it: nothing of it is personal. The zero value is none.
type printed struct {
	visit        uint64
	transaction  protocol.Transaction
	municipality protocol.Municipality
	document     protocol.Digest
	evidence     protocol.Evidence
	reference    string
}

// Recall is all that is kept of a visit beyond its end, so that its holder can come back and say "this is not mine": what an
// incident would say, the transaction's nonce, and the subject hash under it. It is in this one place, handed on from one policy to the
// next, and overwritten when the next visit begins, after [Limits].Recall, when it is written that the certificate was disowned, and at
// the end. It is safe for concurrent use; the zero value holds nothing.
type Recall struct {
	mu      sync.Mutex
	last    printed
	nonce   protocol.Nonce
	subject protocol.SubjectHash
	fades   time.Time
}

func (k *Recall) keep(p printed, nonce protocol.Nonce, certificate []byte, fades time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.nonce, k.subject, k.fades = p, nonce, protocol.HashSubject(nonce, certificate), fades
}

// Forget overwrites it.
func (k *Recall) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.nonce, k.subject, k.fades = printed{}, protocol.Nonce{}, protocol.SubjectHash{}, time.Time{}
}

func (k *Recall) look() printed {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

// lasts is how long it is still to be kept; 0: there is nothing.
func (k *Recall) lasts() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == (printed{}) {
		return 0
	}
	return max(time.Until(k.fades), 1)
}

// is reports whether the certificate (DER) is the one of the visit that is kept, in constant time.
func (k *Recall) is(certificate []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return protocol.HashSubject(k.nonce, certificate).Equal(k.subject) && k.last != (printed{})
}

// remember keeps the visit in hand, whose sheets are all out, as the one that printed last.
func (r *Runner) remember() {
	v := r.visit
	r.recall.keep(printed{v.number, v.transaction(), v.chosen.Offer.Municipality, v.paper.doc.Document(), v.paper.doc.Evidence(), v.reference}, v.applicant.nonce, v.applicant.certificate, time.Now().Add(r.limit.Recall))
	r.fading.Reset(r.limit.Recall)
}

// fade forgets the visit that printed last, but not while somebody is asked about it.
func (r *Runner) fade() {
	if r.visit.printed != (printed{}) {
		r.fading.Reset(r.limit.PlaceAgain)
		return
	}
	r.recall.Forget()
	r.show()
}

// disowns is the visit whose certificate a finger can disown now; 0: none.
func (r *Runner) disowns() uint64 {
	n, of := r.visit.number, r.recall.look().visit
	if lookUp(r.state, NotMine).verdict == move && (n == of || r.state == Idle || r.state == Unready) {
		return of
	}
	return 0
}

// notMine takes the button's word, if it is of the visit that it is shown for.
func (r *Runner) notMine(of uint64) {
	if of == 0 || of != r.disowns() {
		r.tally.otherVisit()
		return
	}
	r.happen(NotMine)
}

// recognise tells whether the card is the one of the visit that printed last. The PIN is not asked for, and the centre not told:
// what hangs on it is that the terminal stops, and for longer than any stranger could stop it.
func (r *Runner) recognise(ctx context.Context, _ visit) answer {
	certificate, err := r.certificate(ctx)
	switch {
	case err != nil && !errors.Is(err, ErrUnknownCard): // it slipped, or was misread: once more, while the time lasts
		wait(ctx, nil, r.limit.Pause)
		return say(Trouble)
	case err != nil, !r.recall.is(certificate):
		return say(OtherCard)
	}
	return say(SameCard)
}

func (r *Runner) certificate(ctx context.Context) ([]byte, error) {
	card, err := r.parts.Reader.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = card.Close() }() // nothing was opened on it
	return card.Certificate(ctx)
}

// disown has the journal, and with it the centre, know that a printed certificate is another's. Only when that is written is the
// person told so, and the visit forgotten; until then staff are called.
func (r *Runner) disown(c cause, v visit) answer {
	i := incident(c, v)
	err := r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Latches.Disowned(ctx, i, c.String()) })
	switch {
	case err == nil:
		r.post(func() { r.believed(v.printed) })
	case errors.Is(err, errPanic): // nobody keeps it: the incident at least is not lost
		return r.shut(c, v)
	}
	return r.must(err, Settled)
}

func (r *Runner) believed(p printed) {
	if r.recall.look() == p {
		r.recall.Forget()
	}
	if r.state == OutOfService && r.visit.word == string(IncidentNotMine) {
		r.visit.notice = Disowned
		r.show()
	}
}

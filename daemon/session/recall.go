package session

import (
	"context"
	"errors"
	"sync"

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

// recall is all that is kept of a visit beyond its end, so that its holder can come back and say "this is not mine": what an
// incident would say, the transaction's nonce, and the subject hash under it. It is in this one place, and overwritten when the next
// visit begins, after [Limits].Recall, when the certificate was disowned, and at the runner's end. It is safe for concurrent use.
type recall struct {
	mu      sync.Mutex
	last    printed
	nonce   protocol.Nonce
	subject protocol.SubjectHash
}

func (k *recall) keep(p printed, nonce protocol.Nonce, certificate []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.nonce, k.subject = p, nonce, protocol.HashSubject(nonce, certificate)
}

func (k *recall) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.nonce, k.subject = printed{}, protocol.Nonce{}, protocol.SubjectHash{}
}

func (k *recall) look() printed {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

// is reports whether the certificate (DER) is the one of the visit that is kept, in constant time.
func (k *recall) is(certificate []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return protocol.HashSubject(k.nonce, certificate).Equal(k.subject) && k.last != (printed{})
}

// remember keeps the visit in hand, whose sheets are out, as the one that printed last.
func (r *Runner) remember() {
	v := r.visit
	r.recall.keep(printed{v.number, v.transaction(), v.chosen.Offer.Municipality, v.paper.doc.Document(), v.paper.doc.Evidence(), v.reference}, v.applicant.nonce, v.applicant.certificate)
	r.fading.Reset(r.limit.Recall)
}

// fade forgets the visit that printed last, but not while somebody is asked about it.
func (r *Runner) fade() {
	if r.visit.printed != (printed{}) {
		r.fading.Reset(r.limit.PlaceAgain)
		return
	}
	r.recall.forget()
	r.show()
}

// disowns is the visit whose certificate a finger can disown now; 0: none.
func (r *Runner) disowns() uint64 {
	n, of := r.visit.number, r.recall.look().visit
	if lookUp(r.state, NotMine).verdict == move && (n == of || r.state == Idle) {
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
	case errors.Is(err, ErrCardGone):
		return say(CardOut)
	case err != nil && !errors.Is(err, ErrUnknownCard):
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

// disown has the journal, and with it the centre, know that a printed certificate is another's. Where the service could not be
// closed, the incident at least is not lost, and staff are called.
func (r *Runner) disown(c cause, v visit) answer {
	i := incident(c, v)
	if r.call(r.limit.End, func(ctx context.Context) error { return r.parts.Latches.Disowned(ctx, i, c.String()) }) != nil {
		return r.shut(c, v)
	}
	return say(Settled)
}

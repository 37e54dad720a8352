package session

import (
	"context"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
)

// CodeTries is how many wrong codes are borne in one visit. With the last of them the sheets count as unconfirmed: the
// terminal is closed, and whoever guesses has to wait for staff.
const CodeTries = 5

// vouch takes the word of a member of staff, if the code says that it is one's. It is overwritten in any case.
func (r *Runner) vouch(ctx context.Context, v visit) answer {
	defer clear(v.pin)
	is, known := r.parts.Staff.Confirms(v.said.staff, v.pin, v.chosen.Offer.Municipality)
	if !is {
		return r.wrongCode(ctx, v, known)
	}
	why, word := (*document.Refusal)(nil), say(Vouched)
	if !v.said.same {
		why = &document.Refusal{Code: reason.NameMismatch, Document: v.paper.doc.Document()}
		word = answer{event: Refused, learn: func(v *visit) { v.code = reason.NameMismatch }}
	}
	if !v.hand.take(func(h *holdings) { h.staff, h.refusal = known, why }) {
		return trouble("staff") // ended by a fault; nobody waits for this
	}
	return word
}

// wrongCode journals it before it is answered, and answers slowly: nobody tries many.
func (r *Runner) wrongCode(ctx context.Context, v visit, known string) answer {
	stop := v.hand.timed(byJournal)
	err := r.parts.Ledger.WrongCode(ctx, v.number, v.transaction(), known)
	stop()
	if err != nil {
		return unlessLeft(ctx, faulty("journal"))
	}
	count := func(v *visit) { v.codes++ }
	if v.codes+1 >= CodeTries {
		return answer{event: Denied, learn: count}
	}
	wait(ctx, nil, r.limit.Pause<<v.codes)
	return answer{event: NotVouched, learn: count}
}

// atCounter reports whether somebody has to read what came out.
func (r *Runner) atCounter() bool { return r.parts.Channel == protocol.Counter }

package session

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
)

// reply is how a part answers one call. In each call the explorer tries every reply that is possible there.
type reply uint8

const (
	fine      reply = iota + 1
	cancelled       // the context had ended, and the part said so
	gone            // the card is not there any more
	no1             // a no at which nobody is at fault: declined, wrong PIN, not ready, too late, no money
	refuses         // a document is refused
	jams            // some of it may be in the path
	nobody          // the printer does not know
	redKeyed        // the red key was pressed at the reader
	untyped         // nobody typed there
	misfit          // what was typed there is not four digits
	keyless         // it has not the keys that it claims
	errs            // from here on at the price of a fault: an error, and nothing was done
	errsDone        // an error, and yet it was done
	panics          //
	timesOut        // the job's own time has passed
)

var replyNames = [...]string{"", "", " (cancelled)", " (card gone)", " (no)", " (refused)", " (jam)", " (unsure)", " (red key)", " (nobody types)", " (not four digits)", " (no keys)", " (errs)", " (errs, but done)", " (panics)", " (times out)"}

// handle is one connection to a card.
type handle struct {
	who  who
	stay int8
}

// live reports whether the card of this connection still lies there.
func (n *node) live(h handle) bool { return n.lies != 0 && n.lay == h.stay && !n.readerLost }

// Cards of the small world.
var smallCards = [3][]byte{nil, cardNamed("Sample card 1"), cardNamed("Sample card 2")}

func whose(der []byte) who {
	for i := 1; der != nil && i < len(smallCards); i++ {
		if bytes.Equal(der, smallCards[i]) {
			return who(i)
		}
	}
	return 0
}

func signatureOf(w who) []byte { return []byte{'s', byte(w)} }

// The parts of the small world. Each is the stage under another hat. Where a law can be judged at a call, it is.
type (
	smallReader struct{ *stage }
	smallCard   struct {
		*stage
		handle handle
	}
	smallCentre   struct{ *stage }
	smallVerifier struct{ *stage }
	smallQueue    struct{ *stage }
	smallPayment  struct{ *stage }
	smallLedger   struct{ *stage }
	smallRest     struct{ *stage }
)

func (s smallReader) Watch(context.Context, func(bool)) error { return nil }

func (s smallReader) Connect(context.Context) (Card, error) {
	got, live := s.asks("connect", s.onCard(s.n.lies != 0 && !s.n.readerLost)...)
	if live && got == fine {
		s.t.handle = handle{s.n.lies, s.n.lay}
		s.n.cards++
	}
	return smallCard{s.stage, s.t.handle}, s.err(got)
}

// onCard is how a card answers, if it is there.
func (s *stage) onCard(there bool) []reply {
	if !there {
		return []reply{gone}
	}
	return []reply{fine, errs}
}

func (c smallCard) Certificate(context.Context) ([]byte, error) {
	got, live := c.asks("certificate", c.onCard(c.n.live(c.handle))...)
	if c.t.job.effect == Recognise && live && got == fine {
		c.n.shown = c.handle.who
	}
	if c.t.job.effect == Recognise && c.flaw == anyProves {
		return smallCards[c.n.owner], c.err(got)
	}
	return smallCards[c.handle.who], c.err(got)
}

func (c smallCard) Tries(context.Context) (int, error) {
	got, live := c.asksOn("tries", c.onCard(c.n.live(c.handle))...)
	if live {
		c.t.left = int(c.n.tries[c.handle.who])
	}
	return c.t.left, c.err(got)
}

// keys reports whether the reader has keys, as far as is known.
func (s *stage) keys() bool { return s.pad && !s.n.padless }

func (c smallCard) Pad() Pad {
	if c.keys() {
		return UsedPad
	}
	return NoPad
}

func (c smallCard) VerifyPIN(context.Context, []byte) (PINResult, error) {
	c.law(!c.keys(), "a PIN comes here that was to be typed at the reader")
	return c.judgePIN("PIN")
}

func (c smallCard) VerifyAtPad(context.Context) (PINResult, error) {
	c.law(c.pad, "keys are asked that are not there")
	also := []reply{redKeyed, untyped, misfit}
	if c.claims {
		also = append(also, keyless)
	}
	return c.judgePIN("PIN at the reader", also...)
}

// judgePIN is the card's word on a PIN, or what else may come of asking for one.
func (c smallCard) judgePIN(call string, also ...reply) (PINResult, error) {
	may := c.onCard(c.n.live(c.handle))
	if may[0] == fine {
		may = append(append(may, no1), also...)
	}
	got, live := c.asks(call, may...)
	c.n.padless = c.n.padless || live && got == keyless
	left := &c.n.tries[c.handle.who]
	if live && got == fine {
		*left = 2
		c.book(c.t.job.visit.hand).pin = true
	}
	if live && got == no1 {
		*left--
		return PINResult{Left: int(*left), Blocked: *left == 0}, nil
	}
	return PINResult{OK: got == fine}, c.err(got)
}

func (c smallCard) Sign(context.Context, []byte) ([]byte, error) {
	if c.flaw == anyCard && c.t.job.effect == Sign && c.n.lies != 0 {
		got, _ := c.asks("sign", fine)
		return signatureOf(c.n.lies), c.err(got)
	}
	got, _ := c.asks("sign", c.onCard(c.n.live(c.handle))...)
	return signatureOf(c.handle.who), c.err(got)
}

func (c smallCard) Close() error {
	if !c.stands {
		c.n.cards--
	}
	return nil
}

func (s smallCentre) Ready(context.Context) error {
	got, _ := s.asksOn("centre ready", fine, no1)
	return s.err(got)
}

func (s smallCentre) Begin(context.Context, protocol.Begin) (b protocol.Begun, err error) {
	got, live := s.asks("begin", fine, no1, errs)
	if live && got == fine {
		s.law(s.t.cancelled || s.n.opened > 0, "a transaction without a visit")
		s.n.deals++
		s.law(s.t.cancelled || s.r.recall.look() == printed{}, "a visit has begun, and the one before is still known")
		for i := range s.n.books {
			b := &s.n.books[i]
			s.law(s.t.cancelled || !b.open || b.journal != "" || b.broken, "a transaction begins before the last has ended")
		}
		s.n.books[s.n.deals] = book{open: true, card: s.t.handle.who}
		b.Transaction[0] = byte(s.n.deals)
	}
	return b, s.err(got)
}

func (s smallCentre) Applicant(_ context.Context, t protocol.Transaction, a protocol.Applicant) (o protocol.Offers, err error) {
	b := &s.n.books[t[0]]
	s.law(b.dead || b.pin && b.card == whose(a.Certificate), "an applicant without the PIN, or with another's certificate")
	got, live := s.asks("applicant", fine, no1, errs)
	if live && got == fine {
		b.proof = who(a.Signature[1])
	}
	return protocol.Offers{Offers: smallOffers}, s.err(got)
}

var smallOffers = []protocol.Offer{{ID: "o1", Municipality: town, Certificate: protocol.ResidentRecord, Fee: 200, Available: true}}

func (s smallCentre) Apply(context.Context, protocol.Transaction, protocol.Order) error {
	got, _ := s.asks("apply", fine, no1, errs)
	return s.err(got)
}

func (s smallCentre) Package(context.Context, protocol.Transaction) ([]byte, error) {
	got, live := s.asks("package", fine, errs)
	if got != fine || !live {
		return nil, s.err(got)
	}
	p := []byte{'p'}
	s.n.pkgs = append(s.n.pkgs, p)
	if h := s.t.job.visit.hand; h.dying || h.closed {
		s.tooLate = true
	}
	return p, nil
}

func (s smallCentre) Suspended(context.Context, protocol.Municipality, protocol.Software) error {
	got, live := s.asks("suspended", fine, no1, errs)
	if live && got == fine && s.t.job.effect == Commit {
		s.book(s.t.job.visit.hand).clear = true
	}
	return s.err(got)
}

func (s smallCentre) InForce(context.Context, protocol.Transaction, protocol.InForceQuestion) ([]byte, error) {
	got, _ := s.asks("in force", fine, refuses, errs)
	return []byte{byte(got)}, s.err(got)
}

func (s smallCentre) Cancel(context.Context, protocol.Transaction) error { return nil }

func (s smallCentre) Outcome(_ context.Context, t protocol.Transaction, r protocol.OutcomeReport) error {
	b := &s.n.books[t[0]]
	if got := s.atOnce("outcome", fine, errs); got != fine {
		b.broken = true
		return errBroken
	}
	s.law(b.teller == "", "a second outcome for the centre")
	s.law(b.broken || b.journal == r.Outcome, "the centre hears %q, the journal %q", r.Outcome, b.journal)
	b.teller = r.Outcome
	return nil
}

func (s smallVerifier) CheckCard([]byte) error { return nil }

func (s smallVerifier) CheckProof(c *x509.Certificate, _, signature []byte) error {
	if whose(c.Raw) != who(signature[1]) {
		return errBroken
	}
	return nil
}

func (s smallVerifier) Verify(_ context.Context, pkg []byte, want document.Expectation) (d document.Verified, err error) {
	got, live := s.asks("verify", fine, refuses, errs)
	b := &s.n.books[want.Transaction[0]]
	if live && got == fine {
		s.law(len(pkg) == 1 && pkg[0] == 'p' || s.t.cancelled, "the check of nothing")
		b.verified = whose(want.Card.Raw)
	}
	return d, s.err(got)
}

func (s smallVerifier) ReleaseSignature(_ document.Verified, signature []byte) (r document.ReleaseSignature, err error) {
	b := s.book(s.t.job.visit.hand)
	if who(signature[1]) != b.verified && s.flaw != anyCard {
		return r, reason.Errorf(reason.CardChanged, "")
	}
	b.signed = who(signature[1])
	return r, nil
}

func (s smallVerifier) InForce(_ document.Verified, _ protocol.Nonce, answer []byte) (f document.InForce, err error) {
	if reply(answer[0]) != fine {
		return f, reason.Errorf(reason.RegisterMismatch, "")
	}
	s.book(s.t.job.visit.hand).inForce = true
	return f, nil
}

// err is what a part returns with a reply.
func (s *stage) err(r reply) error {
	switch r {
	case fine:
		return nil
	case cancelled:
		return context.Canceled
	case gone:
		if s.n.readerLost {
			return errBroken
		}
		return ErrCardGone
	case no1:
		return &Declined{"no"}
	case redKeyed:
		return ErrPadCancelled
	case untyped:
		return ErrPadTimeout
	case misfit:
		return ErrPadForm
	case keyless:
		return ErrNoPad
	case refuses:
		return &document.Refusal{Code: reason.PDFFont}
	}
	return fmt.Errorf("reply %d: %w", r, errBroken)
}

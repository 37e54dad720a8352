package session

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool"
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
	keyless         // it has not the keys that it claims
	errs            // from here on at the price of a fault: an error, and nothing was done
	errsDone        // an error, and yet it was done
	panics          //
	timesOut        // the job's own time has passed
)

var replyNames = [...]string{"", "", " (cancelled)", " (card gone)", " (no)", " (refused)", " (jam)", " (unsure)", " (red key)", " (nobody types)", " (no keys)", " (errs)", " (errs, but done)", " (panics)", " (times out)"}

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
	got, _ := c.asks("certificate", c.onCard(c.n.live(c.handle))...)
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
	also := []reply{redKeyed, untyped}
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

func (c smallCard) Close() error { c.n.cards--; return nil }

func (s smallCentre) Ready(context.Context) error {
	got, _ := s.asksOn("centre ready", fine, no1)
	return s.err(got)
}

func (s smallCentre) Begin(context.Context, protocol.Begin) (b protocol.Begun, err error) {
	got, live := s.asks("begin", fine, no1, errs)
	if live && got == fine {
		s.law(s.t.cancelled || s.n.opened > 0, "a transaction without a visit")
		s.n.deals++
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

func (s smallQueue) Ready(context.Context) (spool.Readiness, error) {
	may := []reply{fine, no1, errs}
	if slices.ContainsFunc(s.n.books[:], func(b book) bool { return b.bytes && b.result == "" }) {
		may = may[1:] // the device has a job
	}
	ask := s.asksOn
	if s.t.job.effect == Commit {
		ask = s.asks
	}
	got, _ := ask("printer ready", may...)
	if got == no1 {
		return spool.Readiness{Reason: "jobs-waiting"}, nil
	}
	return spool.Readiness{Ready: got == fine}, s.err(got)
}

func (s smallQueue) Accept(context.Context, uint64, document.Verified) error {
	b := s.book(s.t.job.visit.hand)
	s.law(!s.issues() || !b.dead, "accepted after the transaction was ended")
	got, live := s.asks("accept", fine, errs)
	if live && got == fine {
		s.law(b.dead || b.verified != 0 && b.verified == b.card && b.proof == b.card, "accepted for another card than the one that proved itself")
		b.accepted = true
	}
	return s.err(got)
}

func (s smallQueue) Void(_ context.Context, _ uint64, _ document.Verified, _ string) error {
	return s.end(s.book(s.finishes), protocol.Void)
}

// end is the journal's word on a transaction.
func (s *stage) end(b *book, o protocol.Outcome) error {
	if s.atOnce("journal "+string(o), fine, errs) != fine {
		b.broken = true
		return errBroken
	}
	s.law(b.journal == "", "a second outcome in the journal: %q, %q", b.journal, o)
	b.journal = o
	return nil
}

func (s smallQueue) Release(context.Context, uint64, document.Verified, document.InForce, document.ReleaseSignature) (r spool.Released, err error) {
	b := s.book(s.t.job.visit.hand)
	if s.issues() {
		s.toPaper(b)
	}
	got, live := s.asks("release", fine, no1, errs, errsDone)
	if live && (got == fine || got == errsDone) && s.flaw != noIntent {
		b.sending = true
	}
	if got == no1 {
		return r, spool.ErrNotEmpty
	}
	return r, s.err(got)
}

// toPaper is what must be true of a document on its way to paper, at the release and at the first byte.
func (s *stage) toPaper(b *book) {
	if s.law(!b.dead, "after the transaction was ended"); b.dead {
		return
	}
	s.law(b.pin && b.card != 0 && b.verified == b.card && b.proof == b.card, "not verified for the card that proved itself")
	s.law(b.signed == b.card, "without this card's release signature")
	s.law(b.accepted && b.inForce, "without acceptance or the register's answer")
	s.law(b.money == held || b.owed, "with the fee %v", b.money)
	s.law(s.n.lies == 0 || s.n.lay != s.n.began, "paper before the card is back")
	s.law(s.n.clear(), "paper lies there")
}

func (s smallQueue) Print(context.Context, spool.Released, spool.Progress) (spool.Result, error) {
	b := s.book(s.t.job.visit.hand)
	if s.issues() {
		s.toPaper(b)
		s.law(b.sending, "a byte before the journal")
		s.law(!b.bytes, "printed twice")
		b.bytes = true
	}
	got, live := s.asks("print", fine, no1, jams, nobody)
	word := map[reply]protocol.Outcome{fine: protocol.Printed, no1: protocol.Failed, jams: protocol.Failed, nobody: protocol.Unsure, cancelled: protocol.Unsure}[got]
	if live {
		b.result = word
		s.n.tray = s.n.tray || got == fine
		s.n.dirty = s.n.dirty || word == protocol.Unsure || got == jams
		s.n.latched = s.n.latched || s.n.dirty && s.flaw != quietQueue
		if s.r.atCounter() && word == protocol.Printed && b.journal == "" {
			return spool.Result{Outcome: word}, nil
		}
		if b.journal != "" {
			return spool.Result{Outcome: word}, errBroken // the journal takes no second outcome
		}
		b.journal = word
	}
	return spool.Result{Outcome: word}, nil
}

func (s smallQueue) Confirm(_ context.Context, t protocol.Transaction, o protocol.Outcome, _, staff string) error {
	b := &s.n.books[t[0]]
	if staff == "" {
		o = protocol.Unsure
	}
	err := s.end(b, o)
	s.n.latched = s.n.latched || err == nil && staff == "" && s.flaw != silentQueue
	return err
}

func (s smallRest) Confirms(id string, _ []byte, _ protocol.Municipality) (bool, string) {
	may := []reply{fine}
	if s.n.wrongs > 0 || !s.answers {
		may = append(may, no1)
	}
	got, live := s.asks("whose code", may...)
	if live && got == no1 {
		s.n.wrongs--
	}
	b := s.book(s.t.job.visit.hand)
	if live && got == fine {
		s.law(id == staffID && b.result == protocol.Printed, "a word about what is not out")
		b.read = map[bool]reply{true: fine, false: refuses}[s.t.job.visit.said.same]
	}
	return got == fine, staffID
}

func (s smallPayment) Hold(context.Context, protocol.Transaction, int) error {
	b := s.book(s.t.job.visit.hand)
	s.law(!s.issues() || !b.dead, "the fee is asked for after the transaction was ended")
	got, live := s.asks("hold", fine, no1, errs, errsDone)
	if live && (got == fine || got == errsDone) {
		s.law(b.accepted && b.money == none, "the fee is taken before the check, or twice")
		b.money = held
	}
	return s.err(got)
}

func (s smallPayment) Keep(_ context.Context, t protocol.Transaction) error {
	b := &s.n.books[t[0]]
	s.law(!s.r.atCounter() || b.read == fine, "the fee is kept, and nobody confirmed the name")
	s.law(b.result == protocol.Printed && b.money == held, "the fee (%v) is kept, and the paper is %q", b.money, b.result)
	return s.moves(b, "keep", kept)
}

func (s smallPayment) Return(ctx context.Context, t protocol.Transaction) error {
	if s.flaw == keepAll {
		return s.Keep(ctx, t)
	}
	b := &s.n.books[t[0]]
	s.law(b.money != kept, "the fee is kept and returned")
	if b.money == none {
		return nil
	}
	return s.moves(b, "return", returned)
}

func (s *stage) moves(b *book, call string, to money) error {
	if s.atOnce(call, fine, errs) != fine {
		b.owed = true
		return errBroken
	}
	b.money = to
	return nil
}

func (s smallLedger) BeginVisit(context.Context) (uint64, error) {
	got, live := s.asks("begin visit", fine, errs)
	if live && got == fine {
		s.law(s.t.cancelled || s.n.clear() && !s.n.latched, "a visit begins while staff are needed or paper lies there")
		s.n.visits++
		s.n.opened++
	}
	return uint64(s.n.visits), s.err(got)
}

func (s smallLedger) EndVisit(context.Context, uint64) error {
	s.n.opened--
	return nil
}

func (s smallLedger) Ended(_ context.Context, e Ending) error {
	return s.end(&s.n.books[e.Transaction[0]], e.Outcome)
}

func (s smallLedger) Incident(context.Context, Incident) error { return s.maybe("incident") }

func (s smallLedger) Latched(context.Context) (bool, error) {
	ask := s.asks
	if s.t.job.effect == Print {
		ask = s.asksOn
	}
	got, _ := ask("staff needed?", fine, errs)
	return s.n.latched && s.flaw != noStaff, s.err(got)
}

func (s smallLedger) Latch(context.Context, uint64, protocol.Transaction, string) error {
	err := s.maybe("latch")
	s.n.latched = s.n.latched || err == nil
	s.n.latchLost = s.n.latchLost || err != nil
	return err
}

func (s smallLedger) StaffReady(context.Context, string) error { return nil }

func (s smallLedger) WrongCode(context.Context, uint64, protocol.Transaction, string) error {
	got, _ := s.asks("wrong code", fine, errs)
	return s.err(got)
}

func (s smallLedger) Late(_ context.Context, _ uint64, _ protocol.Transaction, what string) error {
	s.tooLate = s.tooLate && what != "package"
	return nil
}

// maybe is a call that does its work, or fails.
func (s *stage) maybe(call string) error {
	if s.atOnce(call, fine, errs) != fine {
		return errBroken
	}
	return nil
}

func (s smallRest) Closed(protocol.Municipality) bool { return false }

func (s smallRest) Refused(context.Context, protocol.Municipality, reason.Code, protocol.Transaction) error {
	return s.maybe("judge")
}

func (s smallRest) Show(View) {}

func (s smallRest) Taken(context.Context) error {
	got, live := s.asks("tray", fine, errs)
	if live && got == fine {
		s.n.tray = false
	}
	return s.err(got)
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
	case keyless:
		return ErrNoPad
	case refuses:
		return &document.Refusal{Code: reason.PDFFont}
	}
	return fmt.Errorf("reply %d: %w", r, errBroken)
}

package session

import (
	"context"
	"slices"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
)

// The parts of the small world that hold paper, money and the books.

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
	s.law(b.journal == "" && b.open, "a second outcome in the journal: %q, %q", b.journal, o)
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
	s.law(b.accepted && b.clear && b.inForce, "without acceptance, the centre's leave or the register's answer")
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
	s.law(e.Outcome != protocol.Refused, "a refused outcome without what follows from it")
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
	s.n.claimed = false
	return err
}

func (s smallLedger) Shut(ctx context.Context, i Incident, why string) error {
	return s.Latch(ctx, i.Visit, i.Transaction, why)
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

func (s smallRest) Refused(_ context.Context, r Refusal) error {
	clear(r.Package)
	if r.Ending == nil {
		s.law(s.r.atCounter(), "a refusal without its outcome")
		return s.maybe("judge")
	}
	return s.end(&s.n.books[r.Ending.Transaction[0]], r.Ending.Outcome)
}

func (s smallRest) Disowned(ctx context.Context, i Incident, why string) error {
	from := s.why.from
	s.law(i.Kind == IncidentNotMine && !i.Transaction.IsZero(), "of nothing it is said that it is another's: %v", i)
	s.law(from == AskedAtTray || from == AskedAtEnd || s.n.shown == s.n.owner && s.n.owner != 0, "whoever came later latches a service (%v)", from)
	if s.maybe("disowned") != nil {
		s.n.latchLost = true // it is kept, and written later
		return errBroken
	}
	s.n.latched, s.n.claimed = true, false
	return nil
}

func (s smallRest) Show(View) {}

func (s smallRest) Taken(context.Context) error {
	got, live := s.asks("tray", fine, errs)
	if live && got == fine {
		s.n.tray = false
	}
	return s.err(got)
}

package session

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
)

// The world's parts. Each is the world under another hat.

func (w *world) Watch(ctx context.Context, notify func(bool)) error {
	w.with(func() { w.notify = notify })
	if err := w.asked(ctx, "watch"); err != nil {
		return err
	}
	notify(false)
	select {
	case err := <-w.lose:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (w *world) Connect(ctx context.Context) (Card, error) {
	if err := w.asked(ctx, "connect"); err != nil {
		return nil, err
	}
	w.with(func() { w.cards++ })
	return card{w}, nil
}

type card struct{ *world }

func (w card) Certificate(ctx context.Context) ([]byte, error) {
	err := w.asked(ctx, "certificate")
	if w.other != nil {
		return w.other, err
	}
	return cardDER(), err
}

func (w card) Tries(ctx context.Context) (n int, err error) {
	w.with(func() { n = w.tries })
	return n, w.asked(ctx, "tries")
}

func (w card) VerifyPIN(ctx context.Context, pin []byte) (r PINResult, err error) {
	if err := w.asked(ctx, "pin"); err != nil {
		return r, err
	}
	return w.judge(string(pin)), nil
}

// judge is the card's word on a PIN.
func (w *world) judge(pin string) (r PINResult) {
	w.with(func() {
		if r.OK = pin == w.pin && w.tries > 0; r.OK {
			w.tries = 3
			return
		}
		w.tries = max(0, w.tries-1)
		r.Left, r.Blocked = w.tries, w.tries == 0
	})
	return r
}

func (w card) Pad() Pad { return w.pad }

// VerifyAtPad waits for fingers at the reader, which gives them half a minute.
func (w card) VerifyAtPad(ctx context.Context) (r PINResult, err error) {
	if err := w.asked(ctx, "pad"); err != nil {
		return r, err
	}
	patience := time.NewTimer(padPatience)
	defer patience.Stop()
	select {
	case typed := <-w.fingers:
		switch {
		case typed == redKey:
			return r, ErrPadCancelled
		case len(typed) != 4:
			return r, ErrPadForm
		}
		return w.judge(typed), nil
	case <-patience.C:
		return r, ErrPadTimeout
	case <-ctx.Done():
		return r, ctx.Err()
	}
}

func (w card) Sign(ctx context.Context, message []byte) ([]byte, error) {
	call := "proof"
	if string(message[:14]) == "honnin release" {
		call = "signature"
	}
	return []byte("signed"), w.asked(ctx, call)
}

func (w card) Close() error {
	w.with(func() { w.cards-- })
	return w.asked(context.Background(), "close")
}

type centre struct{ *world }

func (w centre) Ready(ctx context.Context) (err error) {
	w.with(func() {
		if len(w.unwritten) > 0 {
			err = ErrStopped
		}
	})
	return errors.Join(err, w.asked(ctx, "centre-ready"))
}

func (w centre) Begin(ctx context.Context, b protocol.Begin) (protocol.Begun, error) {
	if err := w.asked(ctx, "begin"); err != nil {
		return protocol.Begun{}, err
	}
	t := protocol.NewTransaction()
	w.with(func() { w.deals[t] = new(account); w.begun = append(w.begun, t) })
	return protocol.Begun{Transaction: t, Challenge: protocol.NewChallenge()}, nil
}

func (w centre) Applicant(ctx context.Context, t protocol.Transaction, _ protocol.Applicant) (protocol.Offers, error) {
	return protocol.Offers{Offers: w.offers}, w.asked(ctx, "applicant")
}

func (w centre) Apply(ctx context.Context, t protocol.Transaction, _ protocol.Order) error {
	return w.asked(ctx, "apply")
}

func (w centre) Package(ctx context.Context, t protocol.Transaction) ([]byte, error) {
	if err := w.asked(ctx, "package"); err != nil {
		return nil, err
	}
	b := []byte("somebody's certificate")
	w.with(func() { w.packages = append(w.packages, b) })
	return b, nil
}

func (w centre) Suspended(ctx context.Context, _ protocol.Municipality, _ protocol.Software) error {
	return w.asked(ctx, "suspended")
}

func (w centre) InForce(ctx context.Context, t protocol.Transaction, _ protocol.InForceQuestion) ([]byte, error) {
	return nil, w.asked(ctx, "in-force")
}

func (w centre) Cancel(ctx context.Context, t protocol.Transaction) error {
	return w.asked(ctx, "cancel")
}

func (w centre) Outcome(ctx context.Context, t protocol.Transaction, r protocol.OutcomeReport) error {
	if err := w.asked(ctx, "outcome"); err != nil {
		return err
	}
	w.with(func() { w.deals[t].centre = append(w.deals[t].centre, r.Outcome) })
	return nil
}

type verifier struct{ *world }

func (w verifier) CheckCard(der []byte) error { return w.asked(context.Background(), "check-card") }

func (w verifier) CheckProof(c *x509.Certificate, message, signature []byte) error {
	return w.asked(context.Background(), "check-proof")
}

func (w verifier) Verify(ctx context.Context, pkg []byte, want document.Expectation) (document.Verified, error) {
	if err := w.asked(ctx, "verify"); err != nil {
		return document.Verified{}, err
	}
	last := w.begun[len(w.begun)-1]
	if want.Transaction != last || want.Card == nil || want.Nonce == (protocol.Nonce{}) || want.Began.IsZero() || want.Application.Municipality != town ||
		want.Application.Options["household"] != protocol.Text("all") || want.Application.Copies != 2 || string(pkg) != "somebody's certificate" {
		return document.Verified{}, fmt.Errorf("wrong expectation %+v", want)
	}
	return document.Verified{}, w.verify
}

func (w verifier) ReleaseSignature(d document.Verified, s []byte) (document.ReleaseSignature, error) {
	return document.ReleaseSignature{}, w.asked(context.Background(), "check-signature")
}

func (w verifier) InForce(d document.Verified, fresh protocol.Nonce, answer []byte) (document.InForce, error) {
	return document.InForce{}, w.register
}

// end records an outcome. A second one is refused, as the journal does.
func (a *account) end(w *world, o protocol.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(a.journal) > 0 {
		w.seconds++
		return errBroken
	}
	a.journal = append(a.journal, o)
	return nil
}

// queue is a queue for one transaction at a time: the last one begun.
type queue struct{ *world }

func (w queue) deal() *account {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deals[w.begun[len(w.begun)-1]]
}

func (w queue) Ready(ctx context.Context) (is spool.Readiness, err error) {
	err = w.asked(ctx, "printer-ready")
	w.with(func() { is = w.ready })
	return is, err
}

func (w queue) Accept(ctx context.Context, visit uint64, d document.Verified) error {
	return w.asked(ctx, "accept")
}

func (w queue) Void(ctx context.Context, visit uint64, d document.Verified, why string) error {
	if err := w.asked(ctx, "void"); err != nil {
		return err
	}
	return w.deal().end(w.world, protocol.Void)
}

func (w queue) Release(ctx context.Context, visit uint64, d document.Verified, f document.InForce, s document.ReleaseSignature) (spool.Released, error) {
	return spool.Released{}, w.asked(ctx, "release")
}

func (w queue) Print(ctx context.Context, r spool.Released, p spool.Progress) (spool.Result, error) {
	deal := w.deal()
	w.with(func() { deal.prints++ })
	p(1)
	w.with(func() { w.progress = p })
	if err := w.asked(ctx, "print"); err != nil {
		return spool.Result{}, errors.Join(err, deal.end(w.world, protocol.Unsure))
	}
	if w.channel == protocol.Counter && w.result.Outcome == protocol.Printed {
		return w.result, nil // it waits for staff
	}
	return w.result, deal.end(w.world, w.result.Outcome)
}

func (w queue) Confirm(ctx context.Context, t protocol.Transaction, o protocol.Outcome, why, staff string) error {
	if err := w.asked(ctx, "confirm"); err != nil {
		return err
	}
	if staff == "" {
		o = protocol.Unsure
	}
	w.with(func() { w.deals[t].staff = staff })
	return w.deals[t].end(w.world, o)
}

// staff knows one member of staff.
type staff struct{ *world }

func (w staff) Confirms(id string, code []byte, m protocol.Municipality) (is bool, known string) {
	_ = w.asked(context.Background(), "vouch")
	if id != staffID || m != town {
		return false, ""
	}
	return string(code) == rightCode, id
}

type payment struct{ *world }

func (w payment) Hold(ctx context.Context, t protocol.Transaction, yen int) error {
	if yen != 400 {
		return fmt.Errorf("a fee of %d", yen)
	}
	if err := w.asked(ctx, "hold"); err != nil {
		return err
	}
	w.with(func() { w.deals[t].held = true })
	return nil
}

func (w payment) Keep(ctx context.Context, t protocol.Transaction) error {
	w.with(func() { w.deals[t].kept++ })
	return w.asked(ctx, "keep")
}

func (w payment) Return(ctx context.Context, t protocol.Transaction) error {
	w.with(func() { w.deals[t].returned++ })
	return w.asked(ctx, "return")
}

type ledger struct{ *world }

func (w ledger) BeginVisit(ctx context.Context) (uint64, error) {
	if err := w.asked(ctx, "begin-visit"); err != nil {
		return 0, err
	}
	var n uint64
	w.with(func() { w.visits++; w.open++; n = w.visits })
	return n, nil
}

func (w ledger) EndVisit(ctx context.Context, visit uint64) error {
	w.with(func() { w.open-- })
	return w.asked(ctx, "end-visit")
}

func (w ledger) Ended(ctx context.Context, e Ending) error {
	if err := w.asked(ctx, "ended"); err != nil {
		return err
	}
	return w.deals[e.Transaction].end(w.world, e.Outcome)
}

func (w ledger) Incident(ctx context.Context, i Incident) error {
	if err := w.asked(ctx, "incident"); err != nil {
		return err
	}
	w.with(func() { w.incident = append(w.incident, i) })
	return nil
}

func (w ledger) Latched(ctx context.Context) (is bool, err error) {
	err = w.asked(ctx, "latched")
	w.with(func() { is = w.latched })
	return is, err
}

func (w ledger) Latch(ctx context.Context, visit uint64, t protocol.Transaction, why string) error {
	if err := w.asked(ctx, "latch"); err != nil {
		return err
	}
	w.with(func() { w.latched = true; w.latches = append(w.latches, why) })
	return nil
}

func (w ledger) Shut(ctx context.Context, i Incident, why string) error {
	if err := errors.Join(w.asked(ctx, "incident"), w.asked(ctx, "latch")); err != nil {
		return err
	}
	w.with(func() { w.incident, w.latched, w.latches = append(w.incident, i), true, append(w.latches, why) })
	return nil
}

func (w ledger) StaffReady(ctx context.Context, staff string) error {
	if err := w.asked(ctx, "staff-ready"); err != nil {
		return err
	}
	w.with(func() { w.latched = false })
	return nil
}

func (w ledger) WrongCode(ctx context.Context, visit uint64, t protocol.Transaction, staff string) error {
	if err := w.asked(ctx, "wrong-code"); err != nil {
		return err
	}
	w.with(func() { w.wrong = append(w.wrong, staff) })
	return nil
}

func (w ledger) Late(ctx context.Context, visit uint64, t protocol.Transaction, what string) error {
	if err := w.asked(ctx, "late"); err != nil {
		return err
	}
	w.with(func() { w.lates = append(w.lates, what) })
	return nil
}

type latches struct{ *world }

func (w latches) Closed(m protocol.Municipality) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed[m]
}

func (w latches) Refused(ctx context.Context, r Refusal) error {
	defer clear(r.Package)
	i := r.Incident
	w.with(func() { // a journal that cannot be written must not leave it open
		w.closed[i.Municipality] = w.closed[i.Municipality] || i.Code.Class().StopsService()
	})
	if err := w.asked(ctx, "refused"); err != nil {
		return err
	}
	w.with(func() {
		if w.judged, w.refusals = append(w.judged, i.Code), append(w.refusals, r); r.Raise {
			w.incident = append(w.incident, i)
		}
	})
	if r.Ending == nil {
		return nil
	}
	return w.deals[r.Ending.Transaction].end(w.world, r.Ending.Outcome)
}

func (w latches) Disowned(ctx context.Context, i Incident, why string) error {
	err := w.asked(ctx, "disowned")
	w.with(func() {
		if w.closed[i.Municipality] = true; err != nil {
			w.unwritten = append(w.unwritten, i)
			return
		}
		w.latched, w.incident = true, append(w.incident, i)
	})
	return err
}

// writes has the journal take what it would not take before.
func (w *world) writes() {
	w.with(func() {
		w.latched = w.latched || len(w.unwritten) > 0
		w.incident, w.unwritten = append(w.incident, w.unwritten...), nil
	})
}

// The real queue fits.
var _ Queue = (*spool.Queue)(nil)

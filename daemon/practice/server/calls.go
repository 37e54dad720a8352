package server

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
)

func (s *Server) begin(c *call) (answer, error) {
	b, err := parse[protocol.Begin](c)
	if err != nil {
		return answer{}, err
	}
	if b.Terminal != c.terminal {
		return answer{}, refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	t, expires := s.open(b)
	return jsonAnswer(http.StatusOK, protocol.Begun{Transaction: t.id, Challenge: t.challenge, ExpiresAt: protocol.At(expires), Journal: s.heads.last(t.terminal)})
}

func (s *Server) applicant(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	a, err := parse[protocol.Applicant](c)
	if err != nil {
		return answer{}, err
	}
	card, err := s.authenticate(t, a)
	if err != nil {
		return answer{}, err
	}
	fingerprint := protocol.Fingerprint(card.Raw)
	offers := s.offers(fingerprint)
	if len(offers) == 0 {
		return answer{}, refuse(http.StatusForbidden, protocol.ProblemNotLinked)
	}
	err = t.in(func() error { return t.identify(card, offers) }, begun, identified, ordered, ready)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(http.StatusOK, protocol.Offers{Offers: shown(offers)})
}

// authenticate judges the certificate, whether it was revoked, and the signature over this transaction's message.
func (s *Server) authenticate(t *transaction, a protocol.Applicant) (*x509.Certificate, error) {
	card, err := x509.ParseCertificate(a.Certificate)
	if err != nil {
		return nil, refuse(http.StatusForbidden, protocol.ProblemUntrusted)
	}
	if err := trust.CheckCard(card, s.CardAnchors, s.Now()); err != nil {
		if reason.Of(err) == reason.CardExpired {
			return nil, refuse(http.StatusForbidden, protocol.ProblemExpired)
		}
		return nil, refuse(http.StatusForbidden, protocol.ProblemUntrusted)
	}
	message := protocol.AuthenticationMessage(t.terminal, t.id, t.nonce, t.challenge)
	if trust.VerifyCardSignature(card, message, a.Signature) != nil {
		return nil, refuse(http.StatusForbidden, protocol.ProblemUntrusted)
	}
	switch s.CardStatus(protocol.Fingerprint(card.Raw)) {
	case people.Revoked:
		return nil, refuse(http.StatusForbidden, protocol.ProblemRevoked)
	case people.Suspended:
		return nil, refuse(http.StatusForbidden, protocol.ProblemSuspended)
	}
	return card, nil
}

// identify takes the applicant in; again ("more time") only the same card will do, and changes nothing else. The
// lock is held.
func (t *transaction) identify(card *x509.Certificate, offers []offer) error {
	if t.state == begun {
		t.state, t.card, t.offers = identified, card, offers
		return nil
	}
	if !bytes.Equal(t.card.Raw, card.Raw) {
		return errOrder
	}
	return nil
}

func (s *Server) application(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	o, err := parse[protocol.Order](c)
	if err != nil {
		return answer{}, err
	}
	if err := t.in(func() error { return t.take(o) }, identified); err != nil {
		return answer{}, err
	}
	s.running.Go(func() { s.issue(t) })
	return answer{status: http.StatusAccepted}, nil
}

// take turns an order into the issuer's. The lock is held.
func (t *transaction) take(o protocol.Order) error {
	chosen := find(t.offers, o)
	if chosen == nil {
		return refuse(http.StatusUnprocessableEntity, protocol.ProblemNotAvailable)
	}
	t.at, t.state = chosen.at, ordered
	t.order = issuer.Order{Transaction: t.id, Terminal: t.terminal, Channel: t.channel, Nonce: t.nonce, Person: chosen.person,
		Applicant: protocol.Fingerprint(t.card.Raw), Certificate: chosen.Certificate, Options: o.Options, Copies: o.Copies}
	return nil
}

// issue has the municipality make the package, whatever becomes of the transaction meanwhile.
func (s *Server) issue(t *transaction) {
	s.issuing <- struct{}{}
	defer func() { <-s.issuing }()
	t.mu.Lock()
	order, at := t.order, t.at
	over := t.state != ordered
	t.mu.Unlock()
	if over {
		return
	}
	p, err := s.make(at, order)
	if err == nil {
		s.counts.issued.Add(1)
	}
	if t.deliver(p, err) {
		s.counts.late.Add(1)
	}
}

var errFault = errors.New("server: the issuer broke down")

// make asks the municipality's issuer; one that panics has given no package, and its text is dropped.
func (s *Server) make(at *Municipality, o issuer.Order) (p issuer.Package, err error) {
	defer func() {
		if recover() != nil {
			s.counts.faults.Add(1)
			p, err = issuer.Package{}, errFault
		}
	}()
	return at.Issue(o)
}

func (s *Server) pkg(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	if err := t.in(func() error { return nil }, ordered, ready); err != nil {
		return answer{}, err
	}
	wait := time.NewTimer(s.Poll)
	defer wait.Stop()
	select {
	case <-t.settled:
	case <-wait.C:
	case <-c.request.Context().Done():
	}
	a := answer{status: http.StatusAccepted}
	err = t.in(func() error {
		if t.state == ready {
			a = answer{http.StatusOK, mediaCMS, bytes.Clone(t.pkg), true}
			return failed(t.failure)
		}
		return nil
	}, ordered, ready)
	return a, err
}

// failed says why an issuer gave no package.
func failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, register.ErrNotLinked):
		return refuse(http.StatusForbidden, protocol.ProblemNotLinked)
	case errors.Is(err, register.ErrNotRegistered):
		return refuse(http.StatusUnprocessableEntity, protocol.ProblemNotAvailable)
	}
	return refuse(http.StatusBadGateway, protocol.ProblemIssuer)
}

func (s *Server) inForce(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	q, err := parse[protocol.InForceQuestion](c)
	if err != nil {
		return answer{}, err
	}
	var b []byte
	err = t.in(func() error {
		if t.failure != nil {
			return errOrder
		}
		b, err = t.at.InForce(register.Question{Transaction: t.id, Nonce: t.nonce, Applicant: t.order.Applicant,
			Certificate: t.order.Certificate, Options: t.order.Options, Asked: q})
		if err != nil {
			return refuse(http.StatusBadGateway, protocol.ProblemRegisterFailed)
		}
		t.commit()
		return nil
	}, ready, committed)
	return answer{status: http.StatusOK, media: mediaCMS, body: b}, err
}

// commit ends all time limits. The package has been fetched by now, or the question could not have been asked. The
// lock is held.
func (t *transaction) commit() {
	t.state = committed
	t.timer.Stop()
	clear(t.pkg)
	t.pkg = nil
}

func (s *Server) outcome(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	o, err := parse[protocol.OutcomeReport](c)
	if err != nil || o.Impressions < 0 || len(o.Reason) > 64 || len(o.Evidence) > 64 || o.Journal.Position == 0 && o.Journal != (protocol.JournalHead{}) ||
		!readBy(o, t.channel) {
		return answer{}, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	return answer{status: http.StatusNoContent}, s.record(t, o)
}

// readBy reports whether an outcome names who read the sheets where it must: nothing is printed at a counter that nobody
// read, and in a store nobody reads.
func readBy(o protocol.OutcomeReport, c protocol.Channel) bool {
	if o.Staff == "" {
		return c != protocol.Counter || o.Outcome != protocol.Printed
	}
	return c == protocol.Counter && policy.ValidStaffID(o.Staff) && (o.Outcome == protocol.Printed || o.Outcome == protocol.Refused)
}

// record keeps the first outcome. The same again is fine, with its release signature or (after a restart) without.
func (s *Server) record(t *transaction, o protocol.OutcomeReport) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	signature := o.ReleaseSignature
	o.ReleaseSignature = nil
	if t.report != nil {
		if !sameReport(*t.report, o) {
			return refuse(http.StatusConflict, protocol.ProblemConflict)
		}
		return nil
	}
	message := protocol.ReleaseMessage(t.terminal, t.id, o.Document)
	if len(signature) > 0 && t.state != dead && (t.card == nil || trust.VerifyCardSignature(t.card, message, signature) != nil) {
		s.counts.wrongRelease.Add(1)
	}
	s.counts.outcome(o.Outcome)
	s.fleet.under(t.terminal, o.Policy)
	if !s.heads.note(t.terminal, o.Journal) {
		s.counts.rewound.Add(1)
	}
	t.report = &o
	t.drop(ended)
	return nil
}

func sameReport(a, b protocol.OutcomeReport) bool {
	return a.Outcome == b.Outcome && a.Reason == b.Reason && a.Impressions == b.Impressions && a.Evidence == b.Evidence && a.Document == b.Document && a.Staff == b.Staff && a.Journal == b.Journal && a.Policy == b.Policy
}

func (s *Server) cancel(c *call) (answer, error) {
	t, err := s.find(c)
	if err != nil {
		return answer{}, err
	}
	if err := t.cancel(&s.counts.cancelled); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

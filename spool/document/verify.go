// Package document decides whether a package may become paper. It is the check that this terminal exists for.
//
// The check is one list, theRules, read from top to bottom: the card's certificate; the CMS bytes (config/trust);
// the PDF, inspected by a child process that reports facts and decides nothing (spool/document/inspect); the
// statement inside it; each held against what the terminal knows by itself ([Expectation]). The first broken row
// names the [Refusal], and the others that can still be judged are listed with it. No byte of a PDF is parsed
// before the signature over it has been found good.
//
// A document that passes becomes a [Verified]: the checked bytes and the visit they were checked for, in a value
// that nothing else can make and that does not survive the process. Two further values are bound to that very
// Verified: the [ReleaseSignature] of the card's key over this document, and the [InForce] answer of the register
// at the commit. Only the three together give [Paper], once.
//
// What the check cannot know: whether the issuer drew the right record under the right person's hash. The
// register's content digest narrows that down; a person who draws A's data and signs B's hash and B's digest
// passes. Reading the print back against the register is the step after this.
package document

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
)

// Verifier checks packages against one policy. It is safe for concurrent use.
type Verifier struct {
	policy *policy.Policy
	pdf    Inspector
	now    func() time.Time
	rules  []rule
}

// NewVerifier returns a verifier; now is the terminal's clock.
func NewVerifier(p *policy.Policy, pdf Inspector, now func() time.Time) *Verifier {
	return &Verifier{p, pdf, now, theRules}
}

// errNoExpectation is a fault of the caller: nothing may be verified against nothing.
var errNoExpectation = errors.New("document: expectation without card, transaction, application or beginning")

// Verify runs the whole check and returns the one value that can lead to paper. A package that must not be
// printed is a [*Refusal]; any other error is a fault of this machine, and nothing is printed either.
func (v *Verifier) Verify(ctx context.Context, pkg []byte, want Expectation) (Verified, error) {
	if want.Card == nil || want.Transaction.IsZero() || want.Application == nil || want.Began.IsZero() {
		return Verified{}, errNoExpectation
	}
	verdict, c, err := v.examine(ctx, pkg, want)
	if err != nil {
		return Verified{}, err
	}
	if verdict.Refusal != nil {
		return Verified{}, verdict.Refusal
	}
	if len(verdict.Unchecked) > 0 {
		return Verified{}, errNoExpectation
	}
	return Verified{&proof{pdf: slices.Clone(c.message.Content()), digest: verdict.Document, statement: c.statement,
		card: want.Card, signer: c.candidate.Signer()}}, nil
}

// Verdict is what the offline check says. It is not a [Verified], and leads to no paper.
type Verdict struct {
	Refusal   *Refusal // nil when accepted
	Document  protocol.Digest
	Pages     int
	Unchecked []string // what there was nothing to compare with: "application", "in-force"
	Steps     []Step
}

// Examine runs the same check offline: without an application or a beginning, and without a register to ask.
func (v *Verifier) Examine(ctx context.Context, pkg []byte, want Expectation) (Verdict, error) {
	if want.Card == nil {
		return Verdict{}, errNoExpectation
	}
	verdict, _, err := v.examine(ctx, pkg, want)
	verdict.Unchecked = append(verdict.Unchecked, "in-force")
	return verdict, err
}

func (v *Verifier) examine(ctx context.Context, pkg []byte, want Expectation) (Verdict, *check, error) {
	c := &check{ctx: ctx, policy: v.policy, pdf: v.pdf, now: v.now(), pkg: pkg, want: want}
	steps, err := c.run(v.rules)
	if err != nil {
		return Verdict{}, nil, err
	}
	verdict := Verdict{Pages: c.facts.PageCount, Steps: steps}
	if c.message != nil {
		verdict.Document = c.message.Digest()
	}
	if verdict.Refusal = refusal(steps, verdict); verdict.Refusal != nil {
		verdict.Refusal.Evidence = c.evidence()
	}
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Result == Unchecked }) {
		verdict.Unchecked = []string{"application"}
	}
	return verdict, c, nil
}

// refusal names the first broken row. A row that was not judged although none is broken is a fault nobody
// thought of, and refuses too.
func refusal(steps []Step, v Verdict) *Refusal {
	for _, s := range steps {
		if s.Result == Broken {
			return &Refusal{Code: s.Code, Detail: s.Detail, Also: codes(steps)[1:], Document: v.Document, Pages: v.Pages}
		}
	}
	for _, s := range steps {
		if s.Result == Unjudged {
			return &Refusal{Code: s.Code, Detail: "not judged: " + s.Rule, Document: v.Document, Pages: v.Pages}
		}
	}
	return nil
}

// InForce reads the register's answer about this very document; fresh is the nonce of the question, which proves
// that the answer is younger than the question. Whatever is wrong is a [*Refusal].
func (v *Verifier) InForce(d Verified, fresh protocol.Nonce, answer []byte) (InForce, error) {
	if d.p == nil {
		return InForce{}, ErrUnverified
	}
	now := v.now()
	a, err := v.register(d, answer, now)
	if err == nil {
		err = agrees(a, d.p, fresh)
	}
	var broken *reason.Error
	if errors.As(err, &broken) {
		return InForce{}, &Refusal{Code: broken.Code, Detail: broken.Detail, Document: d.p.digest, Pages: d.Pages(), Evidence: d.Evidence(),
			Overdue: broken.Code == reason.RecordSuperseded && lag(a, d.p.statement) > v.policy.PropagationLimit()}
	}
	return InForce{d.p, now}, err
}

// register verifies the answer's signature, form and age: whatever is wrong with them is register-untrusted.
func (v *Verifier) register(d Verified, answer []byte, now time.Time) (protocol.InForceAnswer, error) {
	var none protocol.InForceAnswer
	skew := v.policy.ClockSkew()
	content, signer, err := trust.Verify(answer, v.policy.RegisterStore(d.Municipality()), now.Add(-MaxInForceAge), now, skew)
	if err != nil {
		return none, reason.Errorf(reason.RegisterUntrusted, "%s", reason.Of(err))
	}
	a, err := protocol.ParseInForce(content)
	switch {
	case err != nil:
		return none, reason.Errorf(reason.RegisterUntrusted, "%v", err)
	case signer.Municipality != d.Municipality() || a.Municipality != d.Municipality():
		return none, reason.Errorf(reason.RegisterUntrusted, "another municipality's register")
	case a.ThisUpdate.Before(now.Add(-MaxInForceAge-skew)) || a.ThisUpdate.After(now.Add(skew)) || !now.Before(a.NextUpdate.Time):
		return none, reason.Errorf(reason.RegisterUntrusted, "the answer is not of now")
	}
	return a, nil
}

// agrees holds the register's answer against the document, in the order of the protocol.
func agrees(a protocol.InForceAnswer, p *proof, fresh protocol.Nonce) error {
	s := p.statement
	switch {
	case a.Transaction != s.Transaction || a.Nonce != fresh || a.Document != p.digest || a.Register != s.Record.Register || a.Token != s.Record.Token:
		return reason.Errorf(reason.RegisterOtherTransaction, "the answer is about another question")
	case !a.SubjectHash.Equal(s.SubjectHash) || !a.SubjectHash.Equal(protocol.HashSubject(s.Nonce, p.card.Raw)):
		return reason.Errorf(reason.RegisterMismatch, "the record belongs to another person")
	case !a.Content.Equal(s.Record.Content):
		return reason.Errorf(reason.RegisterMismatch, "the record reads otherwise")
	case !a.InForce:
		return reason.Errorf(reason.RecordSuperseded, "superseded %s", superseded(a, s))
	}
	return nil
}

// superseded says on which side of the drawing the record was replaced, as a length of time.
func superseded(a protocol.InForceAnswer, s protocol.Statement) string {
	if d := lag(a, s); d > 0 {
		return d.String() + " before it was drawn"
	}
	return "after it was drawn"
}

// lag is how long the issuer's copy had been out of date when the document was drawn from it.
func lag(a protocol.InForceAnswer, s protocol.Statement) time.Duration {
	return s.IssuedAt.Sub(a.SupersededAt.Time)
}

// ParseCard reads the certificate on a card.
func ParseCard(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, reason.Errorf(reason.CardUntrusted, "the card's certificate does not parse")
	}
	return c, nil
}

// CheckProof judges the card's signature over message: card-untrusted.
func (v *Verifier) CheckProof(card *x509.Certificate, message, signature []byte) error {
	if err := trust.VerifyCardSignature(card, message, signature); err != nil {
		return reason.Errorf(reason.CardUntrusted, "the card did not prove that it holds its key")
	}
	return nil
}

// CheckCard judges the card's certificate alone, before a visit goes on.
func (v *Verifier) CheckCard(card *x509.Certificate) error {
	return trust.CheckCard(card, v.policy.CardAnchors(), v.now())
}

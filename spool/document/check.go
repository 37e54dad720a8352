package document

import (
	"context"
	"errors"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/spool/document/inspect"
)

// Inspector reports what is in a PDF without deciding anything; see [inspect.Pool]. An error that carries a
// reason code is a finding, any other is a fault of this machine.
type Inspector interface {
	Inspect(ctx context.Context, pdf []byte) (inspect.Facts, error)
}

// errUnchecked marks a rule that had nothing to compare with: offline only, and the answer says so.
var errUnchecked = errors.New("document: nothing to compare with")

// rule is one row of the protocol. check returns nil when the row holds, [trust.ErrUnjudged] when an earlier
// failure left nothing to judge, errUnchecked offline, and an error with a reason code when it is broken.
type rule struct {
	code  reason.Code // the reason a broken row gives
	name  string
	check func(*check) error
}

// check is one package held against one expectation.
type check struct {
	ctx    context.Context
	policy *policy.Policy
	pdf    Inspector
	now    time.Time
	pkg    []byte
	want   Expectation

	message   *trust.Message
	candidate *trust.Candidate
	broken    bool // a row failed that says whether the bytes are a trusted issuer's: nothing inside is parsed

	inspected bool
	facts     inspect.Facts
	finding   error // the inspection itself ended in a refusal
	fault     error // the inspection failed for a reason of this machine's

	statement protocol.Statement
	stated    bool
}

// Step is what one rule said, for people who want to see them all.
type Step struct {
	Rule   string
	Code   reason.Code
	Result Result
	Detail string
}

// Result is what a rule said.
type Result string

// The results of a rule.
const (
	Holds     Result = "holds"
	Broken    Result = "broken"
	Unjudged  Result = "unjudged"  // an earlier row left nothing to judge
	Unchecked Result = "unchecked" // nothing to compare with (offline)
)

// run reads the rules from top to bottom and goes on after a failure, to see what else is wrong.
func (c *check) run(rules []rule) (steps []Step, err error) {
	for _, r := range rules {
		step, err := c.apply(r)
		if err != nil {
			return steps, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (c *check) apply(r rule) (Step, error) {
	err := r.check(c)
	if c.fault != nil {
		return Step{}, c.fault
	}
	var broken *reason.Error
	switch {
	case err == nil:
		return Step{r.name, r.code, Holds, ""}, nil
	case errors.As(err, &broken):
		c.broken = c.broken || untrusted(broken.Code)
		return Step{r.name, broken.Code, Broken, broken.Detail}, nil
	case errors.Is(err, trust.ErrUnjudged):
		return Step{r.name, r.code, Unjudged, ""}, nil
	case errors.Is(err, errUnchecked):
		return Step{r.name, r.code, Unchecked, ""}, nil
	}
	return Step{}, err
}

// untrusted reports whether a broken row means that the bytes may not be a trusted issuer's. A document that is
// rightly signed by the wrong municipality, or too late, is still read: what else is wrong with it matters.
func untrusted(c reason.Code) bool {
	switch c {
	case reason.PackageMalformed, reason.SignatureInvalid, reason.SignatureWeak,
		reason.SignerUntrusted, reason.SignerExpired, reason.SignerRevoked:
		return true
	}
	return false
}

// inspect has the PDF looked at, once, and only when every row about its signature held.
func (c *check) inspect() (inspect.Facts, error) {
	if c.candidate == nil || c.broken {
		return inspect.Facts{}, trust.ErrUnjudged
	}
	if !c.inspected {
		c.inspected = true
		c.look()
	}
	return c.facts, c.finding
}

func (c *check) look() {
	facts, err := c.pdf.Inspect(c.ctx, c.message.Content())
	switch {
	case err != nil && reason.Of(err) != "":
		c.finding = err
	case err != nil:
		c.fault = err
	default:
		c.facts = facts
		s, err := protocol.ParseStatement(facts.Statement)
		c.statement, c.stated = s, err == nil && facts.Statement != nil && !facts.StatementTruncated
	}
}

// said returns the statement, or ErrUnjudged when there is none to read.
func (c *check) said() (protocol.Statement, error) {
	if _, err := c.inspect(); err != nil || !c.stated {
		return protocol.Statement{}, trust.ErrUnjudged
	}
	return c.statement, nil
}

// found returns the inspection's finding with this code.
func (c *check) found(code reason.Code) error {
	facts, err := c.inspect()
	if err != nil {
		if reason.Of(err) != "" && reason.Of(err) != code {
			return trust.ErrUnjudged
		}
		return err
	}
	i := slices.IndexFunc(facts.Findings, func(f inspect.Finding) bool { return f.Code == code })
	if i >= 0 {
		return &reason.Error{Code: code, Detail: facts.Findings[i].Detail}
	}
	if code != reason.PDFUpdated && slices.ContainsFunc(facts.Findings, unreadable) {
		return trust.ErrUnjudged
	}
	return nil
}

// began is when the transaction began; offline, without a word on it, that is issued_at.
func (c *check) began() (time.Time, error) {
	if !c.want.Began.IsZero() {
		return c.want.Began, nil
	}
	s, err := c.said()
	return s.IssuedAt.Time, err
}

// unreadable reports whether a finding means that the rows below were not looked at.
func unreadable(f inspect.Finding) bool {
	return f.Code == reason.PDFMalformed || f.Code == reason.PDFUpdated
}

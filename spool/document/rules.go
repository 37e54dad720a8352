package document

import (
	"slices"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
)

// theRules is the whole check, in the order of the protocol: the card, the signed bytes, the PDF, the statement.
// The register's answer follows at the commit ([Verifier.InForce]).
//
// The order is the law: the first broken row names the refusal. No row below "signer-revoked" sees a byte that a
// trusted issuer did not sign.
var theRules = []rule{
	{reason.CardUntrusted, "the card's certificate is the policy's and valid now", (*check).card},

	{reason.PackageMalformed, "the package is strict DER CMS SignedData with its content", (*check).parse},
	{reason.SignatureInvalid, "exactly one signer", cms(func(c *trust.Candidate) error { return c.CheckSigners() })},
	{reason.SignatureWeak, "allowed algorithms and keys", cms(func(c *trust.Candidate) error { return c.CheckAlgorithms() })},
	{reason.SignatureInvalid, "signed attributes present, once each, true", cms(func(c *trust.Candidate) error { return c.CheckAttributes() })},
	{reason.SignatureInvalid, "the signature verifies", cms(func(c *trust.Candidate) error { return c.CheckSignature() })},
	{reason.SignerUntrusted, "the signer chains to an issuing anchor", cms(func(c *trust.Candidate) error { return c.CheckChain() })},
	{reason.SignerExpired, "the signer was and is valid", cms(func(c *trust.Candidate) error { return c.CheckValidity() })},
	{reason.SignerUntrusted, "the chain is made for signing documents", cms(func(c *trust.Candidate) error { return c.CheckUse() })},
	{reason.SignerRevoked, "the signer is not revoked", cms(func(c *trust.Candidate) error { return c.CheckRevocation() })},
	{reason.SignerWrongMunicipality, "the signer speaks for its own municipality", (*check).signerOwn},
	{reason.SignerWrongMunicipality, "the signer is the municipality applied to", (*check).signerOffered},
	{reason.PackageStale, "signed in this transaction's time", (*check).signingTime},

	{reason.PDFUpdated, "the file is as it was written", finding(reason.PDFUpdated)},
	{reason.PDFMalformed, "the PDF reads without a repair", finding(reason.PDFMalformed)},
	{reason.PDFActiveContent, "nothing in it acts, hides, embeds or fetches", finding(reason.PDFActiveContent)},
	{reason.PDFPages, "A4 pages, as many as stated", (*check).pages},
	{reason.PDFFont, "every font is embedded", finding(reason.PDFFont)},
	{reason.StatementMissing, "issuance.json is the one embedded file", finding(reason.StatementMissing)},
	{reason.TagMissing, "every page carries its own tag", finding(reason.TagMissing)},

	{reason.StatementMalformed, "the statement is well formed", (*check).statementForm},
	{reason.SignerWrongMunicipality, "the statement's municipality signed it", (*check).signerStated},
	{reason.OtherTransaction, "made for this transaction, nonce and terminal", (*check).transaction},
	{reason.SubjectMismatch, "made for the holder of this card", (*check).subject},
	{reason.TagMismatch, "every page belongs to this document", (*check).tags},
	{reason.OtherApplication, "what was applied for", (*check).application},
	{reason.PackageStale, "issued and expiring in time", (*check).lifetime},
	{reason.IssuerUnpatched, "issued by software the policy allows", (*check).software},
}

func (c *check) card() error { return trust.CheckCard(c.want.Card, c.policy.CardAnchors(), c.now) }

func (c *check) parse() error {
	m, err := trust.Parse(c.pkg)
	if err != nil {
		return err
	}
	c.message, c.candidate = m, m.Against(c.policy.IssuingStore(), c.now)
	return nil
}

func cms(row func(*trust.Candidate) error) func(*check) error {
	return func(c *check) error {
		if c.candidate == nil {
			return trust.ErrUnjudged
		}
		return row(c.candidate)
	}
}

func finding(code reason.Code) func(*check) error {
	return func(c *check) error { return c.found(code) }
}

func (c *check) signerOwn() error {
	if c.broken || c.candidate == nil {
		return trust.ErrUnjudged
	}
	return c.candidate.CheckMunicipality()
}

// signer says who signed; what a signature says that does not hold is nobody's word.
func (c *check) signer() (protocol.Municipality, error) {
	if c.broken || c.candidate == nil || c.candidate.Signer().Municipality == "" {
		return "", trust.ErrUnjudged
	}
	return c.candidate.Signer().Municipality, nil
}

func (c *check) signerOffered() error {
	if c.want.Application == nil {
		return errUnchecked
	}
	m, err := c.signer()
	if err == nil && m != c.want.Application.Municipality {
		return reason.Errorf(reason.SignerWrongMunicipality, "signed for %s, applied to %s", m, c.want.Application.Municipality)
	}
	return err
}

func (c *check) signingTime() error {
	if c.broken || c.candidate == nil {
		return trust.ErrUnjudged
	}
	began, err := c.began()
	if err != nil {
		return err
	}
	return c.candidate.CheckSigningTime(began, c.policy.ClockSkew())
}

func (c *check) pages() error {
	if err := c.found(reason.PDFPages); err != nil {
		return err
	}
	s, err := c.said()
	if err != nil {
		return nil // the pages themselves are in order; that nothing states their number is another row's finding
	}
	if s.Pages != c.facts.PageCount {
		return reason.Errorf(reason.PDFPages, "%d pages, the statement says %d", c.facts.PageCount, s.Pages)
	}
	return nil
}

func (c *check) statementForm() error {
	facts, err := c.inspect()
	if err != nil || facts.Statement == nil {
		return trust.ErrUnjudged
	}
	if facts.StatementTruncated {
		return reason.Errorf(reason.StatementMalformed, "longer than 64 KiB")
	}
	if _, err := protocol.ParseStatement(facts.Statement); err != nil {
		return reason.Errorf(reason.StatementMalformed, "%v", err)
	}
	return nil
}

func (c *check) signerStated() error {
	s, err := c.said()
	if err != nil {
		return err
	}
	m, err := c.signer()
	if err == nil && m != s.Municipality {
		return reason.Errorf(reason.SignerWrongMunicipality, "signed for %s, the statement says %s", m, s.Municipality)
	}
	return err
}

func (c *check) transaction() error {
	s, err := c.said()
	switch {
	case err != nil:
		return err
	case s.Transaction != c.want.Transaction:
		return reason.Errorf(reason.OtherTransaction, "another transaction")
	case s.Nonce != c.want.Nonce:
		return reason.Errorf(reason.OtherTransaction, "another nonce")
	case s.Terminal != c.want.Terminal:
		return reason.Errorf(reason.OtherTransaction, "another terminal")
	}
	return nil
}

// hash is the subject hash of the card on the reader: the one fact that nobody on the network can supply.
func (c *check) hash() protocol.SubjectHash {
	return protocol.HashSubject(c.want.Nonce, c.want.Card.Raw)
}

func (c *check) subject() error {
	s, err := c.said()
	if err == nil && !s.SubjectHash.Equal(c.hash()) {
		return reason.Errorf(reason.SubjectMismatch, "the subject hash is not the card's")
	}
	return err
}

// tags holds every page against the card itself, not against the statement: one page is one person's paper.
func (c *check) tags() error {
	facts, err := c.inspect()
	if err != nil || len(facts.Tags) == 0 {
		return trust.ErrUnjudged
	}
	if len(facts.Tags) != facts.PageCount {
		return reason.Errorf(reason.TagMismatch, "%d tags on %d pages", len(facts.Tags), facts.PageCount)
	}
	hash := c.hash()
	for i, t := range facts.Tags {
		if !t.SubjectHash.Equal(hash) || t.Transaction != c.want.Transaction || t.Page != i+1 || t.Pages != facts.PageCount {
			return reason.Errorf(reason.TagMismatch, "page %d", i+1)
		}
	}
	return nil
}

func (c *check) application() error {
	s, err := c.said()
	want := c.want.Application
	switch {
	case want == nil:
		return errUnchecked
	case err != nil:
		return err
	case s.Certificate != want.Certificate:
		return reason.Errorf(reason.OtherApplication, "another kind of certificate")
	case !sameOptions(s.Options, want.Options):
		return reason.Errorf(reason.OtherApplication, "other options")
	case s.Copies != want.Copies:
		return reason.Errorf(reason.OtherApplication, "another number of copies")
	case s.Municipality != want.Municipality:
		return reason.Errorf(reason.OtherApplication, "another municipality")
	}
	return nil
}

func sameOptions(a, b protocol.Options) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// lifetime grants clock skew to the issuer's clock at the beginning and none at the end.
func (c *check) lifetime() error {
	s, err := c.said()
	switch {
	case err != nil:
		return err
	case s.IssuedAt.After(c.now.Add(c.policy.ClockSkew())):
		return reason.Errorf(reason.PackageStale, "issued in the future")
	case !c.now.Before(s.ExpiresAt.Time):
		return reason.Errorf(reason.PackageStale, "expired")
	case s.ExpiresAt.Sub(s.IssuedAt.Time) > c.policy.PackageLifetime():
		return reason.Errorf(reason.PackageStale, "lives longer than the policy allows")
	}
	return nil
}

func (c *check) software() error {
	s, err := c.said()
	if err != nil {
		return err
	}
	return c.policy.CheckSoftware(s.Municipality, s.Software)
}

// codes returns the distinct codes of the broken steps, in order.
func codes(steps []Step) (out []reason.Code) {
	for _, s := range steps {
		if s.Result == Broken && !slices.Contains(out, s.Code) {
			out = append(out, s.Code)
		}
	}
	return out
}

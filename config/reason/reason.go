// Package reason is the one vocabulary of refusals.
//
// A refusal is named by a [Code]; the same word is read by a technician in the journal, by a
// municipality's vendor in the answer of "honnind verify", by the issuing centre in an outcome report, and
// (translated in ui/touch) by the person at the screen. Each code belongs to one [Class], and the class alone
// decides what follows. Nothing in this package knows how a code comes about.
//
// Details that travel with a code are written for technicians and never hold a name, an address, a PIN, a
// serial number or a signature.
package reason

import (
	"errors"
	"fmt"
)

// Code names why a package, a register's answer or a card is refused.
type Code string

// The codes, in the order in which the check can give them; the last is given by people.
const (
	CardUntrusted Code = "card-untrusted"
	CardExpired   Code = "card-expired"
	CardGone      Code = "card-gone"
	CardChanged   Code = "card-changed"

	PackageMalformed        Code = "package-malformed"
	SignatureInvalid        Code = "signature-invalid"
	SignatureWeak           Code = "signature-weak"
	SignerUntrusted         Code = "signer-untrusted"
	SignerExpired           Code = "signer-expired"
	SignerRevoked           Code = "signer-revoked"
	SignerWrongMunicipality Code = "signer-wrong-municipality"
	PackageStale            Code = "package-stale"

	PDFUpdated       Code = "pdf-updated"
	PDFMalformed     Code = "pdf-malformed"
	PDFActiveContent Code = "pdf-active-content"
	PDFPages         Code = "pdf-pages"
	PDFFont          Code = "pdf-font"
	StatementMissing Code = "statement-missing"
	TagMissing       Code = "tag-missing"

	StatementMalformed Code = "statement-malformed"
	OtherTransaction   Code = "other-transaction"
	SubjectMismatch    Code = "subject-mismatch"
	TagMismatch        Code = "tag-mismatch"
	OtherApplication   Code = "other-application"
	IssuerUnpatched    Code = "issuer-unpatched"

	RegisterUntrusted        Code = "register-untrusted"
	RegisterOtherTransaction Code = "register-other-transaction"
	RegisterMismatch         Code = "register-mismatch"
	RecordSuperseded         Code = "record-superseded"

	NameMismatch Code = "name-mismatch"
)

// Class decides what follows a refusal.
type Class string

// The classes.
const (
	MixedUp   Class = "mixed-up"  // refuse, incident, the municipality's service stops on this terminal at once
	Forged    Class = "forged"    // the same
	Defective Class = "defective" // refuse, incident; the service stops after N within T (policy)
	Late      Class = "late"      // refuse, counted, may be applied for again free of charge
	Card      Class = "card"      // the visit ends
)

// Info is what the catalogue knows of a code.
type Info struct {
	Code    Code
	Class   Class
	Meaning string // one sentence for a technician
}

var catalogue = []Info{
	{CardUntrusted, Card, "the card's certificate does not chain to the policy's card anchors, or the card did not prove that it holds the key"},
	{CardExpired, Card, "the card's certificate is not valid now"},
	{CardGone, Card, "the card left the reader, or stopped answering, before it was asked to"},
	{CardChanged, Card, "another card lies on the reader than the one the visit began with"},
	{PackageMalformed, Defective, "the package is not the one strict DER form of CMS SignedData with a PDF inside"},
	{SignatureInvalid, Forged, "the signature, or an attribute it covers, is not true of this content"},
	{SignatureWeak, Forged, "an algorithm or key that is no longer safe"},
	{SignerUntrusted, Defective, "the signer's certificate does not chain to an issuing anchor, or is not made for documents"},
	{SignerExpired, Defective, "the signer's certificate was not valid when it signed, or is not now"},
	{SignerRevoked, Forged, "the signer's certificate was revoked"},
	{SignerWrongMunicipality, MixedUp, "the signer speaks for another municipality than the one applied to, or than its chain or the statement says"},
	{PackageStale, Late, "signed, issued or expiring at the wrong time for this transaction"},
	{PDFUpdated, Defective, "the file was changed after it was written (incremental update, linearization, bytes around the frame)"},
	{PDFMalformed, Defective, "the PDF needs a repair, or uses a form this terminal does not read"},
	{PDFActiveContent, Defective, "the PDF holds something that acts, hides, embeds or fetches"},
	{PDFPages, Defective, "pages of a wrong size, turn or number"},
	{PDFFont, Defective, "a font that is not embedded, or drawn by procedures"},
	{StatementMissing, Defective, "issuance.json is not the one file embedded in the PDF"},
	{TagMissing, Defective, "a page without a well-formed tag of its own"},
	{StatementMalformed, Defective, "issuance.json breaks its format"},
	{OtherTransaction, MixedUp, "made for another transaction, another nonce or another terminal"},
	{SubjectMismatch, MixedUp, "made for another person than the one whose card lies on the reader"},
	{TagMismatch, MixedUp, "a page belongs to another document"},
	{OtherApplication, MixedUp, "another document, options, copies or municipality than was applied for"},
	{IssuerUnpatched, Defective, "issued by software that the policy does not name, or below its floor"},
	{RegisterUntrusted, Forged, "the register's answer is not signed as the policy asks"},
	{RegisterOtherTransaction, MixedUp, "the register answered about another transaction or document"},
	{RegisterMismatch, MixedUp, "the register says that the record belongs to another person, or reads otherwise"},
	{RecordSuperseded, Late, "the record was replaced or abolished after it was drawn"},
	{NameMismatch, MixedUp, "at a counter, staff found on the printed sheet another name than the applicant's"},
}

var byCode = func() map[Code]Info {
	m := make(map[Code]Info, len(catalogue))
	for _, i := range catalogue {
		m[i.Code] = i
	}
	return m
}()

// All returns every code with its class and meaning, in the order of the check.
func All() []Info { return append([]Info(nil), catalogue...) }

// Known reports whether c is in the catalogue.
func (c Code) Known() bool { _, ok := byCode[c]; return ok }

// Class returns the class of c. An unknown code is [Forged]: the strictest class, because nobody thought of it.
func (c Code) Class() Class {
	if i, ok := byCode[c]; ok {
		return i.Class
	}
	return Forged
}

// Meaning returns one sentence for a technician.
func (c Code) Meaning() string { return byCode[c].Meaning }

// StopsService reports whether one refusal of this class closes the municipality's service on this terminal at once.
func (c Class) StopsService() bool { return c == MixedUp || c == Forged }

// RaisesIncident reports whether a refusal of this class is an incident.
func (c Class) RaisesIncident() bool { return c == MixedUp || c == Forged || c == Defective }

// Error is a refusal by one rule. Detail is for technicians and holds nothing personal.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Detail
}

// Errorf makes an [Error]. Neither format nor arguments may hold anything personal.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// Of returns the code that err carries, or "" when it carries none.
func Of(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

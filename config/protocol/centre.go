package protocol

import (
	"github.com/go-json-experiment/json"
)

// Bytes is binary data, base64url without padding in JSON.
type Bytes []byte

// MarshalText writes base64url.
func (b Bytes) MarshalText() ([]byte, error) { return append64(b), nil }

// UnmarshalText reads canonical base64url.
func (b *Bytes) UnmarshalText(s []byte) error {
	out := make([]byte, strict64.DecodedLen(len(s)))
	if err := parse64(out, string(s), "base64url"); err != nil {
		return err
	}
	*b = out
	return nil
}

// Begin is the body of POST /v1/transactions.
type Begin struct {
	Terminal Terminal `json:"terminal"`
	Nonce    Nonce    `json:"nonce"`
	Channel  Channel  `json:"channel"`
}

// Begun answers [Begin].
type Begun struct {
	Transaction Transaction `json:"transaction"`
	Challenge   Challenge   `json:"challenge"`
	ExpiresAt   Time        `json:"expires_at"`
	Journal     JournalHead `json:"journal,omitzero"` // the highest that this terminal's outcomes brought; absent: none
}

// JournalHead names one entry of a terminal's journal and, because entries are chained, every entry before it. A
// journal that no longer has this entry at this position was cut, edited, or put back from an older copy.
type JournalHead struct {
	Position uint64 `json:"position"` // the first entry's is 1
	Head     Digest `json:"head"`     // SHA-256 of the entry as stored
}

// PolicyRef names one policy.
type PolicyRef struct {
	Version uint64 `json:"version"`
	Digest  Digest `json:"digest"` // SHA-256 of its text
}

// IncidentPolicyRewound is the code of the incident of a terminal whose store of policies lacks what its journal says was in force.
const IncidentPolicyRewound = "policy-rewound"

// IncidentJournalRewound is the code of the incident of a terminal whose journal lacks an entry that the centre knows of.
const IncidentJournalRewound = "journal-rewound"

// IncidentSelfTest is the code of the incident that a terminal reports whose self-test failed; "also" names the case.
const IncidentSelfTest = "selftest-failed"

// IncidentSuspensions is the code of the incident of an answer about suspensions that is not believed; "also" says why.
const IncidentSuspensions = "suspensions-untrusted"

// IncidentNotMine is the code of the incident of an applicant who says that the printed certificate is another's.
const IncidentNotMine = "not-mine"

// IncidentFee is the code of the incident of an offer whose fee is not the policy's; "also" names the certificate.
const IncidentFee = "fee-differs"

// Applicant is the body of POST /v1/transactions/{t}/applicant: the certificate on the card (DER) and the
// card's signature over [AuthenticationMessage].
type Applicant struct {
	Certificate Bytes `json:"certificate"`
	Signature   Bytes `json:"signature"`
}

// Offers answers [Applicant].
type Offers struct {
	Offers []Offer `json:"offers"`
}

// Offer is one document that the applicant may ask for.
type Offer struct {
	ID           string              `json:"id"`
	Municipality Municipality        `json:"municipality"`
	Name         Names               `json:"name"` // the municipality's
	Certificate  Certificate         `json:"certificate"`
	Options      map[string][]Option `json:"options"` // the allowed values by name, the first is the default
	Fee          int                 `json:"fee"`     // yen for one copy
	Hours        string              `json:"hours"`   // "06:30-23:00", Asia/Tokyo
	Available    bool                `json:"available"`
	Why          string              `json:"why,omitzero"` // a word for why it is not available: "closed", "not-registered", "stopped", "suspended"
}

// Names is a name in the two languages of the screens.
type Names struct {
	Ja string `json:"ja"`
	En string `json:"en"`
}

// Order is the body of POST /v1/transactions/{t}/application.
type Order struct {
	Offer   string  `json:"offer"`
	Options Options `json:"options"`
	Copies  int     `json:"copies"`
}

// InForceQuestion is the body of POST /v1/transactions/{t}/in-force.
type InForceQuestion struct {
	Nonce    Nonce  `json:"nonce"`    // fresh, for this question only
	Document Digest `json:"document"` // SHA-256 of the PDF
	Token    Token  `json:"token"`    // record.token of the statement
}

// InForceFormat is the value of an in-force answer's "format" member. It keeps a register's answer from ever
// being read as anything else that the same key may sign.
const InForceFormat = "honnin-in-force/1"

// InForceAnswer is the content that a register signs (CMS, the package's profile) at the commit.
type InForceAnswer struct {
	Transaction  Transaction
	Nonce        Nonce // echoes the question's
	Document     Digest
	Municipality Municipality
	Register     Register
	Token        Token
	SubjectHash  SubjectHash // recomputed from the primary, keyed with the transaction's nonce
	Content      Digest      // recomputed from the primary, keyed with the transaction's nonce
	InForce      bool
	SupersededAt Time // zero while in force
	ThisUpdate   Time
	NextUpdate   Time
}

// inForceWire mirrors the signed JSON; superseded_at is present and null while the record is in force.
type inForceWire struct {
	Format       *string       `json:"format"`
	Transaction  *Transaction  `json:"transaction"`
	Nonce        *Nonce        `json:"nonce"`
	Document     *Digest       `json:"document"`
	Municipality *Municipality `json:"municipality"`
	Register     *Register     `json:"register"`
	Token        *Token        `json:"token"`
	SubjectHash  *SubjectHash  `json:"subject_hash"`
	Content      *Digest       `json:"content"`
	InForce      *bool         `json:"in_force"`
	SupersededAt *Time         `json:"superseded_at"`
	ThisUpdate   *Time         `json:"this_update"`
	NextUpdate   *Time         `json:"next_update"`
}

// ParseInForce reads an in-force answer strictly.
func ParseInForce(b []byte) (a InForceAnswer, err error) {
	var w inForceWire
	if err := ParseStrict(b, &w); err != nil {
		return a, err
	}
	if w.Format == nil || w.Transaction == nil || w.Nonce == nil || w.Document == nil || w.Municipality == nil ||
		w.Register == nil || w.Token == nil || w.SubjectHash == nil || w.Content == nil || w.InForce == nil ||
		w.ThisUpdate == nil || w.NextUpdate == nil {
		return a, malformed("in-force answer: member missing or null")
	}
	if *w.Format != InForceFormat || !w.ThisUpdate.Before(w.NextUpdate.Time) || *w.InForce != (w.SupersededAt == nil) {
		return a, malformed("in-force answer: format, times or superseded_at")
	}
	a = InForceAnswer{*w.Transaction, *w.Nonce, *w.Document, *w.Municipality, *w.Register, *w.Token,
		*w.SubjectHash, *w.Content, *w.InForce, Time{}, *w.ThisUpdate, *w.NextUpdate}
	if w.SupersededAt != nil {
		a.SupersededAt = *w.SupersededAt
	}
	return a, nil
}

// Encode writes the JSON that a register signs.
func (a InForceAnswer) Encode() ([]byte, error) {
	format := InForceFormat
	w := inForceWire{&format, &a.Transaction, &a.Nonce, &a.Document, &a.Municipality, &a.Register, &a.Token,
		&a.SubjectHash, &a.Content, &a.InForce, nil, &a.ThisUpdate, &a.NextUpdate}
	if !a.InForce {
		w.SupersededAt = &a.SupersededAt
	}
	return json.Marshal(w)
}

// Outcome is how a transaction ended.
type Outcome string

// The outcomes. Only [Printed] keeps money.
const (
	Printed   Outcome = "printed"   // every sheet is known to be out
	Failed    Outcome = "failed"    // it is known that not every sheet came out
	Unsure    Outcome = "unsure"    // paper may be out; never printed again by the machine
	Refused   Outcome = "refused"   // the check, the register's answer, or at a counter a member of staff said no
	Abandoned Outcome = "abandoned" // the applicant, or a time-out, ended it before the commit
	Void      Outcome = "void"      // accepted by the check, never begun on paper
)

// UnmarshalText checks the word.
func (o *Outcome) UnmarshalText(b []byte) error {
	switch *o = Outcome(b); *o {
	case Printed, Failed, Unsure, Refused, Abandoned, Void:
		return nil
	}
	return malformed("outcome")
}

// OutcomeReport is the body of POST /v1/transactions/{t}/outcome.
type OutcomeReport struct {
	Outcome          Outcome `json:"outcome"`
	Reason           string  `json:"reason,omitzero"` // a reason code, or a word of the printer's
	Impressions      int     `json:"impressions"`
	Evidence         string  `json:"evidence,omitzero"` // what printed or failed rests on; absent where no printer was asked
	Document         Digest  `json:"document,omitzero"`
	ReleaseSignature Bytes   `json:"release_signature,omitzero"`
	Staff            string  `json:"staff,omitzero"` // at a counter: the id of who compared the name on the sheet with the applicant

	Journal JournalHead `json:"journal,omitzero"` // the entry of this outcome; absent where a terminal has no such journal
	Policy  PolicyRef   `json:"policy,omitzero"`  // in force when it ended; absent where a terminal has no signed policy
}

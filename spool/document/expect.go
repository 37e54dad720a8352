package document

import (
	"crypto/x509"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// Expectation is what the terminal knows of the transaction by itself: everything that a package must agree with.
type Expectation struct {
	Terminal    protocol.Terminal
	Transaction protocol.Transaction
	Nonce       protocol.Nonce
	Card        *x509.Certificate     // the user-authentication certificate on the card
	Application *protocol.Application // what was applied for; nil only offline, where that echo stays unchecked
	Began       time.Time             // when the transaction began; zero only offline: then it began at issued_at
}

// Refusal is the answer of the check to a package that must not be printed. The first rule that failed names
// it; Also lists the others that were seen to fail. Its text holds nothing personal.
type Refusal struct {
	Code     reason.Code
	Detail   string
	Also     []reason.Code
	Document protocol.Digest   // zero when the package has no readable content
	Pages    int               // zero when unknown
	Evidence protocol.Evidence // what was signed and read up to here
	Overdue  bool              // record-superseded only: superseded longer ago than the policy lets a copy lag, so somebody must look
}

func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString("refused: " + string(r.Code))
	if r.Detail != "" {
		b.WriteString(": " + r.Detail)
	}
	sep := "; also "
	for _, c := range r.Also {
		b.WriteString(sep + string(c))
		sep = ", "
	}
	return b.String()
}

// Incident reports whether somebody must look at this refusal.
func (r *Refusal) Incident() bool { return r.Overdue || r.Class().RaisesIncident() }

// Class returns what follows from the refusal.
func (r *Refusal) Class() reason.Class { return r.Code.Class() }

// Unwrap lets [reason.Of] find the code.
func (r *Refusal) Unwrap() error { return &reason.Error{Code: r.Code, Detail: r.Detail} }

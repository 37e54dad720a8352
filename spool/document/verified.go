package document

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
)

// Errors of values that were not made, or not made for each other. None of them is a refusal of a package: each
// is a fault of this program, and ends the visit.
var (
	ErrUnverified = errors.New("document: not verified")
	ErrForeign    = errors.New("document: release signature or in-force answer belongs to another document")
	ErrSpent      = errors.New("document: already released or destroyed")
	ErrTooLate    = errors.New("document: the register's answer is too old to print on")
)

// MaxInForceAge is how old the register's answer may be when the document is released.
const MaxInForceAge = 60 * time.Second

// Verified is a document that passed the whole check for one visit, together with the very bytes that were
// checked. Only [Verifier.Verify] makes one; the zero value opens nothing; it cannot be unmarshalled, so a
// restarted terminal has none.
type Verified struct{ p *proof }

// InForce is the register's answer, at the commit, that this very document is in force. Only
// [Verifier.InForce] makes one.
type InForce struct {
	p  *proof
	at time.Time
}

// ReleaseSignature is the card's signature over this very document. Only [Verifier.ReleaseSignature] makes one.
type ReleaseSignature struct {
	p   *proof
	sig []byte
}

// Paper is a document that was verified, answered for by the card's key and found in force: the only form in
// which its bytes leave this package. It opens once.
type Paper struct{ p *proof }

type proof struct {
	mu        sync.Mutex
	pdf       []byte
	spent     bool
	opened    bool
	digest    protocol.Digest
	statement protocol.Statement
	card      *x509.Certificate
	signer    trust.Signer
}

// Transaction returns the transaction the document was checked for; zero for a zero Verified.
func (v Verified) Transaction() protocol.Transaction { return v.statement().Transaction }

// Municipality returns the municipality that issued the document.
func (v Verified) Municipality() protocol.Municipality { return v.statement().Municipality }

// Software returns the program that issued the document, as its statement says.
func (v Verified) Software() protocol.Software { return v.statement().Software }

// Token returns the record token to ask the register about.
func (v Verified) Token() protocol.Token { return v.statement().Record.Token }

// Pages returns the number of pages of one copy.
func (v Verified) Pages() int { return v.statement().Pages }

// Copies returns the number of copies.
func (v Verified) Copies() int { return v.statement().Copies }

// Document returns the SHA-256 of the PDF's bytes.
func (v Verified) Document() protocol.Digest {
	if v.p == nil {
		return protocol.Digest{}
	}
	return v.p.digest
}

func (v Verified) statement() protocol.Statement {
	if v.p == nil {
		return protocol.Statement{}
	}
	return v.p.statement
}

// Destroy overwrites the document. What was spent before cannot be opened after.
func (v Verified) Destroy() {
	if v.p != nil {
		v.p.destroy()
	}
}

func (p *proof) destroy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.pdf)
	p.pdf, p.spent, p.opened = nil, true, true
}

// Digest returns the SHA-256 of the signature: all of it that the journal may keep.
func (s ReleaseSignature) Digest() protocol.Digest { return protocol.Fingerprint(s.sig) }

// Bytes returns the signature, for the outcome report to the centre only.
func (s ReleaseSignature) Bytes() []byte { return bytes.Clone(s.sig) }

// ReleaseSignature checks the card's signature over this document.
func (v *Verifier) ReleaseSignature(d Verified, sig []byte) (ReleaseSignature, error) {
	if d.p == nil {
		return ReleaseSignature{}, ErrUnverified
	}
	msg := protocol.ReleaseMessage(d.p.statement.Terminal, d.p.statement.Transaction, d.p.digest)
	if err := trust.VerifyCardSignature(d.p.card, msg, sig); err != nil {
		return ReleaseSignature{}, reason.Errorf(reason.CardUntrusted, "release signature does not verify")
	}
	return ReleaseSignature{d.p, bytes.Clone(sig)}, nil
}

// Spend turns a verified document, its release signature and its in-force answer into paper, once. All three
// must be of the same Verify; zero and foreign values are refused.
func (v Verified) Spend(f InForce, s ReleaseSignature, now time.Time) (Paper, error) {
	if v.p == nil || f.p == nil || s.p == nil {
		return Paper{}, ErrUnverified
	}
	if f.p != v.p || s.p != v.p {
		return Paper{}, ErrForeign
	}
	if age := now.Sub(f.at); age > MaxInForceAge || age < 0 {
		return Paper{}, ErrTooLate
	}
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	if v.p.spent {
		return Paper{}, ErrSpent
	}
	v.p.spent = true
	return Paper(v), nil
}

// Open returns the checked bytes, once.
func (p Paper) Open() (io.ReadSeeker, error) {
	if p.p == nil {
		return nil, ErrUnverified
	}
	p.p.mu.Lock()
	defer p.p.mu.Unlock()
	if p.p.opened {
		return nil, ErrSpent
	}
	p.p.opened = true
	return bytes.NewReader(p.p.pdf), nil
}

// Package issuer is a practice municipality's certificate-issuing server: it reads a record, draws it, and signs.
//
// The three steps are [Issuer.Read], [Issuer.Render] and [Issuer.Seal], and [Issuer.Issue] is one after the other
// with every value handed on by hand: nothing is kept between two orders, no file name, no slot, no "current
// applicant". What an issuer must keep to: the fields that are drawn, the token, and the stored fingerprint that
// is hashed come from one reading; the hash is made from the stored bytes, never from the request's certificate.
//
// What can go wrong on purpose (a neighbour's data between two steps) is a matter for whoever calls the steps,
// not for a switch in them. [Package.Paper] says whose record was drawn: the practice world's ground truth.
package issuer

import (
	"crypto"
	"fmt"
	"sync/atomic"
	"time"
	_ "time/tzdata" // the date in a serial number is Tokyo's, on every machine

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

// Order is what the centre hands on: one transaction's application and its authenticated applicant.
type Order struct {
	Transaction protocol.Transaction
	Terminal    protocol.Terminal
	Channel     protocol.Channel
	Nonce       protocol.Nonce
	Person      string          // the holder whom the registers know for the applicant's certificate
	Applicant   protocol.Digest // fingerprint of that certificate
	Certificate protocol.Certificate
	Options     protocol.Options
	Copies      int
}

// Draft is a certificate drawn and not yet signed.
type Draft struct {
	PDF   []byte
	Paper string
}

// Package is a signed certificate package.
type Package struct {
	Bytes    []byte
	Document protocol.Digest // SHA-256 of the PDF
	Paper    string          // whose record was drawn
}

// Source is the register as an issuer reads it.
type Source interface {
	Read(r protocol.Register, person string, applicant protocol.Digest) (register.Reading, error)
}

// Config is what makes an issuer.
type Config struct {
	Municipality protocol.Municipality
	Office       *sheet.Office
	Source       Source
	Signer       *sign.Pair
	Hash         crypto.Hash // of the signature; 0 is SHA-256
	PSS          bool
	Software     protocol.Software
	Lifetime     time.Duration // of a statement: expires_at − issued_at
	Now          func() time.Time
}

// Issuer issues one municipality's certificates. It is safe for concurrent use.
type Issuer struct {
	Config
	tokyo  *time.Location
	serial atomic.Uint64
}

// New makes an issuer.
func New(c Config) (*Issuer, error) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	return &Issuer{Config: c, tokyo: tokyo}, nil
}

// Issue reads, draws and signs.
func (i *Issuer) Issue(o Order) (Package, error) {
	r, err := i.Read(o)
	if err != nil {
		return Package{}, err
	}
	d, err := i.Render(o, r)
	if err != nil {
		return Package{}, err
	}
	return i.Seal(d)
}

// Read takes the record in force, once, with everything that has to belong together.
func (i *Issuer) Read(o Order) (register.Reading, error) {
	return i.Source.Read(o.Certificate.Register(), o.Person, o.Applicant)
}

// Render draws what was read and writes the statement about it.
func (i *Issuer) Render(o Order, r register.Reading) (Draft, error) {
	content, err := r.Facts.Content(o.Certificate, o.Options, r.Person)
	if err != nil {
		return Draft{}, err
	}
	now := i.Now()
	serial := fmt.Sprintf("%s-%s-%07d", i.Municipality, now.In(i.tokyo).Format("20060102"), i.serial.Add(1))
	layout, err := sheet.Lay(content, sheet.Issue{Serial: serial, At: now, Office: i.Office})
	if err != nil {
		return Draft{}, err
	}
	subject := protocol.HashFingerprint(o.Nonce, r.Fingerprint)
	statement, err := protocol.Statement{
		Transaction: o.Transaction, Terminal: o.Terminal, Nonce: o.Nonce, SubjectHash: subject,
		Municipality: i.Municipality, Certificate: o.Certificate, Options: o.Options, Copies: o.Copies,
		Pages: layout.Pages(), Serial: serial,
		Record:   protocol.Record{Register: r.Register, Token: r.Token, Content: protocol.HashContent(o.Nonce, content.Canonical()), AsOf: protocol.At(r.AsOf)},
		IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(i.Lifetime)),
		Software: i.Software,
	}.Encode()
	if err != nil {
		return Draft{}, err
	}
	return Draft{layout.PDF(sheet.Tag{Subject: subject, Transaction: o.Transaction, At: now}, statement), r.Person}, nil
}

// Seal signs a draft.
func (i *Issuer) Seal(d Draft) (Package, error) {
	o := i.Signer.Options(i.Now())
	o.Hash, o.PSS = i.Hash, i.PSS
	b, err := sign.Sign(d.PDF, o)
	if err != nil {
		return Package{}, err
	}
	return Package{b, protocol.Fingerprint(d.PDF), d.Paper}, nil
}

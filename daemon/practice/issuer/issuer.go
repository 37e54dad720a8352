// Package issuer is a practice municipality's certificate-issuing server: it reads a record, draws it, and signs.
//
// The three steps are [Issuer.Read], [Issuer.Render] (draw, state, bind) and [Issuer.Seal], and [Issuer.Issue] is one
// after the other with every value handed on by hand: nothing is kept between two orders, no file name, no slot, no
// "current applicant". What an issuer must keep to: the fields that are drawn, the token, and the stored fingerprint that
// is hashed come from one reading; the hash is made from the stored bytes, never from the request's certificate.
//
// What goes wrong in a faulty program (a neighbour's data between two steps) is a matter for whoever calls the steps,
// not for a switch in them (package scenario). [Package.Paper] says whose record was drawn, and Tokens which versions: the practice
// world's ground truth.
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

// Drawn is a certificate drawn of one reading, and neither stated nor bound.
type Drawn struct {
	Reading register.Reading
	Serial  string
	At      time.Time
	Content protocol.Digest
	layout  *sheet.Layout
}

// Pages returns the pages, each tagged with an order's transaction and the hash that travels with the reading.
func (d Drawn) Pages(o Order) []sheet.Page {
	return d.layout.Tagged(sheet.Tag{Subject: protocol.HashFingerprint(o.Nonce, d.Reading.Fingerprint), Transaction: o.Transaction, At: d.At})
}

// Draft is a document drawn and not yet signed.
type Draft struct {
	PDF    []byte
	Paper  string           // whose record was drawn: an id, or several joined by "+"
	Tokens []protocol.Token // of the versions that were drawn
}

// Package is a signed certificate package.
type Package struct {
	Bytes    []byte
	Document protocol.Digest // SHA-256 of the PDF
	Paper    string          // as the draft's
	Tokens   []protocol.Token
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

// With returns an issuer of the same municipality over another source, that says it is another program.
func (i *Issuer) With(s Source, program protocol.Software) *Issuer {
	c := i.Config
	c.Source, c.Software = s, program
	return &Issuer{Config: c, tokyo: i.tokyo}
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

// Render draws what was read, writes the statement about it, and binds both.
func (i *Issuer) Render(o Order, r register.Reading) (Draft, error) {
	d, err := i.Draw(o, r)
	if err != nil {
		return Draft{}, err
	}
	return i.Bind(o, r, d)
}

// Draw draws what was read.
func (i *Issuer) Draw(o Order, r register.Reading) (Drawn, error) {
	content, err := r.Facts.Content(o.Certificate, o.Options, r.Person)
	if err != nil {
		return Drawn{}, err
	}
	now := i.Now()
	serial := fmt.Sprintf("%s-%s-%07d", i.Municipality, now.In(i.tokyo).Format("20060102"), i.serial.Add(1))
	layout, err := sheet.Lay(content, sheet.Issue{Serial: serial, At: now, Office: i.Office})
	return Drawn{r, serial, now, protocol.HashContent(o.Nonce, content.Canonical()), layout}, err
}

// State writes the statement: subject hash and token of a reading, everything else of what was drawn.
func (i *Issuer) State(o Order, r register.Reading, d Drawn) ([]byte, error) {
	return protocol.Statement{
		Transaction: o.Transaction, Terminal: o.Terminal, Nonce: o.Nonce, SubjectHash: protocol.HashFingerprint(o.Nonce, r.Fingerprint),
		Municipality: i.Municipality, Certificate: o.Certificate, Options: o.Options, Copies: o.Copies,
		Pages: d.layout.Pages(), Serial: d.Serial,
		Record:   protocol.Record{Register: r.Register, Token: r.Token, Content: d.Content, AsOf: protocol.At(r.AsOf)},
		IssuedAt: protocol.At(d.At), ExpiresAt: protocol.At(d.At.Add(i.Lifetime)),
		Software: i.Software,
	}.Encode()
}

// Bind binds what was drawn with a statement for a reading: the one that was drawn, in a sound program.
func (i *Issuer) Bind(o Order, r register.Reading, d Drawn) (Draft, error) {
	statement, err := i.State(o, r, d)
	if err != nil {
		return Draft{}, err
	}
	return Draft{sheet.Bind(d.Pages(o), d.At, statement), d.Reading.Person, []protocol.Token{d.Reading.Token}}, nil
}

// Seal signs a draft.
func (i *Issuer) Seal(d Draft) (Package, error) {
	o := i.Signer.Options(i.Now())
	o.Hash, o.PSS = i.Hash, i.PSS
	b, err := sign.Sign(d.PDF, o)
	if err != nil {
		return Package{}, err
	}
	return Package{b, protocol.Fingerprint(d.PDF), d.Paper, d.Tokens}, nil
}

package selftest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/spool/document"
	"honnin/spool/document/inspect/pdftest"
)

// poison is what is wrong with a package; the zero value is nothing. Each part is asked when the package has come so far.
type poison struct {
	said   func(*world, *protocol.Statement)     // what the whole document is about
	text   func(statement []byte) []byte         // as it is embedded
	tags   func([]pdftest.Page)                  // one to each page
	mine   bool                                  // the tags are the applicant's, whatever the statement says
	drawn  func(*pdftest.Doc)                    // the PDF's objects
	file   func(pdf []byte) []byte               // its bytes
	signer func(*world) *sign.Pair               // nil: the municipality's own
	signed time.Duration                         // after now
	bytes  func(w *world, pkg []byte) []byte     // of the package
	want   func(*world, *document.Expectation)   // what the terminal expects
	answer func(*world, *protocol.InForceAnswer) // of the register
	seal   func(*world) *sign.Pair               // who signs it; nil: the register
	sealed time.Duration                         // after now
}

// pages is of how many pages a document is.
const pages = 2

// expectation is that of a new transaction of the holder's.
func (w *world) expectation(t protocol.Terminal, began time.Time) document.Expectation {
	return document.Expectation{Terminal: t, Transaction: protocol.NewTransaction(), Nonce: protocol.NewNonce(), Card: w.holder.Certificate, Began: began,
		Application: &protocol.Application{Municipality: here, Certificate: wanted, Options: protocol.Options{}, Copies: 1}}
}

// statement is the true one.
func statement(e document.Expectation, now time.Time) protocol.Statement {
	at := protocol.At(now)
	return protocol.Statement{
		Transaction: e.Transaction, Terminal: e.Terminal, Nonce: e.Nonce, SubjectHash: protocol.HashSubject(e.Nonce, e.Card.Raw),
		Municipality: e.Application.Municipality, Certificate: e.Application.Certificate, Options: e.Application.Options,
		Copies: e.Application.Copies, Pages: pages, Serial: "991015-1",
		Record:   protocol.Record{Register: wanted.Register(), Token: protocol.NewToken(), Content: content, AsOf: at},
		IssuedAt: at, ExpiresAt: protocol.At(now.Add(lifetime)), Software: protocol.Software{Name: "self-test", Version: "1.0.0", Fixes: []string{}},
	}
}

// issue makes a package for e with this poison in it, as a municipality would, and returns what is said in it.
func (w *world) issue(e document.Expectation, now time.Time, p poison) ([]byte, protocol.Statement, error) {
	s := statement(e, now)
	if p.said != nil {
		p.said(w, &s)
	}
	text, err := s.Encode()
	if err != nil {
		return nil, s, err
	}
	tags := pdftest.Tags(s.SubjectHash, s.Transaction, pages)
	if p.mine {
		tags = pdftest.Tags(protocol.HashSubject(e.Nonce, e.Card.Raw), s.Transaction, pages)
	}
	if p.tags != nil {
		p.tags(tags)
	}
	if p.text != nil {
		text = p.text(text)
	}
	d := pdftest.Good(text, tags)
	if p.drawn != nil {
		p.drawn(d)
	}
	pdf := d.Bytes()
	if p.file != nil {
		pdf = p.file(pdf)
	}
	pkg, err := w.sign(pdf, now, p)
	return pkg, s, err
}

func (w *world) sign(pdf []byte, now time.Time, p poison) ([]byte, error) {
	signer := w.signer
	if p.signer != nil {
		signer = p.signer(w)
	}
	pkg, err := sign.Sign(pdf, signer.Options(now.Add(p.signed)))
	if err == nil && p.bytes != nil {
		pkg = p.bytes(w, pkg)
	}
	return pkg, err
}

// answer is the register's, about what was asked, with this poison in it.
func (w *world) answer(s protocol.Statement, q protocol.InForceQuestion, now time.Time, p poison) ([]byte, error) {
	a := protocol.InForceAnswer{Transaction: s.Transaction, Nonce: q.Nonce, Document: q.Document, Municipality: here,
		Register: wanted.Register(), Token: q.Token, SubjectHash: protocol.HashSubject(s.Nonce, w.holder.Certificate.Raw), Content: content,
		InForce: true, ThisUpdate: protocol.At(now), NextUpdate: protocol.At(now.Add(time.Minute))}
	if p.answer != nil {
		p.answer(w, &a)
	}
	text, err := a.Encode()
	if err != nil {
		return nil, err
	}
	if p.text != nil {
		text = p.text(text)
	}
	seal := w.register
	if p.seal != nil {
		seal = p.seal(w)
	}
	return sign.Sign(text, seal.Options(now.Add(p.sealed)))
}

// released is the card's signature over a document.
func released(key crypto.Signer, t protocol.Terminal, d document.Verified) ([]byte, error) {
	return signed(key, protocol.ReleaseMessage(t, d.Transaction(), d.Document()))
}

// signed is a message as a card signs it.
func signed(key crypto.Signer, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// flip changes the last bit of the byte at i.
func flip(b []byte, i int) []byte {
	out := bytes.Clone(b)
	out[i] ^= 1
	return out
}

// serialAgain is where the serial number of c ends for the second time: where the signer is named.
func serialAgain(pkg []byte, c *x509.Certificate) int {
	serial := c.SerialNumber.Bytes()
	first := bytes.Index(pkg, serial) + len(serial)
	return first + bytes.Index(pkg[first:], serial) + len(serial) - 1
}

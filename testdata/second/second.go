// Package second is a second implementation of the package check, written from config/protocol/PROTOCOL.md alone. It
// shares no code with the first: it uses the standard library, openssl for the signature, and qpdf as a reader beside
// its own. It is slow and simple, and no terminal runs it. What both say of every vector is what the page says; where
// they differed, the page was made clearer.
//
// A row of the page is a function here, and rows run from top to bottom. Each names what it refuses by adding a code.
package second

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// Input is a package with what a terminal knows of its transaction.
type Input struct {
	Package     []byte
	Policy      *Policy
	Card        *x509.Certificate
	Transaction []byte // 16
	Nonce       []byte // 32
	Terminal    string
	Application *Application // nil: unchecked
	Began       time.Time    // zero: issued_at
	Now         time.Time
}

// Application is what was applied for.
type Application struct {
	Municipality string         `json:"municipality"`
	Certificate  string         `json:"certificate"`
	Options      map[string]any `json:"options"`
	Copies       int64          `json:"copies"`
}

// check is one package under judgement.
type check struct {
	Input
	codes  []string
	signed *signed
	pdf    *pdf
	st     *statement // nil where it is missing or malformed
	hash   []byte     // the subject hash of the card
}

// fail adds a code; the first of all is the reason.
func (c *check) fail(code string) {
	if !slices.Contains(c.codes, code) {
		c.codes = append(c.codes, code)
	}
}

// need adds the code unless the row holds.
func (c *check) need(ok bool, code string) {
	if !ok {
		c.fail(code)
	}
}

// Check returns the codes a package is refused for, the reason first; none means accepted.
func Check(in Input) []string {
	c := &check{Input: in}
	m := hmac.New(sha256.New, in.Nonce)
	fingerprint := sha256.Sum256(in.Card.Raw)
	m.Write(append([]byte("honnin subject v1\x00"), fingerprint[:]...))
	c.hash = m.Sum(nil)
	c.card()
	before := len(c.codes)
	if c.signature(); len(c.codes) > before {
		return c.codes
	}
	c.municipality()
	readable := c.document()
	if !readable && c.Began.IsZero() {
		c.Began = c.signed.time // without a statement there is no issued_at; the package is refused already
	}
	late := c.signed.time.After(c.Now.Add(c.Policy.Skew)) || c.signed.time.Before(c.Began.Add(-c.Policy.Skew))
	if late { // a row of the package's table, above all of the PDF's, but without transaction_began it needs issued_at
		at := slices.IndexFunc(c.codes, func(s string) bool { return !above[s] })
		if at < 0 {
			at = len(c.codes)
		}
		c.codes = slices.Insert(c.codes, at, "package-stale")
	}
	if readable {
		c.echoes()
	}
	return c.codes
}

// above are the codes whose rows stand above the signing time's.
var above = map[string]bool{"card-untrusted": true, "card-expired": true, "signer-wrong-municipality": true}

// document judges the PDF and the form of the statement, and says whether there are pages to judge further.
func (c *check) document() bool {
	var code string
	if c.pdf, code = readPDF(c.signed.content); code != "" {
		c.fail(code)
		return false
	}
	var malformed bool
	c.need(!c.pdf.acts(), "pdf-active-content")
	pages := c.pdf.goodPages()
	text, found := c.pdf.embedded()
	if found {
		c.st, malformed = readStatement(text)
	}
	c.need(pages && (c.st == nil || c.st.pages == int64(len(c.pdf.pages))), "pdf-pages")
	c.need(c.pdf.fontsEmbedded(), "pdf-font")
	c.need(found, "statement-missing")
	c.need(c.pdf.tagged(), "tag-missing")
	c.need(!malformed, "statement-malformed")
	if c.Began.IsZero() && c.st != nil {
		c.Began = c.st.issued
	}
	return true
}

// echoes judges the rows about the statement, and the tags.
func (c *check) echoes() {
	st := c.st
	if st != nil {
		c.need(c.signed.home == st.municipality, "signer-wrong-municipality")
		c.need(st.transaction == string(c.Transaction) && st.nonce == string(c.Nonce) && st.terminal == c.Terminal, "other-transaction")
		c.need(hmac.Equal([]byte(st.subject), c.hash), "subject-mismatch")
	}
	for i, tag := range c.pdf.tags {
		c.need(tag == nil || *tag == pageTag{string(c.hash), string(c.Transaction), i + 1, len(c.pdf.tags)}, "tag-mismatch")
	}
	if st == nil {
		return
	}
	if a := c.Application; a != nil {
		c.need(st.certificate == a.Certificate && reflect.DeepEqual(st.options, a.Options) && st.copies == a.Copies && st.municipality == a.Municipality, "other-application")
	}
	late := st.issued.After(c.Now.Add(c.Policy.Skew)) || !c.Now.Before(st.expires) || st.expires.Sub(st.issued) > c.Policy.Lifetime
	c.need(!late, "package-stale")
	c.need(c.Policy.patched(st), "issuer-unpatched")
}

// ParseApplication reads the application as a vector gives it.
func ParseApplication(b []byte) (*Application, error) {
	if b == nil {
		return nil, nil
	}
	a := new(Application)
	return a, json.Unmarshal(b, a)
}

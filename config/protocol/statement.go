package protocol

import (
	"slices"

	"github.com/go-json-experiment/json"
)

// StatementFormat is the value of a statement's "format" member.
const StatementFormat = "honnin-issuance/1"

// StatementName is the name of the embedded file, as key of the name tree, /F and /UF.
const StatementName = "issuance.json"

// MaxCopies and MaxPages bound one document.
const (
	MaxCopies = 10
	MaxPages  = 30
)

// Statement is what an issuer says of the document it is embedded in. A value made by [ParseStatement] is well
// formed; whether it is about the right person is the check's business.
type Statement struct {
	Transaction  Transaction
	Terminal     Terminal
	Nonce        Nonce
	SubjectHash  SubjectHash
	Municipality Municipality
	Certificate  Certificate
	Options      Options
	Copies       int
	Pages        int
	Serial       string
	Record       Record
	IssuedAt     Time
	ExpiresAt    Time
	Software     Software
}

// Record names the version of the record that was rendered.
type Record struct {
	Register Register `json:"register"`
	Token    Token    `json:"token"`
	Content  Digest   `json:"content"` // see [HashContent]
	AsOf     Time     `json:"as_of"`
}

// Software is the issuer's program.
type Software struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Fixes   []string `json:"fixes"`
}

// statementWire mirrors issuance.json. Every member is a pointer, so that a missing one and a null are seen.
type statementWire struct {
	Format       *string       `json:"format"`
	Transaction  *Transaction  `json:"transaction"`
	Terminal     *Terminal     `json:"terminal"`
	Nonce        *Nonce        `json:"nonce"`
	SubjectHash  *SubjectHash  `json:"subject_hash"`
	Municipality *Municipality `json:"municipality"`
	Certificate  *Certificate  `json:"certificate"`
	Options      *Options      `json:"options"`
	Copies       *int          `json:"copies"`
	Pages        *int          `json:"pages"`
	Serial       *string       `json:"serial"`
	Record       *recordWire   `json:"record"`
	IssuedAt     *Time         `json:"issued_at"`
	ExpiresAt    *Time         `json:"expires_at"`
	Software     *softwareWire `json:"software"`
}

type recordWire struct {
	Register *Register `json:"register"`
	Token    *Token    `json:"token"`
	Content  *Digest   `json:"content"`
	AsOf     *Time     `json:"as_of"`
}

type softwareWire struct {
	Name    *string    `json:"name"`
	Version *string    `json:"version"`
	Fixes   *[]*string `json:"fixes"`
}

// ParseStatement reads issuance.json strictly. Its errors wrap [ErrFormat] and quote nothing of the input.
func ParseStatement(b []byte) (Statement, error) {
	var w statementWire
	if err := ParseStrict(b, &w); err != nil {
		return Statement{}, err
	}
	if m := w.missing(); m != "" {
		return Statement{}, malformed("member missing or null: " + m)
	}
	s := w.statement()
	return s, s.wellFormed(*w.Format)
}

func (w *statementWire) missing() string {
	for _, m := range []struct {
		name string
		gone bool
	}{
		{"format", w.Format == nil}, {"transaction", w.Transaction == nil}, {"terminal", w.Terminal == nil},
		{"nonce", w.Nonce == nil}, {"subject_hash", w.SubjectHash == nil}, {"municipality", w.Municipality == nil},
		{"certificate", w.Certificate == nil}, {"options", w.Options == nil}, {"copies", w.Copies == nil},
		{"pages", w.Pages == nil}, {"serial", w.Serial == nil}, {"issued_at", w.IssuedAt == nil},
		{"expires_at", w.ExpiresAt == nil},
		{"record", w.Record == nil || w.Record.Register == nil || w.Record.Token == nil || w.Record.Content == nil || w.Record.AsOf == nil},
		{"software", w.Software == nil || w.Software.Name == nil || w.Software.Version == nil || w.Software.Fixes == nil || slices.Contains(*w.Software.Fixes, nil)},
	} {
		if m.gone {
			return m.name
		}
	}
	return ""
}

func (w *statementWire) statement() Statement {
	fixes := make([]string, 0, len(*w.Software.Fixes))
	for _, f := range *w.Software.Fixes {
		fixes = append(fixes, *f)
	}
	return Statement{
		Transaction: *w.Transaction, Terminal: *w.Terminal, Nonce: *w.Nonce, SubjectHash: *w.SubjectHash,
		Municipality: *w.Municipality, Certificate: *w.Certificate, Options: *w.Options,
		Copies: *w.Copies, Pages: *w.Pages, Serial: *w.Serial,
		Record:   Record{*w.Record.Register, *w.Record.Token, *w.Record.Content, *w.Record.AsOf},
		IssuedAt: *w.IssuedAt, ExpiresAt: *w.ExpiresAt,
		Software: Software{*w.Software.Name, *w.Software.Version, fixes},
	}
}

func (s Statement) wellFormed(format string) error {
	switch {
	case format != StatementFormat:
		return malformed("format")
	case s.Copies < 1 || s.Copies > MaxCopies:
		return malformed("copies")
	case !serialForm.fits(s.Serial):
		return malformed("serial")
	case !ValidVersion(s.Software.Version):
		return malformed("software version")
	case s.Record.AsOf.After(s.IssuedAt.Time) || !s.IssuedAt.Before(s.ExpiresAt.Time):
		return malformed("as_of, issued_at and expires_at are out of order")
	case s.Certificate.Register() != s.Record.Register:
		return malformed("register does not fit certificate")
	}
	return nil
}

// Encode writes the statement as issuance.json.
func (s Statement) Encode() ([]byte, error) {
	type wire struct {
		Format       string       `json:"format"`
		Transaction  Transaction  `json:"transaction"`
		Terminal     Terminal     `json:"terminal"`
		Nonce        Nonce        `json:"nonce"`
		SubjectHash  SubjectHash  `json:"subject_hash"`
		Municipality Municipality `json:"municipality"`
		Certificate  Certificate  `json:"certificate"`
		Options      Options      `json:"options"`
		Copies       int          `json:"copies"`
		Pages        int          `json:"pages"`
		Serial       string       `json:"serial"`
		Record       Record       `json:"record"`
		IssuedAt     Time         `json:"issued_at"`
		ExpiresAt    Time         `json:"expires_at"`
		Software     Software     `json:"software"`
	}
	return json.Marshal(wire{StatementFormat, s.Transaction, s.Terminal, s.Nonce, s.SubjectHash, s.Municipality,
		s.Certificate, s.Options, s.Copies, s.Pages, s.Serial, s.Record, s.IssuedAt, s.ExpiresAt, s.Software}, json.Deterministic(true))
}

// Application is what the applicant asked for.
type Application struct {
	Municipality Municipality `json:"municipality"`
	Certificate  Certificate  `json:"certificate"`
	Options      Options      `json:"options"`
	Copies       int          `json:"copies"`
}

// ParseApplication reads an application strictly.
func ParseApplication(b []byte) (Application, error) {
	var w struct {
		Municipality *Municipality `json:"municipality"`
		Certificate  *Certificate  `json:"certificate"`
		Options      *Options      `json:"options"`
		Copies       *int          `json:"copies"`
	}
	if err := ParseStrict(b, &w); err != nil {
		return Application{}, err
	}
	if w.Municipality == nil || w.Certificate == nil || w.Options == nil || w.Copies == nil {
		return Application{}, malformed("application: member missing or null")
	}
	if *w.Copies < 1 || *w.Copies > MaxCopies {
		return Application{}, malformed("copies")
	}
	return Application{*w.Municipality, *w.Certificate, *w.Options, *w.Copies}, nil
}

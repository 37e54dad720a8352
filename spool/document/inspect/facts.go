package inspect

import (
	"honnin/config/protocol"
	"honnin/config/reason"
)

const (
	// MaxStatement is the longest statement in bytes that [Facts] carry.
	MaxStatement = 64 << 10
	// MaxPages is the largest number of pages of a document.
	MaxPages = 30

	maxDetail = 200
)

// Facts is what an inspection reports of one PDF. It decides nothing.
type Facts struct {
	// Findings are the broken rules in the order of the protocol page's table, each code once: pdf-updated,
	// pdf-malformed, pdf-active-content, pdf-pages (the geometry and 1 to [MaxPages]; not the comparison with the
	// statement), pdf-font, statement-missing, tag-missing. A document that cannot be read to the end of a row
	// has no findings of the rows below.
	Findings []Finding
	// PageCount is the number of pages; 0 when the page tree could not be read.
	PageCount int
	// Tags has one tag a page, in page order, or none unless every page has a well-formed one.
	Tags []Tag
	// Statement is issuance.json as decoded, its first [MaxStatement] bytes; nil when it is missing.
	Statement []byte
	// StatementTruncated says that issuance.json is longer than [MaxStatement].
	StatementTruncated bool
}

// Finding is one broken rule.
type Finding struct {
	Code reason.Code
	// Detail is for technicians: at most 200 bytes of printable ASCII, never text of the document.
	Detail string
}

// Tag is a page's tag as it stands on the page; whether it is true is judged elsewhere.
type Tag struct {
	SubjectHash protocol.SubjectHash
	Transaction protocol.Transaction
	Page, Pages int // 1 to 9999
}

// Err returns the first finding as a refusal, or nil.
func (f *Facts) Err() error {
	if len(f.Findings) == 0 {
		return nil
	}
	return &reason.Error{Code: f.Findings[0].Code, Detail: f.Findings[0].Detail}
}

package sheet

import "time"

// Layout is a certificate drawn and paged, ready to be tagged: one page stream per page. It is immutable and
// may become any number of PDFs.
type Layout struct {
	pages []*page
}

type page struct{}

// Lay draws c. It fails when a value is missing, too long or holds a character the fonts lack.
func Lay(c Content, issue Issue) (*Layout, error) {
	_, err := c.form()
	if err == nil {
		err = ErrContent
	}
	return nil, err
}

// Pages returns the number of pages, for the statement.
func (l *Layout) Pages() int { return len(l.pages) }

// PDF returns the document: every page tagged, statement embedded as issuance.json.
func (l *Layout) PDF(tag Tag, statement []byte) []byte {
	return Bind(l.Tagged(tag), tag.At, statement)
}

// Page is one page of a layout with its tag. The zero Page is not a page.
type Page struct {
	page  *page
	tag   Tag
	n, of int
}

// Tagged returns the pages of l, each tagged.
func (l *Layout) Tagged(tag Tag) []Page {
	pages := make([]Page, len(l.pages))
	for i, p := range l.pages {
		pages[i] = Page{p, tag, i + 1, len(l.pages)}
	}
	return pages
}

// Bind writes pages and statement as one document. Nothing is compared: an issuer that mixes the pages of two
// applicants up does just this.
func Bind(pages []Page, at time.Time, statement []byte) []byte { return nil }

// Has reports whether values holding r can be printed.
func Has(r rune) bool { return true }

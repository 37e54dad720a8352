package sheet

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"honnin/config/protocol"
)

// Layout is a certificate drawn and paged, ready to be tagged. It is immutable and may become any number of PDFs.
type Layout struct {
	pages []*page
}

// page is one drawn page: a finished content stream and what it refers to.
type page struct {
	content []byte // a zlib stream
	used    [numFonts]glyphSet
	office  *Office
}

// isSerial: 1 to 64 letters, digits and hyphens.
func isSerial(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// Lay draws c. It fails when a value is missing, too long or holds a character the fonts lack.
func Lay(c Content, issue Issue) (*Layout, error) {
	if issue.Office == nil || issue.At.IsZero() || !isSerial(issue.Serial) {
		return nil, fmt.Errorf("%w: issue", ErrContent)
	}
	f, err := c.form()
	if err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	room := f.room()
	pages := paginate(f.units(), room)
	if len(pages) > protocol.MaxPages {
		return nil, fmt.Errorf("%w: %d", ErrPages, len(pages))
	}
	if !fits(pages, room) {
		return nil, ErrTooLong
	}
	l := &Layout{}
	for i, units := range pages {
		p, err := f.page(units, issue, i+1, len(pages))
		if err != nil {
			return nil, err
		}
		l.pages = append(l.pages, p)
	}
	return l, nil
}

// check refuses values that no layout can hold.
func (f form) check() error {
	rows := f.head
	for _, b := range f.blocks {
		rows = append(rows[:len(rows):len(rows)], b.rows...)
	}
	for _, r := range rows {
		for _, c := range r {
			if utf8.RuneCountInString(c.value) > maxRunes || utf8.RuneCountInString(c.label) > maxLabel {
				return ErrTooLong
			}
		}
	}
	return nil
}

// page draws one page.
func (f form) page(units []unit, issue Issue, n, of int) (*page, error) {
	p := &pen{buf: make([]byte, 0, 16<<10)}
	p.op("/Ground Do\n0 g 0 G\n")
	f.heading(p, issue, n, of)
	f.body(p, units, n == of)
	if n == of {
		p.certification(f.sentence, issue)
	} else {
		p.right(label, right, 780, "（次頁に続く）")
	}
	p.smallPrint()
	if p.err != nil {
		return nil, p.err
	}
	return &page{deflate(p.buf), p.used, issue.Office}, nil
}

// The frame of a page, in points.
const (
	left, right = 50.0, 545.0
	bodyWidth   = right - left
	bodyTop     = 104.0
	bodyEnd     = 770.0 // on a page that another follows
	footTop     = 664.0 // on the last one
)

func (f form) heading(p *pen, issue Issue, n, of int) {
	p.sampleMark(point{left, 42})
	serial := "発行番号　" + issue.Serial
	if f.style == register {
		title := font{id: mincho, size: 15, scale: 1, spaced: 5}
		p.right(title, right, 72, f.title)
		p.right(value.sized(11), right-title.measure(f.title)-24, 72, fullWidth(fmt.Sprintf("(%dの%d)", of, n)))
		p.right(label, right, 94, serial)
		return
	}
	p.centred(font{id: mincho, size: 21, scale: 1, spaced: 7}, pageWidth/2, 74, f.title)
	p.right(value.sized(10), right, 52, fullWidth(fmt.Sprintf("(%d/%d)", n, of)))
	p.right(label, right, 94, serial)
}

// sampleMark is the red stamp 見本 at the head of every page, in text.
func (p *pen) sampleMark(q point) {
	p.save()
	p.op("0.78 0.12 0.12 rg 0.78 0.12 0.12 RG\n")
	p.box(q.x, q.y, 58, 24, 1.2)
	p.text(font{id: gothic, size: 15, scale: 1, spaced: 8}, point{q.x + 10, q.y + 17.5}, "見本")
	p.restore()
}

// certification is the sentence, the date, the office and its seal at the foot of the last page.
func (p *pen) certification(sentence string, issue Issue) {
	p.text(value.sized(11), point{left + 14, 694}, sentence)
	p.text(value.sized(11), point{left + 36, 722}, DateOf(issue.At).Aligned())
	const sealX, sealY = right - 72, 712
	p.right(value.sized(11), sealX-8, 734, issue.Office.name)
	p.right(value.sized(15), sealX-8, 757, issue.Office.mayor)
	p.op("q 1 0 0 1 ")
	p.num(sealX)
	p.num(-sealY)
	p.op("cm /Seal Do Q\n")
}

func (p *pen) smallPrint() {
	small := label.sized(6.2)
	p.save()
	p.op("0.25 g\n")
	p.text(small, point{left, 791}, "※この証明書は、コンビニエンスストア等のマルチコピー機（キオスク端末）で交付されたものです。")
	p.text(small, point{left, 799.5}, "※偽造防止のため、地紋があります。複写機で複写すると「複写」の文字が浮かび上がります。")
	p.op("0.75 0.1 0.1 rg\n")
	p.text(small, point{left, 808}, "【見本】人物・住所・団体はすべて架空のもので、この証明書に効力はありません。")
	p.restore()
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

// Bind writes pages, in this order, and statement as one document made at a time. Nothing is compared: an
// issuer that mixes the pages of two applicants up does just this.
func Bind(pages []Page, at time.Time, statement []byte) []byte {
	return writeDocument(pages, at, statement)
}

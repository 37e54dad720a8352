package inspect

import (
	"regexp"

	"honnin/config/reason"
)

const maxPageNumber = 9999

// dateForm is a date of ISO 32000-1, 7.9.4; pdfcpu looks at the ranges of its parts.
var dateForm = regexp.MustCompile(`^D:[0-9]{4}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}(Z(00'00'?)?|[+-][0-9]{2}('([0-9]{2}'?)?)?)?)?)?)?)?)?$`)

// tags reads the tag of every page.
func (in *inspection) tags() {
	tags := make([]Tag, 0, len(in.pages))
	for i, p := range in.pages {
		t, what := in.f.tag(p.dict)
		if what != "" {
			in.report(reason.TagMissing, "page %d: %s", i+1, what)
			return
		}
		tags = append(tags, t)
	}
	in.facts.Tags = tags
}

// tag reads the page dictionary's own tag, all of it direct objects, or says what is wrong with it.
func (f *file) tag(d *dict) (t Tag, what string) {
	if date, ok := f.resolve(d.get("LastModified")).(text); !ok || !dateForm.Match(date) {
		return t, "no /LastModified"
	}
	piece, _ := d.get("PieceInfo").(*dict)
	if piece == nil || !piece.exactly("Honnin") {
		return t, "/PieceInfo is not a dictionary with /Honnin alone"
	}
	data, _ := piece.get("Honnin").(*dict)
	if data == nil || !data.exactly("LastModified", "Private") {
		return t, "/Honnin is not a dictionary of /LastModified and /Private"
	}
	if date, ok := data.get("LastModified").(text); !ok || !dateForm.Match(date) {
		return t, "/LastModified of /Honnin is not a date"
	}
	private, _ := data.get("Private").(*dict)
	if private == nil || !private.exactly("SubjectHash", "Transaction", "Page", "Pages") {
		return t, "/Private is not a dictionary of the four keys"
	}
	return readTag(private)
}

func readTag(d *dict) (t Tag, what string) {
	if h, ok := d.get("SubjectHash").(text); !ok || copy(t.SubjectHash[:], h) != len(h) || len(h) != len(t.SubjectHash) {
		return t, "/SubjectHash is not a string of 32 bytes"
	}
	if x, ok := d.get("Transaction").(text); !ok || copy(t.Transaction[:], x) != len(x) || len(x) != len(t.Transaction) {
		return t, "/Transaction is not a string of 16 bytes"
	}
	for key, n := range map[name]*int{"Page": &t.Page, "Pages": &t.Pages} {
		v, ok := d.get(key).(int64)
		if !ok || v < 1 || v > maxPageNumber {
			return t, "/Page or /Pages is not a number from 1"
		}
		*n = int(v)
	}
	return t, ""
}

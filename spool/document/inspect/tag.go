package inspect

import (
	"bytes"

	"honnin/config/reason"
)

const maxPageNumber = 9999

// isDate reports whether s is a date of ISO 32000-1, 7.9.4: D:YYYY, then month to second as far as it is known, then the
// offset. pdfcpu looks at the ranges of its parts. (No regexp: each child would compile it.)
func isDate(s []byte) bool {
	rest, ok := bytes.CutPrefix(s, []byte("D:"))
	n := digits(rest)
	return ok && n >= 4 && n <= 14 && n%2 == 0 && (len(rest) == n || n == 14 && isOffset(rest[n:]))
}

func isOffset(z []byte) bool {
	if z[0] == 'Z' {
		tail := string(z[1:])
		return tail == "" || tail == "00'00" || tail == "00'00'"
	}
	if z[0] != '+' && z[0] != '-' || digits(z[1:]) != 2 {
		return false
	}
	tail := z[3:]
	if len(tail) < 2 {
		return len(tail) == 0 || tail[0] == '\''
	}
	return tail[0] == '\'' && digits(tail[1:]) == 2 && (len(tail) == 3 || string(tail[3:]) == "'")
}

// digits counts the digits at the beginning of s.
func digits(s []byte) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

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
	if date, ok := f.resolve(d.get("LastModified")).(text); !ok || !isDate(date) {
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
	if date, ok := data.get("LastModified").(text); !ok || !isDate(date) {
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

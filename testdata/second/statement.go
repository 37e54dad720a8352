package second

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// statement is issuance.json; binary members are their bytes.
type statement struct {
	transaction, nonce, terminal, subject, municipality, certificate string
	options                                                          map[string]any
	copies, pages                                                    int64
	issued, expires                                                  time.Time
	software, version                                                string
	fixes                                                            []string
}

// form is a broken rule on the way through a JSON text; it never leaves readStatement.
type form struct{}

func must(ok bool) {
	if !ok {
		panic(form{})
	}
}

// readStatement returns nil and true when the text breaks its format.
func readStatement(b []byte) (st *statement, malformed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(form); !ok {
				panic(r)
			}
			st, malformed = nil, true
		}
	}()
	must(len(b) <= 64<<10 && utf8.Valid(b) && !bytes.ContainsRune(b, utf8.RuneError) && len(b) > 0 && b[0] == '{')
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	o, ok := value(d, 0).(object)
	must(ok && d.InputOffset() == int64(len(b)))
	return fill(o), false
}

// object is a JSON object whose members were each there once.
type object map[string]any

// value reads one value: encoding/json alone would let a member stand twice.
func value(d *json.Decoder, depth int) any {
	t, err := d.Token()
	must(err == nil && depth < 16)
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			k, err := d.Token()
			must(err == nil)
			_, twice := o[k.(string)]
			must(!twice)
			o[k.(string)] = value(d, depth+1)
		}
		_, err = d.Token()
		must(err == nil)
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, value(d, depth+1))
		}
		_, err = d.Token()
		must(err == nil)
		return list
	}
	s, ok := t.(string) // half a surrogate pair becomes the replacement character, which no text of these has
	must(!ok || !strings.ContainsRune(s, utf8.RuneError))
	return t
}

// members demands exactly these.
func (o object) members(names string) {
	list := strings.Fields(names)
	must(len(o) == len(list))
	for _, n := range list {
		must(o[n] != nil)
	}
}

func (o object) text(name, pattern string) string {
	s, ok := o[name].(string)
	must(ok && regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(s))
	return s
}

func (o object) integer(name string, low, high int64) int64 {
	n, ok := o[name].(json.Number)
	must(ok)
	i, err := strconv.ParseInt(string(n), 10, 64)
	must(err == nil && i >= low && i <= high)
	return i
}

func (o object) binary(name string, size int) string {
	s := o.text(name, `[A-Za-z0-9_-]*`)
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	must(err == nil && len(b) == size)
	return string(b)
}

func (o object) instant(name string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(name, `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`))
	must(err == nil)
	return t
}

func (o object) object(name, members string) object {
	in, ok := o[name].(object)
	must(ok)
	in.members(members)
	return in
}

var registers = map[string]string{
	"resident-record": "resident", "resident-record-items": "resident", "seal-registration": "seal", "family-register": "family",
	"family-register-individual": "family", "family-register-supplement": "family", "income-tax": "tax", "tax-paid": "tax",
}

const semver = `(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?`

func fill(o object) *statement {
	o.members("format transaction terminal nonce subject_hash municipality certificate options copies pages serial record issued_at expires_at software")
	o.text("format", "honnin-issuance/1")
	o.text("serial", `[A-Za-z0-9-]{1,64}`)
	st := &statement{
		transaction: unhex(o.text("transaction", `[0-9a-f]{32}`)), terminal: o.text("terminal", `[A-Z0-9-]{1,32}`),
		nonce: o.binary("nonce", 32), subject: o.binary("subject_hash", 32), municipality: o.text("municipality", `\d{6}`),
		certificate: o.text("certificate", `.*`), copies: o.integer("copies", 1, 10), pages: o.integer("pages", 0, 1<<62),
		issued: o.instant("issued_at"), expires: o.instant("expires_at"),
	}
	record := o.object("record", "register token content as_of")
	must(registers[st.certificate] != "" && record["register"] == registers[st.certificate])
	record.binary("token", 16)
	record.binary("content", 32)
	must(!record.instant("as_of").After(st.issued) && st.issued.Before(st.expires))
	options, ok := o["options"].(object)
	must(ok)
	for _, v := range options {
		_, isText := v.(string)
		_, isBool := v.(bool)
		must(isText || isBool)
	}
	st.options = options
	s := o.object("software", "name version fixes")
	st.software, st.version = s.text("name", `(?s:.*)`), s.text("version", semver)
	fixes, ok := s["fixes"].([]any)
	must(ok)
	for _, f := range fixes {
		text, ok := f.(string)
		must(ok)
		st.fixes = append(st.fixes, text)
	}
	return st
}

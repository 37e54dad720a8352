package inspect

import (
	"bytes"
	"errors"
	"io"

	"honnin/config/reason"
)

// statementName is the key, the /F and the /UF of the one embedded file.
const statementName = "issuance.json"

// attachment is one entry of the EmbeddedFiles name tree.
type attachment struct {
	key  text
	spec any
}

// findStatement looks through the name tree for the one file and notes its specification and stream. A file
// that hangs elsewhere, and is the only one, is noted too: it is a statement out of place and not a second file.
func (in *inspection) findStatement() {
	if in.catalog == nil {
		return
	}
	files, err := in.attachments()
	switch {
	case err != nil:
		in.report(reason.StatementMissing, "%s", err)
	case len(files) == 0:
		in.report(reason.StatementMissing, "the name tree EmbeddedFiles is missing or empty")
	case len(files) > 1:
		in.report(reason.PDFActiveContent, "%d embedded files", len(files))
	case !in.f.named(files[0].key):
		in.report(reason.StatementMissing, "the embedded file's key is not %s", statementName)
	}
	for _, a := range files {
		if in.spec == nil || in.f.named(a.key) {
			in.spec, _ = in.f.resolve(a.spec).(*dict)
		}
	}
	in.stray()
}

// stray completes what the name tree did not lead to with the first file specification and the first embedded
// file among the objects.
func (in *inspection) stray() {
	for _, o := range in.f.ordered {
		if d, ok := o.val.(*dict); ok && in.spec == nil && d.has("EF") {
			in.spec = d
		}
	}
	in.attach = in.stream(in.spec)
	for _, o := range in.f.ordered {
		if s, ok := o.val.(*stream); ok && in.attach == nil && in.f.resolve(s.get("Type")) == name("EmbeddedFile") {
			in.attach = s
		}
	}
}

// stream returns the stream that a file specification embeds.
func (in *inspection) stream(spec *dict) *stream {
	if spec == nil {
		return nil
	}
	ef := in.f.dictAt(spec, "EF")
	if ef == nil {
		return nil
	}
	s, _ := in.f.resolve(ef.get("F")).(*stream)
	return s
}

// named reports whether v is the statement's name, as PDFDocEncoding or as UTF-16 with its mark.
func (f *file) named(v any) bool {
	t, ok := f.resolve(v).(text)
	if !ok {
		return false
	}
	if rest, wide := bytes.CutPrefix(t, []byte{0xFE, 0xFF}); wide {
		narrow := make(text, 0, len(statementName))
		for i := 0; i+1 < len(rest) && len(rest) == 2*len(statementName) && rest[i] == 0; i += 2 {
			narrow = append(narrow, rest[i+1])
		}
		t = narrow
	}
	return string(t) == statementName
}

// attachments lists the entries of the EmbeddedFiles name tree (ISO 32000-1, 7.9.6).
func (in *inspection) attachments() (out []attachment, err error) {
	names := in.f.dictAt(in.catalog, "Names")
	if names == nil || !names.has("EmbeddedFiles") {
		return nil, nil
	}
	seen := map[*dict]bool{}
	var walk func(v any, depth int) error
	walk = func(v any, depth int) error {
		d, ok := in.f.resolve(v).(*dict)
		if !ok || seen[d] || depth > maxDepth || d.has("Kids") == d.has("Names") {
			return errors.New("the name tree EmbeddedFiles is malformed")
		}
		seen[d] = true
		list, ok := in.f.resolve(d.get("Names")).(array)
		kids, isKids := in.f.resolve(d.get("Kids")).(array)
		if !ok && !isKids || len(list)%2 != 0 {
			return errors.New("the name tree EmbeddedFiles is malformed")
		}
		for i := 0; i < len(list); i += 2 {
			key, _ := in.f.resolve(list[i]).(text)
			out = append(out, attachment{key, list[i+1]})
		}
		for _, k := range kids {
			if err := walk(k, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err = walk(names.get("EmbeddedFiles"), 0)
	return out, err
}

// readStatement checks the specification and decodes the statement.
func (in *inspection) readStatement() {
	if _, missing := in.found[reason.StatementMissing]; missing {
		return
	}
	if what := in.badSpecification(); what != "" {
		in.report(reason.StatementMissing, "%s", what)
		return
	}
	short := &head{}
	d := &decoder{f: in.f, budget: maxDecoded}
	if err := d.decode(in.attach, short); err != nil {
		in.report(reason.StatementMissing, "the statement's stream: %v", err)
		return
	}
	in.facts.Statement, in.facts.StatementTruncated = short.kept, short.more
	if short.kept == nil {
		in.facts.Statement = []byte{}
	}
}

// badSpecification says what is wrong with the statement's file specification or stream, or "".
func (in *inspection) badSpecification() string {
	if in.spec == nil || in.attach == nil {
		return "the embedded file is not a file specification with a stream"
	}
	if !in.f.named(in.spec.get("F")) || !in.f.named(in.spec.get("UF")) {
		return "/F and /UF are not " + statementName
	}
	for _, e := range in.spec.entries {
		if !specKeys[e.key] {
			return "the file specification has other keys than /Type, /F, /UF, /EF, /Desc"
		}
	}
	ef := in.f.dictAt(in.spec, "EF")
	if ef == nil || !ef.has("F") {
		return "the file specification embeds nothing"
	}
	for _, e := range ef.entries {
		if s, _ := in.f.resolve(e.val).(*stream); s != in.attach || e.key != "F" && e.key != "UF" {
			return "/EF names another stream"
		}
	}
	if st, err := in.f.stages(in.attach); err != nil || len(st) != 1 || st[0].filter != "FlateDecode" {
		return "the statement's filter is not /FlateDecode"
	}
	return ""
}

var specKeys = set("Type", "F", "UF", "EF", "Desc", "AFRelationship")

// head keeps the first [MaxStatement] bytes.
type head struct {
	kept []byte
	more bool
}

var _ io.Writer = (*head)(nil)

func (h *head) Write(b []byte) (int, error) {
	n := min(len(b), MaxStatement-len(h.kept))
	h.kept = append(h.kept, b[:n]...)
	h.more = h.more || n < len(b)
	return len(b), nil
}

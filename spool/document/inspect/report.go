package inspect

import (
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// The wire between parent and child, all numbers big-endian:
//
//	child → parent   hello: "HNI1", confinement (2 bytes)
//	parent → child   length (4 bytes), PDF
//	child → parent   length (4 bytes), report; then end of file
//
//	report   = findings (2-byte length) pages (2) tags (2-byte length) statement
//	finding  = index in the table (1) detail (1-byte length)
//	tag      = subject hash (32) transaction (16) page (2) pages (2)
//	statement = state (1: 0 missing, 1 whole, 2 truncated) bytes (3-byte length)
const (
	maxDocument = 16 << 20
	maxReport   = 256 << 10
	helloMagic  = "HNI1"
	helloSize   = len(helloMagic) + 2
	maxCount    = 1<<16 - 1
)

const (
	statementMissing = iota
	statementWhole
	statementTruncated
)

var errReport = errors.New("the child's report is malformed")

// marshal writes the report. A document of more pages or tags than the wire can say has findings, and its
// number of pages is cut; it is refused in any case.
func (f *Facts) marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, x := range f.Findings {
			b.AddUint8(uint8(slices.Index(order, x.Code)))
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(x.Detail)) })
		}
	})
	b.AddUint16(uint16(min(f.PageCount, maxCount)))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		if len(f.Tags) > MaxPages {
			return
		}
		for _, t := range f.Tags {
			b.AddBytes(t.SubjectHash[:])
			b.AddBytes(t.Transaction[:])
			b.AddUint16(uint16(t.Page))
			b.AddUint16(uint16(t.Pages))
		}
	})
	b.AddUint8(f.statementState())
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(f.Statement) })
	return b.Bytes()
}

func (f *Facts) statementState() uint8 {
	switch {
	case f.Statement == nil:
		return statementMissing
	case f.StatementTruncated:
		return statementTruncated
	}
	return statementWhole
}

// unmarshal reads a report and believes only what hangs together.
func unmarshal(raw []byte) (f Facts, err error) {
	s := cryptobyte.String(raw)
	var findings, tags, statement cryptobyte.String
	var pages uint16
	var state uint8
	if !s.ReadUint16LengthPrefixed(&findings) || !s.ReadUint16(&pages) || !s.ReadUint16LengthPrefixed(&tags) ||
		!s.ReadUint8(&state) || !s.ReadUint24LengthPrefixed(&statement) || !s.Empty() {
		return Facts{}, errReport
	}
	f.PageCount = int(pages)
	if !f.readFindings(findings) || !f.readTags(tags) || !f.setStatement(state, statement) || !f.coherent() {
		return Facts{}, errReport
	}
	return f, nil
}

func (f *Facts) readFindings(s cryptobyte.String) bool {
	last := -1
	for !s.Empty() {
		var code uint8
		var detail cryptobyte.String
		if !s.ReadUint8(&code) || !s.ReadUint8LengthPrefixed(&detail) {
			return false
		}
		if int(code) <= last || int(code) >= len(order) || len(detail) > maxDetail || printable(string(detail)) != string(detail) {
			return false
		}
		last = int(code)
		f.Findings = append(f.Findings, Finding{order[code], string(detail)})
	}
	return true
}

func (f *Facts) readTags(s cryptobyte.String) bool {
	for !s.Empty() {
		var t Tag
		var page, pages uint16
		if !s.CopyBytes(t.SubjectHash[:]) || !s.CopyBytes(t.Transaction[:]) || !s.ReadUint16(&page) || !s.ReadUint16(&pages) {
			return false
		}
		if page < 1 || page > maxPageNumber || pages < 1 || pages > maxPageNumber {
			return false
		}
		t.Page, t.Pages = int(page), int(pages)
		f.Tags = append(f.Tags, t)
	}
	return true
}

func (f *Facts) setStatement(state uint8, b []byte) bool {
	switch {
	case state == statementMissing && len(b) == 0:
		return true
	case state == statementWhole && len(b) <= MaxStatement, state == statementTruncated && len(b) == MaxStatement:
		f.Statement = append([]byte{}, b...)
		f.StatementTruncated = state == statementTruncated
		return true
	}
	return false
}

// coherent reports whether the parts fit: tags for all pages or none, and a document without findings has pages,
// tags and a statement.
func (f *Facts) coherent() bool {
	if len(f.Tags) != 0 && len(f.Tags) != f.PageCount {
		return false
	}
	return len(f.Findings) > 0 || f.PageCount >= 1 && f.PageCount <= MaxPages && len(f.Tags) == f.PageCount && f.Statement != nil
}

// frame puts the length before b.
func frame(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...)
}

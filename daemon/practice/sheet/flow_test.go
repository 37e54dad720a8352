package sheet_test

import (
	"bytes"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
)

// issued does what an issuer does with a content: number of pages first, then the statement, then the document.
func issued(t *testing.T, c sheet.Content, nonce protocol.Nonce) ([]byte, protocol.Statement) {
	t.Helper()
	at := time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)
	l, mark := lay(t, c), tag(3)
	s := protocol.Statement{
		Transaction: mark.Transaction, Terminal: "JP-13-000042", Nonce: nonce, SubjectHash: mark.Subject, Municipality: "141003",
		Certificate: c.Kind(), Copies: 1, Pages: l.Pages(), Serial: "141003-20261121-0000042",
		Record:   protocol.Record{Register: c.Kind().Register(), Content: protocol.HashContent(nonce, c.Canonical()), AsOf: protocol.Time{Time: at}},
		IssuedAt: protocol.Time{Time: at}, ExpiresAt: protocol.Time{Time: at.Add(5 * time.Minute)},
		Software: protocol.Software{Name: "practice-issuer", Version: "1.4.0", Fixes: []string{}},
	}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return l.PDF(mark, b), s
}

// A document and its statement go through the terminal's reader and come out agreeing.
func TestStatementAndPagesAgree(t *testing.T) {
	for _, s := range sheettest.Samples() {
		pdf, want := issued(t, s.Content, protocol.Nonce{1})
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		facts := inspectPDF(t, pdf, s.Pages, b)
		got, err := protocol.ParseStatement(facts.Statement)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if got.Pages != facts.PageCount || got.Certificate != s.Content.Kind() {
			t.Errorf("%s: statement of %d pages in a document of %d", s.Name, got.Pages, facts.PageCount)
		}
		for i, k := range facts.Tags {
			if k.SubjectHash != got.SubjectHash || k.Transaction != got.Transaction || k.Page != i+1 || k.Pages != got.Pages {
				t.Errorf("%s: page %d and the statement disagree", s.Name, i+1)
			}
		}
	}
}

// The register recomputes record.content from its own record: the same for the same fields and nonce, and for
// nothing else. A kawasaki, one person's fields drawn under another's name, is seen by this alone.
func TestContentHashTellsRecordsApart(t *testing.T) {
	mine, neighbours := sheettest.Household(2), sheettest.Household(2)
	neighbours.Address = "見本県架空市例町九丁目９番９号"
	_, a := issued(t, mine, protocol.Nonce{1})
	_, b := issued(t, sheettest.Household(2), protocol.Nonce{1})
	_, c := issued(t, neighbours, protocol.Nonce{1})
	_, d := issued(t, mine, protocol.Nonce{2})
	if a.Record.Content != b.Record.Content {
		t.Error("the same record has two hashes")
	}
	if a.Record.Content == c.Record.Content || a.Record.Content == d.Record.Content {
		t.Error("another record, or another transaction, has the same hash")
	}
	if bytes.Equal(mine.Canonical(), neighbours.Canonical()) {
		t.Error("a neighbour's record has the same canonical form")
	}
}

// FuzzLay: any text as a value gives a clean document or one of the package's errors.
func FuzzLay(f *testing.F) {
	f.Add("架空　太郎", "見本県架空市例町一丁目２番３号", "見")
	f.Add("", "\xff\xfe", "\n")
	f.Add("𠮷", "（）<>()\\", "　")
	f.Fuzz(func(t *testing.T, name, address, engraved string) {
		record, seal := sheettest.Household(1), sheettest.Seal()
		record.People[0].Name, record.Address = name, address
		seal.Name, seal.Address, seal.Imprint.Text = name, address, engraved
		for _, c := range []sheet.Content{record, seal} {
			l, err := sheet.Lay(c, issue(t))
			if err != nil {
				continue
			}
			inspectPDF(t, l.PDF(tag(1), nil), l.Pages(), nil)
			for _, r := range name + address {
				if !sheet.Has(r) {
					t.Fatalf("%U was printed and has no glyph", r)
				}
			}
		}
	})
}

package inspect

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/reason"
)

// TestReportTravels: any coherent facts survive the wire, and no report with a byte more or less does.
func TestReportTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Facts{PageCount: rapid.IntRange(1, MaxPages).Draw(t, "pages"), Statement: rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "statement")}
		for range f.PageCount {
			tag := Tag{Page: rapid.IntRange(1, maxPageNumber).Draw(t, "page"), Pages: 1}
			copy(tag.SubjectHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
			f.Tags = append(f.Tags, tag)
		}
		for _, code := range order {
			if rapid.Bool().Draw(t, string(code)) {
				f.Findings = append(f.Findings, Finding{code, rapid.StringMatching(`[ -~]{0,200}`).Draw(t, "detail")})
			}
		}
		raw, err := f.marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := unmarshal(raw)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("%v: %+v, want %+v", err, got, f)
		}
		if _, err := unmarshal(append(raw, 0)); err == nil {
			t.Fatal("a byte too many passes")
		}
		if _, err := unmarshal(raw[:rapid.IntRange(0, len(raw)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("a short report passes")
		}
	})
}

// TestReportLies: facts that do not hang together are not believed.
func TestReportLies(t *testing.T) {
	tag := Tag{Page: 1, Pages: 1}
	whole := Facts{PageCount: 1, Tags: []Tag{tag}, Statement: []byte("{}")}
	for name, lie := range map[string]func(f *Facts){
		"a code of another table":     func(f *Facts) { f.Findings = []Finding{{reason.SubjectMismatch, ""}} },
		"codes out of order":          func(f *Facts) { f.Findings = []Finding{{order[3], ""}, {order[1], ""}} },
		"a code twice":                func(f *Facts) { f.Findings = []Finding{{order[1], ""}, {order[1], ""}} },
		"a detail too long":           func(f *Facts) { f.Findings = []Finding{{order[1], strings.Repeat("x", maxDetail+1)}} },
		"a detail in another script":  func(f *Facts) { f.Findings = []Finding{{order[1], "住民票"}} },
		"fewer tags than pages":       func(f *Facts) { f.PageCount = 2 },
		"more tags than pages":        func(f *Facts) { f.Tags = []Tag{tag, tag} },
		"no tags and nothing wrong":   func(f *Facts) { f.Tags = nil },
		"no pages and nothing wrong":  func(f *Facts) { f.PageCount, f.Tags = 0, nil },
		"no statement, nothing wrong": func(f *Facts) { f.Statement = nil },
		"a tag of page 0":             func(f *Facts) { f.Tags = []Tag{{Page: 0, Pages: 1}} },
		"a tag of 0 pages":            func(f *Facts) { f.Tags = []Tag{{Page: 1}} },
		"a tag of page 10000":         func(f *Facts) { f.Tags = []Tag{{Page: maxPageNumber + 1, Pages: 1}} },
		"a statement too long":        func(f *Facts) { f.Statement = make([]byte, MaxStatement+1) },
		"cut but short":               func(f *Facts) { f.StatementTruncated = true },
	} {
		f := whole
		lie(&f)
		raw, err := f.marshal()
		if err != nil {
			continue // cannot even be said
		}
		if got, err := unmarshal(raw); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	raw, err := whole.marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unmarshal(raw); err != nil {
		t.Errorf("the truth: %v", err)
	}
	missing := bytes.Clone(raw)
	missing[len(missing)-6] = statementMissing // with bytes all the same
	if _, err := unmarshal(missing); err == nil {
		t.Error("a missing statement of two bytes passes")
	}
}

// TestLargestReport: the largest facts fit.
func TestLargestReport(t *testing.T) {
	f := Facts{PageCount: MaxPages, Tags: make([]Tag, MaxPages), Statement: make([]byte, MaxStatement), StatementTruncated: true}
	for i := range f.Tags {
		f.Tags[i].Page, f.Tags[i].Pages = i+1, MaxPages
	}
	for _, c := range order {
		f.Findings = append(f.Findings, Finding{c, strings.Repeat("x", maxDetail)})
	}
	if err := sound(f); err != nil {
		t.Error(err)
	}
}

func TestConfinementString(t *testing.T) {
	if got := (Limits | Namespaces).String(); got != "limits namespaces" {
		t.Error(got)
	}
}

// TestRehearsal: a child that cannot inspect our own document does not start.
func TestRehearsal(t *testing.T) {
	if f := Document(rehearsal); len(f.Findings) != 0 || f.PageCount != 1 {
		t.Errorf("%+v", f)
	}
}

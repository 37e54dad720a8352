package sheet_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
	"honnin/spool/document/inspect"
	"pgregory.net/rapid"
)

func issue(t testing.TB) sheet.Issue {
	t.Helper()
	i, err := sheettest.Issue()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func lay(t testing.TB, c sheet.Content) *sheet.Layout {
	t.Helper()
	l, err := sheet.Lay(c, issue(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func tag(b byte) sheet.Tag {
	t := sheet.Tag{At: time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)}
	for i := range t.Subject {
		t.Subject[i] = b + byte(i)
	}
	for i := range t.Transaction {
		t.Transaction[i] = b ^ byte(i)
	}
	return t
}

// inspectPDF holds a document against every rule of the protocol's PDF table, as the terminal does.
func inspectPDF(t interface {
	Helper()
	Fatalf(string, ...any)
}, pdf []byte, pages int, statement []byte) inspect.Facts {
	t.Helper()
	facts := inspect.Document(pdf)
	if err := facts.Err(); err != nil {
		t.Fatalf("inspection: %v", err)
	}
	if facts.PageCount != pages || len(facts.Tags) != pages {
		t.Fatalf("%d pages, %d tags, want %d", facts.PageCount, len(facts.Tags), pages)
	}
	if !bytes.Equal(facts.Statement, statement) {
		t.Fatalf("issuance.json came back otherwise")
	}
	return facts
}

func TestSamplesObeyTheTable(t *testing.T) {
	statement := []byte(`{"format":"honnin-issuance/1"}`)
	kinds := map[protocol.Certificate]bool{}
	for _, s := range sheettest.Samples() {
		kinds[s.Content.Kind()] = true
		t.Run(s.Name, func(t *testing.T) {
			l, want := lay(t, s.Content), tag(7)
			if l.Pages() != s.Pages {
				t.Errorf("%d pages, want %d", l.Pages(), s.Pages)
			}
			facts := inspectPDF(t, l.PDF(want, statement), s.Pages, statement)
			for i, got := range facts.Tags {
				if got.SubjectHash != want.Subject || got.Transaction != want.Transaction || got.Page != i+1 || got.Pages != s.Pages {
					t.Errorf("page %d has another tag", i+1)
				}
			}
		})
	}
	for _, k := range protocol.Certificates() {
		if !kinds[k] {
			t.Errorf("no sample of %s", k)
		}
	}
}

// An issuer that mixes up two applicants makes a well-formed document whose tags say so.
func TestBindMixesPages(t *testing.T) {
	ours, theirs := lay(t, sheettest.Household(6)), lay(t, sheettest.Household(7))
	a, b := ours.Tagged(tag(1)), theirs.Tagged(tag(2))
	other := issue(t)
	office, err := sheet.NewOffice("東見本県旧例市", "旧例市長　想定　二郎", "旧例市長印")
	if err != nil {
		t.Fatal(err)
	}
	other.Office = office
	third, err := sheet.Lay(sheettest.Seal(), other)
	if err != nil {
		t.Fatal(err)
	}
	pdf := sheet.Bind([]sheet.Page{a[0], b[1], third.Tagged(tag(3))[0]}, tag(1).At, nil)
	facts := inspectPDF(t, pdf, 3, nil)
	for i, want := range []sheet.Tag{tag(1), tag(2), tag(3)} {
		if facts.Tags[i].SubjectHash != want.Subject || facts.Tags[i].Transaction != want.Transaction {
			t.Errorf("page %d lost its own tag", i+1)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	first := lay(t, sheettest.Family(3)).PDF(tag(1), []byte("{}"))
	l := lay(t, sheettest.Family(3))
	if !bytes.Equal(first, l.PDF(tag(1), []byte("{}"))) || !bytes.Equal(first, l.PDF(tag(1), []byte("{}"))) {
		t.Error("a layout does not always become the same document")
	}
	if bytes.Equal(first, l.PDF(tag(2), []byte("{}"))) {
		t.Error("the tag leaves no trace")
	}
}

// Whatever the values, the outcome is a clean document or one of the package's errors.
func TestAnyValuesMakeAValidDocument(t *testing.T) {
	i := issue(t)
	made := 0
	rapid.Check(t, func(t *rapid.T) {
		l, err := sheet.Lay(anyContent().Draw(t, "content"), i)
		if err != nil {
			if !errors.Is(err, sheet.ErrTooLong) && !errors.Is(err, sheet.ErrPages) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		made++
		inspectPDF(t, l.PDF(tag(9), []byte("{}")), l.Pages(), []byte("{}"))
	})
	if made == 0 {
		t.Fatal("every content was refused")
	}
}

func anyValue(longest int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom(sheet.Runes()), -1, longest, -1)
}

func anyDate() *rapid.Generator[sheet.Date] {
	return rapid.Custom(func(t *rapid.T) sheet.Date {
		return sheet.Date{Year: rapid.IntRange(1873, 2099).Draw(t, "y"), Month: rapid.IntRange(1, 12).Draw(t, "m"), Day: rapid.IntRange(1, 28).Draw(t, "d")}
	})
}

func anyResident() *rapid.Generator[sheet.Resident] {
	return rapid.Custom(func(t *rapid.T) sheet.Resident {
		v, d := anyValue(80), anyDate()
		return sheet.Resident{
			Name: v.Draw(t, "name"), Kana: v.Draw(t, "kana"), Birth: d.Draw(t, "birth"), Sex: anyValue(4).Draw(t, "sex"),
			Relation: anyValue(30).Draw(t, "relation"), Since: d.Draw(t, "since"), Origin: anyValue(320).Draw(t, "origin"),
			Head: v.Draw(t, "head"), Previous: v.Draw(t, "previous"), Remarks: anyValue(300).Draw(t, "remarks"),
		}
	})
}

func anyContent() *rapid.Generator[sheet.Content] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) sheet.Content {
			return sheet.ResidentRecord{Address: anyValue(100).Draw(t, "address"), Householder: anyValue(100).Draw(t, "householder"),
				People: rapid.SliceOfN(anyResident(), 1, 12).Draw(t, "people"), ShowOrigin: true, ShowRelation: rapid.Bool().Draw(t, "relation")}
		}),
		rapid.Custom(func(t *rapid.T) sheet.Content {
			r := sheet.FamilyRegister{Origin: anyValue(300).Draw(t, "origin"), Head: anyValue(60).Draw(t, "head"), Individual: rapid.Bool().Draw(t, "individual")}
			for range rapid.IntRange(1, 8).Draw(t, "members") {
				e := sheet.FamilyEntry{Title: anyValue(20).Draw(t, "title"), Items: []sheet.Item{{Name: anyValue(20).Draw(t, "item"), Value: anyValue(300).Draw(t, "value")}}}
				r.Members = append(r.Members, sheet.FamilyMember{Given: anyValue(40).Draw(t, "given"), Birth: anyDate().Draw(t, "birth"), Spouse: anyValue(30).Draw(t, "spouse"),
					Removed: rapid.Bool().Draw(t, "removed"), Entries: []sheet.FamilyEntry{e, e}})
			}
			return r
		}),
		rapid.Custom(func(t *rapid.T) sheet.Content {
			return sheet.SealRegistration{Number: anyValue(20).Draw(t, "number"), Name: anyValue(60).Draw(t, "name"), Address: anyValue(200).Draw(t, "address"),
				Imprint: sheet.Imprint{Text: rapid.StringOfN(rapid.SampledFrom(sheet.Runes()).Filter(unicode.IsLetter), 1, 4, -1).Draw(t, "imprint"), Size: rapid.IntRange(81, 250).Draw(t, "size"),
					Square: rapid.Bool().Draw(t, "square"), Tilt: rapid.IntRange(-10, 10).Draw(t, "tilt")}}
		}),
	)
}

// tool runs one of the Debian packages qpdf and poppler-utils. It skips without it, but not on CI.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func saved(t *testing.T, c sheet.Content) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sheet.pdf")
	if err := os.WriteFile(path, lay(t, c).PDF(tag(5), []byte(`{"a":1}`)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What strangers' tools say of every sample.
func TestOtherReadersAgree(t *testing.T) {
	for _, s := range sheettest.Samples() {
		t.Run(s.Name, func(t *testing.T) {
			path := saved(t, s.Content)
			if out := tool(t, "qpdf", "--check", path); !strings.Contains(out, "No syntax or stream encoding errors") {
				t.Errorf("qpdf: %s", out)
			}
			if out := tool(t, "pdfinfo", path); !strings.Contains(out, "(A4)") || !strings.Contains(out, "PDF version:     1.7") || strings.Contains(out, "Title") {
				t.Errorf("pdfinfo: %s", out)
			}
			if out := tool(t, "pdfdetach", "-list", path); out != "1 embedded files\n1: issuance.json\n" {
				t.Errorf("pdfdetach: %s", out)
			}
			checkFonts(t, tool(t, "pdffonts", path))
			checkText(t, s.Content, tool(t, "pdftotext", "-raw", path, "-"))
		})
	}
}

func checkFonts(t *testing.T, out string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")[2:]
	if len(lines) != 2 {
		t.Errorf("pdffonts lists %d fonts", len(lines))
	}
	for _, l := range lines {
		if f := strings.Fields(l); len(f) != 9 || f[1]+f[2] != "CIDTrueType" || f[3] != "Identity-H" || f[4] != "yes" || f[5] != "yes" || f[6] != "yes" {
			t.Errorf("pdffonts: %s", l)
		}
	}
}

// squeezed leaves out all space: readers put it where they see gaps.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func checkText(t *testing.T, c sheet.Content, text string) {
	t.Helper()
	text = squeezed(text)
	values := sheet.Values(c)
	if len(values) < 4 {
		t.Fatalf("%d values", len(values))
	}
	for _, v := range append(values, "見本", "令和８年１１月２１日", "架空市長見本一郎", "141003-20261121-0000042") {
		if !strings.Contains(text, squeezed(v)) {
			t.Errorf("%q cannot be read back", v)
		}
	}
}

// Long values are condensed, wrapped and carried on, not lost: a reader finds all of them on the page.
func TestLongValuesStayOnThePage(t *testing.T) {
	long := strings.Repeat("見本県架空市例町一丁目２番３号サンプルハイツ、", 4)
	r := sheettest.Household(3)
	r.Address, r.People[1].Remarks, r.People[2].Previous = long, long+long, long
	f := sheettest.Family(1)
	f.Origin, f.Members[0].Entries[1].Items[2].Value, f.Members[0].Entries[0].Title = long, long, "特別養子縁組の離縁の届出"
	for _, c := range []sheet.Content{r, f} {
		path := saved(t, c)
		checkText(t, c, tool(t, "pdftotext", "-raw", path, "-"))
	}
}

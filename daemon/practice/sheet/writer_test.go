package sheet

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func testTag() Tag {
	t := Tag{At: time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)}
	for i := range t.Subject {
		t.Subject[i] = byte(0xa0 + i)
	}
	for i := range t.Transaction {
		t.Transaction[i] = byte(i)
	}
	return t
}

func testPDF(t *testing.T, c Content) []byte {
	t.Helper()
	l, err := Lay(c, testIssue(t))
	if err != nil {
		t.Fatal(err)
	}
	return l.PDF(testTag(), []byte(`{"format":"honnin-issuance/1"}`))
}

// objects cuts a file by its cross-reference table, which has to be true to the byte.
func objects(t *testing.T, pdf []byte) map[int]string {
	t.Helper()
	m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(pdf)
	if m == nil {
		t.Fatal("no startxref at the end")
	}
	at, _ := strconv.Atoi(string(m[1]))
	lines := strings.SplitAfter(string(pdf[at:]), "\n")
	var n int
	if _, err := fmt.Sscanf(lines[0]+lines[1], "xref\n0 %d\n", &n); err != nil {
		t.Fatalf("the table begins otherwise: %v", err)
	}
	if lines[2] != "0000000000 65535 f \n" {
		t.Errorf("the free entry is %q", lines[2])
	}
	out := map[int]string{}
	for i := 1; i < n; i++ {
		entry := lines[2+i]
		off, err := strconv.Atoi(entry[:10])
		if len(entry) != 20 || err != nil || entry[10:] != " 00000 n \n" {
			t.Fatalf("entry %d is %q", i, entry)
		}
		head := fmt.Sprintf("%d 0 obj\n", i)
		body, ok := strings.CutPrefix(string(pdf[off:at]), head)
		if !ok {
			t.Fatalf("object %d is not where the table says", i)
		}
		body, _, _ = strings.Cut(body, "\nendobj\n")
		out[i] = body
	}
	if !strings.Contains(lines[2+n]+lines[3+n], "/Size "+strconv.Itoa(n)) {
		t.Error("the trailer has another size")
	}
	return out
}

// The file is laid out as written down: header, catalog, info, pages with their tags as the protocol's table says.
func TestFileStructure(t *testing.T) {
	pdf := testPDF(t, household(6))
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")) {
		t.Error("another header")
	}
	o := objects(t, pdf)
	const date = `(D:20261121110305+09'00')`
	if want := "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(issuance.json)5 0 R]>>>>/Lang(ja-JP)>>"; o[1] != want {
		t.Errorf("catalog %s", o[1])
	}
	if want := "<</Producer(Honnin practice issuer)/CreationDate" + date + "/ModDate" + date + ">>"; o[3] != want {
		t.Errorf("info %s", o[3])
	}
	if want := "<</Type/Filespec/F(issuance.json)/UF(issuance.json)/EF<</F 4 0 R/UF 4 0 R>>>>"; o[5] != want {
		t.Errorf("file specification %s", o[5])
	}
	tag := testTag()
	pages := 0
	for _, body := range o {
		if !strings.HasPrefix(body, "<</Type/Page/") {
			continue
		}
		pages++
		for _, want := range []string{
			"/MediaBox[0 0 595.28 841.89]", "/LastModified" + date + "/PieceInfo<</Honnin<</LastModified" + date + "/Private<</SubjectHash<" +
				hex.EncodeToString(tag.Subject[:]) + ">/Transaction<" + hex.EncodeToString(tag.Transaction[:]) + ">/Page ",
			"/Pages 2>>>>>>>>",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("a page lacks %s", want)
			}
		}
	}
	if pages != 2 || !strings.Contains(o[2], "/Count 2/") {
		t.Errorf("%d pages, tree %s", pages, o[2])
	}
}

// Nothing that the protocol forbids, and no value of the record in clear.
func TestFileHoldsNothingElse(t *testing.T) {
	for name, c := range map[string]Content{"record": household(3), "register": FamilyRegister{Origin: "架空市", Head: "架空　太郎", Members: []FamilyMember{{Given: "太郎"}}}} {
		o := objects(t, testPDF(t, c))
		for n, body := range o {
			dict, _, _ := strings.Cut(body, "\nstream\n")
			for _, word := range []string{"/Annots", "/Outlines", "/AcroForm", "/JS", "/AA", "/OpenAction", "/AFRelationship", "/ObjStm", "/XRef", "/Type3",
				"/Encrypt", "/Rotate", "/UserUnit", "/CropBox", "/Metadata", "/Title", "/Author", "/Subject(", "/OC", "/Trans/", "/Action"} {
				if strings.Contains(dict, word) {
					t.Errorf("%s: object %d holds %s", name, n, word)
				}
			}
			if strings.Contains(dict, "/Length") && !strings.Contains(dict, "/Filter/FlateDecode") {
				t.Errorf("%s: stream %d has another filter", name, n)
			}
			for _, r := range dict {
				if r > 0x7f {
					t.Errorf("%s: object %d holds text in clear", name, n)
					break
				}
			}
		}
	}
}

// Every stream says its own length and inflates; the form streams read as content streams.
func TestStreamsOfTheFile(t *testing.T) {
	form := regexp.MustCompile(`/Subtype/Form`)
	length := regexp.MustCompile(`/Length (\d+)>>$`)
	streams, forms := 0, 0
	for n, body := range objects(t, testPDF(t, household(1))) {
		dict, data, ok := strings.Cut(body, "\nstream\n")
		if !ok {
			continue
		}
		streams++
		m := length.FindStringSubmatch(dict)
		if m == nil {
			t.Fatalf("stream %d has no length", n)
		}
		data = strings.TrimSuffix(data, "\nendstream")
		if m[1] != strconv.Itoa(len(data)) {
			t.Errorf("stream %d: length %s, truly %d", n, m[1], len(data))
		}
		content := inflate(t, []byte(data))
		if !form.MatchString(dict) {
			continue
		}
		forms++
		if bytes.Count(content, []byte("q ")) != bytes.Count(content, []byte("Q\n")) {
			t.Errorf("form %d leaves a state behind", n)
		}
		if bytes.Contains(content, []byte("Tj")) {
			t.Errorf("form %d holds text: an extraction would find it on every page", n)
		}
	}
	if streams != 12 || forms != 4 { // statement, 4 of fonts, 2 tiles, 2 repeated forms, ground, seal, page; forms: copied, rosette, ground, seal
		t.Errorf("%d streams, %d of them forms", streams, forms)
	}
}

// A document holds the outlines it shows, no more: half the household, a smaller file.
func TestFontsHoldWhatIsShown(t *testing.T) {
	small := len(testPDF(t, household(1)))
	r := household(1)
	r.People[0].Remarks = strings.Repeat("北海道青森岩手宮城秋田山形福島茨栃群馬埼玉千葉東京神奈川新潟", 3)
	if large := len(testPDF(t, r)); large < small+5000 {
		t.Errorf("%d bytes with thirty more kanji, %d without", large, small)
	}
	if small > 100<<10 {
		t.Errorf("a sheet of %d bytes", small)
	}
}

// An office's seal is one object, however many of its pages a document has; two offices have two.
func TestSealsAreShared(t *testing.T) {
	a, b := testIssue(t), testIssue(t)
	la, err := Lay(household(6), a)
	if err != nil {
		t.Fatal(err)
	}
	lb, err := Lay(household(1), b)
	if err != nil {
		t.Fatal(err)
	}
	_, one := gather(la.Tagged(testTag()))
	_, two := gather(append(la.Tagged(testTag()), lb.Tagged(testTag())...))
	if len(one) != 1 || len(two) != 2 {
		t.Errorf("%d and %d seals", len(one), len(two))
	}
}

// The ground is drawn within the sheet and says 見本 as a shape.
func TestGround(t *testing.T) {
	content := inflate(t, theGround().sheet)
	for _, want := range []string{"/Waves scn", "/Dots scn", "/Copied Do", "/Rosette Do"} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("the ground lacks %s", want)
		}
	}
	var p pen
	p.letters("見本", point{pageWidth / 2, 400}, 190, 0)
	low, high := extent(t, p.buf)
	if low.x < 60 || high.x > pageWidth-60 || high.y-low.y < 120 {
		t.Errorf("見本 covers %v to %v", low, high)
	}
	for name, form := range map[string][]byte{"copied": copied(), "rosette": rosette()} {
		low, high := extent(t, form)
		limit := map[string]float64{"copied": 60, "rosette": rosetteRadius + 1}[name]
		if low.x < -limit || low.y < -limit || high.x > limit || high.y > limit {
			t.Errorf("%s is cut off: %v to %v", name, low, high)
		}
	}
}

func TestSealFillsItsFrame(t *testing.T) {
	for _, s := range []string{"印", "市印", "町長印", "架空市印", "旧例市長印", "架空市長之印", "見本県見本市長印", "見本県架空市長之印"} {
		var p pen
		p.officialSeal(s)
		if p.err != nil {
			t.Fatal(p.err)
		}
		low, high := extent(t, p.buf)
		if low.x < 2 || low.y < 2 || high.x > officialSealSize-2 || high.y > officialSealSize-2 {
			t.Errorf("%s leaves its frame: %v to %v", s, low, high)
		}
		if high.x-low.x < 0.6*officialSealSize || high.y-low.y < 0.6*officialSealSize {
			t.Errorf("%s is lost in its frame: %v to %v", s, low, high)
		}
	}
}

func TestRowShares(t *testing.T) {
	r := row{{label: "氏名", value: "架空", share: 7}, {label: "性別", share: 2, narrow: true}, {label: "続柄"}}
	l := r.lay(100, 240)
	want := []struct{ x, w, label float64 }{{100, 140, labelWidth}, {240, 40, narrowLabel}, {280, 60, labelWidth}}
	for i, c := range l.cells {
		if c.x != want[i].x || c.width != want[i].w || c.labelWidth != want[i].label {
			t.Errorf("cell %d lies at %v over %v, label %v", i, c.x, c.width, c.labelWidth)
		}
	}
	if l.height != rowHeight {
		t.Errorf("height %v", l.height)
	}
	r[0].value = strings.Repeat("架空", 40)
	if l = r.lay(100, 240); l.height < 5*rowHeight || strings.Join(l.cells[0].lines, "") != r[0].value {
		t.Errorf("a long value: height %v, %d lines", l.height, len(l.cells[0].lines))
	}
	if big := (row{{label: "氏名", value: "架空", big: true}}).lay(0, 300); big.height != bigRow || big.cells[0].font.size <= value.size {
		t.Errorf("a name is set at %v in %v", big.cells[0].font.size, big.height)
	}
}
